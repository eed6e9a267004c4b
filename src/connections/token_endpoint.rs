//! The token endpoint of a provider (RFC 6749 sections 4.1.3 and 6, RFC 7009), by the `oauth2` crate: what is sent, and what
//! an answer comes to. Whatever the server says, nothing of what was sent is repeated.

use std::time::Duration;

use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken,
    TokenResponse, TokenUrl, http,
};
use serde::{Deserialize, Deserializer, Serialize};
use url::{Url, form_urlencoded};

use crate::connections::provider::{Provider, RevokeStyle};
use crate::error::{Error, Result};
use crate::http::{HttpClient, RequestFailure};
use crate::time::{DAY, MINUTE, Timestamp};

/// How long an access token is taken to live whose answer does not say, or says something odd, in seconds.
pub const LIFE_UNKNOWN: i64 = 10 * MINUTE;
const LONGEST_LIFE: i64 = 365 * DAY;
const LONGEST_WORDS: usize = 200;
const LONGEST_TOKEN: usize = 16 * 1024;

/// What a token endpoint answers, read with patience: extra members, numbers as texts and missing lifetimes are seen in
/// the wild. Its Debug shows no token.
#[derive(Debug, Deserialize, Serialize)]
pub struct TokenReply {
    access_token: AccessToken,
    #[serde(default = "bearer", deserialize_with = "token_type")]
    token_type: BasicTokenType,
    #[serde(default, deserialize_with = "lenient_number")]
    expires_in: Option<i64>,
    #[serde(default)]
    refresh_token: Option<RefreshToken>,
    #[serde(default, deserialize_with = "lenient_number")]
    refresh_expires_in: Option<i64>,
    #[serde(default, deserialize_with = "lenient_text")]
    scope: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    domain_prefix: Option<String>,
}

impl TokenResponse for TokenReply {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.life().and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref().filter(|token| !token.secret().is_empty())
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

fn bearer() -> BasicTokenType {
    BasicTokenType::Bearer
}

fn token_type<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<BasicTokenType, D::Error> {
    match lenient_text(from)? {
        None => Ok(BasicTokenType::Bearer),
        Some(word) if word.eq_ignore_ascii_case("bearer") => Ok(BasicTokenType::Bearer),
        Some(_) => Err(serde::de::Error::custom("not a bearer token")),
    }
}

fn lenient_number<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<i64>, D::Error> {
    use serde_json::Value;
    Ok(match Value::deserialize(from)? {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "what is out of range saturates, and is then out of bounds"
        )]
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

fn lenient_text<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<String>, D::Error> {
    use serde_json::Value;
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        Value::Array(words) => Some(words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    })
}

impl TokenReply {
    /// How long the access token lives, in seconds; nothing when the answer does not say, or says something odd.
    pub fn life(&self) -> Option<i64> {
        self.expires_in.filter(|life| (1..=LONGEST_LIFE).contains(life))
    }

    /// How long the refresh token lives, in seconds, where the answer says so; 0 means without end.
    pub fn refresh_life(&self) -> Option<i64> {
        self.refresh_expires_in.filter(|life| (1..=LONGEST_LIFE).contains(life))
    }

    /// What was given, where the answer says so.
    pub fn scope(&self) -> Option<&str> {
        // X-Series has answered "" for what is not restricted at all.
        self.scope.as_deref().map(str::trim).filter(|scope| !scope.is_empty() && scope.len() <= 4000)
    }

    /// X-Series: whose server it came from.
    pub fn domain_prefix(&self) -> Option<&str> {
        self.domain_prefix.as_deref()
    }
}

/// What a token request came to.
#[derive(Debug)]
pub enum Outcome {
    /// New tokens.
    Issued(Box<TokenReply>),
    /// An OAuth error that no waiting mends: its code, and the provider's words.
    Refused {
        /// The code (RFC 6749 section 5.2).
        code: String,
        /// Everything in one sentence, safe to show.
        words: String,
    },
    /// Nothing that decides anything: try again later.
    Later {
        /// What happened, safe to show.
        words: String,
        /// How many seconds the server asks to wait.
        wait: Option<i64>,
        /// Whether the server may have issued tokens that never arrived here.
        is_unknown: bool,
    },
}

/// One client at one provider, ready to speak.
pub struct Exchange<'a> {
    /// The server.
    pub provider: &'a Provider,
    /// The public id of the client.
    pub client_id: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// Where the provider sends people back to.
    pub redirect_uri: String,
    /// The way out.
    pub http: &'a HttpClient,
    /// The present moment.
    pub now: Timestamp,
}

type Configured = oauth2::Client<
    BasicErrorResponse,
    TokenReply,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

// What our own side of a call came to before the crate could read an answer.
#[derive(Debug)]
enum Cut {
    RequestFailure(RequestFailure),
    Busy { status: u16, wait: Option<i64> },
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer that could be read")
    }
}

impl std::error::Error for Cut {}

impl Exchange<'_> {
    fn client(&self) -> Result<Configured> {
        let odd = |_| Error::internal("an address of a provider cannot be read");
        Ok(oauth2::Client::new(ClientId::new(self.client_id.into()))
            .set_client_secret(ClientSecret::new(self.secret.into()))
            .set_auth_uri(AuthUrl::new(self.provider.authorize_url.to_string()).map_err(odd)?)
            .set_token_uri(TokenUrl::new(self.provider.token_url.to_string()).map_err(odd)?)
            .set_redirect_uri(RedirectUrl::new(self.redirect_uri.clone()).map_err(odd)?)
            .set_auth_type(match self.provider.secret_in_header {
                true => AuthType::BasicAuth,
                false => AuthType::RequestBody,
            }))
    }

    /// The address that somebody's browser is sent to, and the PKCE verifier that goes with it where the server takes one.
    pub fn authorize_url(&self, state: &str, scope: &str) -> Result<(Url, Option<String>)> {
        let client = self.client()?;
        let state = CsrfToken::new(state.into());
        let mut request = client.authorize_url(|| state);
        for word in scope.split_whitespace() {
            request = request.add_scope(Scope::new(word.into()));
        }
        let mut kept = None;
        if self.provider.uses_pkce {
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            kept = Some(verifier.secret().clone());
            request = request.set_pkce_challenge(challenge);
        }
        Ok((request.url().0, kept))
    }

    /// Redeems a code.
    pub async fn redeem(&self, code: &str, verifier: Option<&str>) -> Result<Outcome> {
        let client = self.client()?;
        let mut request = client.exchange_code(AuthorizationCode::new(code.into()));
        if let Some(verifier) = verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.into()));
        }
        let http = |request| self.send(request);
        let answer = request.request_async(&http).await;
        Ok(outcome(answer, &[code, self.secret, verifier.unwrap_or_default()]))
    }

    /// Renews the pair.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Outcome> {
        let client = self.client()?;
        let token = RefreshToken::new(refresh_token.into());
        let http = |request| self.send(request);
        let answer = client.exchange_refresh_token(&token).request_async(&http).await;
        Ok(outcome(answer, &[refresh_token, self.secret]))
    }

    /// Revokes a refresh token where the provider has a way; true when it said that it is done.
    pub async fn revoke(&self, refresh_token: &str) -> bool {
        let Some((url, style)) = &self.provider.revoke else {
            return false;
        };
        let mut body = form_urlencoded::Serializer::new(String::new());
        match style {
            RevokeStyle::RSeries => body.append_pair("refresh_token", refresh_token),
            RevokeStyle::Standard => {
                body.append_pair("token", refresh_token).append_pair("token_type_hint", "refresh_token")
            }
        };
        let mut request = http::Request::post(url.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json");
        if self.provider.secret_in_header {
            request = request.header("authorization", basic(self.client_id, self.secret));
        } else {
            body.append_pair("client_id", self.client_id).append_pair("client_secret", self.secret);
        }
        match request.body(body.finish().into_bytes()) {
            Ok(request) => self.http.send(request).await.is_ok_and(|answer| answer.status().is_success()),
            Err(_) => false,
        }
    }

    // The crate knows a body and a status of 200; what the status itself says is decided here.
    async fn send(&self, request: http::Request<Vec<u8>>) -> std::result::Result<http::Response<Vec<u8>>, Cut> {
        let mut answer = self.http.send(request).await.map_err(Cut::RequestFailure)?;
        let status = answer.status();
        if status.as_u16() == 429 || status.is_server_error() {
            return Err(Cut::Busy { status: status.as_u16(), wait: wait(answer.headers(), self.now) });
        }
        if status.is_redirection() {
            return Err(Cut::Busy { status: status.as_u16(), wait: None });
        }
        if status.is_success() {
            *answer.status_mut() = http::StatusCode::OK;
        }
        Ok(answer)
    }
}

// RFC 6749 section 2.3.1: both are encoded as in a form first.
fn basic(id: &str, secret: &str) -> String {
    use base64::Engine;
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret));
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// How long a server asks to wait, in seconds: `Retry-After` as a number or as a date, or X-Series' own header.
pub fn wait(headers: &http::HeaderMap, now: Timestamp) -> Option<i64> {
    let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = match get("retry-after") {
        Some(text) => text.parse().ok().or_else(|| {
            let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Some(Timestamp(date.as_second()).since(now))
        }),
        None => {
            let reset: Timestamp = get("x-ratelimit-reset")?.parse().map(Timestamp).ok()?;
            Some(reset.since(now))
        }
    };
    seconds.map(|seconds: i64| seconds.clamp(0, DAY))
}

fn outcome<E>(
    answer: std::result::Result<TokenReply, RequestTokenError<E, BasicErrorResponse>>,
    sent: &[&str],
) -> Outcome
where
    E: std::error::Error + 'static,
{
    let later = |words: String, is_unknown| Outcome::Later { words, wait: None, is_unknown };
    match answer {
        Ok(reply) => {
            let length = reply.access_token.secret().len();
            match length == 0 || length > LONGEST_TOKEN || !is_sendable(reply.access_token.secret()) {
                true => later("The server's answer held no token that could be used.".into(), true),
                false => Outcome::Issued(Box::new(reply)),
            }
        }
        Err(RequestTokenError::ServerResponse(refusal)) => {
            let code = safe(refusal.error().as_ref(), sent);
            let words = match refusal.error_description() {
                Some(description) => format!("{code}: {}", safe(description, sent)),
                None => code.clone(),
            };
            match refusal.error() {
                BasicErrorResponseType::Extension(_) => {
                    later(format!("The server answered with an error of its own: {words}."), false)
                }
                _ => Outcome::Refused { code, words },
            }
        }
        Err(RequestTokenError::Request(error)) => match (&error as &dyn std::error::Error).downcast_ref::<Cut>() {
            Some(Cut::RequestFailure(why)) => later(format!("{}.", capital(&why.to_string())), why.may_have_arrived()),
            Some(Cut::Busy { status: 429, wait }) => Outcome::Later {
                words: "The server asks to wait: it has had too many requests (429).".into(),
                wait: *wait,
                is_unknown: false,
            },
            Some(Cut::Busy { status: status @ 300..=399, .. }) => {
                later(format!("The server sent the token request elsewhere ({status}), which is not followed."), false)
            }
            Some(Cut::Busy { status, wait }) => Outcome::Later {
                words: format!("The server has trouble of its own ({status})."),
                wait: *wait,
                is_unknown: true,
            },
            None => later("The server could not be asked.".into(), false),
        },
        // These two quote the body: never shown, never logged.
        Err(RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => {
            later("The server's answer was not one that a token endpoint gives.".into(), true)
        }
    }
}

fn is_sendable(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The words of another server, made safe for pages and logs: without what was sent to it, without what cannot be seen,
/// and not too long.
pub fn safe(text: &str, sent: &[&str]) -> String {
    let mut text = text.to_string();
    for secret in sent.iter().filter(|secret| secret.len() >= 4) {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        text = text.replace(secret, "***").replace(&encoded, "***");
    }
    let visible = text.chars().map(|c| if crate::text::is_invisible(c) { ' ' } else { c });
    let mut words: String = visible.take(LONGEST_WORDS).collect();
    if text.chars().count() > LONGEST_WORDS {
        words.push('…');
    }
    words.trim().to_string()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(json: &str) -> Option<TokenReply> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn o9_odd_answers_are_read_as_far_as_they_can_be() {
        let life = |expires_in: &str| {
            reply(&format!(r#"{{"access_token":"a","token_type":"bEaReR","expires_in":{expires_in},"x":[1]}}"#))
                .expect("readable")
                .life()
        };
        assert_eq!(life("3600"), Some(3600));
        assert_eq!(life("\"1800\""), Some(1800));
        assert_eq!(life("1799.5"), Some(1799));
        for odd in ["-1", "0", "1e18", "\"soon\"", "null", "{}"] {
            assert_eq!(life(odd), None, "{odd}");
        }
        let bare = reply(r#"{"access_token":"a","refresh_token":"","scope":""}"#).expect("readable");
        assert!(bare.refresh_token().is_none() && bare.scope().is_none() && bare.life().is_none());
        assert!(reply(r#"{"access_token":"a","token_type":"mac"}"#).is_none());
        assert!(reply(r#"{"access_token":null}"#).is_none());
        let debug = format!("{:?}", reply(r#"{"access_token":"hush","refresh_token":"hush"}"#).expect("readable"));
        assert!(!debug.contains("hush"), "{debug}");
    }

    #[test]
    fn o13_retry_after_comes_in_two_forms() {
        let headers = |name: &'static str, value: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(name, value.parse().expect("a value"));
            headers
        };
        let now = Timestamp(784_111_777);
        assert_eq!(wait(&headers("retry-after", "120"), now), Some(120));
        assert_eq!(wait(&headers("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"), now), Some(60));
        assert_eq!(wait(&headers("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), now), Some(0));
        assert_eq!(wait(&headers("retry-after", "99999999"), now), Some(DAY));
        assert_eq!(wait(&headers("retry-after", "soon"), now), None);
        assert_eq!(wait(&headers("x-ratelimit-reset", "784111800"), now), Some(23));
    }

    #[test]
    fn s7_what_was_sent_is_not_repeated() {
        let words = safe("bad token s3cr/et+1 (s3cr%2Fet%2B1)\u{202e}\nx", &["s3cr/et+1", ""]);
        assert_eq!(words, "bad token *** (***)  x");
        assert_eq!(safe(&"é".repeat(500), &[]).chars().count(), 201);
    }
}
