//! Setting up an empty installation: the first admin names the shop and chooses a password, by a one-time link.

use crate::account::Account;
use crate::activity::{Actor, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::employee::{Employee, NewEmployee};
use crate::employees::one_time_link::{OneTimeLink, Purpose};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::time::Timestamp;

/// Whether an admin can sign in.
pub fn is_set_up(conn: &mut DbConnection) -> Result<bool> {
    Ok(Employee::admins(conn)? > 0)
}

/// Redeems the link, names the shop and creates its first admin. Errors: [`Error::Gone`] when the link was used, or the
/// shop has an admin already.
pub fn set_up(
    conn: &mut DbConnection,
    link_secret: &str,
    (shop, time_zone): (&str, &str),
    (admin, client_ip): (&NewEmployee<'_>, &str),
    now: Timestamp,
) -> Result<EmployeeKey> {
    OneTimeLink::find_for(conn, link_secret, &[Purpose::SetUp], now)?;
    OneTimeLink::redeem(conn, link_secret, now)?;
    if is_set_up(conn)? {
        return Err(Error::Gone("The shop is already set up. Sign in instead.".into()));
    }
    Account::update(conn, shop, time_zone)?;
    let id = Employee::create(conn, admin, now)?;
    let employee = Employee::find(conn, id)?;
    NewActivity::new(Kind::SetUp, Actor::person(id, &employee.name), employee.subject())
        .from(client_ip)
        .record(conn, now)?;
    Ok(id)
}
