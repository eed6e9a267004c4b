//! Refusals of a token endpoint without an OAuth error (RFC 6749 section 5.2), permanent redirects among them: which ones are
//! definite, and what was
//! answered, in words for people. A body can hold secrets, so only a harmless one is quoted, and only its beginning.

use diesel::prelude::*;
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType};
use oauth2::http::StatusCode;
use serde_json::Value;

use crate::connections::problem::Reason;
use crate::connections::token_reply::{safe, stated_error};
use crate::db::DbConnection;
use crate::id::ConnectionKey;
use crate::schema::connection_refusals;
use crate::time::{MINUTE, Timestamp};

// Refusals in a row after which a connection needs authorization, if they span `REFUSED_FOR`.
const MAX_REFUSALS: i64 = 5;
// Seconds from the first of them to the last.
const REFUSED_FOR: i64 = 15 * MINUTE;

// The longest excerpt, in characters.
const MAX_EXCERPT: usize = 120;
// A longer run of characters of a token could be one.
const LONGEST_WORD: usize = 20;
// What stands before a secret, in small letters.
const BEFORE_A_SECRET: [&str; 7] =
    ["token\":", "token=", "secret\":", "secret=", "password\":", "password=", "bearer "];
// Error codes of RFC 6749 section 4.1.2.1 and RFC 8628 section 3.5 that some token endpoints answer with 400.
const TEMPORARY: [&str; 3] = ["temporarily_unavailable", "server_error", "slow_down"];

/// How the description of a permanent redirect begins.
pub(super) const REDIRECTED: &str = "The provider redirected the token request permanently";

/// A row of `connection_refusals`: refusals of one connection in a row.
#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = connection_refusals)]
pub(super) struct Refusals {
    refusals: i64,
    first_at: Timestamp,
}

impl Refusals {
    /// Counts one more, and returns all in a row.
    pub(super) fn count(conn: &mut DbConnection, id: ConnectionKey, now: Timestamp) -> QueryResult<Refusals> {
        let row = connection_refusals::table.find(id);
        let more = connection_refusals::refusals.eq(connection_refusals::refusals + 1);
        if diesel::update(row).set(more).execute(conn)? == 0 {
            diesel::insert_into(connection_refusals::table)
                .values((
                    connection_refusals::connection_id.eq(id),
                    connection_refusals::refusals.eq(1),
                    connection_refusals::first_at.eq(now),
                ))
                .execute(conn)?;
        }
        row.select(Refusals::as_select()).first(conn)
    }

    /// Another answer ends the row of refusals.
    pub(super) fn reset(conn: &mut DbConnection, id: ConnectionKey) -> QueryResult<()> {
        diesel::delete(connection_refusals::table.find(id)).execute(conn).map(drop)
    }

    /// Whether they are enough to need authorization.
    pub(super) fn are_final(self, now: Timestamp) -> bool {
        self.refusals >= MAX_REFUSALS && now.since(self.first_at) >= REFUSED_FOR
    }

    /// Why the connection needs authorization; `last` describes the last answer.
    pub(super) fn reason(self, last: &str, now: Timestamp) -> String {
        Reason::of_refusals(self.refusals, now.since(self.first_at), last)
    }
}

/// Whether a 3xx or 4xx status stands for a temporary failure. A server that is down for maintenance may redirect for a while.
pub(super) fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 302 | 303 | 307 | 408 | 425 | 429)
}

/// Whether a body is a JSON object with an `error`, and without an access token.
pub(super) fn has_error_member(body: &[u8]) -> bool {
    let is_set = |body: &Value, member: &str| body.get(member).is_some_and(|value| !value.is_null() && *value != false);
    serde_json::from_slice::<Value>(body).is_ok_and(|body| is_set(&body, "error") && !is_set(&body, "access_token"))
}

/// Whether a body states an error code that RFC 6749 section 5.2 defines.
pub(super) fn is_oauth_error(body: &[u8]) -> bool {
    parse(body).is_some_and(|error| !matches!(error.error(), BasicErrorResponseType::Extension(_)))
}

/// Whether a body states that the client could not be authenticated.
pub(super) fn is_invalid_client(body: &[u8]) -> bool {
    parse(body).is_some_and(|error| *error.error() == BasicErrorResponseType::InvalidClient)
}

/// Whether a body states an error code that stands for a temporary failure.
pub(super) fn is_temporary_error(body: &[u8]) -> bool {
    parse(body).is_some_and(|error| TEMPORARY.contains(&error.error().as_ref()))
}

fn parse(body: &[u8]) -> Option<BasicErrorResponse> {
    serde_json::from_slice(body).ok()
}

/// What was answered, as a sentence; `sent` lists the secrets of the request.
pub(super) fn describe(status: u16, body: &[u8], sent: &[&str]) -> String {
    if (300..400).contains(&status) {
        return format!("{REDIRECTED} ({status}). Redirects are not followed.");
    }
    if let Some(error) = parse(body) {
        return format!("The provider answered {status} with the unknown error {}.", stated_error(&error, sent));
    }
    let quoted = match std::str::from_utf8(body).map(str::trim) {
        Err(_) => "a body that is not text".into(),
        Ok("") => "an empty body".into(),
        Ok(text) if text.starts_with('<') => "HTML or XML".into(),
        Ok(text) => match excerpt(text, sent) {
            Some(excerpt) => format!("“{excerpt}”"),
            None => "a body that is not shown, because it may contain a secret".into(),
        },
    };
    format!("The provider answered {status} with {quoted}.")
}

fn excerpt(text: &str, sent: &[&str]) -> Option<String> {
    // Written anew, so that an escaped character cannot hide a secret.
    let text = serde_json::from_str::<Value>(text).map_or_else(|_| text.into(), |json| json.to_string());
    let lower = text.to_lowercase();
    if BEFORE_A_SECRET.iter().any(|before| lower.contains(before)) {
        return None;
    }
    let escaped: Vec<String> = sent.iter().map(|secret| Value::from(*secret).to_string()).collect();
    let escaped = escaped.iter().map(|secret| secret.trim_matches('"'));
    let hidden: Vec<&str> = sent.iter().copied().chain(escaped).collect();
    let text = without_long_words(&safe(&text, &hidden));
    let mut excerpt: String = text.chars().take(MAX_EXCERPT).collect();
    if excerpt.len() < text.len() && !excerpt.ends_with('…') {
        excerpt.push('…');
    }
    Some(excerpt)
}

fn without_long_words(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_of_token(c) != is_of_token(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        shown.push_str(if is_of_token(first) && run.len() >= LONGEST_WORD { "***" } else { run });
        rest = after;
    }
    shown
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/=".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_bodies_are_quoted() {
        let words = |body: &str| describe(400, body.as_bytes(), &["a \"quoted\" secret"]);

        assert_eq!(words("  "), "The provider answered 400 with an empty body.");
        assert_eq!(words("<html>"), "The provider answered 400 with HTML or XML.");
        assert_eq!(words("gone\u{202e}"), "The provider answered 400 with “gone”.");
        assert_eq!(words(r#"{ "no": "a \"quoted\" secret" }"#), r#"The provider answered 400 with “{"no":"***"}”."#);
        assert_eq!(
            words(r#"{"error":"odd","error_description":"x"}"#),
            "The provider answered 400 with the unknown error odd: x."
        );
        for hidden in [r#"{"accessToken":"x"}"#, "client_secret=x", r#"{"user":{"password":"x"}}"#, "Bearer x"] {
            assert!(words(hidden).contains("not shown"), "{}", words(hidden));
        }
        assert!(words(&"word ".repeat(90)).ends_with("…”."), "{}", words(&"word ".repeat(90)));
        assert_eq!(describe(400, &[0xff], &[]), "The provider answered 400 with a body that is not text.");
    }
}
