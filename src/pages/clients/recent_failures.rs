//! The panel that answers "why did my refresh fail at 09:14?".

use crate::clients::token_failure::{KEPT, TokenFailure};
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::ClientKey;
use crate::time::{DisplayTime, TimeFormat, count};
use crate::web::query::Query;

const SHOWN: usize = 10;

/// The newest failures of a client, as a table.
#[derive(Debug)]
pub struct FailurePanel {
    /// The rows on this page, the newest first.
    pub rows: Vec<FailureRow>,
    /// How many are kept.
    pub total: usize,
    /// To the rest of them, and what that link says.
    pub more: Option<(String, String)>,
}

impl FailurePanel {
    /// What is read out after the table changed.
    pub fn announcement(&self) -> String {
        format!("{} of {}", self.rows.len(), count(self.total as i64, "failure"))
    }
}

/// A row.
#[derive(Debug)]
pub struct FailureRow {
    /// When.
    pub at: DisplayTime,
    /// What was asked for, in words.
    pub what: &'static str,
    /// The same as the client wrote it.
    pub grant_type: String,
    /// The error code it was answered.
    pub error: String,
    /// The hint it was answered.
    pub hint: String,
    /// The address that asked.
    pub client_ip: String,
}

impl FailurePanel {
    /// The failures of a client; all that are kept with `failures=all` in the query.
    pub fn load(conn: &mut DbConnection, client: ClientKey, query: &Query, words: &TimeFormat) -> Result<FailurePanel> {
        let failures = TokenFailure::of_client(conn, client, KEPT)?;
        let (total, all) = (failures.len(), query.get("failures") == Some("all"));
        let more = match (total > SHOWN, all) {
            (false, _) => None,
            (true, false) => Some((query.with(&[("failures", Some("all"))]), format!("Show all {total}"))),
            (true, true) => Some((query.with(&[("failures", None)]), format!("Show the newest {SHOWN}"))),
        };
        let row = |failure: TokenFailure| FailureRow {
            at: words.exact(failure.at),
            what: match failure.grant_type.as_str() {
                "refresh_token" => "Refresh",
                "authorization_code" => "Redeem a code",
                _ => "Token request",
            },
            grant_type: failure.grant_type,
            error: failure.error,
            hint: failure.hint,
            client_ip: failure.client_ip,
        };
        let shown = if all { total } else { SHOWN };
        Ok(FailurePanel { rows: failures.into_iter().take(shown).map(row).collect(), total, more })
    }
}
