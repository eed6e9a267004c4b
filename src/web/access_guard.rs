//! Who may call what. Every route in `routes.rs` states the access it needs, and this is the one place that checks it:
//! closed by default, since a handler is only reached through here.

use std::future::{Ready, ready};

use actix_session::SessionExt;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use crate::error::Error;
use crate::routes;
use crate::web::page::RequestContext;
use crate::web::session_store::{SIGNED_IN, SignedIn};
use crate::web::state::State;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody: signing in, health.
    Public,
    /// Anybody who is signed in; what they may do with it the handler decides by what they own.
    SignedIn,
    /// Admins.
    Admin,
    /// A client or resource server that authenticates in the request; the endpoint checks it.
    Client,
    /// Whoever shows an access token or API key; the endpoint checks it.
    Bearer,
    /// A program of the shop's own that shows a service key; the endpoint checks it.
    ServiceKey,
}

/// Middleware around every page's resource.
pub async fn enforce(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let pattern = request.match_pattern().unwrap_or_default();
    let access = match *request.method() {
        Method::HEAD => routes::access(&Method::GET, &pattern),
        ref method => routes::access(method, &pattern),
    };
    let Some(access) = access else {
        return Err(Error::MethodNotAllowed(routes::methods(&pattern)).into());
    };
    find_context(&request)?;
    allow(access, request.extensions().get::<RequestContext>())?;
    next.call(request).await
}

/// Middleware where there is nothing to guard, so that "no such page" still stands in the viewer's own layout.
pub async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    find_context(&request)?;
    next.call(request).await
}

fn find_context(request: &ServiceRequest) -> Result<(), Error> {
    let signed_in = request.get_session().get::<SignedIn>(SIGNED_IN).map_err(Error::internal)?;
    if let Some(signed_in) = signed_in {
        let app = request.app_data::<web::Data<State>>().ok_or_else(|| Error::internal("no application"))?;
        let context = RequestContext::new(app, request.request(), request.get_session(), signed_in);
        request.extensions_mut().insert(context);
    }
    Ok(())
}

fn allow(access: Access, context: Option<&RequestContext>) -> Result<(), Error> {
    match (access, context) {
        (Access::Public, _) | (Access::SignedIn, Some(_)) => Ok(()),
        (_, None) => Err(Error::SignInRequired),
        (Access::Admin, Some(context)) if context.viewer.is_admin() => Ok(()),
        // Pages are for people.
        (Access::Client | Access::Bearer | Access::ServiceKey, Some(_)) => Err(Error::NotFound),
        (Access::Admin, Some(_)) => Err(Error::Forbidden("Only admins can do this. Ask one of them.".into())),
    }
}

impl FromRequest for RequestContext {
    type Error = Error;
    type Future = Ready<Result<RequestContext, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<RequestContext>().cloned().ok_or(Error::SignInRequired))
    }
}
