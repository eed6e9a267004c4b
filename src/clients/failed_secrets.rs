//! Rate limit on wrong client secrets, counted in memory per client and network. Guessing is slow, and only the guesser's own
//! network is limited.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::time::{MINUTE, Timestamp};

const MAX_FAILURES: u32 = 10;
const WINDOW: i64 = MINUTE;
// With this many callers in memory, the oldest windows are dropped.
const MAX_CALLERS: usize = 10_000;
const DROPPED_AT_ONCE: usize = 100;

/// The `client_id` a caller sent, and its network.
pub type Caller = (String, String);

/// How many wrong secrets each caller sent in its current one-minute window.
#[derive(Default)]
pub struct FailedSecrets(Mutex<HashMap<Caller, (Timestamp, u32)>>);

impl FailedSecrets {
    /// Seconds a caller must wait before its next attempt, if any.
    pub fn wait(&self, caller: &Caller, now: Timestamp) -> Option<i64> {
        let failed_secrets = self.0.lock().ok()?;
        let (since, count) = failed_secrets.get(caller).copied()?;
        let left = WINDOW - now.since(since);
        (count >= MAX_FAILURES && left > 0).then_some(left)
    }

    /// Counts a wrong secret from a caller. Returns the seconds to wait if it was one too many: of guesses that are checked
    /// at the same time, no more get an answer.
    pub fn failed(&self, caller: Caller, now: Timestamp) -> Option<i64> {
        let mut failed_secrets = self.0.lock().ok()?;
        if failed_secrets.len() >= MAX_CALLERS && !failed_secrets.contains_key(&caller) {
            drop_oldest(&mut failed_secrets);
        }
        let entry = failed_secrets.entry(caller).or_insert((now, 0));
        if now.since(entry.0) >= WINDOW {
            *entry = (now, 0);
        }
        entry.1 += 1;
        (entry.1 > MAX_FAILURES).then(|| WINDOW - now.since(entry.0))
    }
}

fn drop_oldest(failed_secrets: &mut HashMap<Caller, (Timestamp, u32)>) {
    let mut since: Vec<Timestamp> = failed_secrets.values().map(|(since, _)| *since).collect();
    let (_, oldest, _) = since.select_nth_unstable(DROPPED_AT_ONCE.min(MAX_CALLERS - 1));
    let oldest = *oldest;
    let mut left = DROPPED_AT_ONCE;
    failed_secrets.retain(|_, (since, _)| {
        let is_dropped = left > 0 && *since <= oldest;
        left -= usize::from(is_dropped);
        !is_dropped
    });
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

        assert!(failed_secrets.0.lock().expect("no panic").len() <= MAX_CALLERS);
        assert_eq!(failed_secrets.wait(&caller(0), now.plus(2)), Some(59), "a guesser is not forgotten");
    }
}
