//! The time within which a request is answered. A handler that takes longer is not stopped, because it may be in the middle
//! of a change: its caller gets 503, and whatever the handler still does ends at its own limits.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::rt::time::timeout;
use actix_web::{rt, web};

use crate::error::Error;
use crate::web::state::State;

// Calls through connections: each step has a limit of its own, and together they may take longer.
const CALLS: &str = "/connect/";

/// Runs the rest of the request until the answer begins; how long its body takes is not limited here.
/// Errors: [`Error::TimedOut`], and whatever the handler returns.
pub async fn within<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: &Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let seconds = request.app_data::<web::Data<State>>().map(|app| app.config.limits.handler_seconds);
    let limit = seconds.filter(|_| !request.path().starts_with(CALLS)).map(Duration::from_secs);
    let mut handler = next.call(request);
    let Some(limit) = limit else { return handler.await };
    match timeout(limit, &mut handler).await {
        Ok(answer) => answer,
        Err(_) => {
            rt::spawn(async move { drop(handler.await) });
            Err(Error::TimedOut.into())
        }
    }
}
