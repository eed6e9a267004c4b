//! One breaker per host: when a token endpoint fails for several connections in a row, or asks to wait, the others do not
//! run into it one by one. After a while one of them tries; if that works, all go on.
//!
//! Each node keeps its own: what a node saw itself is reason enough, and nothing has to be agreed on.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::time::{MINUTE, Timestamp};

const FAILURES: u32 = 5;
const SHORTEST: i64 = 15;
const LONGEST: i64 = 5 * MINUTE;
// How long the one that tries may take.
const PROBE: i64 = 15;

#[derive(Clone, Copy, Debug)]
struct State {
    failures: u32,
    open_until: Timestamp,
}

/// The hosts that fail.
#[derive(Debug, Default)]
pub struct Breakers(Mutex<HashMap<String, State>>);

impl Breakers {
    /// Whether a host may be asked now. Errors: not before the moment given.
    pub fn check(&self, host: &str, now: Timestamp) -> Result<(), Timestamp> {
        let Ok(mut hosts) = self.0.lock() else { return Ok(()) };
        match hosts.get_mut(host) {
            Some(state) if state.open_until > now => Err(state.open_until),
            Some(state) if state.failures >= FAILURES => {
                state.open_until = now.plus(PROBE);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A host failed; it may have asked to wait so many seconds.
    pub fn failed(&self, host: &str, wait: Option<i64>, now: Timestamp) {
        let Ok(mut hosts) = self.0.lock() else { return };
        let state = hosts.entry(host.to_string()).or_insert(State { failures: 0, open_until: now });
        state.failures = state.failures.saturating_add(1);
        let pause = match state.failures.checked_sub(FAILURES) {
            None => 0,
            Some(more) => (SHORTEST << more.min(8)).min(LONGEST),
        };
        state.open_until = now.plus(pause.max(wait.unwrap_or(0)));
    }

    /// A host answered.
    pub fn worked(&self, host: &str) {
        if let Ok(mut hosts) = self.0.lock() {
            hosts.remove(host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_fails_is_left_alone_for_a_while_and_then_tried_by_one() {
        let (breakers, now) = (Breakers::default(), Timestamp(1_000));
        for _ in 0..FAILURES - 1 {
            breakers.failed("a", None, now);
        }
        assert_eq!(breakers.check("a", now), Ok(()));

        breakers.failed("a", None, now);

        assert_eq!(breakers.check("a", now), Err(now.plus(SHORTEST)));
        assert_eq!(breakers.check("b", now), Ok(()), "other hosts go on");
        let later = now.plus(SHORTEST);
        assert_eq!(breakers.check("a", later), Ok(()), "one tries");
        assert_eq!(breakers.check("a", later), Err(later.plus(PROBE)), "and only one");
        breakers.failed("a", None, later);
        assert_eq!(breakers.check("a", later), Err(later.plus(2 * SHORTEST)));
        breakers.worked("a");
        assert_eq!(breakers.check("a", later), Ok(()));
    }

    #[test]
    fn a_host_that_asks_to_wait_is_waited_for() {
        let (breakers, now) = (Breakers::default(), Timestamp(1_000));
        breakers.failed("a", Some(90), now);
        assert_eq!(breakers.check("a", now.plus(89)), Err(now.plus(90)));
        assert_eq!(breakers.check("a", now.plus(90)), Ok(()));
    }
}
