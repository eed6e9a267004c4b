//! Limits password guessing (NIST SP 800-63B-4 section 3.2.2) in a way that a stranger cannot lock an employee out, and
//! that leaves a bounded number of rows.
//!
//! Failures are counted three ways. Per e-mail address and network: after five, each attempt must wait longer than the one
//! before. Per network, for all e-mail addresses: thirty at once, then one in half a minute. Per e-mail address, for all
//! networks: after a hundred in a row, only browsers that have signed in to the account before may try; each of them has its
//! own count and no other.
//!
//! An attempt is counted before the password is checked, by conditional updates, so that parallel guesses are all counted.
//! An attempt that must wait is not counted and changes nothing.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::error::Result;
use crate::network;
use crate::schema::sign_in_attempts;
use crate::time::{DAY, HOUR, MINUTE, Timestamp};

const WITHOUT_WAIT: i64 = 5;
const LONGEST_WAIT: i64 = 15 * MINUTE;
const MOST_IN_A_ROW: i64 = 100;
// Failures of one network at once, and the seconds after which it may fail once more.
const MOST_OF_NETWORK: i64 = 30;
const NETWORK_DRIP: i64 = 30;
// A count is deleted this many seconds after the last failure.
const MEMORY: i64 = DAY;
/// The most counts. Beyond it, the oldest ones are deleted.
pub const MOST_ROWS: i64 = 10_000;
const EVICTED_AT_ONCE: i64 = 100;
// The row that counts for all networks what is not recorded in the activity log.
pub(super) const EVERYBODY: &str = "all networks";

/// The counts that an attempt is added to.
#[derive(Clone, Debug)]
pub struct Attempts {
    paced: String,
    shared: Option<Shared>,
}

// The counts of a browser that is not known.
#[derive(Clone, Debug)]
struct Shared {
    network: String,
    account: String,
}

/// Whether the password may be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Yes; the attempt is already counted as a failure.
    Allowed,
    /// Only after this many seconds.
    Wait(i64),
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sign_in_attempts)]
struct Count {
    failures: i64,
    last_failed_at: Timestamp,
    blocked_until: Timestamp,
}

impl Count {
    fn of(conn: &mut DbConnection, subject: &str) -> QueryResult<Option<Count>> {
        sign_in_attempts::table.find(subject).select(Count::as_select()).first(conn).optional()
    }

    // The failures of a network that still count, and since when: one is forgotten every half minute.
    fn of_network_at(&self, now: Timestamp) -> (i64, Timestamp) {
        let forgotten = (now.since(self.last_failed_at).max(0) / NETWORK_DRIP).min(self.failures);
        match self.failures - forgotten {
            0 => (0, now),
            left => (left, self.last_failed_at.plus(forgotten * NETWORK_DRIP)),
        }
    }

    // Seconds until a network may fail once more.
    fn network_wait(&self, now: Timestamp) -> Option<i64> {
        let (failures, since) = self.of_network_at(now);
        (failures >= MOST_OF_NETWORK).then(|| since.plus(NETWORK_DRIP).since(now).max(1))
    }
}

impl Attempts {
    /// The counts for `email` and `client_ip`; `device` names a browser that has signed in to the account before.
    pub fn of(email: &str, client_ip: &str, device: Option<&str>) -> Attempts {
        // The table stores a hash in place of the e-mail address.
        let account = crate::secrets::TokenHash::of(&crate::text::fold(email.trim()));
        let (account, network) = (account.short_hex(), network::of(client_ip));
        match device {
            Some(device) => Attempts { paced: format!("{account} device {device}"), shared: None },
            None => Attempts {
                paced: format!("{account} from {network}"),
                shared: Some(Shared { network: network_row(&network), account: format!("{account} all") }),
            },
        }
    }

    /// Deletes every count of an e-mail address.
    pub fn forget(conn: &mut DbConnection, email: &str) -> QueryResult<usize> {
        let account = crate::secrets::TokenHash::of(&crate::text::fold(email.trim())).short_hex();
        diesel::delete(sign_in_attempts::table.filter(sign_in_attempts::subject.like(format!("{account} %"))))
            .execute(conn)
    }

    /// The seconds an attempt must wait, without counting it: a flood of attempts is refused by reads alone.
    pub fn wait(&self, conn: &mut DbConnection, now: Timestamp) -> QueryResult<Option<i64>> {
        if let Some(Shared { network, account }) = &self.shared {
            if let Some(seconds) = Count::of(conn, network)?.and_then(|count| count.network_wait(now)) {
                return Ok(Some(seconds));
            }
            if Count::of(conn, account)?.is_some_and(|count| count.failures >= MOST_IN_A_ROW) {
                return Ok(Some(LONGEST_WAIT));
            }
        }
        let paced = Count::of(conn, &self.paced)?;
        Ok(paced.map(|count| count.blocked_until.since(now)).filter(|seconds| *seconds > 0))
    }

    /// Counts an attempt, unless it must wait.
    pub fn begin(&self, conn: &mut DbConnection, now: Timestamp) -> Result<Attempt> {
        if let Some(seconds) = self.wait(conn, now)? {
            return Ok(Attempt::Wait(seconds));
        }
        if !self.count(conn, now)? {
            // On PostgreSQL another attempt was counted in the meantime.
            return Ok(Attempt::Wait(self.wait(conn, now)?.unwrap_or(1)));
        }
        Ok(Attempt::Allowed)
    }

    // Counts an attempt. False when a count no longer allows it; then at most the count of this account and network has it.
    fn count(&self, conn: &mut DbConnection, now: Timestamp) -> Result<bool> {
        ensure_row(conn, &self.paced, now)?;
        let row = sign_in_attempts::table.find(&self.paced);
        let failures = row.select(sign_in_attempts::failures).first::<i64>(conn)? + 1;
        let counted = diesel::update(row.filter(sign_in_attempts::blocked_until.le(now)))
            .set((
                sign_in_attempts::failures.eq(sign_in_attempts::failures + 1),
                sign_in_attempts::last_failed_at.eq(now),
                sign_in_attempts::blocked_until.eq(now.plus(wait_after(failures))),
            ))
            .execute(conn)?;
        if counted == 0 {
            return Ok(false);
        }
        let Some(Shared { network, account }) = &self.shared else { return Ok(true) };
        ensure_row(conn, account, now)?;
        let row = sign_in_attempts::table.find(account);
        let one_more = sign_in_attempts::failures.eq(sign_in_attempts::failures + 1);
        let counted = diesel::update(row.filter(sign_in_attempts::failures.lt(MOST_IN_A_ROW)))
            .set((one_more, sign_in_attempts::last_failed_at.eq(now)))
            .execute(conn)?;
        ensure_row(conn, network, now)?;
        let before = Count::of(conn, network)?;
        let (failures, since) = before.map_or((0, now), |count| count.of_network_at(now));
        if counted == 0 || failures >= MOST_OF_NETWORK {
            // The password is not checked, so the attempt does not count towards the hundred.
            diesel::update(
                row.filter(sign_in_attempts::failures.gt(0)).filter(sign_in_attempts::last_failed_at.eq(now)),
            )
            .set(sign_in_attempts::failures.eq(sign_in_attempts::failures - counted as i64))
            .execute(conn)?;
            return Ok(false);
        }
        diesel::update(sign_in_attempts::table.find(network))
            .set((sign_in_attempts::failures.eq(failures + 1), sign_in_attempts::last_failed_at.eq(since)))
            .execute(conn)?;
        Ok(true)
    }

    /// Deletes the counts after a correct password; the network's loses only this attempt.
    pub fn succeeded(&self, conn: &mut DbConnection) -> QueryResult<()> {
        let own = std::iter::once(&self.paced).chain(self.shared.iter().map(|shared| &shared.account));
        diesel::delete(sign_in_attempts::table.filter(sign_in_attempts::subject.eq_any(own))).execute(conn)?;
        if let Some(Shared { network, .. }) = &self.shared {
            let row = sign_in_attempts::table.find(network).filter(sign_in_attempts::failures.gt(0));
            diesel::update(row).set(sign_in_attempts::failures.eq(sign_in_attempts::failures - 1)).execute(conn)?;
        }
        Ok(())
    }

    /// Deletes some of the counts whose last failure is a day ago, or that are too many. Returns how many.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, limit: i64) -> QueryResult<usize> {
        let old = sign_in_attempts::table
            .filter(sign_in_attempts::last_failed_at.lt(now.plus(-MEMORY)))
            .filter(sign_in_attempts::unrecorded.eq(0))
            .order((sign_in_attempts::last_failed_at, sign_in_attempts::subject))
            .select(sign_in_attempts::subject)
            .limit(limit);
        let old: Vec<String> = old.load(conn)?;
        let deleted =
            diesel::delete(sign_in_attempts::table.filter(sign_in_attempts::subject.eq_any(old))).execute(conn)?;
        Ok(deleted + evict(conn, now, limit)?)
    }
}

pub(super) fn network_row(network: &str) -> String {
    format!("network {network}")
}

// When the hour of a moment began.
pub(super) fn hour_of(now: Timestamp) -> Timestamp {
    Timestamp(now.0 - now.0.rem_euclid(HOUR))
}

pub(super) fn ensure_row(conn: &mut DbConnection, subject: &str, now: Timestamp) -> QueryResult<()> {
    if insert(conn, subject, now)? {
        evict(conn, now, EVICTED_AT_ONCE)?;
    }
    Ok(())
}

fn insert(conn: &mut DbConnection, subject: &str, now: Timestamp) -> QueryResult<bool> {
    let row = (
        sign_in_attempts::subject.eq(subject),
        sign_in_attempts::failures.eq(0),
        sign_in_attempts::last_failed_at.eq(now),
        sign_in_attempts::blocked_until.eq(Timestamp(0)),
        sign_in_attempts::hour.eq(hour_of(now)),
    );
    let inserted = crate::db::on_each!(conn, |inner| {
        diesel::insert_into(sign_in_attempts::table).values(row).on_conflict_do_nothing().execute(inner)
    })?;
    Ok(inserted == 1)
}

// Deletes the oldest counts if there are too many. What they have not recorded is recorded for all networks together.
fn evict(conn: &mut DbConnection, now: Timestamp, limit: i64) -> QueryResult<usize> {
    let newest =
        sign_in_attempts::table.order((sign_in_attempts::last_failed_at.desc(), sign_in_attempts::subject.desc()));
    let beyond = newest.select(sign_in_attempts::subject).offset(MOST_ROWS).limit(1).load::<String>(conn)?;
    if beyond.is_empty() {
        return Ok(0);
    }
    let oldest: Vec<(String, i64)> = sign_in_attempts::table
        .filter(sign_in_attempts::subject.ne(EVERYBODY))
        .order((sign_in_attempts::last_failed_at, sign_in_attempts::subject))
        .select((sign_in_attempts::subject, sign_in_attempts::unrecorded))
        .limit(limit)
        .load(conn)?;
    let unrecorded: i64 = oldest.iter().map(|(_, unrecorded)| unrecorded).sum();
    if unrecorded > 0 {
        insert(conn, EVERYBODY, now)?;
        diesel::update(sign_in_attempts::table.find(EVERYBODY))
            .set(sign_in_attempts::unrecorded.eq(sign_in_attempts::unrecorded + unrecorded))
            .execute(conn)?;
    }
    let oldest: Vec<String> = oldest.into_iter().map(|(subject, _)| subject).collect();
    diesel::delete(sign_in_attempts::table.filter(sign_in_attempts::subject.eq_any(oldest))).execute(conn)
}

// Seconds to wait after this many failures in a row.
pub(super) fn wait_after(failures: i64) -> i64 {
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

        assert_eq!(plain.paced, shouted.paced);
    }

    #[test]
    fn a_network_is_forgiven_one_failure_in_half_a_minute() {
        let at = Timestamp(1_000);
        let count = Count { failures: MOST_OF_NETWORK, last_failed_at: at, blocked_until: Timestamp(0) };

        assert_eq!(count.network_wait(at), Some(NETWORK_DRIP));
        assert_eq!(count.network_wait(at.plus(29)), Some(1));
        assert_eq!(count.network_wait(at.plus(30)), None);
        assert_eq!(count.of_network_at(at.plus(45)), (MOST_OF_NETWORK - 1, at.plus(30)));
        assert_eq!(count.of_network_at(at.plus(DAY)), (0, at.plus(DAY)));
    }
}
