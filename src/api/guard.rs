//! What stands in front of every route of the API: authentication, the area and role that the route states, the rate limit, and
//! problem details for whatever goes wrong.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::FutureExt;

use crate::api::context::ApiContext;
use crate::api::limits::{Left, Limits};
use crate::api::problem::{Failure, Kind, Problem, response_to};
use crate::api_tokens::{Area, AreaAccess, Caller, Refusal, authenticate};
use crate::error::{Error, Result};
use crate::web::bearer::PresentedToken;
use crate::web::route_table::{Access, RouteTable};
use crate::web::state::State;
use crate::web::{client_ip, handler_limit};

/// Middleware around every route of the API.
pub async fn stand(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let kept = request.request().clone();
    let mut answer = match AssertUnwindSafe(answered(request, next)).catch_unwind().await {
        Ok(Ok(response)) => match response.response().error() {
            None => response.map_into_boxed_body().into_parts().1,
            Some(error) => response_to(error, &kept),
        },
        Ok(Err(error)) => response_to(&error, &kept),
        Err(_) => response_to(&Error::internal("a handler of the API panicked").into(), &kept),
    };
    answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    if let Some(left) = kept.extensions().get::<Left>() {
        left.describe(answer.headers_mut());
    }
    Ok(ServiceResponse::new(kept, answer))
}

async fn answered<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> std::result::Result<ServiceResponse<B>, actix_web::Error> {
    match access(request.request())? {
        Access::Public => {}
        Access::Api(area, access) => let_in(&request, (area, access), false).await?,
        Access::ApiAdmin(area, access) => let_in(&request, (area, access), true).await?,
        // Not the access of a route of the API.
        _ => return Err(Error::internal("a route of the API with the access of a page").into()),
    }
    handler_limit::within(request, &next).await
}

fn access(request: &HttpRequest) -> Result<Access> {
    let (routes, pattern) = (RouteTable::of(request)?, request.match_pattern().unwrap_or_default());
    let method = if request.method() == Method::HEAD { Method::GET.as_str() } else { request.method().as_str() };
    let mut of_path = routes.api.iter().copied().flatten().filter(|route| route.path == pattern);
    match of_path.find(|route| route.method == method) {
        Some(route) => Ok(route.access),
        None => Err(Error::MethodNotAllowed(routes.methods(&pattern))),
    }
}

async fn let_in(
    request: &ServiceRequest,
    (area, access): (Area, AreaAccess),
    admins_only: bool,
) -> std::result::Result<(), Failure> {
    let app = request.app_data::<web::Data<State>>().ok_or_else(|| Error::internal("no application"))?;
    let caller = caller(request.request(), app).await?;
    let limits = request.app_data::<web::Data<Limits>>().ok_or_else(|| Error::internal("no limits"))?;
    let left = limits.take(caller.id, app.clock.now_millis());
    request.extensions_mut().insert(left);
    if let Some(seconds) = left.wait {
        return Err(Problem::rate_limited(seconds).into());
    }
    if !caller.areas.allows(area, access) {
        return Err(Problem::area_missing(format!("{}:{}", area.word(), access.word())).into());
    }
    let (trusted, now) = (&app.config.trusted_proxies, app.clock.now());
    app.last_used_buffer.api_token(&caller, client_ip::of(request.request(), trusted), now);
    let address = client_ip::address(request.request(), trusted);
    let context = ApiContext::new(caller, now, address);
    if admins_only && !context.viewer.is_admin() {
        return Err(Error::Forbidden("Only admins can do this.".into()).into());
    }
    request.extensions_mut().insert(context);
    Ok(())
}

async fn caller(request: &HttpRequest, app: &State) -> std::result::Result<Caller, Failure> {
    let problem = |kind: Kind| Problem::new(kind, kind.meaning());
    let value = match PresentedToken::by(request) {
        PresentedToken::Bearer(value) => value,
        PresentedToken::Missing => return Err(problem(Kind::TokenMissing).into()),
        PresentedToken::Malformed(hint) => return Err(Problem::new(Kind::TokenMissing, format!("{hint}.")).into()),
    };
    let now = app.clock.now();
    let refusal = match app.db.lookup(move |conn| Ok(authenticate(conn, &value, now)?)).await? {
        Ok(caller) => return Ok(caller),
        Err(refusal) => refusal,
    };
    let kind = match refusal {
        Refusal::Unknown => Kind::TokenInvalid,
        Refusal::Ended => Kind::TokenExpired,
        Refusal::Revoked => Kind::TokenRevoked,
        Refusal::PersonInactive => Kind::PersonInactive,
    };
    Err(problem(kind).into())
}

/// The handler of the methods that a route does not have.
pub async fn method_not_allowed(request: HttpRequest) -> std::result::Result<HttpResponse, Failure> {
    Err(Error::MethodNotAllowed(RouteTable::of(&request)?.methods(&request.match_pattern().unwrap_or_default())).into())
}

/// Middleware around the addresses below `/api/` that nothing serves: 404 as problem details.
pub async fn nothing_here(request: HttpRequest) -> HttpResponse {
    response_to(&Error::NotFound.into(), &request)
}
