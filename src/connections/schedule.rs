//! When to refresh a connection: at a random moment in a window that ends 30 seconds before the access token expires
//! (a quarter of its lifetime, if that is shorter). The random moment spreads connections that were created together.

use rand::RngExt;

use crate::connections::api_type::ApiType;
use crate::time::{MINUTE, Timestamp};

/// Seconds between two attempts of one connection: R-Series allows five a minute.
pub const MIN_SECONDS_BETWEEN_ATTEMPTS: i64 = 13;
const LONGEST_WINDOW: i64 = 5 * MINUTE;
const FIRST_BACKOFF: i64 = 15;
const MAX_BACKOFF: i64 = 15 * MINUTE;

/// The refresh window for an access token lifetime: seconds before expiry, earliest and latest.
pub(crate) fn window(life: i64) -> (i64, i64) {
    let latest = (life / 4).min(30);
    // Leaves time for the attempt itself before the window ends.
    let start = latest + (life / 4).min(LONGEST_WINDOW);
    (start, latest + (life / 20).min(10))
}

/// The lifetimes that decide when a connection is due.
#[derive(Clone, Copy, Debug)]
pub struct Lives {
    /// When the tokens were issued.
    pub issued_at: Timestamp,
    /// The lifetime of the access token, in seconds.
    pub access_life: i64,
    /// When the refresh token expires without use, where that is known.
    pub refresh_expires_at: Timestamp,
    /// Whether the connection is paused: then only the refresh token is kept from expiring.
    pub is_paused: bool,
}

impl Lives {
    /// When to refresh.
    pub fn due_at(self) -> Timestamp {
        let (start, end) = window(self.access_life);
        let by_access = self.issued_at.plus(self.access_life - rand::rng().random_range(end..=start));
        if self.refresh_expires_at == Timestamp::NO_END {
            return by_access;
        }
        // After half of the refresh token's lifetime: a provider that is down then has the other half to recover.
        let by_refresh = self.issued_at.plus(self.refresh_expires_at.since(self.issued_at) / 2);
        match self.is_paused {
            true => by_refresh,
            false => by_access.min(self.issued_at.plus(self.refresh_expires_at.since(self.issued_at) * 3 / 4)),
        }
    }

    /// When a refresh token issued now expires: as the answer says, or as the provider documents.
    pub fn refresh_expires_at(api_type: ApiType, stated: Option<i64>, now: Timestamp) -> Timestamp {
        match stated.or_else(|| api_type.refresh_token_life()) {
            Some(life) => now.plus(life),
            None => Timestamp::NO_END,
        }
    }
}

/// Seconds until the next attempt after `failures` in a row, and at least `wait`, which the server asked for.
pub(crate) fn backoff(failures: i64, wait: Option<i64>) -> i64 {
    let doubled = FIRST_BACKOFF << (failures - 1).clamp(0, 10);
    let backoff = doubled.min(MAX_BACKOFF);
    let jitter = rand::rng().random_range(0..=backoff / 4);
    (backoff + jitter).max(wait.map_or(0, |wait| wait + jitter.min(5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lives(access_life: i64) -> Lives {
        Lives { issued_at: Timestamp(1_000_000), access_life, refresh_expires_at: Timestamp::NO_END, is_paused: false }
    }

    #[test]
    fn o10_tokens_are_refreshed_at_random_moments_of_a_window_that_ends_in_time() {
        for (life, latest) in [(3600, 30), (86_400, 30), (120, 30), (60, 15), (20, 5)] {
            let due: Vec<i64> = (0..500).map(|_| lives(life).due_at().since(Timestamp(1_000_000))).collect();
            let (first, last) = (due.iter().min().expect("some"), due.iter().max().expect("some"));
            assert!(*last <= life - latest, "a lifetime of {life} is refreshed at {last}");
            assert!(*first >= life / 3, "a lifetime of {life} is refreshed at {first}");
            assert!(last - first >= life.min(600) / 10, "a lifetime of {life} is refreshed from {first} to {last}");
        }
    }

    #[test]
    fn a_refresh_token_that_expires_first_decides() {
        let kept = Lives { refresh_expires_at: Timestamp(1_000_000 + 1800), ..lives(3600) };
        assert_eq!(kept.due_at().since(kept.issued_at), 1350);
        let paused = Lives { is_paused: true, ..kept };
        assert_eq!(paused.due_at().since(kept.issued_at), 900);
        let lasting = Lives { refresh_expires_at: Timestamp(1_000_000 + 14 * 86_400), ..lives(3600) };
        assert!(lasting.due_at().since(lasting.issued_at) < 3600);
    }

    #[test]
    fn backoff_doubles_with_jitter_and_is_as_long_as_the_server_asks() {
        for (failures, least, most) in [(1, 15, 18), (2, 30, 37), (4, 120, 150), (20, 900, 1125), (i64::MAX, 900, 1125)]
        {
            let backoff = backoff(failures, None);
            assert!((least..=most).contains(&backoff), "{failures}: {backoff}");
        }
        assert!((600..=605).contains(&backoff(1, Some(600))));
    }
}
