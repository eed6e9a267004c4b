//! A row of a token list, and its place in a sort order.

use crate::db::keyset::Place;
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::scopes::Scope;
use crate::secrets::Mask;
use crate::time::Timestamp;
use crate::tokens::status::TokenDates;

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// When the token was created: ids ascend with it.
    Created,
    /// When it was last used.
    LastUsed,
    /// When it expires.
    Expires,
}

/// A token of any list.
#[derive(Clone, Debug)]
pub struct ListedToken {
    /// The id in its table; an expired access token keeps the id it had.
    pub id: i64,
    /// The client it belongs to.
    pub client: ClientKey,
    /// The employee it acts for.
    pub employee: EmployeeKey,
    /// The refresh token it was issued with, or its own id if it is one; `None` for an API key.
    pub refresh_token: Option<RefreshTokenKey>,
    /// The first seven characters.
    pub mask: Mask,
    /// The label of an API key; otherwise empty.
    pub label: String,
    /// The scope; empty for an expired access token, whose scope is no longer stored.
    pub scope: Scope,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used, or 0.
    pub last_used_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl ListedToken {
    /// The dates its status depends on.
    pub fn dates(&self) -> TokenDates {
        TokenDates { created_at: self.created_at, last_used_at: self.last_used_at, expires_at: self.expires_at }
    }

    /// Its place in a list that is sorted by `sort`.
    pub fn place(&self, sort: SortBy) -> Place {
        let value = match sort {
            // API keys have an index by time: by id, SQLite would read access tokens too.
            SortBy::Created if self.refresh_token.is_none() => self.created_at.0,
            SortBy::Created => self.id,
            SortBy::LastUsed => self.last_used_at.0,
            SortBy::Expires => self.expires_at.0,
        };
        Place { value, id: self.id }
    }
}
