//! Inviting employees, and the links by which they choose a password.

use crate::account::Location;
use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::account_mail::{AccountChange, tell};
use crate::employees::employee::{Employee, NewEmployee};
use crate::employees::one_time_link::{OneTimeLink, Purpose};
use crate::employees::session::Session;
use crate::employees::signed_out;
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, LocationKey};
use crate::notices::{self, Notice};
use crate::scopes::Role;
use crate::secrets::TokenHash;
use crate::time::Timestamp;

/// Adds an employee with their locations, and the link by which they choose a password.
pub fn invite(
    conn: &mut DbConnection,
    (new, locations): (&NewEmployee<'_>, &[LocationKey]),
    link: &TokenHash,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Employee> {
    let id = Employee::create(conn, new, now)?;
    Location::set_for_employee(conn, id, locations)?;
    OneTimeLink::issue(conn, Purpose::Invite, Some(id), link, now)?;
    let employee = Employee::find(conn, id)?;
    NewActivity::new(Kind::EmployeeInvited, actor.clone(), employee.subject())
        .from(client_ip)
        .with(Detail::note(format!("as {}", new.role.name())))
        .record(conn, now)?;
    if employee.role == Role::Admin {
        let how = format!("{} invited {} as an admin", actor.name(), employee.name);
        notices::raise(conn, &Notice::admin_added((id, &employee.name), &how), now)?;
    }
    Ok(employee)
}

/// Creates a new link for an employee: another invitation, or a password reset, which also signs them out everywhere.
pub fn create_link(
    conn: &mut DbConnection,
    id: EmployeeKey,
    link: &TokenHash,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<(Employee, Purpose)> {
    let employee = Employee::find(conn, id)?;
    employee.require_not_erased()?;
    let (purpose, kind) = match employee.password_hash() {
        None => (Purpose::Invite, Kind::EmployeeInvited),
        Some(_) => (Purpose::Reset, Kind::ResetLinkCreated),
    };
    OneTimeLink::issue(conn, purpose, Some(id), link, now)?;
    // Somebody else may know the old password.
    let revoked = if purpose == Purpose::Reset { Session::revoke_all(conn, id, None)? } else { 0 };
    NewActivity::new(kind, actor.clone(), employee.subject())
        .from(client_ip)
        .with(signed_out(revoked))
        .record(conn, now)?;
    Ok((employee, purpose))
}

/// Redeems an invitation or a reset link: sets the password, revokes their other links and signs them out everywhere. Errors:
/// [`Error::Gone`] when the link was used, or the employee is locked or archived.
pub fn redeem_link(
    conn: &mut DbConnection,
    link_secret: &str,
    password_hash: &str,
    client_ip: &str,
    now: Timestamp,
) -> Result<EmployeeKey> {
    let link = OneTimeLink::redeem(conn, link_secret, now)?;
    let employee = link.employee(conn)?;
    if !employee.is_active() {
        return Err(Error::Gone("Your account is not active. Ask an admin.".into()));
    }
    Employee::set_password(conn, employee.id, password_hash)?;
    OneTimeLink::revoke_all(conn, employee.id)?;
    let revoked = Session::revoke_all(conn, employee.id, None)?;
    let kind = match link.purpose {
        Purpose::Invite => Kind::InvitationAccepted,
        Purpose::SetUp | Purpose::Reset | Purpose::Forgot => Kind::PasswordChanged,
    };
    let actor = Actor::person(employee.id, &employee.name);
    if kind == Kind::PasswordChanged {
        tell(conn, employee.id, &AccountChange::Password, (&actor, client_ip), now)?;
    }
    NewActivity::new(kind, actor, employee.subject()).from(client_ip).with(signed_out(revoked)).record(conn, now)?;
    Ok(employee.id)
}
