//! Signing in with a password. Every way to fail does the same work and has the same outcome, so that a caller cannot
//! find out which e-mail addresses exist.

use crate::activity::{Actor, Kind, NewActivity};
use crate::db::{Db, DbConnection};
use crate::employees::break_glass::Passwords;
use crate::employees::employee::Employee;
use crate::employees::failed_sign_ins;
use crate::employees::password;
use crate::employees::password_hasher::PasswordHasher;
use crate::employees::session::Session;
use crate::employees::sign_in_attempts::{Attempt, Attempts};
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, SessionKey};
use crate::network;
use crate::time::Timestamp;

/// A browser that has signed in before, and to whose account.
pub struct KnownDevice {
    /// Who signed in.
    pub employee: EmployeeKey,
    /// A random name for the browser.
    pub nonce: String,
}

/// Where a sign-in comes from.
pub struct SignInOrigin {
    /// The client IP.
    pub client_ip: String,
    /// The browser, if it has signed in before.
    pub device: Option<KnownDevice>,
    /// Who may sign in with a password.
    pub passwords: Passwords,
}

/// Checks an e-mail address and password. Returns the employee; none when the two do not match, or the employee is locked
/// or archived, or passwords are off for them. Errors: [`Error::TooManyRequests`] after too many failures.
pub async fn sign_in(
    db: &Db,
    hasher: &PasswordHasher,
    given: (&str, &str),
    origin: SignInOrigin,
    now: Timestamp,
) -> Result<Option<EmployeeKey>> {
    let outcome = check(db, hasher, given, origin, now).await;
    if let Err(Error::TooManyRequests(_)) = outcome {
        hasher.hold_up().await;
    }
    outcome
}

async fn check(
    db: &Db,
    hasher: &PasswordHasher,
    (email, given): (&str, &str),
    origin: SignInOrigin,
    now: Timestamp,
) -> Result<Option<EmployeeKey>> {
    if given.chars().count() > password::LONGEST {
        return Err(Error::Invalid(format!("A password has at most {} characters.", password::LONGEST)));
    }
    let wanted = email.to_string();
    let employee = db.lookup(move |conn| Ok(Employee::find_by_email(conn, &wanted)?)).await?;
    let id = employee.as_ref().map(|employee| employee.id);
    let device = origin.device.filter(|device| Some(device.employee) == id).map(|device| device.nonce);
    let attempts = Attempts::of(email, &origin.client_ip, device.as_deref());
    let asked = attempts.clone();
    if let Some(seconds) = db.lookup(move |conn| Ok(asked.wait(conn, now)?)).await? {
        return Err(Error::TooManyRequests(seconds));
    }
    // Before the attempt is counted: while too many others wait, it changes nothing.
    let place = match device {
        Some(_) => hasher.place_for_known()?,
        None => hasher.place_for_stranger(&network::of(&origin.client_ip))?,
    };
    let counted = attempts.clone();
    if let Attempt::Wait(seconds) = db.write(move |conn| counted.begin(conn, now)).await? {
        return Err(Error::TooManyRequests(seconds));
    }
    let is_correct = hasher.verify(place, given, employee.as_ref().and_then(Employee::password_hash)).await?;
    let Some(employee) =
        employee.filter(|employee| is_correct && employee.may_sign_in() && origin.passwords.allow(employee.id))
    else {
        let email = email.to_string();
        db.write(move |conn| failed_sign_ins::record(conn, (&email, id), &origin.client_ip, now)).await?;
        return Ok(None);
    };
    rehash_if_outdated(db, hasher, &employee, given).await?;
    db.write(move |conn| Ok(attempts.succeeded(conn)?)).await?;
    Ok(Some(employee.id))
}

async fn rehash_if_outdated(db: &Db, hasher: &PasswordHasher, employee: &Employee, given: &str) -> Result<()> {
    let Some(old) = employee.password_hash().filter(|hash| hasher.is_outdated(hash)) else {
        return Ok(());
    };
    let (id, new) = (employee.id, hasher.hash(given).await?);
    let algorithm = old.split('$').nth(1).unwrap_or_default();
    log::info!("employee {id}: password hash updated, was {algorithm} with older parameters");
    db.write(move |conn| Ok(Employee::set_password(conn, id, &new)?)).await?;
    Ok(())
}

/// Signs an employee out of one session.
pub fn sign_out(
    conn: &mut DbConnection,
    id: EmployeeKey,
    session: SessionKey,
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    Session::revoke(conn, id, session)?;
    let employee = Employee::find(conn, id)?;
    NewActivity::new(Kind::SignedOut, Actor::person(id, &employee.name), employee.subject())
        .from(client_ip)
        .record(conn, now)
}
