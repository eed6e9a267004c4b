//! The access guard: the one place that checks who may call a page. Every page's resource is wrapped in it, and
//! `routes` cannot add a page without stating its access.

use actix_session::SessionExt;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};

use crate::error::Error;
use crate::web::request_context::RequestContext;
use crate::web::route_table::{Access, RouteTable};
use crate::web::session_store::{SIGNED_IN, SignedIn};
use crate::web::state::State;

/// Middleware around every page: checks the access that the route table states.
pub async fn enforce(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let routes = RouteTable::of(request.request())?;
    let pattern = request.match_pattern().unwrap_or_default();
    let Some(access) = routes.access(request.method(), &pattern) else {
        return Err(Error::MethodNotAllowed(routes.methods(&pattern)).into());
    };
    insert_context(&request)?;
    check(access, request.extensions().get::<RequestContext>())?;
    next.call(request).await
}

/// Middleware for unknown URLs: finds the viewer without checking access, so that "Page not found" has their menu.
pub async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    insert_context(&request)?;
    next.call(request).await
}

fn insert_context(request: &ServiceRequest) -> Result<(), Error> {
    let signed_in = request.get_session().get::<SignedIn>(SIGNED_IN).map_err(Error::internal)?;
    if let Some(signed_in) = signed_in {
        let app = request.app_data::<web::Data<State>>().ok_or_else(|| Error::internal("no application"))?;
        let context = RequestContext::new(app, request.request(), request.get_session(), signed_in);
        app.connection_limits.know(&context.client_ip);
        request.extensions_mut().insert(context);
    }
    Ok(())
}

fn check(access: Access, context: Option<&RequestContext>) -> Result<(), Error> {
    match (access, context) {
        (Access::Public, _) | (Access::SignedIn, Some(_)) => Ok(()),
        (_, None) => Err(Error::SignInRequired),
        (Access::Admin, Some(context)) if context.viewer.is_admin() => Ok(()),
        // Not the access of a page: endpoints authenticate their callers themselves.
        (Access::Client | Access::Bearer | Access::ServiceKey | Access::Api(..) | Access::ApiAdmin(..), Some(_)) => {
            Err(Error::NotFound)
        }
        (Access::Admin, Some(_)) => Err(Error::Forbidden("Only admins can do this. Ask an admin.".into())),
    }
}
