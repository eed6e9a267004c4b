//! The state transitions of a connection. Each one is a conditional UPDATE that also records an event and, when an incident
//! begins or ends, a notice, in the same transaction. Longer than 300 lines, so that all transitions can be compared in one file.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::connections::connection::{Connection, access_place, refresh_place};
use crate::connections::event::{ConnectionEvent, EventKind};
use crate::connections::incident::{begin_incident, notice_subject, recover};
use crate::connections::oauth_client::OAuthClient;
use crate::connections::problem::Reason;
use crate::connections::refusal::Refusals;
use crate::connections::schedule;
use crate::connections::schedule::Lives;
use crate::connections::token_reply::{DEFAULT_LIFETIME, Failure, Outcome, TokenReply};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, EmployeeKey};
use crate::notices::Notice;
use crate::schema::connections;
use crate::secrets::sealed::{Sealed, Vault};
use crate::time::Timestamp;

/// Seconds a claim lasts: longer than a call may take, so that no other node calls in the meantime.
pub const LEASE: i64 = 15;

const INTERRUPTED: &str = "A refresh was interrupted before its answer arrived. The same refresh token is sent again. If the \
                           provider has already replaced it, the connection must be authorized again.";

const HOST_FAILS: &str = "The provider is failing for other connections too, so no request was sent.";

/// What transitions need besides the database.
#[derive(Clone)]
pub struct TransitionContext {
    /// Encrypts and decrypts tokens.
    pub vault: Vault,
}

/// The account and the employee of a completed authorization.
#[derive(Clone, Debug)]
pub struct Authorized {
    /// The id of the account at the provider; empty if it is unknown.
    pub account_id: String,
    /// The name of that account.
    pub account_name: String,
    /// The employee who authorized the connection.
    pub by: EmployeeKey,
    /// Their name.
    pub by_name: String,
    /// Their client IP.
    pub client_ip: String,
}

/// When a refresh may follow the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Seconds after it.
    Regular,
    /// At once, because the provider says that the new access token is invalid: if the connection still has this version,
    /// and the one before was no early refresh.
    Early {
        /// The version of the connection with the invalid token.
        version: i64,
    },
}

/// The right to refresh one connection, for as long as the lease holds.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The connection as it was claimed.
    pub connection: Connection,
    /// The app credentials of the connection.
    pub client: OAuthClient,
    is_early: bool,
}

impl Connection {
    /// Deletes its tokens; it then needs authorization.
    pub fn delete_tokens(conn: &mut DbConnection, id: ConnectionKey, reason: &str, now: Timestamp) -> QueryResult<()> {
        diesel::update(connections::table.find(id))
            .set((
                connections::access_token.eq(None::<Sealed>),
                connections::refresh_token.eq(None::<Sealed>),
                connections::access_expires_at.eq(Timestamp::NEVER_YET),
                connections::due_at.eq(Timestamp::NO_END),
                connections::version.eq(connections::version + 1),
                connections::attempted_at.eq(None::<Timestamp>),
                connections::failing_since.eq(None::<Timestamp>),
                connections::needs_authorization_since.eq(now),
                connections::reason.eq(reason),
            ))
            .execute(conn)
            .map(drop)
    }

    /// Claims a connection for one refresh. Returns nothing if another node holds a claim, the last attempt was too recent for
    /// this pace, or there is no usable refresh token. The commit records the attempt.
    pub fn claim(conn: &mut DbConnection, id: ConnectionKey, pace: Pace, now: Timestamp) -> Result<Option<Claim>> {
        let Some((before, client)) = Connection::with_client(conn, id).optional()? else {
            return Ok(None);
        };
        let is_early = match pace {
            Pace::Regular => false,
            Pace::Early { version } => before.version == version && before.may_refresh_early(now),
        };
        let free_from = if is_early { before.lease_until } else { now };
        let free = connections::table
            .find(id)
            .filter(connections::version.eq(before.version))
            .filter(connections::lease_until.le(free_from))
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
            ConnectionEvent::record(conn, id, (EventKind::UnknownOutcome, INTERRUPTED), "", now)?;
        }
        let connection = Connection::find(conn, id)?;
        Ok(Some(Claim { connection, client, is_early }))
    }

    /// Postpones a due refresh because the provider is failing for other connections. If the access token has expired, the
    /// connection counts as failing too.
    pub fn postpone(conn: &mut DbConnection, id: ConnectionKey, until: Timestamp, now: Timestamp) -> Result<()> {
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
        begin_incident(conn, &connection, Notice::retrying(notice_subject(&connection), HOST_FAILS), now)
    }

    /// Whether a refresh may follow although the last one was seconds ago. The wait after an early refresh is three times as
    /// long, and another one is possible only in its last third: so a provider that calls every token invalid is asked about
    /// as often as one that refuses every token without a reason.
    pub fn may_refresh_early(&self, now: Timestamp) -> bool {
        let (earliest, end) = (self.lease_until.plus(-min_interval(self)), self.lease_until);
        self.attempted_at.is_none() && self.failing_since.is_none() && (earliest..end).contains(&now)
    }

    /// Pauses it: calls fail, and its refresh token is only kept from expiring.
    pub fn pause(&self, conn: &mut DbConnection, by: &str, now: Timestamp) -> QueryResult<()> {
        diesel::update(connections::table.find(self.id)).set(connections::paused_at.eq(now)).execute(conn)?;
        self.reschedule(conn, true, now)?;
        ConnectionEvent::record(conn, self.id, (EventKind::Paused, "Calls fail until it is resumed."), by, now)
    }

    /// Resumes it; a refresh that is overdue is due now.
    pub fn resume(&self, conn: &mut DbConnection, by: &str, now: Timestamp) -> QueryResult<()> {
        diesel::update(connections::table.find(self.id))
            .set(connections::paused_at.eq(None::<Timestamp>))
            .execute(conn)?;
        self.reschedule(conn, false, now)?;
        ConnectionEvent::record(conn, self.id, (EventKind::Resumed, "Calls work again."), by, now)
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
    /// Stores the outcome of a refresh; false, and nothing stored, if the claim is no longer the current one.
    pub fn record_outcome(
        &self,
        conn: &mut DbConnection,
        transition_context: &TransitionContext,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool> {
        if !self.is_current(conn)? {
            return Ok(false);
        }
        match outcome {
            Outcome::Issued(reply) => self.store(conn, transition_context, reply, now)?,
            Outcome::Refused { message } => {
                let reason = Reason::of_error(message);
                self.require_authorization(conn, &reason, now)?;
            }
            Outcome::Unusable { reason } => self.require_authorization(conn, reason, now)?,
            Outcome::Retry { message, failure: Failure::Refusal, .. } => {
                let refusals = Refusals::count(conn, self.connection.id, now)?;
                match refusals.are_final(now) {
                    true => {
                        let reason = refusals.reason(message, now);
                        self.require_authorization(conn, &reason, now)?;
                    }
                    false => self.schedule_retry(conn, (message, None, EventKind::Failed), now)?,
                }
            }
            Outcome::Retry { message, retry_after, failure } => {
                let is_unknown = *failure == Failure::Unknown;
                let kind = if is_unknown { EventKind::UnknownOutcome } else { EventKind::Failed };
                Refusals::reset(conn, self.connection.id)?;
                self.schedule_retry(conn, (message, *retry_after, kind), now)?;
            }
        }
        Ok(true)
    }

    fn store(
        &self,
        conn: &mut DbConnection,
        transition_context: &TransitionContext,
        reply: &TokenReply,
        now: Timestamp,
    ) -> Result<()> {
        store_tokens(conn, transition_context, &self.connection, &self.client, reply, now)?;
        // Longer after an early refresh: see `may_refresh_early`.
        let intervals = if self.is_early { 3 } else { 1 };
        diesel::update(connections::table.find(self.connection.id))
            .set(connections::lease_until.eq(now.plus(intervals * min_interval(&self.connection))))
            .execute(conn)?;
        let details = match reply.life() {
            Some(_) => String::new(),
            None => format!("The answer states no lifetime, so {} minutes are assumed.", DEFAULT_LIFETIME / 60),
        };
        ConnectionEvent::record(conn, self.connection.id, (EventKind::Refreshed, &details), "", now)?;
        recover(conn, &self.connection, "", now)
    }

    fn require_authorization(&self, conn: &mut DbConnection, reason: &str, now: Timestamp) -> Result<()> {
        diesel::update(connections::table.find(self.connection.id))
            .set((
                connections::version.eq(self.connection.version + 1),
                connections::lease_until.eq(Timestamp(0)),
                connections::attempted_at.eq(None::<Timestamp>),
                connections::due_at.eq(Timestamp::NO_END),
                connections::needs_authorization_since.eq(now),
                connections::reason.eq(reason),
                connections::failing_since.eq(None::<Timestamp>),
            ))
            .execute(conn)?;
        let connection = &self.connection;
        ConnectionEvent::record(conn, connection.id, (EventKind::Lost, reason), "", now)?;
        NewActivity::new(Kind::ConnectionLost, Actor::server(), connection.subject())
            .with(Detail::note(reason))
            .record(conn, now)?;
        begin_incident(conn, connection, Notice::needs_authorization(notice_subject(connection), reason), now)
    }

    fn schedule_retry(
        &self,
        conn: &mut DbConnection,
        (message, retry_after, kind): (&str, Option<i64>, EventKind),
        now: Timestamp,
    ) -> Result<()> {
        let connection = &self.connection;
        let failures = connection.failures + 1;
        let backoff = schedule::backoff(failures, retry_after);
        diesel::update(connections::table.find(connection.id))
            .set((
                connections::version.eq(connection.version + 1),
                connections::lease_until.eq(now.plus(min_interval(connection))),
                connections::attempted_at.eq(None::<Timestamp>),
                connections::due_at.eq(now.plus(backoff)),
                connections::failures.eq(failures),
                connections::last_error.eq(message),
                connections::failing_since.eq(connection.failing_since.unwrap_or(now)),
            ))
            .execute(conn)?;
        ConnectionEvent::record(conn, connection.id, (kind, message), "", now)?;
        // While the access token is valid, calls work and no notice is sent.
        if connection.paused_at.is_none() && !connection.is_fresh(now) {
            begin_incident(conn, connection, Notice::retrying(notice_subject(connection), message), now)?;
        }
        Ok(())
    }

    // Whether the row's version is still the claimed one. The UPDATE locks the row until the transaction ends.
    fn is_current(&self, conn: &mut DbConnection) -> QueryResult<bool> {
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

// Seconds until the next attempt is allowed. Lifetimes under a minute need the next refresh sooner.
fn min_interval(connection: &Connection) -> i64 {
    match connection.access_life {
        1..60 => schedule::MIN_SECONDS_BETWEEN_ATTEMPTS.min(connection.access_life / 4),
        _ => schedule::MIN_SECONDS_BETWEEN_ATTEMPTS,
    }
}

// Stores new tokens. An answer without a refresh token keeps the current one (RFC 6749 section 6).
fn store_tokens(
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
        // Read again: it may have been encrypted with another key since the claim.
        None if connection.refresh_token.is_some() => {
            connections::table.find(connection.id).select(connections::refresh_token).first(conn)?
        }
        None => None,
    };
    let life = reply.life().unwrap_or(DEFAULT_LIFETIME);
    let refresh_expires_at = Lives::refresh_expires_at(client.api_type, reply.refresh_life(), now);
    let lives =
        Lives { issued_at: now, access_life: life, refresh_expires_at, is_paused: connection.paused_at.is_some() };
    // Without a refresh token, the connection is due when its access token expires.
    let due_at = if refresh.is_some() { lives.due_at() } else { now.plus(life) };
    let scope = reply.scope().unwrap_or(match connection.granted_scope.as_str() {
        "" => &connection.scope,
        granted => granted,
    });
    Refusals::reset(conn, connection.id)?;
    diesel::update(connections::table.find(connection.id))
        .set((
            // Relative to the stored version, which another transition may have raised.
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

/// Stores the tokens of a completed authorization. The outcome of a refresh that is in flight no longer counts.
pub fn authorize(
    conn: &mut DbConnection,
    transition_context: &TransitionContext,
    (connection, client): (&Connection, &OAuthClient),
    reply: &TokenReply,
    authorized: &Authorized,
    now: Timestamp,
) -> Result<()> {
    // The old refresh token belongs to the previous grant, so it is not kept if the answer has none.
    let cleared = Connection { refresh_token: None, granted_scope: String::new(), ..connection.clone() };
    store_tokens(conn, transition_context, &cleared, client, reply, now)?;
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
    let details = match authorized.account_name.as_str() {
        "" => "The account is unknown.".to_string(),
        name => format!("The account is {name}."),
    };
    ConnectionEvent::record(conn, connection.id, (EventKind::Authorized, &details), &authorized.by_name, now)?;
    NewActivity::new(
        Kind::ConnectionAuthorized,
        Actor::person(authorized.by, &authorized.by_name),
        connection.subject(),
    )
    .from(&authorized.client_ip)
    .with(Detail::note(&details))
    .record(conn, now)?;
    recover(conn, connection, &authorized.by_name, now)
}

/// Marks a connection as needing authorization if its access token has expired and it has no refresh token.
pub fn expire(conn: &mut DbConnection, id: ConnectionKey, now: Timestamp) -> Result<()> {
    let reason = "Its access token has expired, and the provider gave no refresh token.";
    let expired = connections::table
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
    if diesel::update(expired).set(change).execute(conn)? == 0 {
        return Ok(());
    }
    let connection = Connection::find(conn, id)?;
    ConnectionEvent::record(conn, id, (EventKind::Lost, reason), "", now)?;
    NewActivity::new(Kind::ConnectionLost, Actor::server(), connection.subject())
        .with(Detail::note(reason))
        .record(conn, now)?;
    begin_incident(conn, &connection, Notice::needs_authorization(notice_subject(&connection), reason), now)
}

/// The error of a transition if the connection has changed since it was loaded.
pub fn changed_concurrently() -> Error {
    Error::Conflict("Someone else changed this connection. Reload its page and try again.".into())
}
