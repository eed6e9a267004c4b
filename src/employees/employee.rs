//! An employee: the one who consents, and the one who looks at the pages.

use diesel::prelude::*;

use crate::activity::Subject;
use crate::db::DbConnection;
use crate::db::keyset::PAGE;
use crate::db::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::schema::employees;
use crate::scopes::Role;
use crate::text::{fold, like_pattern};
use crate::time::Timestamp;

text_enum! {
    /// Which employees a list shows.
    EmployeeState {
        /// They may sign in.
        Active = "active",
        /// They were invited and have not chosen a password.
        Invited = "invited",
        /// Locked: nothing of theirs works until the lock is lifted.
        Locked = "locked",
        /// Archived: they left.
        Archived = "archived",
    }
}

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = employees)]
pub struct Employee {
    /// Their id.
    pub id: EmployeeKey,
    /// Their name.
    pub name: String,
    /// Their address, as they write it.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// When they were added.
    pub created_at: Timestamp,
    /// Since when they are locked.
    pub locked_at: Option<Timestamp>,
    /// Since when they are archived.
    pub archived_at: Option<Timestamp>,
    /// When they last signed in.
    pub last_signed_in_at: Timestamp,
    /// The Argon2id hash of their password; empty until they choose one.
    password_hash: Option<String>,
    /// Refresh tokens of theirs with ids up to this one are dead and being deleted.
    pub revoked_refresh_tokens_through: i64,
    /// The same for access tokens and API keys.
    pub revoked_access_tokens_through: i64,
}

/// What a new employee needs.
#[derive(Debug)]
pub struct NewEmployee<'a> {
    /// Their name.
    pub name: &'a str,
    /// Their address, which they sign in with.
    pub email: &'a str,
    /// What they may do.
    pub role: Role,
    /// The hash of their password, when they have one.
    pub password_hash: Option<&'a str>,
}

/// Which employees, in which order and from where.
#[derive(Clone, Debug, Default)]
pub struct EmployeeFilter {
    /// A part of the name or the address.
    pub name: String,
    /// Only this role.
    pub role: Option<Role>,
    /// Only in this state; without one, everybody who is not archived.
    pub state: Option<EmployeeState>,
}

impl Employee {
    /// The employee as the subject of an activity entry.
    pub fn subject(&self) -> Subject {
        Subject::employee(self.id, &self.name)
    }

    /// The employee with this id.
    pub fn find(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<Employee> {
        employees::table.find(id).select(Employee::as_select()).get_result(conn)
    }

    /// The employee who signs in with this address; letter case and surrounding blanks do not matter.
    pub fn find_by_email(conn: &mut DbConnection, email: &str) -> QueryResult<Option<Employee>> {
        let row = employees::table.filter(employees::email_fold.eq(fold(email.trim())));
        row.select(Employee::as_select()).first(conn).optional()
    }

    /// Adds an employee. Errors: the address is taken.
    pub fn create(conn: &mut DbConnection, new: &NewEmployee<'_>, now: Timestamp) -> Result<EmployeeKey> {
        let row = (
            employees::name.eq(new.name),
            employees::name_fold.eq(fold(new.name)),
            employees::email.eq(new.email),
            employees::email_fold.eq(fold(new.email)),
            employees::role.eq(new.role),
            employees::password_hash.eq(new.password_hash),
            employees::created_at.eq(now),
        );
        let id = diesel::insert_into(employees::table).values(row).returning(employees::id).get_result::<i64>(conn);
        id.map(EmployeeKey).map_err(Error::from).map_err(|error| match error.is_duplicate() {
            true => Error::Invalid(format!("{} is already the address of an employee.", new.email)),
            false => error,
        })
    }

    /// Whether a password of theirs would be accepted at all.
    pub fn may_sign_in(&self) -> bool {
        self.password_hash.is_some() && self.is_active()
    }

    /// Whether what they granted works: neither locked nor archived.
    pub fn is_active(&self) -> bool {
        self.locked_at.is_none() && self.archived_at.is_none()
    }

    /// The hash of their password.
    pub fn password_hash(&self) -> Option<&str> {
        self.password_hash.as_deref()
    }

    /// What the lists say about them.
    pub fn state(&self) -> EmployeeState {
        match self {
            Employee { archived_at: Some(_), .. } => EmployeeState::Archived,
            Employee { locked_at: Some(_), .. } => EmployeeState::Locked,
            Employee { password_hash: None, .. } => EmployeeState::Invited,
            _ => EmployeeState::Active,
        }
    }

    /// How many admins could sign in.
    pub fn admins(conn: &mut DbConnection) -> QueryResult<i64> {
        employees::table
            .filter(employees::role.eq(Role::Admin))
            .filter(employees::password_hash.is_not_null())
            .filter(employees::locked_at.is_null())
            .filter(employees::archived_at.is_null())
            .count()
            .get_result(conn)
    }

    /// Refuses a change after which nobody could manage the shop: call it after the change, in its transaction.
    pub fn require_an_admin(conn: &mut DbConnection) -> Result<()> {
        match Self::admins(conn)? {
            0 => Err(Error::Conflict(
                "This is the last admin who can sign in. Make somebody else an admin first; then this can be done."
                    .into(),
            )),
            _ => Ok(()),
        }
    }

    /// Sets or lifts the lock.
    pub fn set_locked(conn: &mut DbConnection, id: EmployeeKey, at: Option<Timestamp>) -> QueryResult<usize> {
        diesel::update(employees::table.find(id)).set(employees::locked_at.eq(at)).execute(conn)
    }

    /// Archives, or brings back.
    pub fn set_archived(conn: &mut DbConnection, id: EmployeeKey, at: Option<Timestamp>) -> QueryResult<usize> {
        diesel::update(employees::table.find(id)).set(employees::archived_at.eq(at)).execute(conn)
    }

    /// Changes what they may do.
    pub fn set_role(conn: &mut DbConnection, id: EmployeeKey, role: Role) -> QueryResult<usize> {
        diesel::update(employees::table.find(id)).set(employees::role.eq(role)).execute(conn)
    }

    /// Changes their password.
    pub fn set_password(conn: &mut DbConnection, id: EmployeeKey, hash: &str) -> QueryResult<usize> {
        diesel::update(employees::table.find(id)).set(employees::password_hash.eq(Some(hash))).execute(conn)
    }

    /// Notes when they last signed in.
    pub fn note_sign_in(conn: &mut DbConnection, id: EmployeeKey, at: Timestamp) -> QueryResult<usize> {
        diesel::update(employees::table.find(id)).set(employees::last_signed_in_at.eq(at)).execute(conn)
    }

    /// Marks everything they granted up to now as dead; the rows are deleted behind it.
    pub fn mark_all_access_revoked(
        conn: &mut DbConnection,
        id: EmployeeKey,
        refresh: i64,
        access: i64,
    ) -> QueryResult<usize> {
        diesel::update(employees::table.find(id))
            .set((
                employees::revoked_refresh_tokens_through.eq(refresh),
                employees::revoked_access_tokens_through.eq(access),
            ))
            .execute(conn)
    }

    /// Those for whom something can be made: neither locked nor archived, by name.
    pub fn active(conn: &mut DbConnection) -> QueryResult<Vec<(EmployeeKey, String, Role)>> {
        employees::table
            .filter(employees::locked_at.is_null())
            .filter(employees::archived_at.is_null())
            .order((employees::name_fold, employees::id))
            .select((employees::id, employees::name, employees::role))
            .load(conn)
    }

    /// The ids of the employees whose name holds `part`, letter case aside.
    pub fn named(conn: &mut DbConnection, part: &str) -> QueryResult<Vec<EmployeeKey>> {
        employees::table
            .filter(employees::name_fold.like(like_pattern(part)).escape('\\'))
            .order(employees::id)
            .select(employees::id)
            .load(conn)
    }

    /// A page of employees by name: at most one more than fits, and in all. `after` is a name and an id.
    pub fn list(
        conn: &mut DbConnection,
        filter: &EmployeeFilter,
        edge: Option<(&str, i64)>,
        backward: bool,
    ) -> QueryResult<(Vec<Employee>, i64)> {
        let matching = || {
            let mut query = employees::table.into_boxed();
            if !filter.name.is_empty() {
                let pattern = like_pattern(&filter.name);
                let email = employees::email_fold.like(pattern.clone()).escape('\\');
                query = query.filter(employees::name_fold.like(pattern).escape('\\').or(email));
            }
            if let Some(role) = filter.role {
                query = query.filter(employees::role.eq(role));
            }
            match filter.state {
                None => query.filter(employees::archived_at.is_null()),
                Some(EmployeeState::Archived) => query.filter(employees::archived_at.is_not_null()),
                Some(EmployeeState::Locked) => {
                    query.filter(employees::locked_at.is_not_null()).filter(employees::archived_at.is_null())
                }
                Some(EmployeeState::Invited) => query
                    .filter(employees::password_hash.is_null())
                    .filter(employees::locked_at.is_null())
                    .filter(employees::archived_at.is_null()),
                Some(EmployeeState::Active) => query
                    .filter(employees::password_hash.is_not_null())
                    .filter(employees::locked_at.is_null())
                    .filter(employees::archived_at.is_null()),
            }
        };
        let total = matching().count().get_result(conn)?;
        let mut query = matching().select(Employee::as_select()).limit(PAGE as i64 + 1);
        let by_name = (employees::name_fold, employees::id);
        if let Some((name, id)) = edge {
            let (name, tie) = (name.to_string(), employees::name_fold.eq(name.to_string()));
            query = match backward {
                false => query.filter(employees::name_fold.gt(name).or(tie.and(employees::id.gt(id)))),
                true => query.filter(employees::name_fold.lt(name).or(tie.and(employees::id.lt(id)))),
            };
        }
        let rows = match backward {
            false => query.order(by_name).load(conn)?,
            true => query.order((by_name.0.desc(), by_name.1.desc())).load(conn)?,
        };
        Ok((rows, total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_literal() {
        assert_eq!(like_pattern("100%_\\Ä"), "%100\\%\\_\\\\ä%");
    }
}
