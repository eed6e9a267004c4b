//! Clients that are pending approval, and client secrets that are old.

use diesel::prelude::*;

use crate::access::attention::{Found, Item, LOOKED_AT, Moment, Subject};
use crate::db::DbConnection;
use crate::db::index_order::in_index_order;
use crate::id::{ClientKey, ClientSecretKey};
use crate::schema::{client_secrets, clients};
use crate::time::{DAY, Timestamp};

// A secret that was created this many days ago, or earlier, is old.
const OLD_DAYS: i64 = 365;

/// Clients that are pending approval, newest first.
pub fn pending(conn: &mut DbConnection, is_quiet: &dyn Fn(Subject) -> bool) -> QueryResult<Found> {
    let rows: Vec<(ClientKey, String, String, Timestamp)> = clients::table
        .filter(clients::approved_at.is_null())
        .filter(clients::revoked_at.is_null())
        .filter(clients::suspended_at.is_null())
        .order(clients::id.desc())
        .limit(LOOKED_AT)
        .select((clients::id, clients::name, clients::website, clients::created_at))
        .load(conn)?;
    let is_end = (rows.len() as i64) < LOOKED_AT;
    let item = |(id, name, website, created): (ClientKey, String, String, Timestamp)| Item {
        subject: Subject::Client(id),
        name,
        label: website,
        client: None,
        employee: None,
        moment: Moment::Created(created),
    };
    Ok(Found::new(rows.into_iter().map(item).filter(|item| !is_quiet(item.subject)).collect(), is_end))
}

/// Current secrets of active clients that are at least a year old, oldest first.
pub fn with_old_secrets(
    conn: &mut DbConnection,
    now: Timestamp,
    is_quiet: &dyn Fn(Subject) -> bool,
) -> QueryResult<Found> {
    type Row = (ClientSecretKey, Timestamp, Timestamp, ClientKey, String, Option<Timestamp>, Option<Timestamp>);
    let rows: Vec<Row> = in_index_order(conn, |conn| {
        client_secrets::table
            .inner_join(clients::table)
            .filter(client_secrets::created_at.le(now.plus(-OLD_DAYS * DAY)))
            .order((client_secrets::created_at, client_secrets::id))
            .limit(LOOKED_AT)
            .select((
                client_secrets::id,
                client_secrets::created_at,
                client_secrets::expires_at,
                clients::id,
                clients::name,
                clients::approved_at,
                clients::suspended_at,
            ))
            .load(conn)
    })?;
    let is_end = (rows.len() as i64) < LOOKED_AT;
    let current = rows.into_iter().filter(|(_, _, expires, _, _, approved, suspended)| {
        *expires == Timestamp::NO_END && approved.is_some() && suspended.is_none()
    });
    let item = |(id, created, _, client, name, _, _): Row| Item {
        subject: Subject::ClientSecret(client, id),
        name,
        label: String::new(),
        client: None,
        employee: None,
        moment: Moment::Created(created),
    };
    Ok(Found::new(current.map(item).filter(|item| !is_quiet(item.subject)).collect(), is_end))
}
