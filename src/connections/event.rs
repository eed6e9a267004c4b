//! The history of a connection: authorized, refreshed, failed, paused. Its texts hold no secrets.

use diesel::prelude::*;

use crate::connections::connection::Connection;
use crate::db::DbConnection;
use crate::db::keyset::PAGE;
use crate::db::text_enum::text_enum;
use crate::id::ConnectionKey;
use crate::schema::connection_events;
use crate::time::{DAY, Timestamp};

const KEPT: i64 = 30 * DAY;

text_enum! {
    /// What happened.
    EventKind {
        /// An admin created or edited it.
        Changed = "changed",
        /// An admin authorized it.
        Authorized = "authorized",
        /// An authorization ended without tokens.
        NotAuthorized = "not authorized",
        /// Its tokens were refreshed.
        Refreshed = "refreshed",
        /// A refresh failed and will be retried.
        Failed = "failed",
        /// The answer to a refresh never arrived, so its outcome is unknown.
        UnknownOutcome = "outcome unknown",
        /// It needs authorization from now on.
        Lost = "needs authorization",
        /// It works again.
        Recovered = "recovered",
        /// An admin tested it.
        Tested = "tested",
        /// An admin paused it.
        Paused = "paused",
        /// An admin resumed it.
        Resumed = "resumed",
    }
}

impl EventKind {
    /// Whether it is a failure.
    pub fn is_failure(self) -> bool {
        matches!(self, EventKind::NotAuthorized | EventKind::Failed | EventKind::UnknownOutcome | EventKind::Lost)
    }
}

/// A row of `connection_events`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = connection_events, belongs_to(Connection))]
pub struct ConnectionEvent {
    /// Its number, ascending.
    pub id: i64,
    /// The connection.
    pub connection_id: ConnectionKey,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// Details, for people.
    pub words: String,
    /// Who did it; empty for the server.
    pub by_name: String,
}

impl ConnectionEvent {
    /// Records an event.
    pub fn record(
        conn: &mut DbConnection,
        connection: ConnectionKey,
        (kind, words): (EventKind, &str),
        by: &str,
        now: Timestamp,
    ) -> QueryResult<()> {
        diesel::insert_into(connection_events::table)
            .values((
                connection_events::connection_id.eq(connection),
                connection_events::at.eq(now),
                connection_events::kind.eq(kind),
                connection_events::words.eq(words),
                connection_events::by_name.eq(by),
            ))
            .execute(conn)
            .map(drop)
    }

    /// A page of a connection's history, newest first, before the event `before`; one row more than fits.
    pub fn page(
        conn: &mut DbConnection,
        connection: ConnectionKey,
        before: Option<i64>,
    ) -> QueryResult<Vec<ConnectionEvent>> {
        connection_events::table
            .filter(connection_events::connection_id.eq(connection))
            .filter(connection_events::id.lt(before.unwrap_or(i64::MAX)))
            .order(connection_events::id.desc())
            .limit(PAGE as i64 + 1)
            .select(ConnectionEvent::as_select())
            .load(conn)
    }

    /// Deletes events older than 30 days, at most `most`; returns how many.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<usize> {
        // Ids ascend with time, so this needs no index on the time.
        let first = connection_events::table.order(connection_events::id).limit(most);
        let first: Vec<(i64, Timestamp)> = first.select((connection_events::id, connection_events::at)).load(conn)?;
        let ids: Vec<i64> = first.into_iter().filter(|(_, at)| *at < now.plus(-KEPT)).map(|(id, _)| id).collect();
        diesel::delete(connection_events::table.filter(connection_events::id.eq_any(ids))).execute(conn)
    }
}
