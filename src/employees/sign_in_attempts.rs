//! Limits password guessing (NIST SP 800-63B-4 section 3.2.2) in a way that a stranger cannot lock an employee out.
//!
//! Failures are counted per e-mail address and client IP: after five, each attempt must wait longer than the one before.
//! After a hundred failures in a row from all client IPs, only browsers that have signed in to the account before may try;
//! each of them has its own count. An attempt is counted before the password is checked, in one conditional UPDATE, so
//! that parallel guesses are all counted.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::error::Result;
use crate::schema::sign_in_attempts;
use crate::time::{DAY, MINUTE, Timestamp};

const WITHOUT_WAIT: i64 = 5;
const LONGEST_WAIT: i64 = 15 * MINUTE;
const MOST_IN_A_ROW: i64 = 100;
// A count is deleted this many seconds after the last failure.
const MEMORY: i64 = DAY;

/// The counts that an attempt is added to.
#[derive(Clone, Debug)]
pub struct Attempts {
    paced: String,
    capped: Option<String>,
}

/// Whether the password may be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Yes; the attempt is already counted as a failure.
    Allowed,
    /// Only after this many seconds.
    Wait(i64),
}

impl Attempts {
    /// The counts for `email` and `client_ip`; `device` names a browser that has signed in to the account before.
    pub fn of(email: &str, client_ip: &str, device: Option<&str>) -> Attempts {
        // The table stores a hash in place of the e-mail address.
        let account = crate::secrets::TokenHash::of(&crate::text::fold(email.trim()));
        let account = account.short_hex();
        match device {
            Some(device) => Attempts { paced: format!("{account} device {device}"), capped: None },
            None => Attempts { paced: format!("{account} from {client_ip}"), capped: Some(format!("{account} all")) },
        }
    }

    /// Counts an attempt, unless it must wait.
    pub fn begin(&self, conn: &mut DbConnection, now: Timestamp) -> Result<Attempt> {
        if let Some(capped) = &self.capped {
            Self::ensure_row(conn, capped, now)?;
            let counted = diesel::update(
                sign_in_attempts::table.find(capped).filter(sign_in_attempts::failures.lt(MOST_IN_A_ROW)),
            )
            .set((
                sign_in_attempts::failures.eq(sign_in_attempts::failures + 1),
                sign_in_attempts::last_failed_at.eq(now),
            ))
            .execute(conn)?;
            if counted == 0 {
                return Ok(Attempt::Wait(LONGEST_WAIT));
            }
        }
        Self::ensure_row(conn, &self.paced, now)?;
        let row = sign_in_attempts::table.find(&self.paced);
        let failures = row.select(sign_in_attempts::failures).first::<i64>(conn)? + 1;
        let counted = diesel::update(row.filter(sign_in_attempts::blocked_until.le(now)))
            .set((
                sign_in_attempts::failures.eq(sign_in_attempts::failures + 1),
                sign_in_attempts::last_failed_at.eq(now),
                sign_in_attempts::blocked_until.eq(now.plus(wait_after(failures))),
            ))
            .execute(conn)?;
        match counted {
            1 => Ok(Attempt::Allowed),
            _ => {
                let until = row.select(sign_in_attempts::blocked_until).first::<Timestamp>(conn)?;
                if let Some(capped) = &self.capped {
                    // The password is not checked, so the attempt does not count towards the hundred.
                    diesel::update(sign_in_attempts::table.find(capped))
                        .set(sign_in_attempts::failures.eq(sign_in_attempts::failures - 1))
                        .execute(conn)?;
                }
                Ok(Attempt::Wait(until.since(now).max(1)))
            }
        }
    }

    /// Deletes the counts after a correct password.
    pub fn succeeded(&self, conn: &mut DbConnection) -> QueryResult<()> {
        let both = std::iter::once(&self.paced).chain(&self.capped);
        diesel::delete(sign_in_attempts::table.filter(sign_in_attempts::subject.eq_any(both))).execute(conn).map(drop)
    }

    /// Deletes counts whose last failure is a day ago.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        diesel::delete(sign_in_attempts::table.filter(sign_in_attempts::last_failed_at.lt(now.plus(-MEMORY))))
            .execute(conn)
    }

    fn ensure_row(conn: &mut DbConnection, subject: &str, now: Timestamp) -> QueryResult<()> {
        let row = (
            sign_in_attempts::subject.eq(subject),
            sign_in_attempts::failures.eq(0),
            sign_in_attempts::last_failed_at.eq(now),
            sign_in_attempts::blocked_until.eq(Timestamp(0)),
        );
        crate::db::on_each!(conn, |inner| {
            diesel::insert_into(sign_in_attempts::table).values(row).on_conflict_do_nothing().execute(inner).map(drop)
        })
    }
}

// Seconds to wait after this many failures in a row.
fn wait_after(failures: i64) -> i64 {
    match failures {
        ..WITHOUT_WAIT => 0,
        _ => (1_i64 << (failures - WITHOUT_WAIT).min(20)).min(LONGEST_WAIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_rises_and_is_bounded() {
        assert_eq!([1, 4, 5, 6, 10, 40].map(wait_after), [0, 0, 1, 2, 32, LONGEST_WAIT]);
    }

    #[test]
    fn variants_of_an_address_count_as_one() {
        let plain = Attempts::of("marta@shop.example", "10.0.0.1", None);
        let shouted = Attempts::of(" Marta@SHOP.example ", "10.0.0.1", None);

        assert_eq!((plain.paced, plain.capped), (shouted.paced, shouted.capped));
    }
}
