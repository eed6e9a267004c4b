//! What admins change about an employee: role, locations, lock and archive. No change may leave the shop without an admin
//! who can sign in.

use crate::account::{Business, Location};
use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::account_mail::{AccountChange, tell};
use crate::employees::employee::Employee;
use crate::employees::session::Session;
use crate::error::Result;
use crate::id::{EmployeeKey, LocationKey};
use crate::notices::{self, Notice};
use crate::scopes::Role;
use crate::time::{Timestamp, count};

/// A change to an employee.
#[derive(Clone, Debug)]
pub enum EmployeeChange {
    /// Gives them another role.
    Role(Role),
    /// Replaces their locations. Ids of locations that do not exist are ignored.
    Locations(Vec<LocationKey>),
    /// Signs them out; the access they authorized does not work until they are unlocked.
    Lock,
    /// Undoes [`EmployeeChange::Lock`].
    Unlock,
    /// As [`EmployeeChange::Lock`], and removes them from the list.
    Archive,
    /// Undoes [`EmployeeChange::Archive`].
    Restore,
}

impl EmployeeChange {
    fn kind(&self) -> Kind {
        match self {
            EmployeeChange::Role(_) => Kind::RoleChanged,
            EmployeeChange::Locations(_) => Kind::LocationsChanged,
            EmployeeChange::Lock => Kind::EmployeeLocked,
            EmployeeChange::Unlock => Kind::EmployeeUnlocked,
            EmployeeChange::Archive => Kind::EmployeeArchived,
            EmployeeChange::Restore => Kind::EmployeeRestored,
        }
    }

    fn apply(&self, conn: &mut DbConnection, employee: &Employee, now: Timestamp) -> Result<Detail> {
        let id = employee.id;
        match self {
            EmployeeChange::Role(role) => {
                Employee::set_role(conn, id, *role)?;
                return Ok(Detail::note(format!("from {} to {}", employee.role.name(), role.name())));
            }
            EmployeeChange::Locations(chosen) => return change_locations(conn, id, chosen),
            EmployeeChange::Lock => {
                Employee::set_locked(conn, id, Some(employee.locked_at.unwrap_or(now)))?;
                let revoked = Session::revoke_all(conn, id, None)?;
                return Ok(Detail::note(format!("{} signed out", count(revoked as i64, "session"))));
            }
            EmployeeChange::Archive => {
                Employee::set_archived(conn, id, Some(employee.archived_at.unwrap_or(now)))?;
                Session::revoke_all(conn, id, None)?;
            }
            EmployeeChange::Unlock => drop(Employee::set_locked(conn, id, None)?),
            EmployeeChange::Restore => drop(Employee::set_archived(conn, id, None)?),
        }
        Ok(Detail::default())
    }
}

/// Changes an employee and records it. Errors: [`crate::error::Error::Conflict`] when no admin could sign in afterwards, or
/// their personal data was erased.
pub fn change_employee(
    conn: &mut DbConnection,
    id: EmployeeKey,
    change: &EmployeeChange,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Employee> {
    let employee = Employee::find(conn, id)?;
    employee.require_not_erased()?;
    let detail = change.apply(conn, &employee, now)?;
    // Nobody else's change can leave the shop without an admin.
    if employee.role == Role::Admin {
        Employee::require_an_admin(conn)?;
    }
    NewActivity::new(change.kind(), actor.clone(), employee.subject())
        .from(client_ip)
        .with(detail)
        .record(conn, now)?;
    let EmployeeChange::Role(role) = change else { return Ok(employee) };
    if *role == employee.role {
        return Ok(employee);
    }
    let told = AccountChange::Role { from: employee.role, to: *role };
    tell(conn, id, &told, (actor, client_ip), now)?;
    if *role == Role::Admin {
        let how =
            format!("{} gave {} the role of an admin (was {})", actor.name(), employee.name, employee.role.name());
        notices::raise(conn, &Notice::admin_added((id, &employee.name), &how), now)?;
    }
    Ok(employee)
}

fn change_locations(conn: &mut DbConnection, id: EmployeeKey, chosen: &[LocationKey]) -> Result<Detail> {
    let known = Business::all(conn)?.into_iter().flat_map(|(_, locations)| locations);
    let chosen: Vec<Location> = known.filter(|location| chosen.contains(&location.id)).collect();
    let ids: Vec<LocationKey> = chosen.iter().map(|location| location.id).collect();
    Location::set_for_employee(conn, id, &ids)?;
    let names: Vec<String> = chosen.into_iter().map(|location| location.name).collect();
    Ok(Detail::note(if names.is_empty() { "none".into() } else { names.join(", ") }))
}
