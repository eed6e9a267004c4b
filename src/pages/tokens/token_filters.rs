//! The part of a URL that filters, sorts and pages a token table. Each table of a page reads its own prefix: `ak-` for API
//! keys, `rt-` for refresh tokens, `at-` for access tokens.

use crate::error::Result;
use crate::tokens::listing::{List, SortBy, StatusFilter, TokenFilter};
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
    pub(super) table: List,
    pub(super) list: ListState,
    pub(super) filter: TokenFilter,
}

/// Reads the query parameters of the table of API keys.
pub fn api_key_panel(query: &Query) -> Result<PanelState> {
    PanelState::read(List::ApiKeys, query, "ak-", &SORTS)
}

/// Reads the query parameters of the table of refresh tokens.
pub fn refresh_token_panel(query: &Query) -> Result<PanelState> {
    PanelState::read(List::RefreshTokens, query, "rt-", &SORTS)
}

/// Reads the query parameters of the table of access tokens, which is sorted by creation only.
pub fn access_token_panel(query: &Query) -> Result<PanelState> {
    let is_old = matches!(query.get("at-sort").map(|word| word.trim_start_matches('-')), Some("used" | "expires"));
    let query = if is_old { &query.changed(&[("at-sort", None)]) } else { query };
    PanelState::read(List::AccessTokens, query, "at-", &SORTS[..1])
}

/// The query to redirect to when a URL contains more of a token than its first seven characters, or is from the time when API
/// keys and access tokens were one table.
pub fn corrected(query: &Query) -> Option<String> {
    let moves_to_api_keys = query.get("at-type") == Some("api-key");
    let mut is_changed = moves_to_api_keys;
    let mut pairs = Vec::new();
    for (mut name, mut value) in query.hidden(|_| true) {
        if moves_to_api_keys && let Some(rest) = name.strip_prefix("at-") {
            if rest == "type" {
                continue;
            }
            name = format!("ak-{rest}");
        }
        if matches!(name.as_str(), "ak-token" | "rt-token" | "at-token") && value.trim().chars().count() > SHOWN {
            value = value.trim().chars().take(SHOWN).collect();
            is_changed = true;
        }
        pairs.push((name, value));
    }
    is_changed.then(|| Query::of(pairs).with(&[]))
}

impl PanelState {
    fn read(table: List, query: &Query, prefix: &'static str, sorts: &'static [Sort]) -> Result<PanelState> {
        let list = ListState::read(query, prefix, sorts)?;
        let filter = TokenFilter {
            token: list.get("token").trim().to_string(),
            employee: list.get("employee").to_string(),
            status: StatusFilter::from_word(list.get("status")).filter(|_| table != List::AccessTokens),
            expired: list.get("expired") == "1",
        };
        Ok(PanelState { table, list, filter })
    }

    /// Whether the URL has anything about this table, so that it is shown in full.
    pub fn is_open(&self) -> bool {
        self.list.is_named()
    }

    pub(super) fn sort(&self) -> SortBy {
        match self.list.sort().word {
            "used" => SortBy::LastUsed,
            "expires" => SortBy::Expires,
            _ => SortBy::Created,
        }
    }

    /// The prefix of the table's query parameters.
    pub(super) fn prefix(&self) -> &'static str {
        match self.table {
            List::ApiKeys => "ak-",
            List::RefreshTokens => "rt-",
            List::AccessTokens | List::EndedTokens => "at-",
        }
    }

    /// The link that removes all filters.
    pub(super) fn clear(&self) -> String {
        self.list.link(&[("token", None), ("employee", None), ("status", None)])
    }
}
