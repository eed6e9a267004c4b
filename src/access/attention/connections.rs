//! Connections that an admin must authorize, connections that fail, and connections that work with the account of somebody who is locked or archived.

use diesel::prelude::*;

use crate::access::attention::{Asked, Found, Item, LOOKED_AT, Moment, Subject};
use crate::connections::{Reason, connections_needing_attention, failing_connections};
use crate::db::DbConnection;
use crate::id::{ConnectionKey, EmployeeKey};
use crate::schema::{connections, employees};
use crate::time::{MINUTE, Timestamp};

// Shorter failures pass by themselves.
const FAILING_FOR: i64 = 5 * MINUTE;

type Row = (ConnectionKey, String, String, Option<Timestamp>, Timestamp, Option<EmployeeKey>, Option<String>);

/// Connections that need authorization: those that were authorized before, or those that never were.
pub fn needing_authorization(
    conn: &mut DbConnection,
    was_authorized: bool,
    asked: Asked,
    is_quiet: &dyn Fn(Subject) -> bool,
) -> QueryResult<Found> {
    let rows: Vec<Row> = connections_needing_attention()
        .left_join(employees::table)
        .order((connections::name_fold, connections::id))
        .limit(LOOKED_AT)
        .select((
            connections::id,
            connections::name,
            connections::reason,
            connections::needs_authorization_since,
            connections::authorized_at,
            connections::authorized_by,
            employees::name.nullable(),
        ))
        .load(conn)?;
    let is_end = (rows.len() as i64) < LOOKED_AT;
    let wanted = rows.into_iter().filter(|(_, _, _, _, authorized_at, by, _)| {
        (*authorized_at != Timestamp::NEVER_YET) == was_authorized && (asked.only.is_none() || *by == asked.only)
    });
    let item = |(id, name, reason, since, _, by, by_name): Row| Item {
        subject: Subject::Connection(id),
        name,
        label: if was_authorized { Reason::parse(&reason).words } else { String::new() },
        client: None,
        employee: by.zip(by_name),
        moment: Moment::Since(since.unwrap_or(Timestamp::NEVER_YET)),
    };
    Ok(Found::new(wanted.map(item).filter(|item| !is_quiet(item.subject)).collect(), is_end))
}

/// Connections that have been failing for five minutes, the longest first.
pub fn failing(conn: &mut DbConnection, now: Timestamp, is_quiet: &dyn Fn(Subject) -> bool) -> QueryResult<Found> {
    type Row = (ConnectionKey, String, Option<Timestamp>, Option<EmployeeKey>, Option<String>);
    let rows: Vec<Row> = failing_connections()
        .left_join(employees::table)
        .filter(connections::failing_since.le(now.plus(-FAILING_FOR)))
        .order((connections::failing_since, connections::id))
        .limit(LOOKED_AT)
        .select((
            connections::id,
            connections::name,
            connections::failing_since,
            connections::authorized_by,
            employees::name.nullable(),
        ))
        .load(conn)?;
    let is_end = (rows.len() as i64) < LOOKED_AT;
    let item = |(id, name, since, by, by_name): Row| Item {
        subject: Subject::Connection(id),
        name,
        label: String::new(),
        client: None,
        employee: by.zip(by_name),
        moment: Moment::FailingSince(since.unwrap_or(now)),
    };
    Ok(Found::new(rows.into_iter().map(item).filter(|item| !is_quiet(item.subject)).collect(), is_end))
}

/// Connections with tokens that were authorized by somebody who is locked or archived now.
pub fn of_inactive_employees(conn: &mut DbConnection, is_quiet: &dyn Fn(Subject) -> bool) -> QueryResult<Found> {
    type Row = (ConnectionKey, String, Timestamp, EmployeeKey, String);
    let rows: Vec<Row> = connections::table
        .inner_join(employees::table)
        .filter(employees::locked_at.is_not_null().or(employees::archived_at.is_not_null()))
        .filter(connections::needs_authorization_since.is_null())
        .filter(connections::paused_at.is_null())
        .order((connections::name_fold, connections::id))
        .limit(LOOKED_AT)
        .select((connections::id, connections::name, connections::authorized_at, employees::id, employees::name))
        .load(conn)?;
    let is_end = (rows.len() as i64) < LOOKED_AT;
    let item = |(id, name, authorized, by, by_name): Row| Item {
        subject: Subject::Connection(id),
        name,
        label: String::new(),
        client: None,
        employee: Some((by, by_name)),
        moment: Moment::Since(authorized),
    };
    Ok(Found::new(rows.into_iter().map(item).filter(|item| !is_quiet(item.subject)).collect(), is_end))
}
