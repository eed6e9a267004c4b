//! A table of tokens on a page: its filters, rows and links to other pages.

use crate::clients::ClientState;
use crate::db::DbConnection;
use crate::db::keyset::{Count, Cursor, PAGE};
use crate::error::Result;
pub use crate::pages::tokens::token_filters::{
    PanelState, access_token_panel, api_key_panel, corrected, refresh_token_panel,
};
use crate::pages::tokens::token_rows::{TokenRow, rows};
use crate::time::{TimeFormat, thousands};
use crate::tokens::listing;
use crate::tokens::listing::{Limits, List, Request, SortBy, StatusFilter, TokenFilter, TokenPage, Within};
use crate::web::list::{Heading, Pager};
use crate::web::page::Viewer;

// Rows of a table that nobody has filtered, sorted or paged.
const FIRST_ROWS: usize = 10;
// The access tokens of a folded table are counted if there are at most this many rows.
const COUNTED_WHEN_FOLDED: i64 = 100;

/// A token table as the template shows it.
#[derive(Clone)]
pub struct Panel {
    /// The `id` of its HTML element.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// The prefix of its query parameters.
    pub prefix: &'static str,
    /// What it shows.
    pub list: List,
    /// Whether it shows the tokens of one employee, with a column for the client instead of the employee.
    pub of_employee: bool,
    /// The filters.
    pub filter: TokenFilter,
    /// The selected status filter.
    pub status: &'static str,
    /// The other query parameters of the page, as hidden fields of the filter form.
    pub hidden: Vec<(String, String)>,
    /// How many tokens match.
    pub total: Count,
    /// How many valid tokens there are without filters, as text; empty if that is not known.
    pub valid: String,
    /// The rows.
    pub rows: Vec<TokenRow>,
    /// The column headings.
    pub headings: Vec<Heading>,
    /// The links to other pages of the list.
    pub pager: Pager,
    /// The link that removes all filters.
    pub clear: String,
    /// A button beside the filters: its link and its text.
    pub action: Option<(String, &'static str)>,
    /// The link that folds the table, or unfolds it.
    pub fold: Option<String>,
    /// Whether only its heading is shown.
    pub is_folded: bool,
}

impl PanelState {
    /// Loads the table: its first ten rows, or a full page if the URL says anything about it.
    pub fn load(
        &self,
        conn: &mut DbConnection,
        within: Within,
        client: ClientState,
        (viewer, times): (&Viewer, &TimeFormat),
    ) -> Result<Panel> {
        let is_full = self.is_open() || matches!(within, Within::RefreshToken(..));
        let size = if is_full { PAGE } else { FIRST_ROWS };
        let found = listing::find(conn, &self.request(within, size, times)?)?;
        let of = self.list_within(within);
        let mut panel = self.panel(within);
        panel.rows = rows(conn, (of, within), &found.rows.rows, client, (viewer, times))?;
        panel.headings = self.headings(within, &found);
        panel.total = found.total;
        panel.valid = found.valid.to_string();
        panel.pager = self.pager(&found, (within, is_full))?;
        if self.table == List::AccessTokens && !matches!(within, Within::RefreshToken(..)) {
            panel.fold = Some(self.list.reset());
        }
        Ok(panel)
    }

    /// The heading of the table alone. `stored` is the last stored count, for a list that is too long to count.
    pub fn folded(
        &self,
        conn: &mut DbConnection,
        within: Within,
        stored: impl FnOnce() -> String,
        times: &TimeFormat,
    ) -> Result<Panel> {
        let few = listing::count_few(conn, &self.request(within, FIRST_ROWS, times)?, COUNTED_WHEN_FOLDED)?;
        let mut panel = self.panel(within);
        panel.valid = few.map_or_else(stored, thousands);
        panel.fold = Some(format!("{}#{}", self.list.link(&[("show", Some("all"))]), panel.id));
        panel.is_folded = true;
        Ok(panel)
    }

    fn request(&self, within: Within, page: usize, times: &TimeFormat) -> Result<Request<'_>> {
        Ok(Request {
            list: self.list_within(within),
            within,
            filter: &self.filter,
            sort: if self.list_within(within) == List::EndedTokens { SortBy::Expires } else { self.sort() },
            descending: self.list.descending,
            cursor: self.list.cursor()?,
            page,
            now: times.now(),
            limits: Limits::default(),
        })
    }

    // Expired access tokens are listed on the page of their refresh token only.
    fn list_within(&self, within: Within) -> List {
        match (self.table, within) {
            (List::AccessTokens, Within::RefreshToken(..)) if self.filter.expired => List::EndedTokens,
            (list, _) => list,
        }
    }

    fn panel(&self, within: Within) -> Panel {
        let (id, title) = match self.table {
            List::ApiKeys => ("api-keys", "API keys"),
            List::RefreshTokens => ("refresh-tokens", "Refresh tokens"),
            List::AccessTokens | List::EndedTokens => ("access-tokens", "Access tokens"),
        };
        Panel {
            id,
            title,
            prefix: self.prefix(),
            list: self.list_within(within),
            of_employee: matches!(within, Within::Employee(_)),
            status: self.filter.status.map_or("", StatusFilter::word),
            filter: self.filter.clone(),
            hidden: self.list.hidden(&["token", "employee", "status"]),
            total: Count::default(),
            valid: String::new(),
            rows: Vec::new(),
            headings: Vec::new(),
            pager: Pager::default(),
            clear: self.clear(),
            action: None,
            fold: None,
            is_folded: false,
        }
    }

    fn headings(&self, within: Within, found: &TokenPage) -> Vec<Heading> {
        let plain = |label| self.list.heading(label, "");
        // A long list that has one index only is sorted by creation, whatever was asked for.
        let sorted = |label, word, sort| match (found.sort == self.sort(), sort == found.sort) {
            (false, true) => plain(label),
            _ => self.list.heading(label, word),
        };
        let mut headings = vec![plain("Token")];
        headings.push(plain(if matches!(within, Within::Employee(_)) { "Client" } else { "Employee" }));
        if self.table == List::RefreshTokens {
            headings.push(plain("Access"));
        }
        let by_age_only = self.table == List::AccessTokens;
        headings.push(if self.list_within(within) == List::EndedTokens {
            plain("Created")
        } else {
            sorted("Created", "created", SortBy::Created)
        });
        headings.push(if by_age_only { plain("Last used") } else { sorted("Last used", "used", SortBy::LastUsed) });
        headings.push(if by_age_only { plain("Expires") } else { sorted("Expires", "expires", SortBy::Expires) });
        headings.push(plain("Status"));
        headings
    }

    fn pager(&self, found: &TokenPage, (within, is_full): (Within, bool)) -> Result<Pager> {
        let slice = &found.rows;
        let cursor = self.list.cursor()?;
        let mut pager = self.list.pager(slice, found.total, |token| {
            let place = token.place(found.sort);
            (place.value.to_string(), place.id)
        });
        if let Some(stopped) = found.stopped {
            pager.searched = Some((searched(found, cursor), self.list.continuation(stopped, slice.rows.len())));
            if cursor.is_backward() && !slice.rows.is_empty() {
                pager.range = format!("{} of {}", slice.rows.len(), found.total);
            }
        }
        if slice.rows.is_empty() {
            self.list.add_links_from_nothing(&mut pager, found.descending);
        }
        if !is_full && (found.total.capped || slice.has_next) {
            pager = Pager { range: pager.range, searched: pager.searched, ..Pager::default() };
            pager.all = Some((self.list.link(&[("show", Some("all"))]), format!("Show all {}", found.total)));
        } else if is_full && self.list.get("show") == "all" && self.filter.is_empty() && !self.has_fold(within) {
            pager.all = Some((self.list.reset(), format!("Show the first {FIRST_ROWS}")));
        }
        pager.toggle = self.expired_toggle(found, within);
        Ok(pager)
    }

    fn has_fold(&self, within: Within) -> bool {
        self.table == List::AccessTokens || matches!(within, Within::RefreshToken(..))
    }

    // The link between valid and expired tokens.
    fn expired_toggle(&self, found: &TokenPage, within: Within) -> Option<(String, String)> {
        if self.table == List::AccessTokens && !matches!(within, Within::RefreshToken(..)) {
            return None;
        }
        let (value, text) = match self.filter.expired {
            true => (None, format!("Hide expired, show valid ({})", found.valid)),
            false if found.expired.seen() > 0 => (Some("1"), format!("Show expired ({})", found.expired)),
            false => return None,
        };
        Some((self.list.link(&[("expired", value)]), text))
    }
}

/// Which part of the list a search looked through.
pub fn searched(found: &TokenPage, cursor: Cursor) -> String {
    let n = thousands(Limits::default().searched);
    match (cursor, found.sort, found.descending != cursor.is_backward()) {
        (Cursor::After(_), ..) => format!("Searched the next {n}."),
        (Cursor::Before(_), ..) => format!("Searched the previous {n}."),
        (_, SortBy::Created, true) => format!("Searched the newest {n}."),
        (_, SortBy::Created, false) => format!("Searched the oldest {n}."),
        (_, SortBy::LastUsed, true) => format!("Searched the {n} most recently used."),
        (_, SortBy::LastUsed, false) => format!("Searched the {n} least recently used."),
        (_, SortBy::Expires, true) => format!("Searched the {n} that expire last."),
        (_, SortBy::Expires, false) => format!("Searched the {n} that expire first."),
    }
}

impl Panel {
    /// The number beside the heading.
    pub fn sum(&self) -> String {
        match (self.is_folded, self.is_expired()) {
            (true, _) => self.valid.clone(),
            _ if self.total.capped && self.total.n == 0 => "none so far".into(),
            (false, true) => format!("{} expired", self.total),
            (false, false) => self.total.to_string(),
        }
    }

    /// Whether it shows expired tokens.
    pub fn is_expired(&self) -> bool {
        self.list == List::EndedTokens || (self.filter.expired && self.list != List::AccessTokens)
    }

    /// Whether there is nothing to filter.
    pub fn is_bare(&self) -> bool {
        self.rows.is_empty() && self.filter.is_empty() && self.pager.searched.is_none()
    }

    /// Whether it shows refresh tokens.
    pub fn is_refresh_tokens(&self) -> bool {
        self.list == List::RefreshTokens
    }

    /// Whether it shows API keys.
    pub fn is_api_keys(&self) -> bool {
        self.list == List::ApiKeys
    }

    /// Whether tokens can be filtered by status: access tokens live too short for that.
    pub fn has_status_filter(&self) -> bool {
        matches!(self.list, List::ApiKeys | List::RefreshTokens)
    }

    /// What screen readers announce when the table changes.
    pub fn announcement(&self) -> String {
        let noun = match self.list {
            List::ApiKeys => "API key",
            List::RefreshTokens => "refresh token",
            List::AccessTokens | List::EndedTokens => "access token",
        };
        match (self.is_folded, self.total) {
            (true, _) => format!("{} hidden", self.title),
            (false, Count { n: 1, capped: false }) => format!("1 {noun}"),
            (false, total) => format!("{total} {noun}s"),
        }
    }
}
