//! Changes of an employee on which the flags of their tokens depend (see `tokens::flags`): each one notes that they are due.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::employees::employee::Employee;
use crate::id::EmployeeKey;
use crate::schema::employees;
use crate::scopes::Role;
use crate::time::Timestamp;

impl Employee {
    /// Locks, or unlocks with `None`.
    pub fn set_locked(conn: &mut DbConnection, id: EmployeeKey, at: Option<Timestamp>) -> QueryResult<usize> {
        Self::note_token_flags_due(conn, id)?;
        diesel::update(employees::table.find(id)).set(employees::locked_at.eq(at)).execute(conn)
    }

    /// Archives, or restores with `None`.
    pub fn set_archived(conn: &mut DbConnection, id: EmployeeKey, at: Option<Timestamp>) -> QueryResult<usize> {
        Self::note_token_flags_due(conn, id)?;
        diesel::update(employees::table.find(id)).set(employees::archived_at.eq(at)).execute(conn)
    }

    /// Changes the role.
    pub fn set_role(conn: &mut DbConnection, id: EmployeeKey, role: Role) -> QueryResult<usize> {
        Self::note_token_flags_due(conn, id)?;
        diesel::update(employees::table.find(id)).set(employees::role.eq(role)).execute(conn)
    }

    fn note_token_flags_due(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<usize> {
        let one_more = employees::token_flags_due.eq(employees::token_flags_due + 1);
        diesel::update(employees::table.find(id)).set(one_more).execute(conn)
    }
}
