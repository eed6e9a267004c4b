//! Rate limit on wrong client secrets, counted per client and network. Guessing is slow, and only the guesser's own network is
//! limited.
//!
//! Each node counts in memory, so that a right secret costs no query. `failed_secret_count` counts for all nodes together:
//! a node learns from it, after a wrong secret and at its start, which callers have reached the limit elsewhere.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

use crate::clients::failed_secret_count::{FailedSecretCount, stored_client};
use crate::time::{MINUTE, Timestamp};

/// Wrong secrets that a caller may send in a minute.
pub const MAX_FAILURES: u32 = 10;
/// The minute, in seconds.
pub const WINDOW: i64 = MINUTE;
// Failures of one network in a minute that are also counted in the database: a flood with made-up client IDs must not keep
// the database busy.
const MAX_STORED: u32 = 100;
// With this many callers in memory, the oldest windows are dropped.
const MAX_CALLERS: usize = 10_000;
const DROPPED_AT_ONCE: usize = 100;

/// The `client_id` a caller sent, and its network.
pub type Caller = (String, String);

/// How many wrong secrets each caller sent in its current one-minute window.
#[derive(Default)]
pub struct FailedSecrets(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    callers: Windows<Caller>,
    // By network: what was counted in the database, too.
    stored: Windows<String>,
    // Callers that had reached the limit when this node started, by the stored name of the client, and since when.
    restored: HashMap<Caller, Timestamp>,
    // When the last of their minutes is over.
    restored_until: Option<Timestamp>,
}

impl FailedSecrets {
    /// Seconds a caller must wait before its next attempt, if any.
    pub fn wait(&self, caller: &Caller, now: Timestamp) -> Option<i64> {
        let mut counts = self.0.lock().ok()?;
        if !counts.restored.is_empty() {
            counts.recall(caller, now);
        }
        let (since, count) = counts.callers.0.get(caller).copied()?;
        let left = WINDOW - now.since(since);
        (count >= MAX_FAILURES && left > 0).then_some(left)
    }

    /// Counts a wrong secret from a caller. Returns the seconds to wait if it was one too many: of guesses that are checked
    /// at the same time, no more get an answer.
    pub fn failed(&self, caller: Caller, now: Timestamp) -> Option<i64> {
        let (since, count) = self.0.lock().ok()?.callers.add(caller, now);
        (count > MAX_FAILURES).then(|| WINDOW - now.since(since))
    }

    /// Whether a failure of this network is also counted in the database.
    pub fn may_store(&self, network: &str, now: Timestamp) -> bool {
        self.0.lock().is_ok_and(|mut counts| counts.stored.add(network.to_string(), now).1 <= MAX_STORED)
    }

    /// Makes a caller wait that has reached the limit elsewhere in the minute that began at `since`. Returns the seconds.
    pub fn reached_elsewhere(&self, caller: Caller, since: Timestamp, now: Timestamp) -> Option<i64> {
        self.0.lock().ok()?.callers.0.insert(caller.clone(), (since, MAX_FAILURES));
        self.wait(&caller, now)
    }

    /// Takes over which callers have to wait, at the start.
    pub fn restore(&self, waiting: Vec<FailedSecretCount>) {
        if let Ok(mut counts) = self.0.lock() {
            counts.restored_until = waiting.iter().map(|row| row.since.plus(WINDOW)).max();
            counts.restored = waiting.into_iter().map(|row| ((row.client, row.network), row.since)).collect();
        }
    }
}

impl Counts {
    // Counts for a caller what it did before the start. After a minute there is nothing left to recall.
    fn recall(&mut self, caller: &Caller, now: Timestamp) {
        if self.restored_until.is_none_or(|until| until <= now) {
            self.restored.clear();
        } else if let Some(since) = self.restored.remove(&(stored_client(&caller.0), caller.1.clone())) {
            self.callers.0.insert(caller.clone(), (since, MAX_FAILURES));
        }
    }
}

// Counts that begin anew after a minute.
struct Windows<K>(HashMap<K, (Timestamp, u32)>);

impl<K> Default for Windows<K> {
    fn default() -> Windows<K> {
        Windows(HashMap::new())
    }
}

impl<K: Eq + Hash> Windows<K> {
    // Counts one more. Returns when the window began, and the count.
    fn add(&mut self, key: K, now: Timestamp) -> (Timestamp, u32) {
        if self.0.len() >= MAX_CALLERS && !self.0.contains_key(&key) {
            self.drop_oldest();
        }
        let window = self.0.entry(key).or_insert((now, 0));
        if now.since(window.0) >= WINDOW {
            *window = (now, 0);
        }
        window.1 += 1;
        *window
    }

    fn drop_oldest(&mut self) {
        let mut since: Vec<Timestamp> = self.0.values().map(|(since, _)| *since).collect();
        let (_, oldest, _) = since.select_nth_unstable(DROPPED_AT_ONCE.min(MAX_CALLERS - 1));
        let oldest = *oldest;
        let mut left = DROPPED_AT_ONCE;
        self.0.retain(|_, (since, _)| {
            let is_dropped = left > 0 && *since <= oldest;
            left -= usize::from(is_dropped);
            !is_dropped
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t12_after_ten_wrong_secrets_in_a_minute_only_their_caller_waits() {
        let (failed_secrets, now) = (FailedSecrets::default(), Timestamp(1_000));
        let caller = |who: &str| ("app".to_string(), who.to_string());
        for _ in 0..10 {
            assert_eq!(failed_secrets.wait(&caller("a"), now), None);
            assert_eq!(failed_secrets.failed(caller("a"), now), None);
        }

        assert_eq!(failed_secrets.failed(caller("a"), now.plus(10)), Some(50), "one that was checked at the same time");
        assert_eq!(failed_secrets.wait(&caller("a"), now.plus(20)), Some(40));
        assert_eq!(failed_secrets.wait(&caller("b"), now.plus(20)), None);
        assert_eq!(failed_secrets.wait(&caller("a"), now.plus(60)), None);
    }

    #[test]
    fn a_full_table_forgets_the_oldest_only() {
        let (failed_secrets, now) = (FailedSecrets::default(), Timestamp(1_000));
        let caller = |n: usize| ("app".to_string(), n.to_string());
        for _ in 0..MAX_FAILURES {
            failed_secrets.failed(caller(0), now.plus(1));
        }
        for n in 1..MAX_CALLERS + 50 {
            failed_secrets.failed(caller(n), now.plus(if n < 1_000 { 0 } else { 1 }));
        }

        assert!(failed_secrets.0.lock().expect("no panic").callers.0.len() <= MAX_CALLERS);
        assert_eq!(failed_secrets.wait(&caller(0), now.plus(2)), Some(59), "a guesser is not forgotten");
    }

    #[test]
    fn a_caller_that_reached_the_limit_before_the_start_waits_until_its_minute_is_over() {
        let (failed_secrets, now) = (FailedSecrets::default(), Timestamp(1_000));
        let row = |client: &str, since: Timestamp| FailedSecretCount {
            client: stored_client(client),
            network: "a".into(),
            since,
            failures: i64::from(MAX_FAILURES),
        };
        failed_secrets.restore(vec![row("app", now), row("other", now.plus(-50))]);

        assert_eq!(failed_secrets.wait(&("app".into(), "a".into()), now.plus(20)), Some(40));
        assert_eq!(failed_secrets.wait(&("app".into(), "b".into()), now.plus(20)), None);
        assert_eq!(failed_secrets.wait(&("other".into(), "a".into()), now.plus(20)), None);
        assert_eq!(failed_secrets.wait(&("app".into(), "a".into()), now.plus(60)), None);
        assert!(failed_secrets.0.lock().expect("no panic").restored.is_empty());
    }

    #[test]
    fn a_network_has_a_hundred_failures_a_minute_counted_in_the_database() {
        let (failed_secrets, now) = (FailedSecrets::default(), Timestamp(1_000));

        let stored = (0..150).filter(|_| failed_secrets.may_store("a", now)).count();

        assert_eq!(stored, 100);
        assert!(failed_secrets.may_store("b", now) && failed_secrets.may_store("a", now.plus(60)));
    }
}
