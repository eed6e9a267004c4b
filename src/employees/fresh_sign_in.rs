//! A fresh sign-in: acts that give power ask a person to confirm that it is them, unless they signed in or confirmed in this
//! browser a moment ago.
//!
//! A confirmation gives the browser a random value of its own; the session holds its hash. A session cookie that somebody
//! copied earlier does not become fresh when its owner confirms.

use diesel::prelude::*;

use crate::activity::{Actor, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::employee::Employee;
use crate::employees::second_factor::SecondFactors;
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, SessionKey};
use crate::schema::sessions;
use crate::secrets::TokenHash;
use crate::time::{MINUTE, Timestamp};

/// A sign-in or confirmation is fresh for this many seconds.
pub const FRESH: i64 = 15 * MINUTE;
// The clocks of two nodes may differ by so many seconds.
const CLOCKS_APART: i64 = MINUTE;

/// How a person confirms that it is them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With their password.
    Password,
    /// With their password, and a code of their authenticator app or a recovery code.
    PasswordAndCode,
    /// They have no password here: they sign in again.
    SignInAgain,
}

impl Way {
    /// The way of this employee. It is chosen here only.
    pub fn of(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<Way> {
        let has_password = Employee::find(conn, id)?.password_hash().is_some();
        let has_code = SecondFactors::of(conn, id)?.is_set_up();
        Ok(match (has_password, has_code) {
            (true, false) => Way::Password,
            (true, true) => Way::PasswordAndCode,
            (false, _) => Way::SignInAgain,
        })
    }
}

/// Whether the person of a session signed in, or confirmed in this browser, within [`FRESH`]; `proof` is the hash of what the
/// browser got when they confirmed. False when the session was signed out meanwhile.
pub fn is_fresh(
    conn: &mut DbConnection,
    session: SessionKey,
    proof: Option<&TokenHash>,
    now: Timestamp,
) -> QueryResult<bool> {
    let columns = (sessions::created_at, sessions::authenticated_at, sessions::confirmed_at, sessions::confirmed_hash);
    let found = sessions::table.find(session).select(columns).first(conn).optional()?;
    type Row = (Timestamp, Option<Timestamp>, Timestamp, Option<TokenHash>);
    let Some((began, authenticated, confirmed, hash)): Option<Row> = found else {
        return Ok(false);
    };
    // An identity provider may let somebody pass who signed in there hours ago.
    let signed_in = authenticated.unwrap_or(began);
    let is_recent = |at: Timestamp| (-CLOCKS_APART..FRESH).contains(&now.since(at));
    let is_proven = proof.zip(hash.as_ref()).is_some_and(|(proof, hash)| proof.matches(hash));
    Ok(is_recent(signed_in) || (is_proven && is_recent(confirmed)))
}

/// Records that the employee of a session has confirmed that it is them, in the browser that gets the value behind `proof`.
/// Errors: [`Error::SignInRequired`] when the session was signed out, or the employee locked or archived, meanwhile.
pub fn confirm(
    conn: &mut DbConnection,
    (id, session): (EmployeeKey, SessionKey),
    proof: &TokenHash,
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    let employee = Employee::find(conn, id)?;
    let own = sessions::table.filter(sessions::id.eq(session)).filter(sessions::employee_id.eq(id));
    let changed =
        diesel::update(own).set((sessions::confirmed_at.eq(now), sessions::confirmed_hash.eq(proof))).execute(conn)?;
    if changed == 0 || !employee.may_sign_in() {
        return Err(Error::SignInRequired);
    }
    NewActivity::new(Kind::SignInConfirmed, Actor::person(id, &employee.name), employee.subject())
        .from(client_ip)
        .record(conn, now)
}
