//! Checking the second factor of somebody who has proved the first.

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::employee::Employee;
use crate::employees::proof::Proof;
use crate::employees::second_factor::attempts::{self, Attempt, WORTH_TELLING};
use crate::employees::second_factor::passkey::{PasskeyAnswer, Verifier};
use crate::employees::second_factor::tell::{Change, tell};
use crate::employees::second_factor::{authenticator_app, passkey, recovery_codes};
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::secrets::sealed::Vault;
use crate::time::{Timestamp, count};

/// What somebody enters.
#[derive(Clone)]
pub enum Given {
    /// A code of their authenticator app.
    Code(String),
    /// A recovery code.
    RecoveryCode(String),
    /// The answer of one of their passkeys to a challenge of [`Purpose::SecondFactor`](super::passkey::Purpose).
    Passkey(Box<(Verifier, PasskeyAnswer)>),
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Given")
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is right, and is used up.
    Correct(Proof),
    /// It is wrong, or was used before. The failure is counted and recorded.
    Wrong,
    /// Too many failures: nothing was checked. The next attempt is possible after this many seconds.
    Wait(i64),
}

/// Checks the second factor of an employee, of whom something else has proved that it is them. Call it in a transaction of its
/// own that is committed whatever the result is: a failure that is not committed is not counted.
pub fn check(
    conn: &mut DbConnection,
    vault: &Vault,
    id: EmployeeKey,
    given: &Given,
    client_ip: &str,
    now: Timestamp,
) -> Result<Checked> {
    let employee = Employee::find(conn, id)?;
    let actor = Actor::person(id, &employee.name);
    let attempt = attempts::begin(conn, id, now)?;
    let failures = match attempt {
        Attempt::Wait(seconds) => return Ok(Checked::Wait(seconds)),
        Attempt::Allowed(failures) => failures,
    };
    let (is_correct, proof) = match given {
        Given::Code(code) => {
            let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
            let is_correct = attempt.may_use_app() && authenticator_app::redeem(conn, vault, id, &code, now)?;
            (is_correct, Proof::AuthenticatorApp)
        }
        Given::Passkey(given) => (passkey::redeem(conn, &given.0, id, &given.1, now)?, Proof::Passkey),
        Given::RecoveryCode(code) => (recovery_codes::redeem(conn, id, code)?, Proof::RecoveryCode),
    };
    if !is_correct {
        NewActivity::new(Kind::SecondFactorFailed, Actor::nobody(), employee.subject())
            .from(client_ip)
            .with(Detail::note(proof.word()))
            .record(conn, now)?;
        if failures == WORTH_TELLING {
            tell(conn, &employee, Change::ManyFailures, (&Actor::nobody(), client_ip), now)?;
        }
        return Ok(Checked::Wrong);
    }
    attempts::succeeded(conn, id)?;
    if proof == Proof::RecoveryCode {
        let left = count(recovery_codes::left(conn, id)?, "code");
        NewActivity::new(Kind::RecoveryCodeUsed, actor.clone(), employee.subject())
            .from(client_ip)
            .with(Detail::note(format!("{left} left")))
            .record(conn, now)?;
        tell(conn, &employee, Change::RecoveryCodeUsed, (&actor, client_ip), now)?;
    }
    Ok(Checked::Correct(proof))
}
