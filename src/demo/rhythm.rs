//! How an integration uses what it was granted: at every hour, once a night, hardly ever, or not any more.

use rand::RngExt;
use rand::rngs::StdRng;

use crate::time::{DAY, HOUR, MINUTE};

/// An integration used less than this is hardly used at all.
pub const ASLEEP: f64 = 0.5;
// One used less than this is used once a day at most.
const QUIET: f64 = 0.9;

/// When the tokens of one grant were issued, in seconds before now or before it was stopped.
#[derive(Clone, Debug)]
pub struct Rhythm {
    /// How long ago the newest was.
    pub newest: i64,
    /// About how far apart they are.
    pub gap: i64,
    /// How many.
    pub issues: usize,
    /// How many more lie further back, each within a month of the next: how long ago the consent was.
    pub months: usize,
    /// Whether the access tokens were used.
    pub is_used: bool,
}

impl Rhythm {
    /// A worker that refreshes shortly before the hour is over.
    pub fn busy(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(40..50 * MINUTE),
            gap: rng.random_range(48 * MINUTE..57 * MINUTE),
            issues: rng.random_range(9..28),
            months: months(rng),
            is_used: true,
        }
    }

    /// Many workers that share one grant and refresh without asking each other.
    pub fn crowded(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(20..9 * MINUTE),
            gap: rng.random_range(9 * MINUTE..18 * MINUTE),
            issues: rng.random_range(8..24),
            ..Rhythm::busy(rng)
        }
    }

    /// Somebody consented minutes ago.
    pub fn fresh(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(20..25 * MINUTE),
            gap: 0,
            issues: 1,
            months: 0,
            is_used: rng.random_bool(0.5),
        }
    }

    /// A job of every night.
    pub fn daily(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(20 * MINUTE..23 * HOUR),
            gap: DAY,
            issues: rng.random_range(8..26),
            months: months(rng),
            is_used: true,
        }
    }

    /// A report now and then.
    pub fn weekly(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(2 * DAY..15 * DAY),
            gap: 7 * DAY,
            issues: rng.random_range(1..4),
            months: months(rng),
            is_used: true,
        }
    }

    /// A consent that nothing came of.
    pub fn never_used(rng: &mut StdRng) -> Rhythm {
        Rhythm { newest: rng.random_range(DAY..22 * DAY), gap: 0, issues: 1, months: 0, is_used: false }
    }

    /// Forgotten: it lapses within a week.
    pub fn lapsing(rng: &mut StdRng) -> Rhythm {
        Rhythm {
            newest: rng.random_range(23 * DAY + 6 * HOUR..29 * DAY + 12 * HOUR),
            gap: DAY,
            issues: rng.random_range(1..4),
            months: months(rng),
            is_used: true,
        }
    }

    /// Forgotten for longer than a refresh token lives.
    pub fn lapsed(rng: &mut StdRng) -> Rhythm {
        Rhythm { newest: rng.random_range(31 * DAY..55 * DAY), gap: DAY, issues: 1, ..Rhythm::weekly(rng) }
    }

    /// One of them, as the integration goes: `weight` is how much it is used, 1 for an ordinary one.
    pub fn any(weight: f64, rng: &mut StdRng) -> Rhythm {
        let from = match weight {
            ..ASLEEP => 65,
            ..QUIET => 40,
            _ => 0,
        };
        match rng.random_range(from..100) {
            0..40 => Rhythm::busy(rng),
            40..48 => Rhythm::fresh(rng),
            48..65 => Rhythm::daily(rng),
            65..76 => Rhythm::weekly(rng),
            76..83 => Rhythm::never_used(rng),
            83..93 => Rhythm::lapsing(rng),
            _ => Rhythm::lapsed(rng),
        }
    }

    /// One of very many, with access tokens that live for a day: about two of ten are live, and still are when a world
    /// that took minutes to make has been measured for an hour.
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
