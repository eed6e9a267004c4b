//! An employee of the shop: signs in, and authorizes clients.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use crate::activity::Subject;
use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::schema::employees;
use crate::scopes::Role;
use crate::text::{fold, like_pattern};
use crate::time::Timestamp;

text_enum! {
    /// The state of an employee.
    EmployeeState {
        /// May sign in.
        Active = "active",
        /// Invited, and has neither chosen a password nor signed in through the identity provider.
        Invited = "invited",
        /// Locked: cannot sign in, and the access they authorized does not work until an admin unlocks them.
        Locked = "locked",
        /// Archived, because they no longer work here: as locked, and not in the list.
        Archived = "archived",
    }
}

/// One employee.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = employees)]
pub struct Employee {
    /// The primary key.
    pub id: EmployeeKey,
    /// The full name.
    pub name: String,
    /// The e-mail address, in the letter case it was entered in.
    pub email: String,
    /// Decides what they may do.
    pub role: Role,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they were locked, if they are.
    pub locked_at: Option<Timestamp>,
    /// When they were archived, if they are.
    pub archived_at: Option<Timestamp>,
    /// When they last signed in.
    pub last_signed_in_at: Timestamp,
    /// The Argon2id hash of the password; none until they choose one.
    password_hash: Option<String>,
    /// Refresh tokens they authorized with ids up to this one are revoked and are being deleted.
    pub revoked_refresh_tokens_through: i64,
    /// As above, for access tokens and API keys.
    pub revoked_access_tokens_through: i64,
    /// When their personal data was erased, if it was.
    pub erased_at: Option<Timestamp>,
    /// Their valid refresh tokens and API keys, as last counted, up to one more than a thousand.
    pub grant_count: i64,
    /// When they first signed in through an identity provider, if they did.
    pub linked_at: Option<Timestamp>,
}

/// What a new employee needs.
#[derive(Debug)]
pub struct NewEmployee<'a> {
    /// Their name.
    pub name: &'a str,
    /// The e-mail address they sign in with.
    pub email: &'a str,
    /// Decides what they may do.
    pub role: Role,
    /// The hash of the password; none when they choose one by a link.
    pub password_hash: Option<&'a str>,
}

/// Which employees a list shows.
#[derive(Clone, Debug, Default)]
pub struct EmployeeFilter {
    /// A part of the name or e-mail address.
    pub name: String,
    /// Only this role.
    pub role: Option<Role>,
    /// Only this state; none means everybody who is not archived.
    pub state: Option<EmployeeState>,
}

impl Employee {
    /// The employee as the subject of an activity entry.
    pub fn subject(&self) -> Subject {
        Subject::employee(self.id, &self.name)
    }

    /// The employee with this id.
    pub fn find(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<Employee> {
        crate::db::on_each!(conn, |conn| employees::table.find(id).select(Employee::as_select()).get_result(conn))
    }

    /// These employees, by id; those that do not exist are left out.
    pub fn by_id(
        conn: &mut DbConnection,
        ids: impl Iterator<Item = EmployeeKey>,
    ) -> QueryResult<HashMap<EmployeeKey, Employee>> {
        let ids: HashSet<EmployeeKey> = ids.collect();
        let rows = employees::table.filter(employees::id.eq_any(ids)).select(Employee::as_select());
        let found: Vec<Employee> = rows.load(conn)?;
        Ok(found.into_iter().map(|employee| (employee.id, employee)).collect())
    }

    /// The employee with this e-mail address; ignores letter case and surrounding spaces.
    pub fn find_by_email(conn: &mut DbConnection, email: &str) -> QueryResult<Option<Employee>> {
        let row = employees::table.filter(employees::email_fold.eq(fold(email.trim())));
        row.select(Employee::as_select()).first(conn).optional()
    }

    /// Adds an employee. Errors: [`Error::Invalid`] when the e-mail address is taken.
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
            true => Error::Invalid(format!("{} is already the e-mail address of an employee.", new.email)),
            false => error,
        })
    }

    /// Whether they can sign in, with a password or through the identity provider.
    pub fn may_sign_in(&self) -> bool {
        (self.password_hash.is_some() || self.linked_at.is_some()) && self.is_active()
    }

    /// Whether the access they authorized works: they are neither locked nor archived.
    pub fn is_active(&self) -> bool {
        self.locked_at.is_none() && self.archived_at.is_none()
    }

    /// The hash of the password.
    pub fn password_hash(&self) -> Option<&str> {
        self.password_hash.as_deref()
    }

    /// The state, as lists show it.
    pub fn state(&self) -> EmployeeState {
        match self {
            Employee { archived_at: Some(_), .. } => EmployeeState::Archived,
            Employee { locked_at: Some(_), .. } => EmployeeState::Locked,
            Employee { password_hash: None, linked_at: None, .. } => EmployeeState::Invited,
            _ => EmployeeState::Active,
        }
    }

    /// How many admins can sign in with a password, whatever happens to the identity provider.
    pub fn admins(conn: &mut DbConnection) -> QueryResult<i64> {
        employees::table
            .filter(employees::role.eq(Role::Admin))
            .filter(employees::password_hash.is_not_null())
            .filter(employees::locked_at.is_null())
            .filter(employees::archived_at.is_null())
            .count()
            .get_result(conn)
    }

    /// Refuses a change that leaves no admin who can sign in. Call it after the change, in the same transaction.
    pub fn require_an_admin(conn: &mut DbConnection) -> Result<()> {
        match Self::admins(conn)? {
            0 => Err(Error::Conflict(
                "This is the last admin who can sign in. Make another employee an admin first.".into(),
            )),
            _ => Ok(()),
        }
    }

    /// Changes the password.
    pub fn set_password(conn: &mut DbConnection, id: EmployeeKey, hash: &str) -> QueryResult<usize> {
        diesel::update(employees::table.find(id)).set(employees::password_hash.eq(Some(hash))).execute(conn)
    }

    /// Records when they last signed in.
    pub fn set_last_signed_in(conn: &mut DbConnection, id: EmployeeKey, at: Timestamp) -> QueryResult<usize> {
        diesel::update(employees::table.find(id)).set(employees::last_signed_in_at.eq(at)).execute(conn)
    }

    /// Marks every token they authorized up to these ids as revoked; a background job deletes the rows. A mark is only ever
    /// raised.
    pub fn mark_all_access_revoked(
        conn: &mut DbConnection,
        id: EmployeeKey,
        refresh: i64,
        access: i64,
    ) -> QueryResult<()> {
        let row = employees::table.find(id);
        diesel::update(row.filter(employees::revoked_refresh_tokens_through.lt(refresh)))
            .set(employees::revoked_refresh_tokens_through.eq(refresh))
            .execute(conn)?;
        diesel::update(row.filter(employees::revoked_access_tokens_through.lt(access)))
            .set(employees::revoked_access_tokens_through.eq(access))
            .execute(conn)?;
        Ok(())
    }

    /// Removes the marks, once every row up to these ids has been deleted. False, and nothing is removed, when the marks
    /// are not these ids: another revocation raised them in the meantime.
    pub fn clear_revoked_marks(
        conn: &mut DbConnection,
        id: EmployeeKey,
        refresh: i64,
        access: i64,
    ) -> QueryResult<bool> {
        let row = employees::table
            .find(id)
            .filter(employees::revoked_refresh_tokens_through.eq(refresh))
            .filter(employees::revoked_access_tokens_through.eq(access));
        let cleared = (employees::revoked_refresh_tokens_through.eq(0), employees::revoked_access_tokens_through.eq(0));
        diesel::update(row).set(cleared).execute(conn).map(|n| n == 1)
    }

    /// The employees who are neither locked nor archived, by name.
    pub fn active(conn: &mut DbConnection) -> QueryResult<Vec<(EmployeeKey, String, Role)>> {
        employees::table
            .filter(employees::locked_at.is_null())
            .filter(employees::archived_at.is_null())
            .order((employees::name_fold, employees::id))
            .select((employees::id, employees::name, employees::role))
            .load(conn)
    }

    /// The ids of the employees whose name contains `part`; ignores letter case.
    pub fn named(conn: &mut DbConnection, part: &str) -> QueryResult<Vec<EmployeeKey>> {
        employees::table
            .filter(employees::name_fold.like(like_pattern(part)).escape('\\'))
            .order(employees::id)
            .select(employees::id)
            .load(conn)
    }
}
