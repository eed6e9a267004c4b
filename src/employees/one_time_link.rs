//! One-time links: set up the first admin, accept an invitation, choose a new password. Only the hash of a link's secret
//! is stored. A link works once and expires.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::employees::employee::Employee;
use crate::employees::second_factor::{self, SecondFactors};
use crate::employees::session::Session;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::notices::{self, Channel};
use crate::schema::one_time_links;
use crate::secrets::{RandomSecret, TokenHash};
use crate::time::{DAY, HOUR, Timestamp, count};

text_enum! {
    /// The purpose of a link.
    Purpose {
        /// The first admin sets up an empty installation.
        SetUp = "set-up",
        /// A new employee chooses a password.
        Invite = "invite",
        /// An employee chooses a new password.
        Reset = "reset",
        /// The same, by a link that somebody asked for on the sign-in page.
        Forgot = "forgot",
    }
}

impl Purpose {
    /// After how many seconds a link expires.
    pub fn lifetime(self) -> i64 {
        match self {
            Purpose::SetUp | Purpose::Reset => 24 * HOUR,
            Purpose::Invite => 7 * DAY,
            Purpose::Forgot => HOUR,
        }
    }
}

/// A link that has not been used yet.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = one_time_links)]
pub struct OneTimeLink {
    /// The purpose.
    pub purpose: Purpose,
    /// The employee it is for; none for the first set-up.
    pub employee_id: Option<EmployeeKey>,
}

impl OneTimeLink {
    /// Creates a link; revokes earlier ones for the same employee and purpose. A stranger, who can ask for a link, revokes none
    /// that an admin created.
    pub fn issue(
        conn: &mut DbConnection,
        purpose: Purpose,
        employee: Option<EmployeeKey>,
        secret: &TokenHash,
        now: Timestamp,
    ) -> QueryResult<()> {
        let replaced: &[Purpose] = match purpose {
            Purpose::Reset => &[Purpose::Reset, Purpose::Forgot],
            _ => &[purpose],
        };
        let earlier = one_time_links::table.filter(one_time_links::purpose.eq_any(replaced));
        match employee {
            Some(id) => diesel::delete(earlier.filter(one_time_links::employee_id.eq(id))).execute(conn)?,
            None => diesel::delete(earlier.filter(one_time_links::employee_id.is_null())).execute(conn)?,
        };
        diesel::insert_into(one_time_links::table)
            .values((
                one_time_links::purpose.eq(purpose),
                one_time_links::employee_id.eq(employee),
                one_time_links::hash.eq(secret),
                one_time_links::created_at.eq(now),
                one_time_links::expires_at.eq(now.plus(purpose.lifetime())),
            ))
            .execute(conn)
            .map(drop)
    }

    /// Creates a link to choose a new password, for the console command, and signs the employee out; with `resets_factors`, also
    /// deletes their second factors, if they have any. Returns their name, and whether they had a second factor. Errors:
    /// [`Error::NotFound`] when no employee has this e-mail address.
    pub fn reset_from_console(
        conn: &mut DbConnection,
        email: &str,
        (secret, resets_factors): (&TokenHash, bool),
        now: Timestamp,
    ) -> Result<(String, bool)> {
        let employee = Employee::find_by_email(conn, email)?.ok_or(Error::NotFound)?;
        employee.require_not_erased()?;
        Self::issue(conn, Purpose::Reset, Some(employee.id), secret, now)?;
        let signed_out = Session::revoke_all(conn, employee.id, None)?;
        NewActivity::new(Kind::ResetLinkCreated, Actor::console(), employee.subject())
            .with(Detail::note(format!("{} signed out", count(signed_out as i64, "session"))))
            .record(conn, now)?;
        let had_factors = SecondFactors::of(conn, employee.id)?.is_set_up();
        if had_factors && resets_factors {
            second_factor::reset(conn, employee.id, (&Actor::console(), ""), now)?;
        }
        Ok((employee.name, had_factors))
    }

    /// The link with this secret. Errors: [`Error::Gone`] when it was used, has expired or never existed.
    pub fn find(conn: &mut DbConnection, secret: &str, now: Timestamp) -> Result<OneTimeLink> {
        let row = one_time_links::table
            .filter(one_time_links::hash.eq(TokenHash::of(secret)))
            .filter(one_time_links::expires_at.gt(now))
            .select(OneTimeLink::as_select());
        match row.first(conn).optional()? {
            Some(link) => Ok(link),
            None => Err(not_usable(conn)?),
        }
    }

    /// The link with this secret, if it is for one of `purposes`. Errors: [`Error::NotFound`] when it is for another, and
    /// as [`Self::find`].
    pub fn find_for(
        conn: &mut DbConnection,
        secret: &str,
        purposes: &[Purpose],
        now: Timestamp,
    ) -> Result<OneTimeLink> {
        let link = Self::find(conn, secret, now)?;
        match purposes.contains(&link.purpose) {
            true => Ok(link),
            false => Err(Error::NotFound),
        }
    }

    /// The employee a link is for.
    pub fn employee(&self, conn: &mut DbConnection) -> Result<Employee> {
        Ok(Employee::find(conn, self.employee_id.ok_or(Error::NotFound)?)?)
    }

    /// Deletes the link and returns it: of two parallel requests, one succeeds.
    pub fn redeem(conn: &mut DbConnection, secret: &str, now: Timestamp) -> Result<OneTimeLink> {
        let link = Self::find(conn, secret, now)?;
        let row = one_time_links::table.filter(one_time_links::hash.eq(TokenHash::of(secret)));
        match diesel::delete(row).execute(conn)? {
            1 => Ok(link),
            _ => Err(not_usable(conn)?),
        }
    }

    /// Revokes every link of an employee.
    pub fn revoke_all(conn: &mut DbConnection, employee: EmployeeKey) -> QueryResult<usize> {
        diesel::delete(one_time_links::table.filter(one_time_links::employee_id.eq(employee))).execute(conn)
    }

    /// When the open link of an employee that an admin created expires; none when there is no link.
    pub fn open_until(
        conn: &mut DbConnection,
        employee: EmployeeKey,
        now: Timestamp,
    ) -> QueryResult<Option<Timestamp>> {
        one_time_links::table
            .filter(one_time_links::employee_id.eq(employee))
            .filter(one_time_links::purpose.ne(Purpose::Forgot))
            .filter(one_time_links::expires_at.gt(now))
            .order(one_time_links::expires_at.desc())
            .select(one_time_links::expires_at)
            .first(conn)
            .optional()
    }

    /// Deletes expired links.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        diesel::delete(one_time_links::table.filter(one_time_links::expires_at.le(now))).execute(conn)
    }
}

fn not_usable(conn: &mut DbConnection) -> QueryResult<Error> {
    let next = match notices::is_set_up(conn, Channel::Email)? {
        true => {
            "Ask an admin for a new link. If you forgot your password, you can also have one sent from the sign-in page."
        }
        false => "Ask an admin for a new link.",
    };
    Ok(Error::Gone(format!("This link was already used, has expired, or was replaced by a newer one. {next}")))
}

/// The URL of a link.
pub fn address(origin: &str, purpose: Purpose, secret: &RandomSecret) -> String {
    match purpose {
        Purpose::SetUp => format!("{origin}/set-up/{}", secret.expose()),
        Purpose::Invite | Purpose::Reset | Purpose::Forgot => format!("{origin}/welcome/{}", secret.expose()),
    }
}
