//! What a check of a token reads of it, its client and its employee: only the columns that every request needs.

use diesel::prelude::*;

use crate::clients::Rates;
use crate::id::{AccessTokenKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{access_tokens, clients, employees};
use crate::scopes::{Role, Scope};
use crate::secrets::TokenHash;
use crate::time::Timestamp;

/// An access token or API key.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = access_tokens)]
pub struct Token {
    /// Its id.
    pub id: AccessTokenKey,
    /// The refresh token it was issued with; `None` for an API key.
    pub refresh_token_id: Option<RefreshTokenKey>,
    /// What it may access.
    pub scope: Scope,
    /// The generation of the refresh token it was issued with.
    pub generation: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used, as stored, or 0.
    pub last_used_at: Timestamp,
    /// When it expires; of the previous value of an API key, when that value does.
    pub expires_at: Timestamp,
    pub(super) previous_hash: Option<TokenHash>,
    pub(super) previous_expires_at: Timestamp,
}

impl Token {
    /// Whether it is an API key.
    pub fn is_api_key(&self) -> bool {
        self.refresh_token_id.is_none()
    }
}

/// The client a token belongs to.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = clients)]
pub struct TokenClient {
    /// Its id in the database.
    pub id: ClientKey,
    /// Its `client_id`.
    pub client_id: String,
    pub(super) approved_at: Option<Timestamp>,
    pub(super) suspended_at: Option<Timestamp>,
    pub(super) revoked_at: Option<Timestamp>,
    /// Its rate limits; read with every token, so that a change takes effect on every node at once.
    #[diesel(embed)]
    pub rates: Rates,
}

impl TokenClient {
    pub(super) fn may_act(&self) -> bool {
        self.approved_at.is_some() && self.suspended_at.is_none() && self.revoked_at.is_none()
    }
}

/// The employee a token acts for.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = employees)]
pub struct TokenEmployee {
    /// Their id.
    pub id: EmployeeKey,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// Their current role.
    pub role: Role,
    pub(super) locked_at: Option<Timestamp>,
    pub(super) archived_at: Option<Timestamp>,
    pub(super) revoked_refresh_tokens_through: i64,
    pub(super) revoked_access_tokens_through: i64,
}

impl TokenEmployee {
    // False when the employee is locked or archived, or when an admin revoked all their access after the token was issued.
    pub(super) fn allows(&self, token: &Token) -> bool {
        self.locked_at.is_none()
            && self.archived_at.is_none()
            && token.id.0 > self.revoked_access_tokens_through
            && token.refresh_token_id.is_none_or(|id| id.0 > self.revoked_refresh_tokens_through)
    }
}
