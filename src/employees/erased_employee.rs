//! An employee whose personal data was erased: the row stays, because tokens, connections and activity entries refer to it.

use diesel::prelude::*;

use crate::account::Location;
use crate::db::DbConnection;
use crate::employees::employee::Employee;
use crate::employees::second_factor;
use crate::employees::session::Session;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::schema::{employee_identities, employees, one_time_links};
use crate::text::fold;
use crate::time::Timestamp;

impl Employee {
    /// What pages call somebody whose personal data was erased.
    pub fn erased_name(id: EmployeeKey) -> String {
        format!("Former employee {id}")
    }

    /// Makes an archived employee anonymous, for good: no name, e-mail address, password, second factor, identity, link,
    /// session or location. False, and nothing happens, when they are not archived or are anonymous already.
    pub fn erase(conn: &mut DbConnection, id: EmployeeKey, now: Timestamp) -> Result<bool> {
        let name = Employee::erased_name(id);
        // Nobody can have this address (RFC 2606 section 2), and without a password nobody signs in with it.
        let email = format!("erased-{id}@erased.invalid");
        let row = employees::table.find(id).filter(employees::archived_at.is_not_null());
        let erased = diesel::update(row.filter(employees::erased_at.is_null()))
            .set((
                employees::name.eq(&name),
                employees::name_fold.eq(fold(&name)),
                employees::email.eq(&email),
                employees::email_fold.eq(fold(&email)),
                employees::password_hash.eq(None::<String>),
                employees::linked_at.eq(None::<Timestamp>),
                employees::erased_at.eq(now),
            ))
            .execute(conn)?;
        if erased == 0 {
            return Ok(false);
        }
        diesel::delete(one_time_links::table.filter(one_time_links::employee_id.eq(id))).execute(conn)?;
        second_factor::delete_all(conn, id)?;
        Session::revoke_all(conn, id, None)?;
        diesel::delete(employee_identities::table.filter(employee_identities::employee_id.eq(id))).execute(conn)?;
        Location::set_for_employee(conn, id, &[])?;
        Ok(true)
    }

    /// Refuses an act on somebody whose personal data was erased.
    pub(super) fn require_not_erased(&self) -> Result<()> {
        match self.erased_at {
            None => Ok(()),
            Some(_) => Err(Error::Conflict(format!(
                "The personal data of {} was erased. They cannot be changed or restored. Invite them again.",
                self.name
            ))),
        }
    }
}
