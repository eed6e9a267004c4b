//! Access tokens and API keys: what a client sends to access the shop's data.

use std::net::IpAddr;

use diesel::prelude::*;

use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::id::{AccessTokenKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::network;
use crate::schema::access_tokens;
use crate::scopes::Scope;
use crate::secrets::{Mask, TokenHash};
use crate::time::Timestamp;
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::status::TokenDates;

/// An access token, or an API key.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = access_tokens, belongs_to(Client), belongs_to(Employee), belongs_to(RefreshToken))]
pub struct AccessToken {
    /// Its id.
    pub id: AccessTokenKey,
    /// The client it belongs to.
    pub client_id: ClientKey,
    /// The employee it acts for.
    pub employee_id: EmployeeKey,
    /// The refresh token it was issued with; `None` for an API key.
    pub refresh_token_id: Option<RefreshTokenKey>,
    /// The first characters, which pages show.
    #[diesel(column_name = prefix)]
    pub mask: Mask,
    /// What it may access.
    pub scope: Scope,
    /// What an API key is for, as an admin wrote it; empty for access tokens.
    pub label: String,
    /// The generation of the refresh token it was issued with; of an API key, how often its value was replaced.
    pub generation: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used, or 0.
    pub last_used_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    previous_hash: Option<TokenHash>,
    /// When the previous value of an API key stops working, or stopped; 0 if there is none.
    pub previous_expires_at: Timestamp,
    /// When the current value of an API key was created; 0 if it is the first.
    pub rotated_at: Timestamp,
    /// The IP address it was last used from; empty if it is not known.
    pub last_used_address: String,
}

impl AccessToken {
    /// Finds a token of this client by id.
    pub fn find(conn: &mut DbConnection, client: ClientKey, id: AccessTokenKey) -> QueryResult<AccessToken> {
        let row = access_tokens::table.find(id).filter(access_tokens::client_id.eq(client));
        row.select(AccessToken::as_select()).first(conn)
    }

    /// Whether a token with this id exists, for any client.
    pub fn exists(conn: &mut DbConnection, id: AccessTokenKey) -> QueryResult<bool> {
        diesel::select(diesel::dsl::exists(access_tokens::table.find(id))).get_result(conn)
    }

    /// Finds a token by the hash of its value, or an API key by that of its previous value.
    pub fn find_by_value(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<AccessToken>> {
        access_tokens::table
            .filter(access_tokens::hash.eq(hash).or(access_tokens::previous_hash.eq(hash)))
            .select(AccessToken::as_select())
            .first(conn)
            .optional()
    }

    /// Deletes a token; `false` when it no longer exists.
    pub fn delete(conn: &mut DbConnection, id: AccessTokenKey) -> QueryResult<bool> {
        diesel::delete(access_tokens::table.find(id)).execute(conn).map(|n| n == 1)
    }

    /// Stores when a token was last used, and from where.
    pub fn touch(
        conn: &mut DbConnection,
        id: AccessTokenKey,
        at: Timestamp,
        from: Option<IpAddr>,
    ) -> QueryResult<usize> {
        let older = access_tokens::table.find(id).filter(access_tokens::last_used_at.lt(at));
        let change = (access_tokens::last_used_at.eq(at), access_tokens::last_used_address.eq(network::stored(from)));
        diesel::update(older).set(change).execute(conn)
    }

    /// Whether this is the hash of the value before the current one.
    pub fn is_previous(&self, hash: &TokenHash) -> bool {
        self.previous_hash.as_ref() == Some(hash)
    }

    /// Whether the previous value still works at `now`.
    pub fn has_two_values(&self, now: Timestamp) -> bool {
        self.previous_hash.is_some() && self.previous_expires_at > now
    }

    /// Whether it is an API key.
    pub fn is_api_key(&self) -> bool {
        self.refresh_token_id.is_none()
    }

    /// The name of its type, as Lightspeed writes it.
    pub fn type_name(&self) -> &'static str {
        if self.is_api_key() { "API Key" } else { "Access Token" }
    }

    /// The name of its type within a sentence.
    pub fn type_noun(&self) -> &'static str {
        if self.is_api_key() { "API key" } else { "access token" }
    }

    /// The dates its status depends on.
    pub fn dates(&self) -> TokenDates {
        TokenDates { created_at: self.created_at, last_used_at: self.last_used_at, expires_at: self.expires_at }
    }
}
