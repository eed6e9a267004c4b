//! Incidents: one notice when a connection stops working, and one when it works again.

use diesel::prelude::*;

use crate::connections::connection::Connection;
use crate::connections::event::{ConnectionEvent, EventKind};
use crate::connections::page_path;
use crate::db::DbConnection;
use crate::error::Result;
use crate::notices;
use crate::notices::{Notice, NoticeSubject};
use crate::schema::connections;
use crate::time::Timestamp;

/// A connection as notices name it.
pub(super) fn notice_subject(connection: &Connection) -> NoticeSubject {
    NoticeSubject { connection: connection.id, name: connection.name.clone(), path: page_path(connection.id) }
}

/// Begins an incident unless there is one, and sends the notice about it.
pub(super) fn begin_incident(
    conn: &mut DbConnection,
    connection: &Connection,
    notice: Notice,
    now: Timestamp,
) -> Result<()> {
    let without_incident = connections::table.find(connection.id).filter(connections::incident_since.is_null());
    if diesel::update(without_incident).set(connections::incident_since.eq(now)).execute(conn)? == 1 {
        notices::raise(conn, &notice, now)?;
    }
    Ok(())
}

/// Ends the incident, if there is one, and sends the notice that the connection works again.
pub(super) fn recover(conn: &mut DbConnection, connection: &Connection, by: &str, now: Timestamp) -> Result<()> {
    let with_incident = connections::table.find(connection.id).filter(connections::incident_since.is_not_null());
    if diesel::update(with_incident).set(connections::incident_since.eq(None::<Timestamp>)).execute(conn)? == 1 {
        ConnectionEvent::record(conn, connection.id, (EventKind::Recovered, "It works again."), by, now)?;
        notices::raise(conn, &Notice::recovered(notice_subject(connection)), now)?;
    }
    Ok(())
}
