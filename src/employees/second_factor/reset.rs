//! Resetting the second factors of somebody who lost them: an admin's act, or one at the console.

use crate::activity::{Actor, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::employee::Employee;
use crate::employees::second_factor::overview::delete_all;
use crate::employees::second_factor::tell::{Change, tell};
use crate::employees::session::Session;
use crate::employees::signed_out;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::time::Timestamp;

/// Deletes every second factor and recovery code of an employee, signs them out everywhere and tells them. Their password
/// still works; if their role needs a second factor, they set one up at their next sign-in. Errors: [`Error::Conflict`] when
/// they have none, [`Error::Forbidden`] when it is the actor, who removes their own on their profile.
pub fn reset(
    conn: &mut DbConnection,
    id: EmployeeKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Employee> {
    let employee = Employee::find(conn, id)?;
    if actor.is(id) {
        return Err(Error::Forbidden("Remove your own second factors on your profile.".into()));
    }
    if !delete_all(conn, id)? {
        return Err(Error::Conflict(format!("{} has no second factor.", employee.name)));
    }
    let revoked = Session::revoke_all(conn, id, None)?;
    NewActivity::new(Kind::SecondFactorReset, actor.clone(), employee.subject())
        .from(client_ip)
        .with(signed_out(revoked))
        .record(conn, now)?;
    tell(conn, &employee, Change::Reset, (actor, client_ip), now)?;
    Ok(employee)
}
