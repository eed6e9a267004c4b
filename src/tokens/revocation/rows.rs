//! The rows that a revocation covers, as typed queries. Each of them follows an index in its order, so reading or deleting
//! the first few rows costs the same however many there are.

use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::db::index_order::{InOrder, RowIs, needs_row_ranges};
use crate::db::{Backend, DbConnection};
use crate::id::{BulkRevocationKey, ClientKey, EmployeeKey, RefreshTokenKey};
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
    /// A bulk revocation that marked the refresh tokens.
    Bulk(BulkRevocationKey),
}

/// Which end of an index is read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Oldest,
    Newest,
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

macro_rules! between {
    ($table:ident, $rows:expr, $span:expr) => {{
        let (rows, (after, through)) = ($rows, $span);
        let rows = if after > 0 { rows.filter($table::id.gt(after)) } else { rows };
        if through < i64::MAX { rows.filter($table::id.le(through)) } else { rows }
    }};
}

impl Rows {
    /// All tokens of an owner.
    pub fn all(owner: Owner) -> Rows {
        Rows { owner, refresh_tokens: Span::ALL, access_tokens: Span::ALL }
    }

    /// The refresh tokens, by id.
    pub fn refresh_tokens(&self, conn: &DbConnection, first: First) -> RefreshTokens {
        let rows = refresh_tokens::table.into_boxed();
        let in_order = |columns| InOrder { columns, descending: first == First::Newest };
        let Span { after, through } = self.refresh_tokens;
        match self.owner {
            Owner::RefreshToken(client, id) => {
                let one = rows.filter(refresh_tokens::id.eq(id)).filter(refresh_tokens::client_id.eq(client));
                one.filter(refresh_tokens::id.gt(after))
                    .filter(refresh_tokens::id.le(through))
                    .order(in_order(vec!["id"]))
            }
            Owner::Client(_) | Owner::Employee(_) if needs_row_ranges(conn) => {
                let (low, high) = self.range(self.refresh_tokens);
                rows.filter(low).filter(high).order(in_order(self.columns()))
            }
            Owner::Bulk(_) if needs_row_ranges(conn) => {
                let (low, high) = self.range(self.refresh_tokens);
                // PostgreSQL does not conclude this from a row range, and needs it to use the index.
                let marked = rows.filter(refresh_tokens::bulk_revocation_id.is_not_null());
                marked.filter(low).filter(high).order(in_order(self.columns()))
            }
            Owner::Bulk(bulk) => {
                between!(refresh_tokens, rows.filter(refresh_tokens::bulk_revocation_id.eq(bulk.0)), (after, through))
                    .order(in_order(self.columns()))
            }
            Owner::Client(client) => {
                between!(refresh_tokens, rows.filter(refresh_tokens::client_id.eq(client)), (after, through))
                    .order(in_order(self.columns()))
            }
            Owner::Employee(employee) => {
                between!(refresh_tokens, rows.filter(refresh_tokens::employee_id.eq(employee)), (after, through))
                    .order(in_order(self.columns()))
            }
        }
    }

    /// The access tokens and API keys, by id.
    pub fn access_tokens(&self, conn: &DbConnection, first: First) -> AccessTokens {
        let in_order = InOrder { columns: self.columns(), descending: first == First::Newest };
        if needs_row_ranges(conn) {
            let (low, high) = self.range(self.access_tokens);
            let rows = access_tokens::table.filter(low).filter(high).order(in_order).into_boxed();
            // PostgreSQL does not conclude this from a row range, and needs it to use the index.
            return match self.owner {
                Owner::RefreshToken(..) => rows.filter(access_tokens::refresh_token_id.is_not_null()),
                _ => rows,
            };
        }
        let Span { after, through } = self.access_tokens;
        between!(access_tokens, self.tokens_of_owner(), (after, through)).order(in_order)
    }

    // The columns of the index of the owner's tokens.
    fn columns(&self) -> Vec<&'static str> {
        match self.owner {
            Owner::Client(_) => vec!["client_id", "id"],
            Owner::RefreshToken(..) => vec!["refresh_token_id", "client_id", "id"],
            Owner::Employee(_) => vec!["employee_id", "id"],
            Owner::Bulk(_) => vec!["bulk_revocation_id", "id"],
        }
    }

    // The part of that index with ids within the span.
    fn range(&self, Span { after, through }: Span) -> (RowIs, RowIs) {
        let row = |id| match self.owner {
            Owner::Client(client) => vec![client.0, id],
            Owner::RefreshToken(client, refresh_token) => vec![refresh_token.0, client.0, id],
            Owner::Employee(employee) => vec![employee.0, id],
            Owner::Bulk(bulk) => vec![bulk.0, id],
        };
        let is = |operator, values| RowIs { columns: self.columns(), operator, values };
        (is(">=", row(after.saturating_add(1))), is("<=", row(through)))
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
            // They are found by their refresh tokens.
            Owner::Bulk(_) => rows.filter(false.into_sql::<Bool>()),
        }
    }

    /// The ids of the first refresh tokens.
    pub fn first_refresh_tokens(&self, conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<i64>> {
        self.refresh_tokens(conn, First::Oldest).select(refresh_tokens::id).limit(limit).load(conn)
    }

    /// The ids of the first access tokens and API keys; those of a bulk revocation are found by their refresh tokens.
    pub fn first_access_tokens(&self, conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<i64>> {
        if let Owner::Bulk(_) = self.owner {
            return Ok(Vec::new());
        }
        self.access_tokens(conn, First::Oldest).select(access_tokens::id).limit(limit).load(conn)
    }

    /// The ids of the first API keys; a refresh token has none, and a bulk revocation deletes them itself.
    pub fn first_api_keys(&self, conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<i64>> {
        match self.owner {
            Owner::RefreshToken(..) | Owner::Bulk(_) => Ok(Vec::new()),
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
