//! Setting up and removing an authenticator app.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::employee::Employee;
use crate::employees::second_factor::overview::{delete_if_none_is_left, ensure_row};
use crate::employees::second_factor::recovery_codes::{self, RecoveryCode};
use crate::employees::second_factor::requirement::require_another;
use crate::employees::second_factor::tell::{Change, tell};
use crate::employees::second_factor::totp::TotpSecret;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::schema::second_factors;
use crate::secrets::sealed::{Sealed, Vault};
use crate::time::Timestamp;

/// What came of setting up an authenticator app.
#[derive(Debug)]
pub enum AppSetUp {
    /// The code is not one that the app shows now. Nothing changed.
    WrongCode,
    /// The app is set up. With new recovery codes, if the employee had none.
    Done(Option<Vec<RecoveryCode>>),
}

/// Sets up an authenticator app, or replaces it, after it has shown a right code.
pub fn set_up_app(
    conn: &mut DbConnection,
    vault: &Vault,
    id: EmployeeKey,
    (secret, code): (&TotpSecret, &str),
    client_ip: &str,
    now: Timestamp,
) -> Result<AppSetUp> {
    let Some(step) = secret.step_of(code, now)? else { return Ok(AppSetUp::WrongCode) };
    ensure_row(conn, id)?;
    store(conn, vault, id, (secret, step), client_ip, now).map(AppSetUp::Done)
}

/// As [`set_up_app`], for somebody who is signing in and has only proved that they know the password. Errors:
/// [`Error::SignInRequired`] when they have a second factor already.
pub fn set_up_first_app(
    conn: &mut DbConnection,
    vault: &Vault,
    id: EmployeeKey,
    (secret, code): (&TotpSecret, &str),
    client_ip: &str,
    now: Timestamp,
) -> Result<AppSetUp> {
    let Some(step) = secret.step_of(code, now)? else { return Ok(AppSetUp::WrongCode) };
    // The row is inserted with the first factor: of two parallel requests, one succeeds.
    if !ensure_row(conn, id)? {
        return Err(Error::SignInRequired);
    }
    store(conn, vault, id, (secret, step), client_ip, now).map(AppSetUp::Done)
}

// The code that was shown counts as used.
fn store(
    conn: &mut DbConnection,
    vault: &Vault,
    id: EmployeeKey,
    (secret, step): (&TotpSecret, i64),
    client_ip: &str,
    now: Timestamp,
) -> Result<Option<Vec<RecoveryCode>>> {
    let employee = Employee::find(conn, id)?;
    let actor = Actor::person(id, &employee.name);
    diesel::update(second_factors::table.find(id))
        .set((
            second_factors::app_secret.eq(Some(secret.seal(vault, id)?)),
            second_factors::app_added_at.eq(now),
            second_factors::app_used_at.eq(Timestamp::NEVER_YET),
            second_factors::used_step.eq(step),
        ))
        .execute(conn)?;
    NewActivity::new(Kind::SecondFactorAdded, actor.clone(), employee.subject())
        .from(client_ip)
        .with(Detail::note("authenticator app"))
        .record(conn, now)?;
    tell(conn, &employee, Change::AppSetUp, (&actor, client_ip), now)?;
    Ok(match recovery_codes::left(conn, id)? {
        0 => Some(recovery_codes::create(conn, id, now)?),
        _ => None,
    })
}

/// Whether `code` is right and was not used: then its time step is used up, also for parallel requests.
pub(super) fn redeem(
    conn: &mut DbConnection,
    vault: &Vault,
    id: EmployeeKey,
    code: &str,
    now: Timestamp,
) -> Result<bool> {
    let row = second_factors::table.find(id).filter(second_factors::app_secret.is_not_null());
    let sealed: Option<Option<Sealed>> = row.select(second_factors::app_secret).first(conn).optional()?;
    let Some(sealed) = sealed.flatten() else { return Ok(false) };
    let Some(step) = TotpSecret::open(vault, &sealed, id)?.step_of(code, now)? else { return Ok(false) };
    let unused = row.filter(second_factors::app_secret.eq(Some(sealed))).filter(second_factors::used_step.lt(step));
    let used = diesel::update(unused)
        .set((second_factors::used_step.eq(step), second_factors::app_used_at.eq(now)))
        .execute(conn)?;
    Ok(used == 1)
}

/// Removes an employee's authenticator app. Errors: [`Error::Conflict`] when they have none, or their role needs a second factor
/// and they have no other.
pub fn remove_app(conn: &mut DbConnection, id: EmployeeKey, client_ip: &str, now: Timestamp) -> Result<()> {
    let employee = Employee::find(conn, id)?;
    let actor = Actor::person(id, &employee.name);
    let row = second_factors::table.find(id).filter(second_factors::app_secret.is_not_null());
    if diesel::update(row).set(second_factors::app_secret.eq(None::<Sealed>)).execute(conn)? == 0 {
        return Err(Error::Conflict("You have no authenticator app.".into()));
    }
    require_another(conn, &employee)?;
    delete_if_none_is_left(conn, id)?;
    NewActivity::new(Kind::SecondFactorRemoved, actor.clone(), employee.subject())
        .from(client_ip)
        .with(Detail::note("authenticator app"))
        .record(conn, now)?;
    tell(conn, &employee, Change::AppRemoved, (&actor, client_ip), now)
}
