//! `GET /auth/oauth/authorize` for users who may not be signed in yet: shows sign-in first, then the consent page.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::error::Result;
use crate::oauth::authorize::{self, Step};
use crate::pages::sign_in::sign_in_page;
use crate::web::request_context::RequestContext;
use crate::web::state::State;

/// `GET /auth/oauth/authorize`
pub async fn authorize(
    request: HttpRequest,
    app: web::Data<State>,
    context: Option<RequestContext>,
) -> Result<HttpResponse> {
    match authorize::authorize(&request, &app, context).await? {
        Step::Answer(response) => Ok(response),
        Step::SignIn(next) => sign_in_page::leg(&request, &app, next).await,
    }
}
