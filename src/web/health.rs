//! Health checks for load balancers and orchestrators.

use actix_web::{HttpResponse, web};

use crate::web::state::State;

/// `GET /healthz`: the process is running.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// `GET /readyz`: the process is running and its database answers.
pub async fn readyz(app: web::Data<State>) -> HttpResponse {
    match app.db.is_ready().await {
        true => HttpResponse::Ok().content_type("text/plain").body("ready\n"),
        false => HttpResponse::ServiceUnavailable().content_type("text/plain").body("the database does not answer\n"),
    }
}
