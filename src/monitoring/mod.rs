//! `GET /metrics`, on a listener of its own: what operators read, in Prometheus' text format.
//!
//! It has no sign-in, so it answers only callers on this machine and in private networks, and says nothing about clients or
//! people.

mod readings;

use std::net::TcpListener;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use crate::http::is_public;
use crate::metrics::CONTENT_TYPE;
use crate::web::health::Readiness;
use crate::web::state::State;

// There are few who read metrics, and they ask every few seconds.
const MOST_CONNECTIONS: usize = 64;
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Serves metrics on `listener` until the server is stopped.
pub fn serve(
    listener: TcpListener,
    app: web::Data<State>,
    readiness: web::Data<Readiness>,
) -> std::io::Result<actix_web::dev::Server> {
    let server = HttpServer::new(move || {
        let metrics = web::resource("/metrics").route(web::get().to(metrics));
        App::new().app_data(app.clone()).app_data(readiness.clone()).service(metrics)
    });
    let server = server.workers(1).max_connections(MOST_CONNECTIONS).disable_signals().shutdown_timeout(1);
    Ok(server.client_request_timeout(REQUEST_WITHIN).keep_alive(KEEP_ALIVE).listen(listener)?.run())
}

async fn metrics(request: HttpRequest, app: web::Data<State>, readiness: web::Data<Readiness>) -> HttpResponse {
    // By the address of the connection: no header is believed.
    if request.peer_addr().is_none_or(|peer| is_public(peer.ip())) {
        return HttpResponse::Forbidden().content_type("text/plain").body("Metrics are for private networks.\n");
    }
    let reading = readings::read(&app, &readiness).await;
    HttpResponse::Ok()
        .content_type(CONTENT_TYPE)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(app.metrics.text(&reading))
}
