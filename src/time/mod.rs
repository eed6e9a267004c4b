//! Time: a clock that is passed as an argument, timestamps in whole seconds of UTC, and how pages show them.

mod display;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub use crate::time::display::{DisplayTime, TimeFormat};

/// One minute, in seconds.
pub const MINUTE: i64 = 60;
/// One hour, in seconds.
pub const HOUR: i64 = 60 * MINUTE;
/// One day, in seconds.
pub const DAY: i64 = 24 * HOUR;

/// A point in time: whole seconds since 1970-01-01 UTC.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = diesel::sql_types::BigInt)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

crate::id::sql_newtype!(Timestamp, BigInt, i64, i64);

impl Timestamp {
    /// Zero: stored as "last used" of a token that was never used.
    pub const NEVER_YET: Timestamp = Timestamp(0);
    /// The last second of the year 9999: stored as the expiry of a token that never expires.
    pub const NO_END: Timestamp = Timestamp(253_402_300_799);

    /// The time `seconds` later, or earlier if negative.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(seconds).min(Self::NO_END.0))
    }

    /// RFC 3339 in UTC: `2026-11-20T11:00:00Z`.
    pub fn iso(self) -> String {
        jiff::Timestamp::from_second(self.0).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Reads RFC 3339, such as `2026-11-20T11:00:00Z`.
    pub fn parse(text: &str) -> Option<Timestamp> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_second()))
    }

    /// The beginning of its day in UTC.
    #[must_use]
    pub fn start_of_utc_day(self) -> Timestamp {
        Timestamp(self.0 - self.0.rem_euclid(DAY))
    }

    /// Its date in UTC: `12 Mar 2026`.
    pub fn utc_date(self) -> String {
        jiff::Timestamp::from_second(self.0).unwrap_or_default().strftime("%-d %b %Y").to_string()
    }

    /// Seconds from `earlier` to this time; negative if `earlier` is later. A number out of range becomes the nearest one.
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The source of the current time; tests use a fixed clock.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system clock.
    System,
    /// A clock that changes only when a test advances it; in milliseconds.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A fixed clock that shows `at`.
    pub fn fixed(at: Timestamp) -> Clock {
        Clock::Fixed(Arc::new(AtomicI64::new(at.0 * 1_000)))
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => Timestamp(jiff::Timestamp::now().as_second()),
            Clock::Fixed(at) => Timestamp(at.load(Ordering::SeqCst).div_euclid(1_000)),
        }
    }

    /// The current time in milliseconds since 1970-01-01 UTC, for what is measured more finely than in seconds.
    pub fn now_millis(&self) -> i64 {
        match self {
            Clock::System => jiff::Timestamp::now().as_millisecond(),
            Clock::Fixed(at) => at.load(Ordering::SeqCst),
        }
    }

    /// Advances a fixed clock; does nothing to the system clock.
    pub fn advance(&self, seconds: i64) {
        self.advance_millis(seconds * 1_000);
    }

    /// The same in milliseconds; negative to set it back.
    pub fn advance_millis(&self, millis: i64) {
        if let Clock::Fixed(at) = self {
            at.fetch_add(millis, Ordering::SeqCst);
        }
    }
}

/// The start of the day in `text` (`2026-11-20`) plus whole days, in the IANA time zone `zone`.
pub fn start_of_day(text: &str, zone: &str, plus: i64) -> Option<Timestamp> {
    let date: jiff::civil::Date = text.parse().ok()?;
    let start = date.checked_add(jiff::Span::new().try_days(plus).ok()?).ok()?.in_tz(zone).ok()?;
    Some(Timestamp(start.timestamp().as_second()))
}

/// A number with its noun in singular or plural: `1 day`, `1,204 access tokens`.
pub fn count(n: i64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(n), if n == 1 { "" } else { "s" })
}

/// A number with thousands separators: `1,204`.
pub fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators_and_the_right_plural() {
        assert_eq!(count(1, "refresh token"), "1 refresh token");
        assert_eq!(count(1_204, "access token"), "1,204 access tokens");
        assert_eq!(thousands(1_000_000), "1,000,000");
        assert_eq!(thousands(-12), "-12");
    }
}
