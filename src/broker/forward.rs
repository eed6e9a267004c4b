//! `/connect/{connection}/…`: forwards a call to the connection's provider with a valid access token, and streams the answer
//! back.
//!
//! After a 401 the token is refreshed once and the call is repeated once; a token that was refreshed seconds ago only if the
//! provider says that it is invalid. After a 429, further calls are answered 429 here
//! until the provider's rate limit ends.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::TryStreamExt;
use oauth2::http;

use crate::broker::RetryAfterTimes;
use crate::broker::refusal::Refusal;
use crate::connections::challenge::says_invalid_token;
use crate::connections::ready::{NotReady, Refused, ready};
use crate::connections::token_endpoint::retry_after;
use crate::connections::{Connection, OAuthClient, Provider, ServiceKey};
use crate::error::Error;
use crate::id::ConnectionKey;
use crate::secrets::PlainToken;
use crate::web::bearer::PresentedToken;
use crate::web::state::State;

// The longest request body, in bytes: it is kept in memory until the call succeeds.
const LONGEST_BODY: usize = 10 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);
// Seconds to wait after a 429 that states no time.
const DEFAULT_RETRY_AFTER: i64 = 1;
// Keeps an answer of another server from running as a page of this origin.
const POLICY: &str = "default-src 'none'; sandbox";

// Request headers that are not forwarded: hop-by-hop, browser security, and our own.
const NOT_FORWARDED: [&str; 17] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];
// Response headers that are returned.
const RETURNED: [&str; 12] = [
    "accept-ranges",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "vary",
];

/// `/connect/{connection}/…`, with a service key as Bearer token.
pub async fn forward(
    request: HttpRequest,
    app: web::Data<State>,
    retry_after_times: web::Data<RetryAfterTimes>,
    to: web::Path<(String, String)>,
    body: web::Payload,
) -> HttpResponse {
    match forward_call(&request, (&app, &retry_after_times), &to.0, body).await {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    }
}

async fn forward_call(
    request: &HttpRequest,
    (app, retry_after_times): (&State, &RetryAfterTimes),
    connection: &str,
    body: web::Payload,
) -> std::result::Result<HttpResponse, Refusal> {
    let ServiceKey { id: key, connection_id: id, .. } = authenticate(app, request, connection).await?;
    let now = app.clock.now();
    if let Some(remaining) = retry_after_times.remaining(id, now) {
        return Err(Refusal::rate_limited(remaining));
    }
    let body = read_body(body).await?;
    let mut target = ready_connection(app, id).await?;
    let mut answer = call(request, app, &target, &body).await?;
    if answer.status() == http::StatusCode::UNAUTHORIZED {
        let is_invalid_token = says_invalid_token(answer.headers());
        let refused = Refused { connection: &target.0, is_invalid_token };
        match ready(&app.connections, id, Some(refused)).await? {
            Ok(next) => {
                target = next;
                answer = call(request, app, &target, &body).await?;
            }
            // The provider refuses even the new token: return its answer.
            Err(NotReady::JustRefreshed) => {}
            Err(why) => return Err(Refusal::not_ready(why, now)),
        }
    }
    let now = app.clock.now();
    if answer.status() == http::StatusCode::TOO_MANY_REQUESTS {
        let seconds = retry_after(answer.headers(), now).unwrap_or(DEFAULT_RETRY_AFTER);
        retry_after_times.record(id, now.plus(seconds));
    }
    app.last_used_buffer.connection(id, key, now);
    Ok(response(answer))
}

async fn authenticate(
    app: &State,
    request: &HttpRequest,
    connection: &str,
) -> std::result::Result<ServiceKey, Refusal> {
    let shown = match PresentedToken::by(request) {
        PresentedToken::Bearer(shown) => shown,
        PresentedToken::Missing => {
            return Err(Refusal::unauthorized(
                "access_denied",
                "Send a service key in the header Authorization: Bearer …",
            ));
        }
        PresentedToken::Malformed(how) => return Err(Refusal::unauthorized("invalid_token", how)),
    };
    let Ok(key) = PlainToken::parse(&shown).as_ref().map(PlainToken::hash) else {
        return Err(Refusal::unauthorized("invalid_token", "This is not a valid service key."));
    };
    let found = app.db.lookup(move |conn| Ok(ServiceKey::find(conn, &key)?)).await?;
    match found {
        Some(key) if key.connection_id.to_string() == connection => Ok(key),
        Some(_) => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            "This service key is for another connection.",
        )),
        None => Err(Refusal::unauthorized("invalid_token", "This service key was revoked or does not exist.")),
    }
}

async fn read_body(body: web::Payload) -> std::result::Result<Vec<u8>, Refusal> {
    let too_long = || {
        let limit = LONGEST_BODY / 1024 / 1024;
        let description = format!("The request body is larger than {limit} MB.");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", description)
    };
    let broken = || Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", "The request body is incomplete.");
    match actix_web::rt::time::timeout(TIMEOUT, body.to_bytes_limited(LONGEST_BODY)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes.to_vec()),
        Ok(Err(_)) => Err(too_long()),
        Ok(Ok(Err(_))) | Err(_) => Err(broken()),
    }
}

// A connection with a valid access token.
type Target = (Connection, OAuthClient);

async fn ready_connection(app: &State, id: ConnectionKey) -> std::result::Result<Target, Refusal> {
    ready(&app.connections, id, None).await?.map_err(|why| Refusal::not_ready(why, app.clock.now()))
}

async fn call(
    request: &HttpRequest,
    app: &State,
    (connection, client): &Target,
    body: &[u8],
) -> std::result::Result<reqwest::Response, Refusal> {
    let provider = Provider::of(client, &connection.domain_prefix, &app.config.hosts)?;
    // The raw path, so that its percent-encoding is forwarded unchanged.
    let path = request.uri().path().splitn(4, '/').nth(3).unwrap_or_default();
    let url = provider.api_call(path, request.query_string())?;
    let token = connection.access_token(&app.connections.vault)?;
    let method = http::Method::from_bytes(request.method().as_str().as_bytes());
    let mut call = http::Request::builder().method(method.map_err(Error::internal)?).uri(url.as_str());
    for (name, value) in request.headers() {
        let name = name.as_str();
        if !NOT_FORWARDED.contains(&name) && !name.starts_with("x-forwarded-") && !name.starts_with("sec-") {
            call = call.header(name, value.as_bytes());
        }
    }
    let call = call.header("authorization", format!("Bearer {}", token.expose())).body(body.to_vec());
    let call = call.map_err(|_| Error::Invalid("The request cannot be forwarded.".into()))?;
    app.connections.http.stream(call).await.map_err(Refusal::no_answer)
}

fn response(answer: reqwest::Response) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::build(status);
    for (name, value) in answer.headers() {
        let name = name.as_str();
        let is_limit = name.starts_with("x-ls-") || name.starts_with("x-ratelimit-") || name.starts_with("ratelimit");
        if !RETURNED.contains(&name) && !is_limit {
            continue;
        }
        let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()));
        if let (Ok(name), Ok(value)) = pair {
            response.append_header((name, value));
        }
    }
    response.insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    // The error's text could contain the URL, so it is replaced.
    response.streaming(answer.bytes_stream().map_err(|_| std::io::Error::other("the provider closed the connection")))
}
