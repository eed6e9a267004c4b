//! The panel of a client's page that lists its latest failed requests for authorization or tokens, and why they failed.

use crate::clients::token_failure::{AUTHORIZATION_REQUEST, KEPT, TokenFailure};
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::ClientKey;
use crate::time::{DisplayTime, TimeFormat, count};
use crate::web::query::Query;

const SHOWN: usize = 10;

/// The latest failed requests of a client.
#[derive(Debug)]
pub struct FailurePanel {
    /// The rows shown, newest first.
    pub rows: Vec<FailureRow>,
    /// How many there are.
    pub total: usize,
    /// The address and label of the link that shows all or fewer rows.
    pub more: Option<(String, String)>,
}

impl FailurePanel {
    /// The text that screen readers announce after the table changed.
    pub fn announcement(&self) -> String {
        format!("{} of {}", self.rows.len(), count(self.total as i64, "failed request"))
    }
}

/// A failed request.
#[derive(Debug)]
pub struct FailureRow {
    /// When it failed.
    pub at: DisplayTime,
    /// What the client requested.
    pub request: &'static str,
    /// The grant type as the client sent it; empty for an authorization request.
    pub grant_type: String,
    /// The error code returned.
    pub error: String,
    /// The hint returned.
    pub hint: String,
    /// The IP address it came from.
    pub client_ip: String,
}

impl FailurePanel {
    /// Loads the failures of a client: the latest ten, or all with `failures=all` in the query.
    pub fn load(conn: &mut DbConnection, client: ClientKey, query: &Query, times: &TimeFormat) -> Result<FailurePanel> {
        let failures = TokenFailure::of_client(conn, client, KEPT)?;
        let (total, all) = (failures.len(), query.get("failures") == Some("all"));
        let more = match (total > SHOWN, all) {
            (false, _) => None,
            (true, false) => Some((query.with(&[("failures", Some("all"))]), format!("Show all {total}"))),
            (true, true) => Some((query.with(&[("failures", None)]), format!("Show the latest {SHOWN}"))),
        };
        let row = |failure: TokenFailure| FailureRow {
            at: times.exact(failure.at),
            request: match failure.grant_type.as_str() {
                "refresh_token" => "Refresh",
                "authorization_code" => "Redeem code",
                AUTHORIZATION_REQUEST => "Authorization request",
                _ => "Token request",
            },
            grant_type: Some(failure.grant_type).filter(|sent| sent != AUTHORIZATION_REQUEST).unwrap_or_default(),
            error: failure.error,
            hint: failure.hint,
            client_ip: failure.client_ip,
        };
        let shown = if all { total } else { SHOWN };
        Ok(FailurePanel { rows: failures.into_iter().take(shown).map(row).collect(), total, more })
    }
}
