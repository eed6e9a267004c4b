//! Identities: whom a subject at an issuer belongs to.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, IdentityKey};
use crate::schema::{employee_identities, employees};
use crate::time::Timestamp;

/// An identity of an employee at a provider.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = employee_identities, belongs_to(Employee))]
pub struct Identity {
    /// The primary key.
    pub id: IdentityKey,
    /// Whom it belongs to.
    pub employee_id: EmployeeKey,
    /// The provider.
    pub issuer: String,
    /// The provider's name for them.
    pub subject: String,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When they last signed in with it.
    pub last_used_at: Timestamp,
}

impl Identity {
    /// The identity of this subject at this issuer.
    pub fn find(conn: &mut DbConnection, issuer: &str, subject: &str) -> QueryResult<Option<Identity>> {
        employee_identities::table
            .filter(employee_identities::issuer.eq(issuer))
            .filter(employee_identities::subject.eq(subject))
            .select(Identity::as_select())
            .first(conn)
            .optional()
    }

    /// The identity of an employee at this issuer.
    pub fn of_employee(conn: &mut DbConnection, employee: EmployeeKey, issuer: &str) -> QueryResult<Option<Identity>> {
        employee_identities::table
            .filter(employee_identities::employee_id.eq(employee))
            .filter(employee_identities::issuer.eq(issuer))
            .select(Identity::as_select())
            .first(conn)
            .optional()
    }

    /// Links a subject to an employee, who may then sign in without a password. Errors: [`Error::Conflict`] if another request
    /// linked one of them in the meantime.
    pub(super) fn link(
        conn: &mut DbConnection,
        employee: EmployeeKey,
        (issuer, subject): (&str, &str),
        now: Timestamp,
    ) -> Result<IdentityKey> {
        let row = (
            employee_identities::employee_id.eq(employee),
            employee_identities::issuer.eq(issuer),
            employee_identities::subject.eq(subject),
            employee_identities::created_at.eq(now),
            employee_identities::last_used_at.eq(now),
        );
        let id = diesel::insert_into(employee_identities::table)
            .values(row)
            .returning(employee_identities::id)
            .get_result::<i64>(conn)
            .map_err(Error::from)
            .map_err(|error| match error.is_duplicate() {
                true => Error::Conflict("This account was linked in the meantime. Sign in again.".into()),
                false => error,
            })?;
        diesel::update(employees::table.find(employee)).set(employees::linked_at.eq(Some(now))).execute(conn)?;
        Ok(IdentityKey(id))
    }

    pub(super) fn set_used(conn: &mut DbConnection, id: IdentityKey, at: Timestamp) -> QueryResult<usize> {
        let row = employee_identities::table.find(id);
        diesel::update(row).set(employee_identities::last_used_at.eq(at)).execute(conn)
    }
}
