//! Sessions of signed-in employees. They are rows, so that a sign-out, a lock, a role change or a password reset takes
//! effect on the next request, on every node. The cookie holds a random key, the row its SHA-256.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::{Db, DbConnection, WriteBehindBuffer};
use crate::employees::employee::Employee;
use crate::employees::proof::Proof;
use crate::employees::second_factor;
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, IdentityKey, SessionKey};
use crate::schema::{employees, sessions};
use crate::scopes::Role;
use crate::secrets::TokenHash;
use crate::time::{HOUR, MINUTE, Timestamp};

/// A session expires after this many seconds without a request.
pub const IDLE_TIMEOUT: i64 = 30 * MINUTE;
/// A session expires this many seconds after the sign-in, even when it is used.
pub const ABSOLUTE_TIMEOUT: i64 = 12 * HOUR;

/// A browser in which an employee is signed in.
#[derive(Queryable, Selectable, Identifiable, Associations, Debug)]
#[diesel(table_name = sessions, belongs_to(Employee))]
pub struct Session {
    /// The primary key.
    pub id: SessionKey,
    /// Who is signed in.
    pub employee_id: EmployeeKey,
    /// When they signed in.
    pub created_at: Timestamp,
    /// The last request, accurate to half a minute.
    pub last_seen_at: Timestamp,
    /// The client IP of the sign-in.
    pub client_ip: String,
    /// The browser's `User-Agent`.
    pub user_agent: String,
}

/// What a session needs when somebody signs in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewSession {
    /// Who signs in.
    pub employee: EmployeeKey,
    /// The client IP.
    pub client_ip: String,
    /// The browser's `User-Agent`.
    pub user_agent: String,
    /// By what they proved who they are.
    pub proof: Proof,
    /// The identity provider, if they sign in through it.
    #[serde(default)]
    pub provider: Option<ProviderSession>,
}

/// What an identity provider said about a sign-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProviderSession {
    /// Who signed in there.
    pub identity: IdentityKey,
    /// The provider's name, for the activity log.
    pub provider: String,
    /// The provider's ID of its own session (`sid`); empty if it has none.
    pub session: String,
    /// When they last proved there who they are (`auth_time`), if the provider says so. It may be hours ago.
    pub authenticated_at: Option<Timestamp>,
}

/// A session as a request finds it: the row, its state, and who is signed in.
pub struct FoundSession {
    /// The row.
    pub session: Session,
    /// JSON of what handlers keep in the session.
    pub state: String,
    /// The employee's name.
    pub name: String,
    /// The employee's e-mail address.
    pub email: String,
    /// The employee's role now.
    pub role: Role,
}

impl Session {
    /// The session with this key, unless the employee is locked or archived. It may have expired: see [`Self::is_expired`].
    pub fn find(conn: &mut DbConnection, key: &TokenHash) -> QueryResult<Option<FoundSession>> {
        // Every page runs this query: see `access::token_access::find`.
        let row = crate::db::on_each!(conn, |conn| {
            sessions::table
                .inner_join(employees::table)
                .filter(sessions::key_hash.eq(key))
                .filter(employees::locked_at.is_null())
                .filter(employees::archived_at.is_null())
                .select((Session::as_select(), sessions::state, employees::name, employees::email, employees::role))
                .get_result(conn)
                .optional()
        })?;
        Ok(row.map(|(session, state, name, email, role)| FoundSession { session, state, name, email, role }))
    }

    /// Whether the session has expired, when its last request was at `last_seen`.
    pub fn is_expired(&self, last_seen: Timestamp, now: Timestamp) -> bool {
        now.since(last_seen) >= IDLE_TIMEOUT || now.since(self.created_at) >= ABSOLUTE_TIMEOUT
    }

    /// Signs an employee in. Errors: [`Error::SignInRequired`] when they were locked or archived meanwhile, or need a second
    /// factor that they have not proved.
    pub fn create(
        conn: &mut DbConnection,
        new: &NewSession,
        (key, state): (&TokenHash, &str),
        now: Timestamp,
    ) -> Result<()> {
        let employee = Employee::find(conn, new.employee)?;
        if !employee.may_sign_in() {
            return Err(Error::SignInRequired);
        }
        second_factor::require_proof(conn, employee.id, new.proof)?;
        diesel::insert_into(sessions::table)
            .values((
                sessions::key_hash.eq(key),
                sessions::employee_id.eq(employee.id),
                sessions::created_at.eq(now),
                sessions::last_seen_at.eq(now),
                sessions::client_ip.eq(&new.client_ip),
                sessions::user_agent.eq(&new.user_agent),
                sessions::state.eq(state),
                sessions::identity_id.eq(new.provider.as_ref().map(|provider| provider.identity)),
                sessions::authenticated_at
                    .eq(new.provider.as_ref().map(|provider| provider.authenticated_at.unwrap_or(Timestamp(0)))),
                sessions::provider_session.eq(new.provider.as_ref().map_or("", |provider| &provider.session)),
            ))
            .execute(conn)?;
        Employee::set_last_signed_in(conn, employee.id, now)?;
        let through = match &new.provider {
            Some(provider) => format!("through {}", provider.provider),
            None => new.proof.note().to_string(),
        };
        NewActivity::new(Kind::SignedIn, Actor::person(employee.id, &employee.name), employee.subject())
            .from(&new.client_ip)
            .with(Detail::note(through))
            .record(conn, now)
    }

    /// Stores the state of a session. A session that was signed out meanwhile stays signed out.
    pub fn update_state(conn: &mut DbConnection, key: &TokenHash, state: &str) -> QueryResult<usize> {
        let row = sessions::table.filter(sessions::key_hash.eq(key));
        diesel::update(row).set(sessions::state.eq(state)).execute(conn)
    }

    /// Deletes the session with this key.
    pub fn delete(conn: &mut DbConnection, key: &TokenHash) -> QueryResult<usize> {
        diesel::delete(sessions::table.filter(sessions::key_hash.eq(key))).execute(conn)
    }

    /// The sessions of an employee that have not expired, newest first.
    pub fn of_employee(conn: &mut DbConnection, employee: EmployeeKey, now: Timestamp) -> QueryResult<Vec<Session>> {
        sessions::table
            .filter(sessions::employee_id.eq(employee))
            .filter(sessions::last_seen_at.gt(now.plus(-IDLE_TIMEOUT)))
            .filter(sessions::created_at.gt(now.plus(-ABSOLUTE_TIMEOUT)))
            .order(sessions::id.desc())
            .select(Session::as_select())
            .load(conn)
    }

    /// Signs an employee out everywhere, except in the given session; returns how many sessions that were.
    pub fn revoke_all(
        conn: &mut DbConnection,
        employee: EmployeeKey,
        except: Option<SessionKey>,
    ) -> QueryResult<usize> {
        let except = except.unwrap_or(SessionKey(0));
        diesel::delete(sessions::table.filter(sessions::employee_id.eq(employee)).filter(sessions::id.ne(except)))
            .execute(conn)
    }

    /// Signs an employee out of one session; false when it does not exist or belongs to somebody else.
    pub fn revoke(conn: &mut DbConnection, employee: EmployeeKey, id: SessionKey) -> QueryResult<bool> {
        let own = sessions::table.filter(sessions::id.eq(id)).filter(sessions::employee_id.eq(employee));
        diesel::delete(own).execute(conn).map(|n| n == 1)
    }

    fn touch(conn: &mut DbConnection, id: SessionKey, at: Timestamp) -> QueryResult<usize> {
        let older = sessions::table.find(id).filter(sessions::last_seen_at.lt(at));
        diesel::update(older).set(sessions::last_seen_at.eq(at)).execute(conn)
    }

    /// Deletes expired sessions.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        let expired =
            sessions::last_seen_at.le(now.plus(-IDLE_TIMEOUT)).or(sessions::created_at.le(now.plus(-ABSOLUTE_TIMEOUT)));
        diesel::delete(sessions::table.filter(expired)).execute(conn)
    }
}

/// The last requests of sessions that are not yet written to the database.
#[derive(Default)]
pub struct SeenSessions(WriteBehindBuffer<SessionKey>);

impl SeenSessions {
    // How many seconds the stored time may be behind.
    const PRECISION: i64 = 30;

    /// The last request of a session, whether it is written already or not.
    pub fn last_seen(&self, session: &Session) -> Timestamp {
        self.0.of(session.id).unwrap_or(session.last_seen_at).max(session.last_seen_at)
    }

    /// Notes a request of a session.
    pub fn saw(&self, session: &Session, now: Timestamp) {
        if now.since(session.last_seen_at) >= Self::PRECISION {
            self.0.note([session.id], now);
        }
    }

    /// Writes the noted requests to the database. What fails is tried again at the next call.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        self.0.flush(db, Session::touch).await
    }
}
