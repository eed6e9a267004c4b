//! One bounded part of a revocation: its size, and its deletion.
//!
//! Children are deleted before their parent, so no foreign key deletes further rows and the bound includes them.

use diesel::prelude::*;

use crate::db::index_order::in_index_order;
use crate::db::{DbConnection, tally};
use crate::id::ClientKey;
use crate::metrics::Act;
use crate::schema::{
    access_tokens, authorization_codes, client_secrets, redirect_uris, refresh_token_values, refresh_tokens,
    token_failures,
};
use crate::tokens::client_counters;
use crate::tokens::revocation::rows::{Owner, Rows, tokens_issued_with, values_of};

/// How many rows a revocation deletes in its own transaction, counting what foreign keys delete with them.
pub const MAX_AT_ONCE: i64 = 50;

/// Rows that were deleted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deleted {
    /// Refresh tokens.
    pub refresh_tokens: i64,
    /// Access tokens.
    pub access_tokens: i64,
    /// API keys.
    pub api_keys: i64,
    /// Values, codes, failures, redirect URIs and secrets.
    pub others: i64,
}

impl Deleted {
    /// All of them.
    pub fn total(&self) -> i64 {
        self.refresh_tokens + self.access_tokens + self.api_keys + self.others
    }
}

type Read<'a> = dyn Fn(&mut DbConnection) -> QueryResult<Vec<i64>> + 'a;

/// Whether deleting these rows, with everything that belongs to them, takes more than [`MAX_AT_ONCE`] rows. Every read
/// stops one row beyond that.
pub(super) fn is_larger(conn: &mut DbConnection, rows: &Rows) -> QueryResult<bool> {
    in_index_order(conn, |conn| size_exceeds(conn, rows, MAX_AT_ONCE))
}

fn size_exceeds(conn: &mut DbConnection, rows: &Rows, most: i64) -> QueryResult<bool> {
    let limit = most + 1;
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
        if size > most {
            break;
        }
        size += read(conn)?.len() as i64;
    }
    Ok(size > most)
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

/// What one step deleted.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// The rows.
    pub deleted: Deleted,
    /// Whether no row is left.
    pub is_last: bool,
}

// How many more rows a step may delete. The rows that it reads are counted, not those that it deletes: on PostgreSQL another
// job may delete some of them first, and then fewer are deleted although more are left.
struct Room(i64);

impl Room {
    // Reads no more rows than there is room for. After a read that found that many, there is no room for any other.
    fn read(&mut self, read: impl FnOnce(i64) -> QueryResult<Vec<i64>>) -> QueryResult<Vec<i64>> {
        if self.0 <= 0 {
            return Ok(Vec::new());
        }
        let ids = read(self.0)?;
        self.0 -= ids.len() as i64;
        Ok(ids)
    }
}

/// Deletes at most `room` of the rows.
pub(super) fn delete_some(conn: &mut DbConnection, rows: &Rows, room: i64) -> QueryResult<Batch> {
    let batch = in_index_order(conn, |conn| delete_first(conn, rows, room))?;
    tally(conn, Act::RefreshTokenRevoked, batch.deleted.refresh_tokens);
    tally(conn, Act::AccessTokenRevoked, batch.deleted.access_tokens);
    tally(conn, Act::ApiKeyRevoked, batch.deleted.api_keys);
    Ok(batch)
}

fn delete_first(conn: &mut DbConnection, rows: &Rows, room: i64) -> QueryResult<Batch> {
    let (mut room, mut deleted) = (Room(room), Deleted::default());
    let keys = room.read(|limit| rows.first_api_keys(conn, limit))?;
    deleted.api_keys = delete_tokens(conn, rows, keys)?;
    let tokens = room.read(|limit| rows.first_access_tokens(conn, limit))?;
    deleted.access_tokens = delete_tokens(conn, rows, tokens)?;
    delete_grants(conn, rows, &mut room, &mut deleted)?;
    if let Owner::Client(_) = rows.owner {
        delete_registration(conn, rows, &mut room, &mut deleted)?;
    }
    // There is room left only if every read found fewer rows than it might have.
    Ok(Batch { deleted, is_last: room.0 > 0 })
}

// What belongs to the first refresh tokens goes before them. The room left only gets smaller, so when the refresh tokens
// themselves have their turn, nothing is left of those that still fit.
fn delete_grants(conn: &mut DbConnection, rows: &Rows, room: &mut Room, deleted: &mut Deleted) -> QueryResult<()> {
    if room.0 <= 0 {
        return Ok(());
    }
    let mut grants = rows.first_refresh_tokens(conn, room.0)?;
    if !grants.is_empty() {
        // A refresh that ran at the moment of the revocation issued access tokens with higher ids.
        let tokens = room.read(|limit| tokens_issued_with(conn, &grants, limit))?;
        deleted.access_tokens += delete_tokens(conn, rows, tokens)?;
        let values = room.read(|limit| values_of(conn, &grants, limit))?;
        deleted.others += delete_rows!(conn, refresh_token_values, values);
    }
    let codes = room.read(|limit| rows.codes(conn, &grants, limit))?;
    deleted.others += delete_rows!(conn, authorization_codes, codes);
    let grants = room.read(|limit| {
        grants.truncate(limit as usize);
        Ok(grants)
    })?;
    if !grants.is_empty() {
        let own = refresh_tokens::table.filter(refresh_tokens::id.eq_any(grants.clone()));
        recount_clients(conn, rows, |conn| own.select(refresh_tokens::client_id).load(conn))?;
    }
    deleted.refresh_tokens = delete_rows!(conn, refresh_tokens, grants);
    Ok(())
}

fn delete_registration(
    conn: &mut DbConnection,
    rows: &Rows,
    room: &mut Room,
    deleted: &mut Deleted,
) -> QueryResult<()> {
    let failures = room.read(|limit| rows.failures(conn, limit))?;
    deleted.others += delete_rows!(conn, token_failures, failures);
    let uris = room.read(|limit| rows.redirect_uris(conn, limit))?;
    deleted.others += delete_rows!(conn, redirect_uris, uris);
    let secrets = room.read(|limit| rows.secrets(conn, limit))?;
    deleted.others += delete_rows!(conn, client_secrets, secrets);
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

// The counts in the client list change with the tokens of an employee or a bulk revocation. A client that is deleted needs none, and a single
// refresh token's client is marked once, by the revocation.
fn recount_clients(
    conn: &mut DbConnection,
    rows: &Rows,
    clients_of: impl FnOnce(&mut DbConnection) -> QueryResult<Vec<ClientKey>>,
) -> QueryResult<()> {
    if !matches!(rows.owner, Owner::Employee(_) | Owner::Bulk(_)) {
        return Ok(());
    }
    let mut ids = clients_of(conn)?;
    ids.sort_unstable();
    ids.dedup();
    client_counters::recount_all(conn, &ids).map(drop)
}
