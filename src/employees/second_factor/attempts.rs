//! Limits guesses of codes. They are counted per person, because whoever guesses has the password: after five failures in a
//! row each attempt must wait longer than the one before, and after a hundred only a recovery code works (NIST SP 800-63B-4
//! section 3.2.2). A stranger without the password cannot cause any of this.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::employees::sign_in_attempts::wait_after;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::schema::second_factors;
use crate::time::Timestamp;

const MOST_IN_A_ROW: i64 = 100;
/// After so many failures in a row, the person is told.
pub(super) const WORTH_TELLING: i64 = 10;

/// Whether a code may be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Yes; the attempt is already counted as a failure, which is the nth in a row.
    Allowed(i64),
    /// Only after this many seconds.
    Wait(i64),
}

impl Attempt {
    /// Whether codes of the authenticator app are still accepted.
    pub(super) fn may_use_app(self) -> bool {
        matches!(self, Attempt::Allowed(n) if n <= MOST_IN_A_ROW)
    }
}

/// Counts an attempt, unless it must wait. Parallel attempts are all counted: each is one conditional update.
pub(super) fn begin(conn: &mut DbConnection, id: EmployeeKey, now: Timestamp) -> Result<Attempt> {
    let row = second_factors::table.find(id);
    let counts = (second_factors::failures, second_factors::blocked_until);
    let Some((failures, blocked_until)) = row.select(counts).first::<(i64, Timestamp)>(conn).optional()? else {
        // Without a second factor there is nothing to guess.
        return Ok(Attempt::Allowed(1));
    };
    if blocked_until > now {
        return Ok(Attempt::Wait(blocked_until.since(now)));
    }
    let counted =
        diesel::update(row.filter(second_factors::blocked_until.le(now)).filter(second_factors::failures.eq(failures)))
            .set((
                second_factors::failures.eq(failures + 1),
                second_factors::blocked_until.eq(now.plus(wait_after(failures + 1))),
            ))
            .execute(conn)?;
    // On PostgreSQL another attempt was counted in the meantime.
    Ok(if counted == 1 { Attempt::Allowed(failures + 1) } else { Attempt::Wait(1) })
}

/// Starts to count anew after a right code.
pub(super) fn succeeded(conn: &mut DbConnection, id: EmployeeKey) -> QueryResult<usize> {
    let none = (second_factors::failures.eq(0), second_factors::blocked_until.eq(Timestamp(0)));
    diesel::update(second_factors::table.find(id)).set(none).execute(conn)
}
