//! Cross-origin requests of apps that run in a browser (the CORS protocol of the Fetch standard).
//!
//! The token, revocation and userinfo endpoints answer the https origins of the redirect URIs of active, publicly distributed
//! clients, and no other; the metadata answers every origin. None of them uses cookies, and credentials are never allowed.
//! Errors have the headers too, so that an app can read them.

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;

use crate::clients::RedirectUri;
use crate::error::{Error, Result};
use crate::web::oauth_error::OAuthError;
use crate::web::route_table::RouteTable;
use crate::web::state::State;

// No redirect URI is longer.
const LONGEST_ORIGIN: usize = 500;
const EXPOSED: &str = "WWW-Authenticate, Retry-After, X-LS-Api-Bucket-Level, X-LS-Api-Burst-Level, X-LS-Api-Drip-Rate, \
     X-LS-Api-RateLimit-Type";

// Which origins an endpoint answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origins {
    Any,
    OfPublicClients,
}

fn origins(pattern: &str) -> Option<Origins> {
    match pattern {
        "/auth/oauth/token" | "/auth/oauth/revoke" | "/oauth/userinfo" => Some(Origins::OfPublicClients),
        "/.well-known/oauth-authorization-server" => Some(Origins::Any),
        _ => None,
    }
}

/// Middleware around every endpoint: answers preflights and adds the headers to the endpoints that browser apps may call.
pub async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(origins) = origins(&request.match_pattern().unwrap_or_default()) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let allowed = match allowed_origin(&request, origins).await {
        Ok(allowed) => allowed,
        Err(error) => return Ok(request.into_response(OAuthError::from_error(&error).response())),
    };
    let is_preflight = *request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match is_preflight {
        true => {
            let answer = preflight(&request, allowed.is_some())?;
            request.into_response(answer)
        }
        false => next.call(request).await?.map_into_boxed_body(),
    };
    add(response.headers_mut(), origins, allowed);
    Ok(response)
}

// The value of `Access-Control-Allow-Origin`.
async fn allowed_origin(request: &ServiceRequest, origins: Origins) -> Result<Option<HeaderValue>> {
    if origins == Origins::Any {
        return Ok(Some(HeaderValue::from_static("*")));
    }
    let mut headers = request.headers().get_all(header::ORIGIN);
    let (Some(value), None) = (headers.next(), headers.next()) else {
        return Ok(None);
    };
    // Anything else is no origin of a redirect URI, and costs no read; `null` among it.
    let is_https = |origin: &&str| origin.starts_with("https://") && origin.len() <= LONGEST_ORIGIN;
    let Some(origin) = value.to_str().ok().filter(is_https).map(str::to_string) else {
        return Ok(None);
    };
    let app = request.app_data::<web::Data<State>>().ok_or_else(|| Error::internal("no application"))?;
    let is_known = app.db.lookup(move |conn| Ok(RedirectUri::is_origin_of_public_client(conn, &origin)?)).await?;
    Ok(is_known.then(|| value.clone()))
}

fn preflight(request: &ServiceRequest, is_allowed: bool) -> Result<HttpResponse> {
    if !is_allowed {
        return Ok(OAuthError::unknown_origin().response());
    }
    let methods = RouteTable::of(request.request())?.methods(&request.match_pattern().unwrap_or_default());
    Ok(HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .finish())
}

fn add(headers: &mut HeaderMap, origins: Origins, allowed: Option<HeaderValue>) {
    // The answer to one origin must not be given to another from a cache.
    if origins == Origins::OfPublicClients {
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}
