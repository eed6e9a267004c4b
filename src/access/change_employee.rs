//! Changing an employee together with what their tokens store about them.

use crate::activity::Actor;
use crate::db::DbConnection;
use crate::employees::{self, Employee, EmployeeChange};
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::time::Timestamp;
use crate::tokens::flags::{self, Progress};

// The flags of so many refresh tokens and API keys are updated in the same transaction; a job updates further ones.
const AT_ONCE: i64 = 200;

/// Changes an employee, records it, and updates the flags of their tokens. Errors: as [`employees::change_employee`].
pub fn change_employee(
    conn: &mut DbConnection,
    id: EmployeeKey,
    change: &EmployeeChange,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Employee> {
    let before = employees::change_employee(conn, id, change, (actor, client_ip), now)?;
    flags::update(conn, id, Progress::default(), AT_ONCE)?;
    Ok(before)
}
