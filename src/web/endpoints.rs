//! Around every endpoint that programs call: a panic becomes a JSON error, and a wrong method is told the right ones.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt;

use crate::error::Error;
use crate::routes;
use crate::web::oauth_error::OAuthError;

/// What is answered to a method that an endpoint does not have.
pub async fn method_not_allowed(request: HttpRequest) -> HttpResponse {
    let allow = routes::methods(&request.match_pattern().unwrap_or_default());
    OAuthError::method_not_allowed(allow).response()
}

/// Middleware around every endpoint.
pub async fn guard_against_panics(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let kept = request.request().clone();
    let failed = |error: Error| OAuthError::from_error(&error).response();
    let answer = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => return Ok(response.map_into_boxed_body()),
        Ok(Err(error)) if error.as_response_error().status_code().is_client_error() => {
            OAuthError::invalid_request("The request could not be understood").response()
        }
        Ok(Err(error)) => failed(Error::internal(error)),
        Err(_) => failed(Error::internal("an endpoint panicked")),
    };
    Ok(ServiceResponse::new(kept, answer))
}
