//! Adding, renaming and removing passkeys.

use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::employee::Employee;
use crate::employees::second_factor::overview::{delete_if_none_is_left, ensure_row};
use crate::employees::second_factor::passkey::challenge::{Purpose, Verifier, spend};
use crate::employees::second_factor::passkey::credential::{MOST_PASSKEYS, Passkey};
use crate::employees::second_factor::passkey::verify::{self, Registration};
use crate::employees::second_factor::recovery_codes::{self, RecoveryCode};
use crate::employees::second_factor::requirement::require_another;
use crate::employees::second_factor::tell::{Change, tell};
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, PasskeyKey};
use crate::schema::passkeys;
use crate::time::Timestamp;

const NOT_ADDED: &str = "The passkey could not be added. Open this page again and retry.";

/// What the browser answers when a passkey is created.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// What its owner calls it.
    pub name: String,
    /// The client data, as JSON.
    pub client_data: Vec<u8>,
    /// The attestation object, as CBOR.
    pub attestation: Vec<u8>,
}

/// What authenticators are to know an employee by: what their other passkeys have, or something random from the challenge.
pub fn user_handle(existing: &[Passkey], challenge: &str) -> Vec<u8> {
    let random = || Sha256::digest(format!("user handle {challenge}").as_bytes()).to_vec();
    existing.first().map_or_else(random, |passkey| passkey.user_handle.clone())
}

/// Adds a passkey. Returns new recovery codes, if the employee had none. Errors: [`Error::Invalid`] when the answer is not right,
/// the challenge was used, or there are too many passkeys.
pub fn register(
    conn: &mut DbConnection,
    verifier: &Verifier,
    id: EmployeeKey,
    new: &NewPasskey,
    client_ip: &str,
    now: Timestamp,
) -> Result<Option<Vec<RecoveryCode>>> {
    let verified = verified(conn, verifier, id, new, now)?;
    ensure_row(conn, id)?;
    store(conn, id, (new, &verified), client_ip, now)
}

/// As [`register`], for somebody who is signing in and has only proved that they know the password. Errors:
/// [`Error::SignInRequired`] when they have a second factor already.
pub fn register_first(
    conn: &mut DbConnection,
    verifier: &Verifier,
    id: EmployeeKey,
    new: &NewPasskey,
    client_ip: &str,
    now: Timestamp,
) -> Result<Option<Vec<RecoveryCode>>> {
    let verified = verified(conn, verifier, id, new, now)?;
    // The row is inserted with the first factor: of two parallel requests, one succeeds.
    if !ensure_row(conn, id)? {
        return Err(Error::SignInRequired);
    }
    store(conn, id, (new, &verified), client_ip, now)
}

// Verifies an answer, and uses up its challenge.
fn verified(
    conn: &mut DbConnection,
    verifier: &Verifier,
    id: EmployeeKey,
    new: &NewPasskey,
    now: Timestamp,
) -> Result<Registration> {
    let refuse = |why: &str| {
        log::warn!("employee {id}: a passkey was not added: {why}");
        Error::Invalid(NOT_ADDED.into())
    };
    let verified = verify::registration(&new.client_data, &new.attestation, &verifier.rp).map_err(refuse)?;
    let nonce = verifier.nonce(&verified.challenge, Purpose::Register(id), now);
    let nonce = nonce.ok_or_else(|| refuse("the challenge is not one of ours, or has expired"))?;
    if !spend(conn, nonce, now)? {
        return Err(refuse("the challenge was used"));
    }
    Ok(verified)
}

fn store(
    conn: &mut DbConnection,
    id: EmployeeKey,
    (new, verified): (&NewPasskey, &Registration),
    client_ip: &str,
    now: Timestamp,
) -> Result<Option<Vec<RecoveryCode>>> {
    let existing = Passkey::of(conn, id)?;
    if existing.len() >= MOST_PASSKEYS {
        return Err(Error::Invalid(format!("You can have at most {MOST_PASSKEYS} passkeys. Remove one first.")));
    }
    let row = (
        passkeys::employee_id.eq(id),
        passkeys::name.eq(&new.name),
        passkeys::credential_id.eq(&verified.credential),
        passkeys::public_key.eq(&verified.public_key),
        passkeys::user_handle.eq(user_handle(&existing, &verified.challenge)),
        passkeys::use_count.eq(i64::from(verified.count)),
        passkeys::created_at.eq(now),
        passkeys::last_used_at.eq(Timestamp::NEVER_YET),
    );
    // The same credential ID again (section 7.1 step 26).
    diesel::insert_into(passkeys::table).values(row).execute(conn).map_err(Error::from).map_err(|error| match error
        .is_duplicate()
    {
        true => Error::Invalid("This passkey was already added.".into()),
        false => error,
    })?;
    record(conn, id, Kind::SecondFactorAdded, &format!("passkey {}", new.name), client_ip, now)?;
    tell_owner(conn, id, Change::PasskeyAdded, client_ip, now)?;
    Ok(match recovery_codes::left(conn, id)? {
        0 => Some(recovery_codes::create(conn, id, now)?),
        _ => None,
    })
}

/// Renames a passkey of an employee. Errors: [`Error::NotFound`] when it is not theirs.
pub fn rename_passkey(
    conn: &mut DbConnection,
    (id, passkey): (EmployeeKey, PasskeyKey),
    name: &str,
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    let before = Passkey::find(conn, id, passkey)?.name;
    if before == name {
        return Ok(());
    }
    diesel::update(passkeys::table.find(passkey)).set(passkeys::name.eq(name)).execute(conn)?;
    record(conn, id, Kind::PasskeyRenamed, &format!("from {before} to {name}"), client_ip, now)
}

/// Removes a passkey of an employee. Errors: [`Error::NotFound`] when it is not theirs, [`Error::Conflict`] when their role needs
/// a second factor and they have no other.
pub fn remove_passkey(
    conn: &mut DbConnection,
    (id, passkey): (EmployeeKey, PasskeyKey),
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    let employee = Employee::find(conn, id)?;
    let name = Passkey::find(conn, id, passkey)?.name;
    if diesel::delete(passkeys::table.find(passkey)).execute(conn)? == 0 {
        return Err(Error::NotFound);
    }
    require_another(conn, &employee)?;
    delete_if_none_is_left(conn, id)?;
    record(conn, id, Kind::SecondFactorRemoved, &format!("passkey {name}"), client_ip, now)?;
    tell_owner(conn, id, Change::PasskeyRemoved, client_ip, now)
}

fn record(
    conn: &mut DbConnection,
    id: EmployeeKey,
    kind: Kind,
    note: &str,
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    let employee = Employee::find(conn, id)?;
    NewActivity::new(kind, Actor::person(id, &employee.name), employee.subject())
        .from(client_ip)
        .with(Detail::note(note))
        .record(conn, now)
}

fn tell_owner(conn: &mut DbConnection, id: EmployeeKey, change: Change, client_ip: &str, now: Timestamp) -> Result<()> {
    let employee = Employee::find(conn, id)?;
    tell(conn, &employee, change, (&Actor::person(id, &employee.name), client_ip), now)
}
