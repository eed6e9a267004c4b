//! A request for a page of a token list, and the page.

use crate::db::keyset::{Count, Cursor, Place, Slice};
use crate::time::Timestamp;
use crate::tokens::listing::index_read::{IndexRead, Key};
use crate::tokens::listing::row::{ListedToken, SortBy};
use crate::tokens::listing::{TokenFilter, Within};

/// Which tokens are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// API keys; expired ones until they are deleted.
    ApiKeys,
    /// Refresh tokens; expired ones until they are deleted.
    RefreshTokens,
    /// Valid access tokens, without API keys.
    AccessTokens,
    /// The expired access tokens of a refresh token.
    EndedTokens,
}

/// How much is read for one page.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A list with at most this many rows is read as a whole.
    pub gathered: i64,
    /// At most this many rows are searched for one page.
    pub searched: i64,
    /// Counts are exact up to this number.
    pub counted: i64,
    /// If at most this many employees match a filter, their tokens are read by employee.
    pub employees: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { gathered: 1_000, searched: 5_000, counted: 1_000, employees: 20 }
    }
}

/// A request for a page.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The list.
    pub list: List,
    /// What its tokens belong to.
    pub within: Within,
    /// The filter. Access tokens are always valid, ended tokens always expired.
    pub filter: &'a TokenFilter,
    /// The sort order. A long list without an index for it is sorted by creation.
    pub sort: SortBy,
    /// Whether the largest value is first.
    pub descending: bool,
    /// Where the page is.
    pub cursor: Cursor,
    /// Rows on a page.
    pub page: usize,
    /// The time: tokens that expire later are valid.
    pub now: Timestamp,
    /// How much is read.
    pub limits: Limits,
}

/// A page, and counts for the text around it.
#[derive(Debug)]
pub struct TokenPage {
    /// The rows on the page.
    pub rows: Slice<ListedToken>,
    /// How many tokens match the filter.
    pub total: Count,
    /// How many valid tokens the list has without filters.
    pub valid: Count,
    /// How many expired tokens it has without filters.
    pub expired: Count,
    /// What the list is sorted by.
    pub sort: SortBy,
    /// Whether the largest value is first.
    pub descending: bool,
    /// Where the search stopped, if the page is not full and there may be more: the next page continues there.
    pub stopped: Option<Place>,
}

impl Request<'_> {
    pub(super) fn expired(&self) -> bool {
        match self.list {
            List::ApiKeys | List::RefreshTokens => self.filter.expired,
            List::AccessTokens => false,
            List::EndedTokens => true,
        }
    }

    pub(super) fn key(&self) -> Key {
        match self.within {
            Within::Client(client) => Key::Client(client),
            Within::RefreshToken(client, id) => Key::RefreshToken(client, id),
            Within::Employee(employee) => Key::Employee(employee),
        }
    }

    pub(super) fn is_indexed_by_time(&self) -> bool {
        matches!((self.list, self.within), (List::ApiKeys | List::RefreshTokens, Within::Client(_)))
    }

    /// The order in which a list that cannot be read as a whole is sorted.
    pub(super) fn indexed_order(&self) -> (SortBy, bool) {
        match self.list {
            List::EndedTokens => (SortBy::Expires, self.descending || self.sort != SortBy::Expires),
            _ if self.is_indexed_by_time() || self.sort == SortBy::Created => (self.sort, self.descending),
            _ => (SortBy::Created, true),
        }
    }

    pub(super) fn side(&self, read: IndexRead, expired: bool) -> IndexRead {
        match expired {
            true => IndexRead { to: Some(self.now.0), ..read },
            false => IndexRead { from: Some(self.now.0 + 1), ..read },
        }
    }

    /// A page of a list that was read as a whole.
    pub(super) fn whole(&self, mut rows: Vec<ListedToken>, (valid, expired): (Count, Count)) -> TokenPage {
        let total = Count { n: rows.len() as i64, capped: false };
        let down = self.descending != self.cursor.is_backward();
        let key = |row: &ListedToken| {
            let Place { value, id } = row.place(self.sort);
            (value, id)
        };
        rows.sort_unstable_by_key(key);
        if down {
            rows.reverse();
        }
        if let Some(Place { value, id }) = self.cursor.place() {
            let is_by_id = self.sort == SortBy::Created && self.list != List::ApiKeys;
            let value = if is_by_id { id } else { value };
            rows.retain(|row| if down { key(row) < (value, id) } else { key(row) > (value, id) });
        }
        rows.truncate(self.page + 1);
        let rows = Slice::from_scan(rows, self.cursor, self.page);
        TokenPage { rows, total, valid, expired, sort: self.sort, descending: self.descending, stopped: None }
    }
}
