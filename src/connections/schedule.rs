//! When the tokens of a connection are renewed: inside a window that ends 30 seconds before the access token does (a
//! quarter of its life, for lives under two minutes), at a moment drawn by lot, so that connections that were made
//! together do not come together.

use rand::RngExt;

use crate::connections::api_type::ApiType;
use crate::time::{MINUTE, Timestamp};

/// Seconds after an attempt in which the same connection makes no other: at most five a minute, as R-Series allows.
pub const MIN_SECONDS_BETWEEN_ATTEMPTS: i64 = 13;
const LONGEST_WINDOW: i64 = 5 * MINUTE;
const FIRST_PAUSE: i64 = 15;
const LONGEST_PAUSE: i64 = 15 * MINUTE;

/// The window in which an access token of this life is renewed: seconds before its end, earliest and latest.
pub fn window(life: i64) -> (i64, i64) {
    let latest = (life / 4).min(30);
    // Room for the attempt itself, so that it is over when the window closes.
    let start = latest + (life / 4).min(LONGEST_WINDOW);
    (start, latest + (life / 20).min(10))
}

/// What decides when a connection is due.
#[derive(Clone, Copy, Debug)]
pub struct Lives {
    /// When the tokens were issued.
    pub issued_at: Timestamp,
    /// How long the access token lives, in seconds.
    pub access_life: i64,
    /// When the refresh token ends if nobody uses it, as far as that is known.
    pub refresh_expires_at: Timestamp,
    /// Whether the connection is paused: then it is only kept from lapsing.
    pub is_paused: bool,
}

impl Lives {
    /// The moment to renew.
    pub fn due_at(self) -> Timestamp {
        let (start, end) = window(self.access_life);
        let by_access = self.issued_at.plus(self.access_life - rand::rng().random_range(end..=start));
        if self.refresh_expires_at == Timestamp::NO_END {
            return by_access;
        }
        // Half of what a refresh token may lie unused: that leaves a week for a server that is away for long.
        let by_refresh = self.issued_at.plus(self.refresh_expires_at.since(self.issued_at) / 2);
        match self.is_paused {
            true => by_refresh,
            false => by_access.min(self.issued_at.plus(self.refresh_expires_at.since(self.issued_at) * 3 / 4)),
        }
    }

    /// When a refresh token ends that was issued now: as its answer says, or as the provider's pages do.
    pub fn refresh_expires_at(api_type: ApiType, said: Option<i64>, now: Timestamp) -> Timestamp {
        match said.or_else(|| api_type.refresh_token_life()) {
            Some(life) => now.plus(life),
            None => Timestamp::NO_END,
        }
    }
}

/// Seconds until the next attempt after `failures` in a row; a server that asks to wait is waited for.
pub fn pause(failures: i64, wait: Option<i64>) -> i64 {
    let doubled = FIRST_PAUSE << (failures - 1).clamp(0, 10);
    let pause = doubled.min(LONGEST_PAUSE);
    let jitter = rand::rng().random_range(0..=pause / 4);
    (pause + jitter).max(wait.map_or(0, |wait| wait + jitter.min(5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lives(access_life: i64) -> Lives {
        Lives { issued_at: Timestamp(1_000_000), access_life, refresh_expires_at: Timestamp::NO_END, is_paused: false }
    }

    #[test]
    fn o10_tokens_are_renewed_in_a_window_that_ends_in_time_and_not_all_at_once() {
        for (life, latest) in [(3600, 30), (86_400, 30), (120, 30), (60, 15), (20, 5)] {
            let due: Vec<i64> = (0..500).map(|_| lives(life).due_at().since(Timestamp(1_000_000))).collect();
            let (first, last) = (due.iter().min().expect("some"), due.iter().max().expect("some"));
            assert!(*last <= life - latest, "a life of {life} is renewed at {last}");
            assert!(*first >= life / 3, "a life of {life} is renewed at {first}");
            assert!(last - first >= life.min(600) / 10, "a life of {life} is renewed from {first} to {last}");
        }
    }

    #[test]
    fn a_refresh_token_that_lapses_first_decides() {
        let kept = Lives { refresh_expires_at: Timestamp(1_000_000 + 1800), ..lives(3600) };
        assert_eq!(kept.due_at().since(kept.issued_at), 1350);
        let paused = Lives { is_paused: true, ..kept };
        assert_eq!(paused.due_at().since(kept.issued_at), 900);
        let lasting = Lives { refresh_expires_at: Timestamp(1_000_000 + 14 * 86_400), ..lives(3600) };
        assert!(lasting.due_at().since(lasting.issued_at) < 3600);
    }

    #[test]
    fn pauses_double_with_jitter_and_heed_the_server() {
        for (failures, least, most) in [(1, 15, 18), (2, 30, 37), (4, 120, 150), (20, 900, 1125), (i64::MAX, 900, 1125)]
        {
            let pause = pause(failures, None);
            assert!((least..=most).contains(&pause), "{failures}: {pause}");
        }
        assert!((600..=605).contains(&pause(1, Some(600))));
    }
}
