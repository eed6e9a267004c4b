//! One-time links: set up the first admin, accept an invitation, choose a new password. The link's secret is stored only as
//! a hash, works once, and ends by itself.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::employees::employee::Employee;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::schema::one_time_links;
use crate::secrets::{RandomSecret, TokenHash};
use crate::time::{DAY, HOUR, Timestamp, count};
use crate::web::session_store::Session;

text_enum! {
    /// What a link is for.
    Purpose {
        /// The first admin of an empty installation.
        SetUp = "set-up",
        /// A new employee chooses a password.
        Invite = "invite",
        /// An employee chooses a new password.
        Reset = "reset",
    }
}

impl Purpose {
    /// Seconds a link is good for.
    pub fn lifetime(self) -> i64 {
        match self {
            Purpose::SetUp | Purpose::Reset => 24 * HOUR,
            Purpose::Invite => 7 * DAY,
        }
    }
}

/// A link that has not been used.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = one_time_links)]
pub struct OneTimeLink {
    /// What it is for.
    pub purpose: Purpose,
    /// Whom it is for; nobody yet, for the first set-up.
    pub employee_id: Option<EmployeeKey>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl OneTimeLink {
    /// Makes a link; earlier ones for the same person and purpose stop working.
    pub fn issue(
        conn: &mut DbConnection,
        purpose: Purpose,
        employee: Option<EmployeeKey>,
        secret: &TokenHash,
        now: Timestamp,
    ) -> QueryResult<()> {
        let earlier = one_time_links::table.filter(one_time_links::purpose.eq(purpose));
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

    /// Makes a link to choose a new password, asked for on the console; the person's sign-ins end. Returns their name.
    /// Errors: [`Error::NotFound`] when nobody signs in with `email`.
    pub fn reset_from_console(
        conn: &mut DbConnection,
        email: &str,
        secret: &TokenHash,
        now: Timestamp,
    ) -> Result<String> {
        let employee = Employee::find_by_email(conn, email)?.ok_or(Error::NotFound)?;
        Self::issue(conn, Purpose::Reset, Some(employee.id), secret, now)?;
        let ended = Session::end_all(conn, employee.id, None)?;
        NewActivity::new(Kind::ResetLinkCreated, Actor::console(), employee.subject())
            .with(Detail::note(format!("{} ended", count(ended as i64, "sign-in"))))
            .record(conn, now)?;
        Ok(employee.name)
    }

    /// The link with this secret. Errors: [`Error::Gone`] when it was used, has ended or never was.
    pub fn find(conn: &mut DbConnection, secret: &str, now: Timestamp) -> Result<OneTimeLink> {
        let row = one_time_links::table
            .filter(one_time_links::hash.eq(TokenHash::of(secret)))
            .filter(one_time_links::expires_at.gt(now))
            .select(OneTimeLink::as_select());
        row.first(conn).optional()?.ok_or_else(spent)
    }

    /// Uses the link up: of two who try, one succeeds.
    pub fn redeem(conn: &mut DbConnection, secret: &str, now: Timestamp) -> Result<OneTimeLink> {
        let link = Self::find(conn, secret, now)?;
        let row = one_time_links::table.filter(one_time_links::hash.eq(TokenHash::of(secret)));
        match diesel::delete(row).execute(conn)? {
            1 => Ok(link),
            _ => Err(spent()),
        }
    }

    /// Whether the links of an employee include one that still works.
    pub fn is_waiting(
        conn: &mut DbConnection,
        employee: EmployeeKey,
        now: Timestamp,
    ) -> QueryResult<Option<Timestamp>> {
        one_time_links::table
            .filter(one_time_links::employee_id.eq(employee))
            .filter(one_time_links::expires_at.gt(now))
            .order(one_time_links::expires_at.desc())
            .select(one_time_links::expires_at)
            .first(conn)
            .optional()
    }

    /// Deletes links that have ended.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        diesel::delete(one_time_links::table.filter(one_time_links::expires_at.le(now))).execute(conn)
    }
}

fn spent() -> Error {
    Error::Gone(
        "This link has been used, has ended, or was replaced by a newer one. Ask an admin for a new link.".into(),
    )
}

/// The address a link is handed out as.
pub fn address(origin: &str, purpose: Purpose, secret: &RandomSecret) -> String {
    match purpose {
        Purpose::SetUp => format!("{origin}/set-up/{}", secret.expose()),
        Purpose::Invite | Purpose::Reset => format!("{origin}/welcome/{}", secret.expose()),
    }
}
