//! Who may sign in with a password. If passwords are switched off, one admin still may, so that somebody can sign in when the
//! identity provider does not answer: the break-glass admin.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::employees::employee::Employee;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::schema::employees;
use crate::scopes::Role;

/// Who may sign in with a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passwords {
    /// Everybody who has one.
    #[default]
    On,
    /// The break-glass admin only.
    OnlyFor(Option<EmployeeKey>),
}

impl Passwords {
    /// Whether this employee may sign in with a password.
    pub fn allow(self, employee: EmployeeKey) -> bool {
        match self {
            Passwords::On => true,
            Passwords::OnlyFor(only) => only == Some(employee),
        }
    }

    /// Whether only the break-glass admin may.
    pub fn are_off(self) -> bool {
        self != Passwords::On
    }
}

/// The choice of the break-glass admin.
pub struct BreakGlass;

impl BreakGlass {
    /// The break-glass admin: the one who was chosen, as long as they are an admin who can sign in with a password, and
    /// otherwise the one who was added first. There always is one, because the last admin with a password cannot be removed.
    pub fn admin(conn: &mut DbConnection) -> QueryResult<Option<Employee>> {
        employees::table
            .filter(employees::role.eq(Role::Admin))
            .filter(employees::password_hash.is_not_null())
            .filter(employees::locked_at.is_null())
            .filter(employees::archived_at.is_null())
            .order((employees::is_break_glass.desc(), employees::id))
            .select(Employee::as_select())
            .first(conn)
            .optional()
    }

    /// The admins who can be chosen.
    pub fn candidates(conn: &mut DbConnection) -> QueryResult<Vec<(EmployeeKey, String)>> {
        employees::table
            .filter(employees::role.eq(Role::Admin))
            .filter(employees::password_hash.is_not_null())
            .filter(employees::locked_at.is_null())
            .filter(employees::archived_at.is_null())
            .order((employees::name_fold, employees::id))
            .limit(200)
            .select((employees::id, employees::name))
            .load(conn)
    }

    /// Chooses an admin. Errors: [`Error::Invalid`] if they cannot sign in with a password.
    pub fn choose(conn: &mut DbConnection, id: EmployeeKey) -> Result<Employee> {
        let employee = Employee::find(conn, id)?;
        if employee.role != Role::Admin || employee.password_hash().is_none() || !employee.is_active() {
            return Err(Error::Invalid(
                "Choose an admin who has a password and is neither locked nor archived.".into(),
            ));
        }
        let others = employees::table.filter(employees::is_break_glass.eq(true));
        diesel::update(others).set(employees::is_break_glass.eq(false)).execute(conn)?;
        diesel::update(employees::table.find(id)).set(employees::is_break_glass.eq(true)).execute(conn)?;
        Ok(employee)
    }
}
