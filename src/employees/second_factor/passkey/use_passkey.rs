//! Proving with a passkey who one is: as a second factor, or alone.

use crate::db::{Db, DbConnection};
use crate::employees::employee::Employee;
use crate::employees::failed_sign_ins;
use crate::employees::second_factor::attempts;
use crate::employees::second_factor::passkey::challenge::{Purpose, Verifier, spend};
use crate::employees::second_factor::passkey::credential::Passkey;
use crate::employees::second_factor::passkey::verify;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::time::Timestamp;

/// What the browser answers when a passkey is used.
#[derive(Clone, Debug)]
pub struct PasskeyAnswer {
    /// The credential ID.
    pub credential: Vec<u8>,
    /// The client data, as JSON.
    pub client_data: Vec<u8>,
    /// The authenticator data.
    pub data: Vec<u8>,
    /// The signature over both.
    pub signature: Vec<u8>,
    /// Whom the authenticator says that the passkey is of; empty if it does not say.
    pub user_handle: Vec<u8>,
}

/// What came of a sign-in with a passkey alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognized {
    /// It is this employee, who may sign in.
    Employee(EmployeeKey),
    /// The passkey is right, and has checked neither a PIN nor a fingerprint or face: it is a second factor only.
    NotVerified,
    /// It is nobody's, the answer is wrong, was used or has expired, or its owner may not sign in.
    Nobody,
}

// An answer that is right; its challenge is not used up yet.
struct Right {
    passkey: Passkey,
    nonce: String,
    is_verified: bool,
    count: u32,
}

// Checks an answer without changing anything.
fn verify(
    conn: &mut DbConnection,
    verifier: &Verifier,
    (answer, alone): (&PasskeyAnswer, bool),
    owner: Option<EmployeeKey>,
    now: Timestamp,
) -> Result<std::result::Result<Right, &'static str>> {
    let Some(passkey) = Passkey::by_credential(conn, &answer.credential)? else {
        return Ok(Err("the passkey is not known"));
    };
    if owner.is_some_and(|owner| owner != passkey.employee_id) {
        return Ok(Err("the passkey is somebody else's"));
    }
    // Section 7.2 step 6: without a user who is known, the authenticator has to say whose passkey it is.
    if (alone || !answer.user_handle.is_empty()) && answer.user_handle != passkey.user_handle {
        return Ok(Err("the passkey is for another user"));
    }
    let stored = (passkey.public_key.as_slice(), u32::try_from(passkey.use_count).unwrap_or(u32::MAX));
    let signed = (answer.data.as_slice(), answer.signature.as_slice());
    let assertion = match verify::assertion(&answer.client_data, signed, stored, &verifier.rp) {
        Ok(assertion) => assertion,
        Err(why) => return Ok(Err(why)),
    };
    let purpose = if alone { Purpose::SignIn } else { Purpose::SecondFactor(passkey.employee_id) };
    Ok(match verifier.nonce(&assertion.challenge, purpose, now) {
        Some(nonce) => {
            let (is_verified, count) = (assertion.is_verified, assertion.count);
            Ok(Right { nonce: nonce.into(), passkey, is_verified, count })
        }
        None => Err("the challenge is not one of ours, or has expired"),
    })
}

impl Right {
    // Uses up the challenge, and counts the use: of two parallel answers, one succeeds.
    fn spend(&self, conn: &mut DbConnection, now: Timestamp) -> Result<bool> {
        Ok(spend(conn, &self.nonce, now)? && self.passkey.set_used(conn, self.count, now)?)
    }
}

/// Whether an employee, of whom something else has proved that it is them, answers with one of their passkeys.
pub(in crate::employees::second_factor) fn redeem(
    conn: &mut DbConnection,
    verifier: &Verifier,
    id: EmployeeKey,
    answer: &PasskeyAnswer,
    now: Timestamp,
) -> Result<bool> {
    match verify(conn, verifier, (answer, false), Some(id), now)? {
        Ok(right) => right.spend(conn, now),
        Err(why) => {
            log::warn!("employee {id}: a passkey was refused: {why}");
            Ok(false)
        }
    }
}

/// Signs in with a passkey alone: it proves that somebody has the device, and that the device knows them. A wrong answer changes
/// nothing, except that the failure is recorded if the passkey is somebody's.
pub async fn sign_in_with_passkey(
    db: &Db,
    verifier: Verifier,
    answer: PasskeyAnswer,
    client_ip: String,
    now: Timestamp,
) -> Result<Recognized> {
    let (asked, given) = (verifier.clone(), answer.clone());
    // A read first: a flood of wrong answers keeps no writer busy.
    let verified = db.lookup(move |conn| verify(conn, &asked, (&given, true), None, now)).await?;
    if let Ok(right) = verified {
        if !right.is_verified {
            return Ok(Recognized::NotVerified);
        }
        let recognized = db.write(move |conn| {
            let id = right.passkey.employee_id;
            if !Employee::find(conn, id)?.may_sign_in() || !right.spend(conn, now)? {
                return Ok(None);
            }
            attempts::succeeded(conn, id)?;
            Ok(Some(id))
        });
        if let Some(id) = recognized.await? {
            return Ok(Recognized::Employee(id));
        }
    }
    let credential = answer.credential;
    let owner = db.lookup(move |conn| {
        let Some(passkey) = Passkey::by_credential(conn, &credential)? else { return Ok(None) };
        Ok(Some(Employee::find(conn, passkey.employee_id)?))
    });
    if let Some(owner) = owner.await? {
        db.write(move |conn| failed_sign_ins::record(conn, (&owner.email, Some(owner.id)), &client_ip, now)).await?;
    }
    Ok(Recognized::Nobody)
}
