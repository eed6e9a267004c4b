//! What the endpoints that programs call share: panics and framework errors become JSON errors, 405 lists the allowed
//! methods, and 404 says who may serve the address.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt;

use crate::error::Error;
use crate::web::handler_limit;
use crate::web::oauth_error::OAuthError;
use crate::web::route_table::RouteTable;

/// The handler of the methods that an endpoint does not have: 405.
pub async fn method_not_allowed(request: HttpRequest) -> HttpResponse {
    match RouteTable::of(&request) {
        Ok(routes) => {
            let allow = routes.methods(&request.match_pattern().unwrap_or_default());
            OAuthError::method_not_allowed(allow).response()
        }
        Err(error) => OAuthError::from_error(&error).response(),
    }
}

/// The handler of addresses below those of programs that nothing here serves: 404.
pub async fn not_found() -> HttpResponse {
    OAuthError::not_found().response()
}

/// Middleware around every endpoint: a panic or a framework error is answered with a JSON error.
pub async fn guard_against_panics(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let kept = request.request().clone();
    let failed = |error: Error| OAuthError::from_error(&error).response();
    let handled = handler_limit::within(request, &next);
    let answer = match AssertUnwindSafe(handled).catch_unwind().await {
        Ok(Ok(response)) => return Ok(response.map_into_boxed_body()),
        Ok(Err(error)) if error.as_response_error().status_code().is_client_error() => {
            OAuthError::invalid_request("The request could not be understood").response()
        }
        Ok(Err(error)) if matches!(error.as_error(), Some(Error::TimedOut)) => failed(Error::TimedOut),
        Ok(Err(error)) => failed(Error::internal(error)),
        Err(_) => failed(Error::internal("an endpoint panicked")),
    };
    Ok(ServiceResponse::new(kept, answer))
}
