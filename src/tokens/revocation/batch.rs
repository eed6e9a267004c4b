//! One bounded part of a revocation: its size, and its deletion.
//!
//! Children are deleted before their parent, so no foreign key deletes further rows and the bound includes them.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::ClientKey;
use crate::schema::{
    access_tokens, authorization_codes, client_secrets, clients, redirect_uris, refresh_token_values, refresh_tokens,
    token_failures,
};
use crate::time::Timestamp;
use crate::tokens::revocation::rows::{Owner, Rows, tokens_issued_with, values_of};

/// How many rows a revocation deletes in its own transaction, counting what foreign keys delete with them.
pub const MAX_AT_ONCE: i64 = 50;

/// Rows that were deleted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deleted {
    pub refresh_tokens: i64,
    pub access_tokens: i64,
    pub api_keys: i64,
    /// Values, codes, failures, redirect URIs and secrets.
    pub others: i64,
}

impl Deleted {
    pub fn total(&self) -> i64 {
        self.refresh_tokens + self.access_tokens + self.api_keys + self.others
    }
}

type Read<'a> = dyn Fn(&mut DbConnection) -> QueryResult<Vec<i64>> + 'a;

/// Whether deleting these rows, with everything that belongs to them, takes more than [`MAX_AT_ONCE`] rows. Every read
/// stops one row beyond that.
pub(super) fn is_larger(conn: &mut DbConnection, rows: &Rows) -> QueryResult<bool> {
    let limit = MAX_AT_ONCE + 1;
    let grants = rows.first_refresh_tokens(conn, limit)?;
    let reads: [&Read<'_>; 6] = [
        &|conn| rows.first_access_tokens(conn, limit),
        &|conn| values_of(conn, &grants, limit),
        &|conn| rows.codes(conn, &grants, limit),
        &|conn| rows.failures(conn, limit),
        &|conn| rows.redirect_uris(conn, limit),
        &|conn| rows.secrets(conn, limit),
    ];
    let mut size = grants.len() as i64;
    for read in reads {
        if size > MAX_AT_ONCE {
            break;
        }
        size += read(conn)?.len() as i64;
    }
    Ok(size > MAX_AT_ONCE)
}

// Deletes the rows of a table with these ids; foreign keys have nothing to do.
macro_rules! delete_rows {
    ($conn:expr, $table:ident, $ids:expr) => {{
        let ids: Vec<i64> = $ids;
        match ids.is_empty() {
            true => 0,
            false => diesel::delete($table::table.filter($table::id.eq_any(ids))).execute($conn)? as i64,
        }
    }};
}

/// Deletes at most `room` of the rows. Fewer were deleted only if none are left.
pub(super) fn delete_some(conn: &mut DbConnection, rows: &Rows, room: i64) -> QueryResult<Deleted> {
    let mut deleted = Deleted::default();
    let keys = rows.first_api_keys(conn, room)?;
    deleted.api_keys = delete_tokens(conn, rows, keys)?;
    let left = room - deleted.total();
    if left > 0 {
        let tokens = rows.first_access_tokens(conn, left)?;
        deleted.access_tokens = delete_tokens(conn, rows, tokens)?;
    }
    delete_grants(conn, rows, room, &mut deleted)?;
    if let Owner::Client(_) = rows.owner {
        delete_registration(conn, rows, room, &mut deleted)?;
    }
    Ok(deleted)
}

// What belongs to the first refresh tokens goes before them. The room left only gets smaller, so when the refresh tokens
// themselves have their turn, nothing is left of those that still fit.
fn delete_grants(conn: &mut DbConnection, rows: &Rows, room: i64, deleted: &mut Deleted) -> QueryResult<()> {
    let left = |deleted: &Deleted| room - deleted.total();
    if left(deleted) == 0 {
        return Ok(());
    }
    let mut grants = rows.first_refresh_tokens(conn, left(deleted))?;
    if matches!(rows.owner, Owner::Employee(_)) && !grants.is_empty() {
        // A refresh that ran at the moment of the revocation issued access tokens with higher ids.
        let tokens = tokens_issued_with(conn, &grants, left(deleted))?;
        deleted.access_tokens += delete_tokens(conn, rows, tokens)?;
    }
    if left(deleted) > 0 && !grants.is_empty() {
        let values = values_of(conn, &grants, left(deleted))?;
        deleted.others += delete_rows!(conn, refresh_token_values, values);
    }
    if left(deleted) > 0 {
        let codes = rows.codes(conn, &grants, left(deleted))?;
        deleted.others += delete_rows!(conn, authorization_codes, codes);
    }
    grants.truncate(left(deleted).max(0) as usize);
    if !grants.is_empty() {
        let own = refresh_tokens::table.filter(refresh_tokens::id.eq_any(grants.clone()));
        recount_clients(conn, rows, |conn| own.select(refresh_tokens::client_id).load(conn))?;
    }
    deleted.refresh_tokens = delete_rows!(conn, refresh_tokens, grants);
    Ok(())
}

fn delete_registration(conn: &mut DbConnection, rows: &Rows, room: i64, deleted: &mut Deleted) -> QueryResult<()> {
    let left = |deleted: &Deleted| room - deleted.total();
    if left(deleted) > 0 {
        let failures = rows.failures(conn, left(deleted))?;
        deleted.others += delete_rows!(conn, token_failures, failures);
    }
    if left(deleted) > 0 {
        let uris = rows.redirect_uris(conn, left(deleted))?;
        deleted.others += delete_rows!(conn, redirect_uris, uris);
    }
    if left(deleted) > 0 {
        let secrets = rows.secrets(conn, left(deleted))?;
        deleted.others += delete_rows!(conn, client_secrets, secrets);
    }
    Ok(())
}

fn delete_tokens(conn: &mut DbConnection, rows: &Rows, ids: Vec<i64>) -> QueryResult<i64> {
    if ids.is_empty() {
        return Ok(0);
    }
    let tokens = access_tokens::table.filter(access_tokens::id.eq_any(ids.clone()));
    recount_clients(conn, rows, |conn| tokens.select(access_tokens::client_id).load(conn))?;
    Ok(delete_rows!(conn, access_tokens, ids))
}

// The counts in the client list change with the tokens of an employee. A client that is deleted needs none, and a single
// refresh token's client is marked once, by the revocation.
fn recount_clients(
    conn: &mut DbConnection,
    rows: &Rows,
    clients_of: impl FnOnce(&mut DbConnection) -> QueryResult<Vec<ClientKey>>,
) -> QueryResult<()> {
    if !matches!(rows.owner, Owner::Employee(_)) {
        return Ok(());
    }
    let mut ids = clients_of(conn)?;
    ids.sort_unstable();
    ids.dedup();
    let counted = clients::table.filter(clients::id.eq_any(ids)).filter(clients::counted_at.gt(Timestamp(0)));
    diesel::update(counted).set(clients::counted_at.eq(Timestamp(0))).execute(conn).map(drop)
}
