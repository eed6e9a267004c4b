//! The part of a URL that filters, sorts and pages a token table. A page with two tables reads each with its own prefix.

use crate::db::keyset::Count;
use crate::error::Result;
use crate::tokens::listing::{StatusFilter, Table, TokenFilter, TokenType};
use crate::web::list::{ListState, Sort};
use crate::web::query::Query;

// How many characters of a token may be in a URL.
const SHOWN: usize = 7;

static SORTS: [Sort; 3] = [
    Sort { word: "created", column: "id", largest_first: true },
    Sort { word: "used", column: "last_used_at", largest_first: true },
    Sort { word: "expires", column: "expires_at", largest_first: false },
];

/// The filters, sort order and page of a token table, as the URL has them.
#[derive(Clone)]
pub struct PanelState {
    pub(super) table: Table,
    pub(super) list: ListState,
    pub(super) filter: TokenFilter,
}

/// Reads the query parameters of a table of refresh tokens.
pub fn refresh_token_panel(query: &Query, prefix: &'static str) -> Result<PanelState> {
    PanelState::read(Table::RefreshTokens, query, prefix)
}

/// Reads the query parameters of a table of access tokens and API keys.
pub fn access_token_panel(query: &Query, prefix: &'static str) -> Result<PanelState> {
    PanelState::read(Table::AccessTokens, query, prefix)
}

impl PanelState {
    fn read(table: Table, query: &Query, prefix: &'static str) -> Result<PanelState> {
        let list = ListState::read(query, prefix, &SORTS)?;
        let filter = TokenFilter {
            token: list.get("token").trim().to_string(),
            employee: list.get("employee").to_string(),
            token_type: TokenType::from_word(list.get("type")).filter(|_| table == Table::AccessTokens),
            status: StatusFilter::from_word(list.get("status")),
            expired: list.get("expired") == "1",
        };
        Ok(PanelState { table, list, filter })
    }

    /// The query to redirect to when the URL contains more of a token than its first seven characters.
    pub fn shortened(&self, query: &Query) -> Option<String> {
        if self.filter.token.chars().count() <= SHOWN {
            return None;
        }
        let first: String = self.filter.token.chars().take(SHOWN).collect();
        let rest = Query::parse(self.list.link(&[("token", Some(&first))]).trim_start_matches('?')).ok()?;
        // The filter of the other table on the page may contain a whole token, too.
        let other = ["rt-token", "at-token"].into_iter().find(|name| {
            query.get(name).is_some_and(|value| value.chars().count() > SHOWN)
                && rest.get(name).is_some_and(|value| value.chars().count() > SHOWN)
        });
        Some(match other {
            None => rest.with(&[]),
            Some(name) => rest.with(&[(name, None)]),
        })
    }

    /// The prefix of the table's query parameters.
    pub(super) fn prefix(&self) -> &'static str {
        match self.table {
            Table::RefreshTokens => "rt-",
            Table::AccessTokens => "at-",
        }
    }

    /// The link that removes all filters.
    pub(super) fn clear(&self) -> String {
        self.list.link(&[("token", None), ("employee", None), ("type", None), ("status", None)])
    }

    /// The link between live and expired tokens, with its text.
    pub(super) fn expired_toggle(&self, others: Count) -> Option<(String, String)> {
        let (value, text) = match self.filter.expired {
            true => (None, format!("Hide expired, show valid ({others})")),
            false if others.n > 0 => (Some("1"), format!("Show expired ({others})")),
            false => return None,
        };
        Some((self.list.link(&[("expired", value)]), text))
    }
}
