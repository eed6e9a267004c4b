//! Answers of token endpoints: lenient reading of the token response (RFC 6749 section 5.1), and the outcome of a request.
//! No message repeats anything that was sent, whatever the server answers.

use std::time::Duration;

use oauth2::basic::{BasicErrorResponse, BasicTokenType};
use oauth2::{AccessToken, RefreshToken, RequestTokenError, Scope, TokenResponse};
use serde::{Deserialize, Deserializer, Serialize};
use url::form_urlencoded;

use crate::connections::refusal;
use crate::http::RequestFailure;
use crate::text::{capitalized, is_invisible};
use crate::time::{DAY, MINUTE};

/// The assumed lifetime of an access token, in seconds, if the answer states no valid one.
pub(crate) const DEFAULT_LIFETIME: i64 = 10 * MINUTE;
const MAX_LIFETIME: i64 = 365 * DAY;
const MAX_MESSAGE: usize = 200;
const MAX_TOKEN: usize = 16 * 1024;

/// A token response, read leniently: extra members, numbers as strings and missing lifetimes occur in practice. Its `Debug`
/// shows no token.
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
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => Ok(BasicTokenType::Bearer),
        Some(_) => Err(serde::de::Error::custom("not a bearer token")),
    }
}

fn lenient_number<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<i64>, D::Error> {
    use serde_json::Value;
    Ok(match Value::deserialize(from)? {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float out of range saturates and then fails the range check"
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
        Value::Array(values) => Some(values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    })
}

impl TokenReply {
    /// The lifetime of the access token in seconds, if the answer states a valid one.
    pub fn life(&self) -> Option<i64> {
        self.expires_in.filter(|life| (1..=MAX_LIFETIME).contains(life))
    }

    /// The lifetime of the refresh token in seconds, if the answer states one; 0 means that it does not expire.
    pub fn refresh_life(&self) -> Option<i64> {
        self.refresh_expires_in.filter(|life| (1..=MAX_LIFETIME).contains(life))
    }

    /// The granted scope, if the answer states one.
    pub fn scope(&self) -> Option<&str> {
        // X-Series answers "" for unrestricted access.
        self.scope.as_deref().map(str::trim).filter(|scope| !scope.is_empty() && scope.len() <= 4000)
    }

    /// X-Series: the retailer that the tokens are for.
    pub fn domain_prefix(&self) -> Option<&str> {
        self.domain_prefix.as_deref()
    }
}

/// The outcome of a token request.
#[derive(Debug)]
pub enum Outcome {
    /// New tokens.
    Issued(Box<TokenReply>),
    /// A permanent OAuth error (RFC 6749 section 5.2).
    Refused {
        /// The error code and description, without secrets.
        message: String,
    },
    /// This server cannot send the request or use the answer, now and later.
    Unusable {
        /// Why, as a sentence without secrets.
        reason: String,
    },
    /// A failure that may pass: retry later.
    Retry {
        /// The failure, as a sentence without secrets.
        message: String,
        /// Seconds that the server asked to wait.
        retry_after: Option<i64>,
        /// What kind of failure it is.
        failure: Failure,
    },
}

/// A failure that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server issued no tokens.
    Temporary,
    /// The server may have issued tokens in an answer that did not arrive.
    Unknown,
    /// The server refused without an OAuth error, or redirected permanently. Several of these in a row are permanent.
    Refusal,
}

/// Why there is no token response that the `oauth2` crate could read.
#[derive(Debug)]
pub(super) enum NoReply {
    /// The request failed.
    RequestFailure(RequestFailure),
    /// The status is 5xx, or a 3xx or 4xx that may pass.
    Status { status: u16, retry_after: Option<i64> },
    /// The status is another 3xx or 4xx, or the body has an error, and the body is not an OAuth error.
    Refusal { status: u16, body: Vec<u8> },
}

impl std::fmt::Display for NoReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no token response")
    }
}

impl std::error::Error for NoReply {}

/// The outcome of an answer; `sent` lists the secrets of the request, which messages must not repeat.
pub(super) fn outcome<E>(
    answer: std::result::Result<TokenReply, RequestTokenError<E, BasicErrorResponse>>,
    sent: &[&str],
) -> Outcome
where
    E: std::error::Error + 'static,
{
    let retry = |message: String, failure| Outcome::Retry { message, retry_after: None, failure };
    match answer {
        Ok(reply) => {
            let length = reply.access_token.secret().len();
            match length == 0 || length > MAX_TOKEN || !is_valid_in_header(reply.access_token.secret()) {
                true => retry("The provider's answer contains no valid access token.".into(), Failure::Unknown),
                false => Outcome::Issued(Box::new(reply)),
            }
        }
        Err(RequestTokenError::ServerResponse(error)) => Outcome::Refused { message: stated_error(&error, sent) },
        Err(RequestTokenError::Request(error)) => match (&error as &dyn std::error::Error).downcast_ref::<NoReply>() {
            Some(no_reply) => no_reply.outcome(sent),
            None => retry("The token request could not be sent.".into(), Failure::Temporary),
        },
        // Both errors quote the body, which may hold tokens: never show or log them.
        Err(RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => {
            retry("The provider's answer is not a token response.".into(), Failure::Unknown)
        }
    }
}

impl NoReply {
    fn outcome(&self, sent: &[&str]) -> Outcome {
        let (message, retry_after, failure) = match self {
            NoReply::RequestFailure(why) => {
                let failure = if why.may_have_arrived() { Failure::Unknown } else { Failure::Temporary };
                (format!("{}.", capitalized(&why.to_string())), None, failure)
            }
            NoReply::Status { status: 429, retry_after } => {
                ("The provider set a rate limit (429).".into(), *retry_after, Failure::Temporary)
            }
            NoReply::Status { status: status @ 300..=399, .. } => {
                let message = "The provider redirected the token request";
                (format!("{message} ({status}). Redirects are not followed."), None, Failure::Temporary)
            }
            NoReply::Status { status: status @ 400..=499, retry_after } => {
                let message = format!("The provider did not accept the token request now ({status}).");
                (message, *retry_after, Failure::Temporary)
            }
            NoReply::Status { status, retry_after } => {
                (format!("The provider has an internal error ({status})."), *retry_after, Failure::Unknown)
            }
            NoReply::Refusal { status, body } => (refusal::describe(*status, body, sent), None, Failure::Refusal),
        };
        Outcome::Retry { message, retry_after, failure }
    }
}

/// The code and the description of an OAuth error, without the secrets in `sent`.
pub(super) fn stated_error(error: &BasicErrorResponse, sent: &[&str]) -> String {
    let code = safe(error.error().as_ref(), sent);
    match error.error_description() {
        Some(description) => format!("{code}: {}", safe(description, sent)),
        None => code,
    }
}

fn is_valid_in_header(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A text of another server, safe for pages and logs: without the secrets in `sent`, without invisible characters, and
/// shortened.
pub fn safe(text: &str, sent: &[&str]) -> String {
    let mut text = text.to_string();
    for secret in sent.iter().filter(|secret| secret.len() >= 4) {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        text = text.replace(secret, "***").replace(&encoded, "***");
    }
    let visible = text.chars().map(|c| if is_invisible(c) { ' ' } else { c });
    let mut shortened: String = visible.take(MAX_MESSAGE).collect();
    if text.chars().count() > MAX_MESSAGE {
        shortened.push('…');
    }
    shortened.trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(json: &str) -> Option<TokenReply> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn o9_unusual_answers_are_read_leniently() {
        let life = |expires_in: &str| {
            reply(&format!(r#"{{"access_token":"a","token_type":"bEaReR","expires_in":{expires_in},"x":[1]}}"#))
                .expect("readable")
                .life()
        };
        assert_eq!(life("3600"), Some(3600));
        assert_eq!(life("\"1800\""), Some(1800));
        assert_eq!(life("1799.5"), Some(1799));
        for invalid in ["-1", "0", "1e18", "\"soon\"", "null", "{}"] {
            assert_eq!(life(invalid), None, "{invalid}");
        }
        let bare = reply(r#"{"access_token":"a","refresh_token":"","scope":""}"#).expect("readable");
        assert!(bare.refresh_token().is_none() && bare.scope().is_none() && bare.life().is_none());
        assert!(reply(r#"{"access_token":"a","token_type":"mac"}"#).is_none());
        assert!(reply(r#"{"access_token":null}"#).is_none());
        let debug = format!("{:?}", reply(r#"{"access_token":"hush","refresh_token":"hush"}"#).expect("readable"));
        assert!(!debug.contains("hush"), "{debug}");
    }

    #[test]
    fn s7_messages_do_not_repeat_what_was_sent() {
        let text = safe("bad token s3cr/et+1 (s3cr%2Fet%2B1)\u{202e}\nx", &["s3cr/et+1", ""]);
        assert_eq!(text, "bad token *** (***)  x");
        assert_eq!(safe(&"é".repeat(500), &[]).chars().count(), 201);
    }
}
