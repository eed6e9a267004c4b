//! How often a client uses a grant: hourly, nightly, rarely, or no longer.

use rand::RngExt;
use rand::rngs::StdRng;

use crate::time::{DAY, HOUR, MINUTE};

/// A client with a lower weight is rarely used.
pub const RARELY_USED: f64 = 0.5;
// A client with a lower weight is used once a day at most.
const DAILY_AT_MOST: f64 = 0.9;

/// When the tokens of a grant were issued, in seconds before now or before the grant was stopped.
#[derive(Clone, Debug)]
pub struct Rhythm {
    /// Age of the newest token.
    pub newest: i64,
    /// Approximate time between tokens.
    pub gap: i64,
    /// Number of tokens.
    pub issues: usize,
    /// Number of earlier tokens, each less than a month before the next: determines the age of the grant.
    pub months: usize,
    /// Whether the access tokens were used.
    pub is_used: bool,
}

impl Rhythm {
    /// A program that refreshes shortly before the access token expires.
    pub fn busy(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(40..50 * MINUTE),
            gap: rng.random_range(48 * MINUTE..57 * MINUTE),
            issues: rng.random_range(9..28),
            months: months(rng),
            is_used: true,
        }
    }

    /// Many processes that share a grant and refresh independently.
    pub fn crowded(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(20..9 * MINUTE),
            gap: rng.random_range(9 * MINUTE..18 * MINUTE),
            issues: rng.random_range(8..24),
            ..Rhythm::busy(rng)
        }
    }

    /// Authorized minutes ago.
    pub fn fresh(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(20..25 * MINUTE),
            gap: 0,
            issues: 1,
            months: 0,
            is_used: rng.random_bool(0.5),
        }
    }

    /// A nightly job.
    pub fn daily(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(20 * MINUTE..23 * HOUR),
            gap: DAY,
            issues: rng.random_range(8..26),
            months: months(rng),
            is_used: true,
        }
    }

    /// An occasional report.
    pub fn weekly(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(2 * DAY..15 * DAY),
            gap: 7 * DAY,
            issues: rng.random_range(1..4),
            months: months(rng),
            is_used: true,
        }
    }

    /// Authorized but never used.
    pub fn never_used(rng: &mut StdRng) -> Rhythm {
        Rhythm { newest: rng.random_range(DAY..22 * DAY), gap: 0, issues: 1, months: 0, is_used: false }
    }

    /// Unused: it expires within a week.
    pub fn expiring(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(23 * DAY + 6 * HOUR..29 * DAY + 12 * HOUR),
            gap: DAY,
            issues: rng.random_range(1..4),
            months: months(rng),
            is_used: true,
        }
    }

    /// Unused for so long that it has expired.
    pub fn expired(rng: &mut StdRng) -> Rhythm {
        Rhythm { newest: rng.random_range(31 * DAY..55 * DAY), gap: DAY, issues: 1, ..Rhythm::weekly(rng) }
    }

    /// A random rhythm; `weight` is how much the client is used, 1 on average.
    pub fn any(weight: f64, rng: &mut StdRng) -> Rhythm {
        let from = match weight {
            ..RARELY_USED => 65,
            ..DAILY_AT_MOST => 40,
            _ => 0,
        };
        match rng.random_range(from..100) {
            0..40 => Rhythm::busy(rng),
            40..48 => Rhythm::fresh(rng),
            48..65 => Rhythm::daily(rng),
            65..76 => Rhythm::weekly(rng),
            76..83 => Rhythm::never_used(rng),
            83..93 => Rhythm::expiring(rng),
            _ => Rhythm::expired(rng),
        }
    }

    /// For bulk grants with access tokens that are valid for a day: about two in ten are valid, and still are after the shop
    /// was created in minutes and measured for an hour.
    pub fn bulk(issues: usize, rng: &mut StdRng) -> Rhythm {
        let gap = rng.random_range(6 * HOUR..13 * HOUR);
        match rng.random_range(0..20) {
            0 => Rhythm { newest: rng.random_range(23 * DAY..25 * DAY), gap: HOUR, issues, months: 0, is_used: true },
            1..4 => Rhythm { newest: rng.random_range(3 * DAY..18 * DAY), gap, issues, months: 0, is_used: true },
            _ => Rhythm { newest: rng.random_range(0..gap), gap, issues, months: 0, is_used: rng.random_bool(0.9) },
        }
    }

    /// The ages, newest first.
    pub fn ages(&self, rng: &mut StdRng) -> Vec<i64> {
        let mut ages = Vec::with_capacity(self.issues + self.months);
        let mut age = self.newest;
        for i in 0..self.issues + self.months {
            ages.push(age);
            age += match i + 1 < self.issues {
                true => self.gap + rng.random_range(0..=self.gap / 12),
                false => rng.random_range(17 * DAY..29 * DAY),
            };
        }
        ages
    }
}

fn months(rng: &mut StdRng) -> usize {
    if rng.random_bool(0.5) { 0 } else { rng.random_range(1..7) }
}
