//! The rows that a revocation covers, as typed queries. Each of them follows an index in its order, so reading or deleting
//! the first few rows costs the same however many there are.

use diesel::prelude::*;

use crate::db::{Backend, DbConnection};
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{
    access_tokens, authorization_codes, client_secrets, redirect_uris, refresh_token_values, refresh_tokens,
    token_failures,
};

type RefreshTokens = refresh_tokens::BoxedQuery<'static, Backend>;
type AccessTokens = access_tokens::BoxedQuery<'static, Backend>;

/// Whose tokens are covered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    /// A client.
    Client(ClientKey),
    /// A refresh token of a client.
    RefreshToken(ClientKey, RefreshTokenKey),
    /// The employee who authorized them.
    Employee(EmployeeKey),
}

/// Ids above `after`, up to and including `through`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub after: i64,
    pub through: i64,
}

impl Span {
    /// Every id.
    pub const ALL: Span = Span { after: 0, through: i64::MAX };

    /// Those above `id`.
    pub fn after(self, id: i64) -> Span {
        Span { after: self.after.max(id), ..self }
    }
}

/// The tokens of an owner with ids within two spans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub owner: Owner,
    pub refresh_tokens: Span,
    pub access_tokens: Span,
}

impl Rows {
    /// All tokens of an owner.
    pub fn all(owner: Owner) -> Rows {
        Rows { owner, refresh_tokens: Span::ALL, access_tokens: Span::ALL }
    }

    /// The refresh tokens.
    pub fn refresh_tokens(&self) -> RefreshTokens {
        let rows = refresh_tokens::table.into_boxed();
        let rows = match self.owner {
            Owner::Client(client) => rows.filter(refresh_tokens::client_id.eq(client)),
            Owner::RefreshToken(client, id) => {
                rows.filter(refresh_tokens::id.eq(id)).filter(refresh_tokens::client_id.eq(client))
            }
            Owner::Employee(employee) => rows.filter(refresh_tokens::employee_id.eq(employee)),
        };
        let Span { after, through } = self.refresh_tokens;
        let rows = if after > 0 { rows.filter(refresh_tokens::id.gt(after)) } else { rows };
        if through < i64::MAX { rows.filter(refresh_tokens::id.le(through)) } else { rows }
    }

    /// The access tokens and API keys.
    pub fn access_tokens(&self) -> AccessTokens {
        let rows = self.tokens_of_owner();
        let Span { after, through } = self.access_tokens;
        let rows = if after > 0 { rows.filter(access_tokens::id.gt(after)) } else { rows };
        if through < i64::MAX { rows.filter(access_tokens::id.le(through)) } else { rows }
    }

    /// The API keys, to be read in the order of their creation time and id: no other index has this order. In the order of
    /// their ids, SQLite would read all access tokens to find the keys among them.
    pub fn api_keys(&self) -> AccessTokens {
        // The sum is no column of an index, so that the index is chosen by the owner and the order.
        let id = access_tokens::id + 0_i64;
        let rows = self.tokens_of_owner().filter(access_tokens::refresh_token_id.is_null());
        let Span { after, through } = self.access_tokens;
        let rows = if after > 0 { rows.filter(id.gt(after)) } else { rows };
        if through < i64::MAX { rows.filter(id.le(through)) } else { rows }
    }

    fn tokens_of_owner(&self) -> AccessTokens {
        let rows = access_tokens::table.into_boxed();
        match self.owner {
            Owner::Client(client) => rows.filter(access_tokens::client_id.eq(client)),
            Owner::RefreshToken(client, id) => {
                rows.filter(access_tokens::refresh_token_id.eq(id)).filter(access_tokens::client_id.eq(client))
            }
            Owner::Employee(employee) => rows.filter(access_tokens::employee_id.eq(employee)),
        }
    }

    /// The ids of the first refresh tokens.
    pub fn first_refresh_tokens(&self, conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<i64>> {
        self.refresh_tokens().select(refresh_tokens::id).order(refresh_tokens::id).limit(limit).load(conn)
    }

    /// The ids of the first access tokens and API keys.
    pub fn first_access_tokens(&self, conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<i64>> {
        self.access_tokens().select(access_tokens::id).order(access_tokens::id).limit(limit).load(conn)
    }

    /// The ids of the first API keys; a refresh token has none.
    pub fn first_api_keys(&self, conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<i64>> {
        match self.owner {
            Owner::RefreshToken(..) => Ok(Vec::new()),
            _ => {
                let in_order = (access_tokens::created_at, access_tokens::id);
                self.api_keys().select(access_tokens::id).order(in_order).limit(limit).load(conn)
            }
        }
    }

    /// Authorization codes: those of a client, or those that `refresh_tokens` were issued from.
    pub fn codes(&self, conn: &mut DbConnection, refresh_tokens: &[i64], limit: i64) -> QueryResult<Vec<i64>> {
        let codes = authorization_codes::table.select(authorization_codes::id).limit(limit);
        match self.owner {
            Owner::Client(client) => codes.filter(authorization_codes::client_id.eq(client)).load(conn),
            _ => codes.filter(authorization_codes::refresh_token_id.eq_any(refresh_tokens.to_vec())).load(conn),
        }
    }

    /// Rejected token requests of a client.
    pub fn failures(&self, conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<i64>> {
        let Owner::Client(client) = self.owner else { return Ok(Vec::new()) };
        let failures = token_failures::table.filter(token_failures::client_id.eq(client));
        failures.select(token_failures::id).order(token_failures::id).limit(limit).load(conn)
    }

    /// Redirect URIs of a client.
    pub fn redirect_uris(&self, conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<i64>> {
        let Owner::Client(client) = self.owner else { return Ok(Vec::new()) };
        let uris = redirect_uris::table.filter(redirect_uris::client_id.eq(client));
        uris.select(redirect_uris::id).limit(limit).load(conn)
    }

    /// Secrets of a client.
    pub fn secrets(&self, conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<i64>> {
        let Owner::Client(client) = self.owner else { return Ok(Vec::new()) };
        let secrets = client_secrets::table.filter(client_secrets::client_id.eq(client));
        secrets.select(client_secrets::id).order(client_secrets::id).limit(limit).load(conn)
    }
}

/// Values of these refresh tokens.
pub(super) fn values_of(conn: &mut DbConnection, refresh_tokens: &[i64], limit: i64) -> QueryResult<Vec<i64>> {
    refresh_token_values::table
        .filter(refresh_token_values::refresh_token_id.eq_any(refresh_tokens.to_vec()))
        .select(refresh_token_values::id)
        .limit(limit)
        .load(conn)
}

/// Access tokens that were issued with these refresh tokens.
pub(super) fn tokens_issued_with(conn: &mut DbConnection, refresh_tokens: &[i64], limit: i64) -> QueryResult<Vec<i64>> {
    access_tokens::table
        .filter(access_tokens::refresh_token_id.eq_any(refresh_tokens.to_vec()))
        .select(access_tokens::id)
        .limit(limit)
        .load(conn)
}
