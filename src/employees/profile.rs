//! What employees change about themselves: their password and their sessions.

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::account_mail::{AccountChange, tell};
use crate::employees::employee::Employee;
use crate::employees::one_time_link::OneTimeLink;
use crate::employees::session::Session;
use crate::error::Result;
use crate::id::{EmployeeKey, SessionKey};
use crate::time::{Timestamp, count};

/// Changes the password, tells the employee by e-mail, revokes their links for a new one, and signs them out of every session
/// but `session`; returns how many sessions that were.
pub fn change_password(
    conn: &mut DbConnection,
    (id, session): (EmployeeKey, SessionKey),
    password_hash: &str,
    client_ip: &str,
    now: Timestamp,
) -> Result<usize> {
    let employee = Employee::find(conn, id)?;
    Employee::set_password(conn, id, password_hash)?;
    OneTimeLink::revoke_all(conn, id)?;
    let revoked = Session::revoke_all(conn, id, Some(session))?;
    let actor = Actor::person(id, &employee.name);
    tell(conn, id, &AccountChange::Password, (&actor, client_ip), now)?;
    NewActivity::new(Kind::PasswordChanged, actor, employee.subject()).from(client_ip).record(conn, now)?;
    Ok(revoked)
}

/// Which of their sessions an employee signs out.
#[derive(Clone, Copy, Debug)]
pub enum SessionsToRevoke {
    /// This one.
    One(SessionKey),
    /// Every session but this one.
    AllExcept(SessionKey),
}

/// Signs the employee out of some of their sessions; returns how many sessions that were.
pub fn revoke_sessions(
    conn: &mut DbConnection,
    id: EmployeeKey,
    which: SessionsToRevoke,
    client_ip: &str,
    now: Timestamp,
) -> Result<usize> {
    let revoked = match which {
        SessionsToRevoke::One(session) => usize::from(Session::revoke(conn, id, session)?),
        SessionsToRevoke::AllExcept(session) => Session::revoke_all(conn, id, Some(session))?,
    };
    if revoked > 0 {
        let employee = Employee::find(conn, id)?;
        NewActivity::new(Kind::SessionRevoked, Actor::person(id, &employee.name), employee.subject())
            .from(client_ip)
            .with(Detail::note(format!("{} of their own", count(revoked as i64, "session"))))
            .record(conn, now)?;
    }
    Ok(revoked)
}
