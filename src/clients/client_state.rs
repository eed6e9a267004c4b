//! What admins decide about a client: approve, suspend and resume it, and mark it as Lightspeed Approved. Each act writes
//! its activity entry in the same transaction.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::clients::client::Client;
use crate::clients::find_client::find_for_update;
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::ClientKey;
use crate::schema::clients;
use crate::time::Timestamp;

/// The outcome of an act.
#[derive(Debug)]
pub struct StateChange {
    /// The client as it was before.
    pub client: Client,
    /// Whether the act changed anything; false when the client was in that state already.
    pub changed: bool,
}

/// An admin and their IP address.
type By<'a> = (&'a Actor, &'a str);

/// Approves a pending client.
pub fn approve(conn: &mut DbConnection, id: ClientKey, by: By<'_>, now: Timestamp) -> Result<StateChange> {
    let client = find_for_update(conn, id)?;
    let pending = clients::table.find(id).filter(clients::approved_at.is_null());
    let change = (clients::approved_at.eq(Some(now)), clients::approved_by.eq(by.0.name()));
    let changed = diesel::update(pending).set(change).execute(conn)? == 1;
    if !changed {
        // On PostgreSQL the update may have waited for another admin who rejected the client.
        find_for_update(conn, id)?;
    }
    record(conn, Kind::ClientApproved, StateChange { client, changed }, by, now)
}

/// Suspends a client: its tokens stop working until it is resumed. The reason may be empty.
pub fn suspend(
    conn: &mut DbConnection,
    id: ClientKey,
    reason: &str,
    by: By<'_>,
    now: Timestamp,
) -> Result<StateChange> {
    let client = find_for_update(conn, id)?;
    let changed = Client::set_suspended(conn, id, Some(now), by.0.name())?;
    if changed {
        diesel::update(clients::table.find(id)).set(clients::suspended_reason.eq(reason)).execute(conn)?;
        let entry = NewActivity::new(Kind::ClientSuspended, by.0.clone(), client.subject()).from(by.1);
        entry.with(Detail::note(reason)).record(conn, now)?;
    }
    Ok(StateChange { client, changed })
}

/// Resumes a suspended client.
pub fn resume(conn: &mut DbConnection, id: ClientKey, by: By<'_>, now: Timestamp) -> Result<StateChange> {
    let client = find_for_update(conn, id)?;
    let changed = Client::set_suspended(conn, id, None, "")?;
    record(conn, Kind::ClientResumed, StateChange { client, changed }, by, now)
}

/// Marks a client as Lightspeed Approved.
pub fn mark_lightspeed_approved(
    conn: &mut DbConnection,
    id: ClientKey,
    by: By<'_>,
    now: Timestamp,
) -> Result<StateChange> {
    let client = find_for_update(conn, id)?;
    let changed = set_lightspeed_approved(conn, id, Some(now), by.0.name())?;
    record(conn, Kind::ClientLightspeedApproved, StateChange { client, changed }, by, now)
}

/// Removes the Lightspeed Approved badge from a client.
pub fn remove_lightspeed_approved(
    conn: &mut DbConnection,
    id: ClientKey,
    by: By<'_>,
    now: Timestamp,
) -> Result<StateChange> {
    let client = find_for_update(conn, id)?;
    let changed = set_lightspeed_approved(conn, id, None, "")?;
    record(conn, Kind::ClientLightspeedApprovedWithdrawn, StateChange { client, changed }, by, now)
}

fn record(
    conn: &mut DbConnection,
    kind: Kind,
    change: StateChange,
    (actor, client_ip): By<'_>,
    now: Timestamp,
) -> Result<StateChange> {
    if change.changed {
        NewActivity::new(kind, actor.clone(), change.client.subject()).from(client_ip).record(conn, now)?;
    }
    Ok(change)
}

impl Client {
    /// Sets or clears the moment of suspension, without a reason; false when the client was in that state already.
    pub fn set_suspended(conn: &mut DbConnection, id: ClientKey, at: Option<Timestamp>, by: &str) -> QueryResult<bool> {
        let row = clients::table.find(id);
        let change = (clients::suspended_at.eq(at), clients::suspended_by.eq(by), clients::suspended_reason.eq(""));
        let changed = match at {
            Some(_) => diesel::update(row.filter(clients::suspended_at.is_null())).set(change).execute(conn),
            None => diesel::update(row.filter(clients::suspended_at.is_not_null())).set(change).execute(conn),
        };
        changed.map(|n| n == 1)
    }
}

fn set_lightspeed_approved(
    conn: &mut DbConnection,
    id: ClientKey,
    at: Option<Timestamp>,
    by: &str,
) -> QueryResult<bool> {
    let (row, change) =
        (clients::table.find(id), (clients::lightspeed_approved_at.eq(at), clients::lightspeed_approved_by.eq(by)));
    let changed = match at {
        Some(_) => diesel::update(row.filter(clients::lightspeed_approved_at.is_null())).set(change).execute(conn),
        None => diesel::update(row.filter(clients::lightspeed_approved_at.is_not_null())).set(change).execute(conn),
    };
    changed.map(|n| n == 1)
}
