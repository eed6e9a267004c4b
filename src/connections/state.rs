//! Everything that changes how a connection is doing. Each change is one conditional statement and leaves its line in the
//! history; what ends or begins an incident leaves its notices in the outbox, in the same transaction.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::connections::connection::{Connection, access_place, refresh_place};
use crate::connections::event::{ConnectionEvent, EventKind};
use crate::connections::oauth_client::OAuthClient;
use crate::connections::schedule;
use crate::connections::schedule::Lives;
use crate::connections::token_endpoint::{LIFE_UNKNOWN, Outcome, TokenReply};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, EmployeeKey};
use crate::notices;
use crate::notices::{Channels, Notice};
use crate::schema::connections;
use crate::secrets::sealed::{Sealed, Vault};
use crate::time::Timestamp;

/// Seconds a claim holds: longer than a call may take, so that nobody else calls meanwhile.
pub const LEASE: i64 = 15;

const CUT_OFF: &str = "A refresh was cut off before its answer arrived. The same refresh token is tried once more: if the \
                       provider had renewed it already and accepts no second try, somebody has to authorize again.";

const HOST_FAILS: &str = "Its server fails for other connections too, so it was not asked.";

/// What a change needs besides the database.
#[derive(Clone)]
pub struct TransitionContext {
    /// Seals and opens tokens.
    pub vault: Vault,
    /// Where notices go.
    pub channels: Channels,
}

/// The right to refresh one connection, for as long as the lease holds.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The connection as it was claimed.
    pub connection: Connection,
    /// What the shop is at its provider.
    pub client: OAuthClient,
}

impl Connection {
    /// The connections something has to be done about, at most `most`.
    pub fn due(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<Vec<ConnectionKey>> {
        connections::table
            .filter(connections::due_at.le(now))
            .filter(connections::lease_until.le(now))
            .order((connections::due_at, connections::id))
            .limit(most)
            .select(connections::id)
            .load(conn)
    }

    /// Claims a connection for one refresh; nothing when somebody else has it, it was tried a moment ago, or it has no
    /// refresh token that could be used. The attempt is on record once this is committed.
    pub fn claim(conn: &mut DbConnection, id: ConnectionKey, now: Timestamp) -> Result<Option<Claim>> {
        let Some((before, client)) = Connection::with_client(conn, id).optional()? else {
            return Ok(None);
        };
        let free = connections::table
            .find(id)
            .filter(connections::version.eq(before.version))
            .filter(connections::lease_until.le(now))
            .filter(connections::refresh_token.is_not_null())
            .filter(connections::needs_authorization_since.is_null());
        let claimed = diesel::update(free)
            .set((
                connections::version.eq(before.version + 1),
                connections::lease_until.eq(now.plus(LEASE)),
                connections::attempted_at.eq(now),
            ))
            .execute(conn)?;
        if claimed == 0 {
            return Ok(None);
        }
        if before.attempted_at.is_some() {
            ConnectionEvent::record(conn, id, (EventKind::UnknownOutcome, CUT_OFF), "", now)?;
        }
        let connection = Connection::find(conn, id)?;
        Ok(Some(Claim { connection, client }))
    }

    /// Puts off what is due without asking its server, which fails for others as well. Once its access token has ended it
    /// is in trouble like them.
    pub fn postpone(
        conn: &mut DbConnection,
        transition_context: &TransitionContext,
        id: ConnectionKey,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let due = connections::table.find(id).filter(connections::due_at.le(now));
        let due = due.filter(connections::lease_until.le(now));
        if diesel::update(due).set(connections::due_at.eq(until)).execute(conn)? == 0 {
            return Ok(());
        }
        let connection = Connection::find(conn, id)?;
        if connection.is_fresh(now) || connection.paused_at.is_some() {
            return Ok(());
        }
        if connection.failing_since.is_none() {
            diesel::update(connections::table.find(id))
                .set((connections::last_error.eq(HOST_FAILS), connections::failing_since.eq(now)))
                .execute(conn)?;
            ConnectionEvent::record(conn, id, (EventKind::Failed, HOST_FAILS), "", now)?;
        }
        begin_incident(conn, transition_context, &connection, Notice::unreachable(&connection, HOST_FAILS), now)
    }

    /// Pauses it: no call goes through, and its tokens are only kept from lapsing.
    pub fn pause(&self, conn: &mut DbConnection, by: &str, now: Timestamp) -> QueryResult<()> {
        diesel::update(connections::table.find(self.id)).set(connections::paused_at.eq(now)).execute(conn)?;
        self.reschedule(conn, true, now)?;
        ConnectionEvent::record(conn, self.id, (EventKind::Paused, "No call goes through."), by, now)
    }

    /// Ends a pause; what is due is done at once.
    pub fn resume(&self, conn: &mut DbConnection, by: &str, now: Timestamp) -> QueryResult<()> {
        diesel::update(connections::table.find(self.id))
            .set(connections::paused_at.eq(None::<Timestamp>))
            .execute(conn)?;
        self.reschedule(conn, false, now)?;
        ConnectionEvent::record(conn, self.id, (EventKind::Resumed, "Calls go through again."), by, now)
    }

    fn reschedule(&self, conn: &mut DbConnection, is_paused: bool, now: Timestamp) -> QueryResult<()> {
        if !self.can_refresh() || self.needs_authorization_since.is_some() || self.failing_since.is_some() {
            return Ok(());
        }
        let lives = Lives {
            issued_at: self.last_refreshed_at.max(self.authorized_at),
            access_life: self.access_life,
            refresh_expires_at: self.refresh_expires_at,
            is_paused,
        };
        diesel::update(connections::table.find(self.id))
            .set(connections::due_at.eq(lives.due_at().max(now)))
            .execute(conn)
            .map(drop)
    }
}

impl Claim {
    /// Writes what a refresh came to; false when the claim does not count any more and nothing was written.
    pub fn record_outcome(
        &self,
        conn: &mut DbConnection,
        transition_context: &TransitionContext,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool> {
        match outcome {
            Outcome::Issued(reply) => self.store(conn, transition_context, reply, now),
            Outcome::Refused { words, .. } => self.give_up(conn, transition_context, words, now),
            Outcome::Later { words, wait, is_unknown } => {
                self.try_later(conn, transition_context, (words, *wait, *is_unknown), now)
            }
        }
    }

    fn store(
        &self,
        conn: &mut DbConnection,
        transition_context: &TransitionContext,
        reply: &TokenReply,
        now: Timestamp,
    ) -> Result<bool> {
        if !self.is_mine(conn)? {
            return Ok(false);
        }
        put(conn, transition_context, &self.connection, &self.client, reply, now)?;
        diesel::update(connections::table.find(self.connection.id))
            .set(connections::lease_until.eq(now.plus(gap(&self.connection))))
            .execute(conn)?;
        let words = match reply.life() {
            Some(_) => String::new(),
            None => format!("The answer did not say how long it lasts; {} minutes are assumed.", LIFE_UNKNOWN / 60),
        };
        ConnectionEvent::record(conn, self.connection.id, (EventKind::Refreshed, &words), "", now)?;
        recover(conn, transition_context, &self.connection, "", now)?;
        Ok(true)
    }

    fn give_up(
        &self,
        conn: &mut DbConnection,
        transition_context: &TransitionContext,
        words: &str,
        now: Timestamp,
    ) -> Result<bool> {
        if !self.is_mine(conn)? {
            return Ok(false);
        }
        let reason = format!("The provider refused to renew its tokens: {words}");
        diesel::update(connections::table.find(self.connection.id))
            .set((
                connections::version.eq(self.connection.version + 1),
                connections::lease_until.eq(Timestamp(0)),
                connections::attempted_at.eq(None::<Timestamp>),
                connections::due_at.eq(Timestamp::NO_END),
                connections::needs_authorization_since.eq(now),
                connections::reason.eq(&reason),
                connections::failing_since.eq(None::<Timestamp>),
            ))
            .execute(conn)?;
        let connection = &self.connection;
        ConnectionEvent::record(conn, connection.id, (EventKind::Lost, &reason), "", now)?;
        NewActivity::new(Kind::ConnectionLost, Actor::server(), subject(connection))
            .with(Detail::note(&reason))
            .record(conn, now)?;
        begin_incident(conn, transition_context, connection, Notice::needs_authorization(connection, &reason), now)?;
        Ok(true)
    }

    fn try_later(
        &self,
        conn: &mut DbConnection,
        transition_context: &TransitionContext,
        (words, wait, is_unknown): (&str, Option<i64>, bool),
        now: Timestamp,
    ) -> Result<bool> {
        if !self.is_mine(conn)? {
            return Ok(false);
        }
        let connection = &self.connection;
        let failures = connection.failures + 1;
        let pause = schedule::pause(failures, wait);
        diesel::update(connections::table.find(connection.id))
            .set((
                connections::version.eq(connection.version + 1),
                connections::lease_until.eq(now.plus(gap(connection))),
                connections::attempted_at.eq(None::<Timestamp>),
                connections::due_at.eq(now.plus(pause)),
                connections::failures.eq(failures),
                connections::last_error.eq(words),
                connections::failing_since.eq(connection.failing_since.unwrap_or(now)),
            ))
            .execute(conn)?;
        let kind = if is_unknown { EventKind::UnknownOutcome } else { EventKind::Failed };
        ConnectionEvent::record(conn, connection.id, (kind, words), "", now)?;
        // As long as the access token lasts, nobody has to hear of it.
        if connection.paused_at.is_none() && !connection.is_fresh(now) {
            begin_incident(conn, transition_context, connection, Notice::unreachable(connection, words), now)?;
        }
        Ok(true)
    }

    // Nobody else has claimed or changed it since; until the transaction ends nobody can.
    fn is_mine(&self, conn: &mut DbConnection) -> QueryResult<bool> {
        let touched = diesel::update(
            connections::table
                .filter(connections::id.eq(self.connection.id))
                .filter(connections::version.eq(self.connection.version)),
        )
        .set(connections::version.eq(self.connection.version))
        .execute(conn)?;
        Ok(touched == 1)
    }
}

// Lives shorter than a minute need their next refresh sooner.
fn gap(connection: &Connection) -> i64 {
    match connection.access_life {
        1..60 => schedule::MIN_SECONDS_BETWEEN_ATTEMPTS.min(connection.access_life / 4),
        _ => schedule::MIN_SECONDS_BETWEEN_ATTEMPTS,
    }
}

// Stores a new pair. An answer without a refresh token keeps the one there is (RFC 6749 section 6).
fn put(
    conn: &mut DbConnection,
    transition_context: &TransitionContext,
    connection: &Connection,
    client: &OAuthClient,
    reply: &TokenReply,
    now: Timestamp,
) -> Result<()> {
    use oauth2::TokenResponse;
    let access = transition_context.vault.seal(reply.access_token().secret(), access_place(connection.id))?;
    let refresh: Option<Sealed> = match reply.refresh_token() {
        Some(token) => Some(transition_context.vault.seal(token.secret(), refresh_place(connection.id))?),
        // As the row has it by now: it may have been sealed anew under another key since it was claimed.
        None if connection.refresh_token.is_some() => {
            connections::table.find(connection.id).select(connections::refresh_token).first(conn)?
        }
        None => None,
    };
    let life = reply.life().unwrap_or(LIFE_UNKNOWN);
    let refresh_expires_at = Lives::refresh_expires_at(client.api_type, reply.refresh_life(), now);
    let lives =
        Lives { issued_at: now, access_life: life, refresh_expires_at, is_paused: connection.paused_at.is_some() };
    // Without a refresh token nothing can be done but tell when the access token has ended.
    let due_at = if refresh.is_some() { lives.due_at() } else { now.plus(life) };
    let scope = reply.scope().unwrap_or(match connection.granted_scope.as_str() {
        "" => &connection.scope,
        granted => granted,
    });
    diesel::update(connections::table.find(connection.id))
        .set((
            // One more than whoever came in between made of it.
            connections::version.eq(connections::version + 1),
            connections::access_token.eq(access),
            connections::refresh_token.eq(refresh),
            connections::access_life.eq(life),
            connections::access_expires_at.eq(now.plus(life)),
            connections::refresh_expires_at.eq(refresh_expires_at),
            connections::granted_scope.eq(scope),
            connections::due_at.eq(due_at),
            connections::attempted_at.eq(None::<Timestamp>),
            connections::failures.eq(0),
            connections::last_error.eq(""),
            connections::failing_since.eq(None::<Timestamp>),
            connections::last_refreshed_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whose account new tokens are for, and who brought them.
#[derive(Clone, Debug)]
pub struct Authorized {
    /// The account, as the provider names it to programs; empty when it could not be seen.
    pub account_id: String,
    /// The same for people.
    pub account_name: String,
    /// Who signed in here and authorized it there.
    pub by: EmployeeKey,
    /// Their name.
    pub by_name: String,
    /// The address they came from.
    pub client_ip: String,
}

/// Gives a connection the tokens that somebody brought back from its provider. Whatever refresh is on its way does not
/// count any more. Errors: [`Error::Conflict`] when the connection was changed meanwhile.
pub fn adopt(
    conn: &mut DbConnection,
    transition_context: &TransitionContext,
    (connection, client): (&Connection, &OAuthClient),
    reply: &TokenReply,
    authorized: &Authorized,
    now: Timestamp,
) -> Result<()> {
    // The old refresh token belongs to the grant before: it is no stand-in for one that is missing here.
    let bare = Connection { refresh_token: None, granted_scope: String::new(), ..connection.clone() };
    put(conn, transition_context, &bare, client, reply, now)?;
    let row = connections::table.find(connection.id);
    diesel::update(row)
        .set((
            connections::lease_until.eq(Timestamp(0)),
            connections::needs_authorization_since.eq(None::<Timestamp>),
            connections::reason.eq(""),
            connections::authorized_by.eq(authorized.by),
            connections::authorized_at.eq(now),
        ))
        .execute(conn)?;
    if !authorized.account_id.is_empty() {
        let account = (
            connections::account_id.eq(&authorized.account_id),
            connections::account_name.eq(&authorized.account_name),
        );
        diesel::update(row).set(account).execute(conn)?;
    }
    let words = match authorized.account_name.as_str() {
        "" => "The account could not be seen.".to_string(),
        name => format!("The account is {name}."),
    };
    ConnectionEvent::record(conn, connection.id, (EventKind::Authorized, &words), &authorized.by_name, now)?;
    NewActivity::new(
        Kind::ConnectionAuthorized,
        Actor::person(authorized.by, &authorized.by_name),
        subject(connection),
    )
    .from(&authorized.client_ip)
    .with(Detail::note(&words))
    .record(conn, now)?;
    recover(conn, transition_context, connection, &authorized.by_name, now)
}

/// Marks a connection whose access token has ended and that was given nothing to renew it with.
pub fn expire(
    conn: &mut DbConnection,
    transition_context: &TransitionContext,
    id: ConnectionKey,
    now: Timestamp,
) -> Result<()> {
    let reason = "Its access token has ended, and the provider gave no refresh token to renew it with.";
    let ended = connections::table
        .find(id)
        .filter(connections::refresh_token.is_null())
        .filter(connections::needs_authorization_since.is_null())
        .filter(connections::access_expires_at.le(now));
    let change = (
        connections::version.eq(connections::version + 1),
        connections::due_at.eq(Timestamp::NO_END),
        connections::needs_authorization_since.eq(now),
        connections::reason.eq(reason),
    );
    if diesel::update(ended).set(change).execute(conn)? == 0 {
        return Ok(());
    }
    let connection = Connection::find(conn, id)?;
    ConnectionEvent::record(conn, id, (EventKind::Lost, reason), "", now)?;
    NewActivity::new(Kind::ConnectionLost, Actor::server(), subject(&connection))
        .with(Detail::note(reason))
        .record(conn, now)?;
    begin_incident(conn, transition_context, &connection, Notice::needs_authorization(&connection, reason), now)
}

fn begin_incident(
    conn: &mut DbConnection,
    transition_context: &TransitionContext,
    connection: &Connection,
    notice: Notice,
    now: Timestamp,
) -> Result<()> {
    let quiet = connections::table.find(connection.id).filter(connections::incident_since.is_null());
    if diesel::update(quiet).set(connections::incident_since.eq(now)).execute(conn)? == 1 {
        notices::send(conn, &transition_context.channels, &notice, now)?;
    }
    Ok(())
}

fn recover(
    conn: &mut DbConnection,
    transition_context: &TransitionContext,
    connection: &Connection,
    by: &str,
    now: Timestamp,
) -> Result<()> {
    let told = connections::table.find(connection.id).filter(connections::incident_since.is_not_null());
    if diesel::update(told).set(connections::incident_since.eq(None::<Timestamp>)).execute(conn)? == 1 {
        ConnectionEvent::record(conn, connection.id, (EventKind::Recovered, "It works again."), by, now)?;
        notices::send(conn, &transition_context.channels, &Notice::recovered(connection), now)?;
    }
    Ok(())
}

/// A connection as the activity log names it.
pub fn subject(connection: &Connection) -> Subject {
    Subject::named("connection", connection.id.0, &connection.name)
}

/// What a change is refused with when somebody was quicker.
pub fn changed_meanwhile() -> Error {
    Error::Conflict("The connection was changed meanwhile. Open its page again.".into())
}
