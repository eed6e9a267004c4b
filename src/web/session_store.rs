//! Sign-ins live in the database: a sign-out, a lock, a role change or a password reset counts on the next request, on
//! every node. The cookie holds a random key, the database its SHA-256.

use std::collections::HashMap;
use std::sync::Arc;

use actix_session::storage::{LoadError, SaveError, SessionKey as CookieKey, SessionStore, UpdateError};
use actix_web::cookie::time::Duration;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::activity::{Actor, Kind, NewActivity};
use crate::connections::connections_needing_attention;
use crate::db::{Db, DbConnection, WriteBehindBuffer};
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, SessionKey};
use crate::schema::{employees, sessions};
use crate::scopes::Role;
use crate::secrets::{RandomSecret, TokenHash};
use crate::time::{HOUR, MINUTE, Timestamp};
use crate::web::state::State;

/// A sign-in ends when nothing was asked for this long, in seconds.
pub const IDLE_TIMEOUT: i64 = 30 * MINUTE;
/// A sign-in ends this long after it began, whatever happens, in seconds.
pub const ABSOLUTE_TIMEOUT: i64 = 12 * HOUR;

/// Key under which the store hands out who is signed in.
pub const SIGNED_IN: &str = "signed_in";
/// Key under which a handler asks the store to sign somebody in.
pub const SIGN_IN: &str = "sign_in";
/// Key of the message for the next page.
pub const FLASH: &str = "flash";

/// Who is signed in, read with the session in one go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    /// The sign-in itself.
    pub session: SessionKey,
    /// Whose it is.
    pub employee: EmployeeKey,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their role, as of now.
    pub role: Role,
    /// The account the pages belong to.
    pub account: Account,
    /// How many connections wait for a person: every page says so in its menu.
    pub needing_attention: i64,
}

/// What a handler leaves for the store when a password was right.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignIn {
    /// Who signs in.
    pub employee: EmployeeKey,
    /// From which address.
    pub client_ip: String,
    /// With which browser.
    pub user_agent: String,
}

/// One row: a browser that is signed in.
#[derive(Queryable, Selectable, Identifiable, Associations, Debug)]
#[diesel(table_name = sessions, belongs_to(Employee))]
pub struct Session {
    /// Its id.
    pub id: SessionKey,
    /// Whose it is.
    pub employee_id: EmployeeKey,
    /// When the password was given.
    pub created_at: Timestamp,
    /// When it last asked for a page, to within half a minute.
    pub last_seen_at: Timestamp,
    /// The address it signed in from.
    pub client_ip: String,
    /// The browser, in its own words.
    pub user_agent: String,
}

impl Session {
    /// The sign-ins of one employee that are still good, newest first.
    pub fn of_employee(conn: &mut DbConnection, employee: EmployeeKey, now: Timestamp) -> QueryResult<Vec<Session>> {
        sessions::table
            .filter(sessions::employee_id.eq(employee))
            .filter(sessions::last_seen_at.gt(now.plus(-IDLE_TIMEOUT)))
            .filter(sessions::created_at.gt(now.plus(-ABSOLUTE_TIMEOUT)))
            .order(sessions::id.desc())
            .select(Session::as_select())
            .load(conn)
    }

    /// Ends every sign-in of an employee but the one given; returns how many.
    pub fn end_all(conn: &mut DbConnection, employee: EmployeeKey, except: Option<SessionKey>) -> QueryResult<usize> {
        let except = except.unwrap_or(SessionKey(0));
        diesel::delete(sessions::table.filter(sessions::employee_id.eq(employee)).filter(sessions::id.ne(except)))
            .execute(conn)
    }

    /// Ends one sign-in of an employee; false when it was not there, or not theirs.
    pub fn end(conn: &mut DbConnection, employee: EmployeeKey, id: SessionKey) -> QueryResult<bool> {
        let theirs = sessions::table.filter(sessions::id.eq(id)).filter(sessions::employee_id.eq(employee));
        diesel::delete(theirs).execute(conn).map(|n| n == 1)
    }

    fn touch(conn: &mut DbConnection, id: SessionKey, at: Timestamp) -> QueryResult<usize> {
        let older = sessions::table.find(id).filter(sessions::last_seen_at.lt(at));
        diesel::update(older).set(sessions::last_seen_at.eq(at)).execute(conn)
    }

    /// Deletes sign-ins that have ended by themselves.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        let ended =
            sessions::last_seen_at.le(now.plus(-IDLE_TIMEOUT)).or(sessions::created_at.le(now.plus(-ABSOLUTE_TIMEOUT)));
        diesel::delete(sessions::table.filter(ended)).execute(conn)
    }
}

/// Sign-ins that asked for a page, on their way to the database.
#[derive(Default)]
pub struct SeenSessions(WriteBehindBuffer<SessionKey>);

impl SeenSessions {
    // Seconds by which the stored moment may lag behind.
    const PRECISION: i64 = 30;

    fn saw(&self, session: SessionKey, last_seen: Timestamp, now: Timestamp) {
        if now.since(last_seen) >= Self::PRECISION {
            self.0.note([session], now);
        }
    }

    /// Writes what was collected. What could not be written waits for the next time.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        self.0.flush(db, Session::touch).await
    }
}

/// actix-session's store, over the database.
#[derive(Clone)]
pub struct Store {
    app: Arc<State>,
}

impl Store {
    /// A store in the application's database.
    pub fn new(app: Arc<State>) -> Store {
        Store { app }
    }

    async fn find(&self, hash: TokenHash) -> Result<Option<HashMap<String, String>>> {
        let now = self.app.clock.now();
        let found = self.app.db.read(move |conn| find(conn, &hash)).await?;
        let Some((session, state, (name, email, role), needing_attention, account)) = found else {
            return Ok(None);
        };
        let last_seen =
            self.app.seen_sessions.0.of(session.id).unwrap_or(session.last_seen_at).max(session.last_seen_at);
        if now.since(last_seen) >= IDLE_TIMEOUT || now.since(session.created_at) >= ABSOLUTE_TIMEOUT {
            return Ok(None);
        }
        self.app.seen_sessions.saw(session.id, session.last_seen_at, now);
        let (session, employee) = (session.id, session.employee_id);
        let signed_in = SignedIn { session, employee, name, email, role, account, needing_attention };
        let mut state: HashMap<String, String> = serde_json::from_str(&state).map_err(Error::internal)?;
        state.insert(SIGNED_IN.into(), serde_json::to_string(&signed_in).map_err(Error::internal)?);
        Ok(Some(state))
    }

    async fn sign_in(&self, state: HashMap<String, String>) -> Result<RandomSecret> {
        let now = self.app.clock.now();
        let sign_in = state.get(SIGN_IN).ok_or_else(|| Error::internal("a session without a sign-in"))?;
        let sign_in: SignIn = serde_json::from_str(sign_in).map_err(Error::internal)?;
        let key = RandomSecret::generate();
        let (hash, state) = (key.hash(), stored_state(&state)?);
        self.app
            .db
            .write(move |conn| {
                let employee = Employee::find(conn, sign_in.employee)?;
                if !employee.may_sign_in() {
                    return Err(Error::SignInRequired);
                }
                diesel::insert_into(sessions::table)
                    .values((
                        sessions::key_hash.eq(&hash),
                        sessions::employee_id.eq(employee.id),
                        sessions::created_at.eq(now),
                        sessions::last_seen_at.eq(now),
                        sessions::client_ip.eq(&sign_in.client_ip),
                        sessions::user_agent.eq(&sign_in.user_agent),
                        sessions::state.eq(&state),
                    ))
                    .execute(conn)?;
                diesel::update(employees::table.find(employee.id))
                    .set(employees::last_signed_in_at.eq(now))
                    .execute(conn)?;
                NewActivity::new(Kind::SignedIn, Actor::person(employee.id, &employee.name), employee.subject())
                    .from(&sign_in.client_ip)
                    .record(conn, now)
            })
            .await?;
        Ok(key)
    }
}

type Who = (String, String, Role);
type Found = (Session, String, Who, i64, Account);

fn find(conn: &mut DbConnection, hash: &TokenHash) -> Result<Option<Found>> {
    let row = sessions::table
        .inner_join(employees::table)
        .filter(sessions::key_hash.eq(hash))
        .filter(employees::locked_at.is_null())
        .filter(employees::archived_at.is_null())
        .select((
            Session::as_select(),
            sessions::state,
            (employees::name, employees::email, employees::role),
            connections_needing_attention().count().single_value().assume_not_null(),
        ))
        .first::<(Session, String, Who, i64)>(conn)
        .optional()?;
    let Some((session, state, who, needing_attention)) = row else {
        return Ok(None);
    };
    Ok(Some((session, state, who, needing_attention, Account::get(conn)?)))
}

// What the store adds for the handlers is not stored again.
fn stored_state(state: &HashMap<String, String>) -> Result<String> {
    let kept: HashMap<_, _> = state.iter().filter(|(key, _)| *key != SIGNED_IN && *key != SIGN_IN).collect();
    serde_json::to_string(&kept).map_err(Error::internal)
}

impl SessionStore for Store {
    async fn load(&self, key: &CookieKey) -> std::result::Result<Option<HashMap<String, String>>, LoadError> {
        self.find(TokenHash::of(key.as_ref())).await.map_err(|error| LoadError::Other(error.into()))
    }

    async fn save(&self, state: HashMap<String, String>, _: &Duration) -> std::result::Result<CookieKey, SaveError> {
        let key = self.sign_in(state).await.map_err(|error| SaveError::Other(error.into()))?;
        CookieKey::try_from(key.expose().to_string()).map_err(|error| SaveError::Other(error.into()))
    }

    // A row that is gone stays gone: somebody signed it out meanwhile.
    async fn update(
        &self,
        key: CookieKey,
        state: HashMap<String, String>,
        _: &Duration,
    ) -> std::result::Result<CookieKey, UpdateError> {
        let hash = TokenHash::of(key.as_ref());
        let state = stored_state(&state).map_err(|error| UpdateError::Serialization(error.into()))?;
        let update = self.app.db.write(move |conn| {
            let row = sessions::table.filter(sessions::key_hash.eq(&hash));
            Ok(diesel::update(row).set(sessions::state.eq(&state)).execute(conn)?)
        });
        update.await.map_err(|error| UpdateError::Other(error.into()))?;
        Ok(key)
    }

    async fn update_ttl(&self, _: &CookieKey, _: &Duration) -> std::result::Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &CookieKey) -> std::result::Result<(), anyhow::Error> {
        let hash = TokenHash::of(key.as_ref());
        let delete = self
            .app
            .db
            .write(move |conn| Ok(diesel::delete(sessions::table.filter(sessions::key_hash.eq(&hash))).execute(conn)?));
        delete.await?;
        Ok(())
    }
}
