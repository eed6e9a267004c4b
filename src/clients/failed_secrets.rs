//! Rate limit on wrong client secrets, counted in memory per client and caller. Guessing is slow, and only the guesser's own
//! address is limited.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::time::{MINUTE, Timestamp};

const MAX_FAILURES: u32 = 10;
const WINDOW: i64 = MINUTE;
// With this many callers in memory, expired windows are dropped; if that frees nothing, all windows are.
const MAX_CALLERS: usize = 10_000;

/// The `client_id` a caller sent, and its IP address.
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

    /// Counts a wrong secret from a caller.
    pub fn failed(&self, caller: Caller, now: Timestamp) {
        let Ok(mut failed_secrets) = self.0.lock() else { return };
        if failed_secrets.len() >= MAX_CALLERS {
            failed_secrets.retain(|_, (since, _)| now.since(*since) < WINDOW);
            if failed_secrets.len() >= MAX_CALLERS {
                failed_secrets.clear();
            }
        }
        let entry = failed_secrets.entry(caller).or_insert((now, 0));
        if now.since(entry.0) >= WINDOW {
            *entry = (now, 0);
        }
        entry.1 += 1;
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
            failed_secrets.failed(caller("a"), now);
        }

        assert_eq!(failed_secrets.wait(&caller("a"), now.plus(20)), Some(40));
        assert_eq!(failed_secrets.wait(&caller("b"), now.plus(20)), None);
        assert_eq!(failed_secrets.wait(&caller("a"), now.plus(60)), None);
    }
}
