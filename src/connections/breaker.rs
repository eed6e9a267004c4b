//! A circuit breaker per host: after several failures in a row, or a rate limit, no connection calls that token endpoint
//! for a while. Then one connection probes it; if the probe succeeds, all connections call it again.
//!
//! Each node keeps its own breakers in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::time::{MINUTE, Timestamp};

const FAILURES: u32 = 5;
const SHORTEST: i64 = 15;
const LONGEST: i64 = 5 * MINUTE;
// How long a probe may take.
const PROBE: i64 = 15;

#[derive(Clone, Copy, Debug)]
struct State {
    failures: u32,
    open_until: Timestamp,
}

/// The breakers of this node, by host.
#[derive(Debug, Default)]
pub struct Breakers(Mutex<HashMap<String, State>>);

impl Breakers {
    /// Whether a host may be called now. Errors: the time before which it may not.
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

    /// Records a failure; `wait` is what the host asked for, in seconds.
    pub fn record_failure(&self, host: &str, wait: Option<i64>, now: Timestamp) {
        let Ok(mut hosts) = self.0.lock() else { return };
        let state = hosts.entry(host.to_string()).or_insert(State { failures: 0, open_until: now });
        state.failures = state.failures.saturating_add(1);
        let pause = match state.failures.checked_sub(FAILURES) {
            None => 0,
            Some(more) => (SHORTEST << more.min(8)).min(LONGEST),
        };
        state.open_until = now.plus(pause.max(wait.unwrap_or(0)));
    }

    /// Records a success.
    pub fn record_success(&self, host: &str) {
        if let Ok(mut hosts) = self.0.lock() {
            hosts.remove(host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_host_is_not_called_for_a_while_and_then_probed_by_one() {
        let (breakers, now) = (Breakers::default(), Timestamp(1_000));
        for _ in 0..FAILURES - 1 {
            breakers.record_failure("a", None, now);
        }
        assert_eq!(breakers.check("a", now), Ok(()));

        breakers.record_failure("a", None, now);

        assert_eq!(breakers.check("a", now), Err(now.plus(SHORTEST)));
        assert_eq!(breakers.check("b", now), Ok(()), "other hosts are not affected");
        let later = now.plus(SHORTEST);
        assert_eq!(breakers.check("a", later), Ok(()), "one probes");
        assert_eq!(breakers.check("a", later), Err(later.plus(PROBE)), "and only one");
        breakers.record_failure("a", None, later);
        assert_eq!(breakers.check("a", later), Err(later.plus(2 * SHORTEST)));
        breakers.record_success("a");
        assert_eq!(breakers.check("a", later), Ok(()));
    }

    #[test]
    fn a_host_that_sets_a_rate_limit_is_not_called_before_it_ends() {
        let (breakers, now) = (Breakers::default(), Timestamp(1_000));
        breakers.record_failure("a", Some(90), now);
        assert_eq!(breakers.check("a", now.plus(89)), Err(now.plus(90)));
        assert_eq!(breakers.check("a", now.plus(90)), Ok(()));
    }
}
