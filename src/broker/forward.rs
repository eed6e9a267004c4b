//! The broker: a program of the shop's own shows a service key and calls a provider's API through here. The call goes on
//! with a fresh token, which never leaves the server; the answer is streamed back as it comes.
//!
//! After a 401 the token is refreshed once and the call made once more. A provider that asks to wait is waited for: until
//! then calls are answered 429 without bothering it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::TryStreamExt;
use oauth2::http;
use serde_json::json;

use crate::connections::refresh::{NotReady, ready};
use crate::connections::token_endpoint::wait;
use crate::connections::{Connection, OAuthClient, Provider, ServiceKey};
use crate::error::Error;
use crate::http::RequestFailure;
use crate::id::ConnectionKey;
use crate::secrets::PlainToken;
use crate::time::Timestamp;
use crate::web::bearer::PresentedToken;
use crate::web::state::State;

/// The longest body of a call, in bytes: it is kept until the call has worked.
const LONGEST_BODY: usize = 10 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);
// What a provider that asks to wait, but not how long, is given.
const SHORT_WAIT: i64 = 1;
// What comes from another server is never a page of ours.
const POLICY: &str = "default-src 'none'; sandbox";

// What belongs to one hop, to the browser's own security, or to us.
const KEPT_BACK: [&str; 17] = [
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
const PASSED_BACK: [&str; 12] = [
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

/// Providers that asked to wait, by connection; each node asks for itself.
#[derive(Debug, Default)]
pub struct RetryAfterTimes(Mutex<HashMap<ConnectionKey, Timestamp>>);

impl RetryAfterTimes {
    fn left(&self, id: ConnectionKey, now: Timestamp) -> Option<i64> {
        let mut retry_after_times = self.0.lock().ok()?;
        match retry_after_times.get(&id) {
            Some(until) if *until > now => Some(until.since(now)),
            Some(_) => {
                retry_after_times.remove(&id);
                None
            }
            None => None,
        }
    }

    fn note(&self, id: ConnectionKey, until: Timestamp) {
        if let Ok(mut retry_after_times) = self.0.lock() {
            retry_after_times.insert(id, until);
        }
    }
}

/// Why a call does not go through; the answer to the program that made it.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    error: &'static str,
    words: String,
    wait: Option<i64>,
}

impl Refusal {
    fn new(status: StatusCode, error: &'static str, words: impl Into<String>) -> Refusal {
        Refusal { status, error, words: words.into(), wait: None }
    }

    fn key(error: &'static str, words: &str) -> Refusal {
        Self::new(StatusCode::UNAUTHORIZED, error, words)
    }

    fn response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(wait) = self.wait {
            response.insert_header((header::RETRY_AFTER, wait.max(1).to_string()));
        }
        // RFC 6750 section 3.1: no code for whoever shows nothing.
        match (self.status, self.error) {
            (StatusCode::UNAUTHORIZED, "access_denied") => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"api\""));
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, error) => {
                let challenge = format!("Bearer realm=\"api\", error=\"{error}\"");
                response.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            _ => {}
        }
        response.json(json!({ "error": self.error, "error_description": self.words }))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        match error {
            Error::NotFound => Self::new(StatusCode::NOT_FOUND, "unknown_connection", "There is no such connection."),
            Error::Invalid(words) => Self::new(StatusCode::BAD_REQUEST, "invalid_request", words),
            error if error.status() == StatusCode::SERVICE_UNAVAILABLE => Refusal {
                wait: Some(5),
                ..Self::new(error.status(), "temporarily_unavailable", "The server cannot answer now. Try again.")
            },
            error => {
                log::error!("a call through a connection failed: {error}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "Something went wrong here.")
            }
        }
    }
}

impl Refusal {
    fn not_ready(why: NotReady, now: Timestamp) -> Refusal {
        let unavailable = |error, words: String| Self::new(StatusCode::SERVICE_UNAVAILABLE, error, words);
        match why {
            NotReady::Paused => unavailable("connection_paused", "Somebody paused this connection.".into()),
            NotReady::NeedsAuthorization(reason) => unavailable(
                "needs_authorization",
                format!("Somebody has to authorize this connection on its page first. {reason}"),
            ),
            NotReady::Retrying(words, until) => {
                Refusal { wait: Some(until.since(now)), ..unavailable("temporarily_unavailable", words) }
            }
            NotReady::JustRefreshed | NotReady::Busy => Refusal {
                wait: Some(1),
                ..unavailable("temporarily_unavailable", "Its tokens are being renewed. Try again.".into())
            },
        }
    }

    fn no_answer(why: RequestFailure) -> Refusal {
        let status = match why {
            RequestFailure::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, "provider_unreachable", format!("No answer from the provider: {why}."))
    }
}

/// `/connect/{connection}/…`, with a service key as Bearer token.
pub async fn forward(
    request: HttpRequest,
    app: web::Data<State>,
    retry_after_times: web::Data<RetryAfterTimes>,
    to: web::Path<(String, String)>,
    body: web::Payload,
) -> HttpResponse {
    match pass_on(&request, (&app, &retry_after_times), &to.0, body).await {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    }
}

async fn pass_on(
    request: &HttpRequest,
    (app, retry_after_times): (&State, &RetryAfterTimes),
    connection: &str,
    body: web::Payload,
) -> std::result::Result<HttpResponse, Refusal> {
    let ServiceKey { id: key, connection_id: id, .. } = authenticate(app, request, connection).await?;
    let now = app.clock.now();
    if let Some(left) = retry_after_times.left(id, now) {
        let words = "The provider asked to wait; it was not called.";
        return Err(Refusal {
            wait: Some(left),
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", words)
        });
    }
    let body = read(body).await?;
    let mut holder = fresh(app, id, None).await?;
    let mut answer = call(request, app, &holder, &body).await?;
    if answer.status() == http::StatusCode::UNAUTHORIZED {
        match ready(&app.connections, id, Some(&holder.0)).await? {
            Ok(next) => {
                holder = next;
                answer = call(request, app, &holder, &body).await?;
            }
            // What was renewed just now and is refused all the same is refused for a reason of its own.
            Err(NotReady::JustRefreshed) => {}
            Err(why) => return Err(Refusal::not_ready(why, now)),
        }
    }
    let now = app.clock.now();
    if answer.status() == http::StatusCode::TOO_MANY_REQUESTS {
        retry_after_times.note(id, now.plus(wait(answer.headers(), now).unwrap_or(SHORT_WAIT)));
    }
    app.last_used_buffer.connection(id, key, now);
    Ok(passed_back(answer))
}

async fn authenticate(
    app: &State,
    request: &HttpRequest,
    connection: &str,
) -> std::result::Result<ServiceKey, Refusal> {
    let shown = match PresentedToken::by(request) {
        PresentedToken::Bearer(shown) => shown,
        PresentedToken::Missing => {
            return Err(Refusal::key("access_denied", "Show a service key: Authorization: Bearer …"));
        }
        PresentedToken::Malformed(how) => return Err(Refusal::key("invalid_token", how)),
    };
    let Ok(key) = PlainToken::parse(&shown).as_ref().map(PlainToken::hash) else {
        return Err(Refusal::key("invalid_token", "This is no service key, or a character of it is wrong."));
    };
    let found = app.db.lookup(move |conn| Ok(ServiceKey::find(conn, &key)?)).await?;
    match found {
        Some(key) if key.connection_id.to_string() == connection => Ok(key),
        Some(_) => Err(Refusal::new(StatusCode::FORBIDDEN, "insufficient_scope", "This key opens another connection.")),
        None => Err(Refusal::key("invalid_token", "This service key was revoked, or never existed.")),
    }
}

async fn read(body: web::Payload) -> std::result::Result<Vec<u8>, Refusal> {
    let too_long = || {
        let words = format!("The body is longer than {} MB.", LONGEST_BODY / 1024 / 1024);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", words)
    };
    let broken = || Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", "The body did not arrive whole.");
    match actix_web::rt::time::timeout(TIMEOUT, body.to_bytes_limited(LONGEST_BODY)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes.to_vec()),
        Ok(Err(_)) => Err(too_long()),
        Ok(Ok(Err(_))) | Err(_) => Err(broken()),
    }
}

type Holder = (Connection, OAuthClient);

async fn fresh(app: &State, id: ConnectionKey, refused: Option<&Connection>) -> std::result::Result<Holder, Refusal> {
    ready(&app.connections, id, refused).await?.map_err(|why| Refusal::not_ready(why, app.clock.now()))
}

async fn call(
    request: &HttpRequest,
    app: &State,
    (connection, client): &Holder,
    body: &[u8],
) -> std::result::Result<reqwest::Response, Refusal> {
    let provider = Provider::of(client, &connection.domain_prefix, &app.config.hosts)?;
    // As it was sent: what is encoded stays encoded.
    let path = request.uri().path().splitn(4, '/').nth(3).unwrap_or_default();
    let url = provider.api_call(path, request.query_string())?;
    let token = connection.access_token(&app.connections.vault)?;
    let method = http::Method::from_bytes(request.method().as_str().as_bytes());
    let mut call = http::Request::builder().method(method.map_err(Error::internal)?).uri(url.as_str());
    for (name, value) in request.headers() {
        let name = name.as_str();
        if !KEPT_BACK.contains(&name) && !name.starts_with("x-forwarded-") && !name.starts_with("sec-") {
            call = call.header(name, value.as_bytes());
        }
    }
    let call = call.header("authorization", format!("Bearer {}", token.expose())).body(body.to_vec());
    let call = call.map_err(|_| Error::Invalid("The call cannot be passed on as it is.".into()))?;
    app.connections.http.stream(call).await.map_err(Refusal::no_answer)
}

fn passed_back(answer: reqwest::Response) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::build(status);
    for (name, value) in answer.headers() {
        let name = name.as_str();
        let counts = name.starts_with("x-ls-") || name.starts_with("x-ratelimit-") || name.starts_with("ratelimit");
        if !PASSED_BACK.contains(&name) && !counts {
            continue;
        }
        let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()));
        if let (Ok(name), Ok(value)) = pair {
            response.append_header((name, value));
        }
    }
    response.insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    // An error in the middle of a body ends it; its words could hold the address.
    response.streaming(answer.bytes_stream().map_err(|_| std::io::Error::other("the provider broke off")))
}
