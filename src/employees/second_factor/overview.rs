//! Which second factors somebody has.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::employees::second_factor::passkey::Passkey;
use crate::employees::second_factor::recovery_codes;
use crate::id::EmployeeKey;
use crate::schema::{passkeys, second_factors};
use crate::time::Timestamp;

/// The second factors of an employee.
#[derive(Clone, Debug, Default)]
pub struct SecondFactors {
    /// When their authenticator app was set up and last used; none without one.
    pub app: Option<(Timestamp, Timestamp)>,
    /// Their passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// How many recovery codes they have left.
    pub recovery_codes: i64,
}

impl SecondFactors {
    /// The second factors of an employee.
    pub fn of(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<SecondFactors> {
        let app = second_factors::table
            .find(id)
            .filter(second_factors::app_secret.is_not_null())
            .select((second_factors::app_added_at, second_factors::app_used_at))
            .first(conn)
            .optional()?;
        Ok(SecondFactors { app, passkeys: Passkey::of(conn, id)?, recovery_codes: recovery_codes::left(conn, id)? })
    }

    /// Whether signing in with the password asks for a second factor.
    pub fn is_set_up(&self) -> bool {
        self.app.is_some() || !self.passkeys.is_empty()
    }
}

/// Makes sure that an employee who sets up a second factor has a row. True if they had none.
pub(super) fn ensure_row(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<bool> {
    let row = second_factors::id.eq(id);
    let inserted = crate::db::on_each!(conn, |inner| {
        diesel::insert_into(second_factors::table).values(row).on_conflict_do_nothing().execute(inner)
    })?;
    Ok(inserted == 1)
}

/// Deletes what is left of somebody whose last second factor was removed: recovery codes and counts.
pub(super) fn delete_if_none_is_left(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<()> {
    if !SecondFactors::of(conn, id)?.is_set_up() {
        recovery_codes::delete_all(conn, id)?;
        diesel::delete(second_factors::table.find(id)).execute(conn)?;
    }
    Ok(())
}

/// Deletes every second factor and recovery code of an employee. Returns whether they had any.
pub(in crate::employees) fn delete_all(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<bool> {
    recovery_codes::delete_all(conn, id)?;
    diesel::delete(passkeys::table.filter(passkeys::employee_id.eq(id))).execute(conn)?;
    diesel::delete(second_factors::table.find(id)).execute(conn).map(|n| n == 1)
}
