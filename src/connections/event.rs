//! The history of a connection: issued, refreshed, failed, paused, in words that hold nothing secret.

use diesel::prelude::*;

use crate::connections::connection::Connection;
use crate::db::DbConnection;
use crate::db::keyset::PAGE;
use crate::db::text_enum::text_enum;
use crate::id::ConnectionKey;
use crate::schema::connection_events;
use crate::time::{DAY, Timestamp};
use crate::web::badge::Badge;

const KEPT: i64 = 30 * DAY;

text_enum! {
    /// What happened.
    EventKind {
        /// It was made or changed.
        Changed = "changed",
        /// Somebody authorized it.
        Authorized = "authorized",
        /// A way to the provider ended without tokens.
        NotAuthorized = "not authorized",
        /// Its tokens were renewed.
        Refreshed = "refreshed",
        /// Renewing did not work; it is tried again.
        Failed = "failed",
        /// Whether a refresh worked is not known: its answer never arrived.
        UnknownOutcome = "outcome unknown",
        /// From here on a person has to authorize it.
        Lost = "needs authorization",
        /// It works again.
        Recovered = "recovered",
        /// Somebody tried it.
        Tested = "tested",
        /// Somebody paused it.
        Paused = "paused",
        /// Somebody resumed it.
        Resumed = "resumed",
    }
}

impl EventKind {
    /// Whether somebody should look twice.
    pub fn is_bad(self) -> bool {
        matches!(self, EventKind::NotAuthorized | EventKind::Failed | EventKind::UnknownOutcome | EventKind::Lost)
    }
}

/// One line of the history.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = connection_events, belongs_to(Connection))]
pub struct ConnectionEvent {
    /// Its number; later ones are higher.
    pub id: i64,
    /// Whose it is.
    pub connection_id: ConnectionKey,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// More about it.
    pub words: String,
    /// Who did it; empty for the server itself.
    pub by_name: String,
}

impl ConnectionEvent {
    /// How it is shown.
    pub fn badge(&self) -> Badge {
        let (tone, icon) = match self.kind {
            kind if kind.is_bad() => ("bad", "alert-triangle"),
            EventKind::Authorized | EventKind::Recovered => ("good", "check-circle"),
            EventKind::Refreshed => ("", "refresh"),
            EventKind::Paused => ("", "pause"),
            _ => ("", "info"),
        };
        let mut text = self.kind.word().to_string();
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Badge::new(tone, icon, text)
    }

    /// Writes one.
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

    /// A page of a connection's history, newest first, before the line `before`; one more than fits.
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

    /// Deletes lines older than 30 days, at most `most`; returns how many.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<usize> {
        // The oldest have the lowest numbers: no index on the time is needed.
        let first = connection_events::table.order(connection_events::id).limit(most);
        let first: Vec<(i64, Timestamp)> = first.select((connection_events::id, connection_events::at)).load(conn)?;
        let ids: Vec<i64> = first.into_iter().filter(|(_, at)| *at < now.plus(-KEPT)).map(|(id, _)| id).collect();
        diesel::delete(connection_events::table.filter(connection_events::id.eq_any(ids))).execute(conn)
    }
}
