//! Recovery codes: for somebody who does not have their authenticator app or passkey. Each works once.

use std::fmt;

use diesel::prelude::*;
use rand::RngExt;
use zeroize::Zeroizing;

use crate::activity::{Actor, Kind, NewActivity};
use crate::db::{DbConnection, nonce};
use crate::employees::employee::Employee;
use crate::employees::second_factor::overview::SecondFactors;
use crate::employees::second_factor::tell::{Change, tell};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::schema::recovery_codes;
use crate::secrets::TokenHash;
use crate::time::Timestamp;

/// How many codes somebody gets.
pub const RECOVERY_CODES: usize = 10;
// Without characters that look alike. Sixteen of them are 79 bits, so that one round of SHA-256 is enough.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS: usize = 4;

/// A new recovery code, shown once.
pub struct RecoveryCode(Zeroizing<String>);

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode")
    }
}

impl RecoveryCode {
    fn generate() -> RecoveryCode {
        let mut rng = rand::rng();
        let mut group =
            || -> String { (0..4).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect() };
        let groups: Vec<String> = (0..GROUPS).map(|_| group()).collect();
        RecoveryCode(Zeroizing::new(groups.join("-")))
    }

    /// The code itself, to show it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

// Ignores letter case, spaces and hyphens. The id is part of it, so that a code is found for its owner only.
fn hash(id: EmployeeKey, code: &str) -> TokenHash {
    let letters: String = code.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    TokenHash::of(&format!("recovery code of {id}: {letters}"))
}

/// Replaces all codes of an employee with new ones.
pub(super) fn create(conn: &mut DbConnection, id: EmployeeKey, now: Timestamp) -> QueryResult<Vec<RecoveryCode>> {
    delete_all(conn, id)?;
    let codes: Vec<RecoveryCode> = (0..RECOVERY_CODES).map(|_| RecoveryCode::generate()).collect();
    for code in &codes {
        let row = (
            recovery_codes::employee_id.eq(id),
            recovery_codes::hash.eq(hash(id, code.expose())),
            recovery_codes::created_at.eq(now),
        );
        diesel::insert_into(recovery_codes::table).values(row).execute(conn)?;
    }
    Ok(codes)
}

/// Deletes a code if it is one of this employee: of two parallel requests, one succeeds.
pub(super) fn redeem(conn: &mut DbConnection, id: EmployeeKey, code: &str) -> QueryResult<bool> {
    let own = recovery_codes::table.filter(recovery_codes::employee_id.eq(id));
    diesel::delete(own.filter(recovery_codes::hash.eq(hash(id, code)))).execute(conn).map(|n| n == 1)
}

pub(super) fn delete_all(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<usize> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::employee_id.eq(id))).execute(conn)
}

/// How many codes an employee has left.
pub(super) fn left(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<i64> {
    recovery_codes::table.filter(recovery_codes::employee_id.eq(id)).count().get_result(conn)
}

/// Gives an employee new recovery codes; the previous ones stop working. `form` is the nonce of the form. Errors:
/// [`Error::Conflict`] when they have no second factor, or the form was already sent.
pub fn renew_recovery_codes(
    conn: &mut DbConnection,
    id: EmployeeKey,
    form: &str,
    client_ip: &str,
    now: Timestamp,
) -> Result<Vec<RecoveryCode>> {
    let employee = Employee::find(conn, id)?;
    let actor = Actor::person(id, &employee.name);
    if !SecondFactors::of(conn, id)?.is_set_up() {
        return Err(Error::Conflict("Set up a second factor first.".into()));
    }
    let lost = "The recovery codes were already created. If you did not copy them, create new ones.";
    nonce::spend(conn, form, lost, now)?;
    let codes = create(conn, id, now)?;
    NewActivity::new(Kind::RecoveryCodesCreated, actor.clone(), employee.subject())
        .from(client_ip)
        .record(conn, now)?;
    tell(conn, &employee, Change::RecoveryCodesRenewed, (&actor, client_ip), now)?;
    Ok(codes)
}
