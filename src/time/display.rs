//! How pages show times: relative to one "now", in the time zone of the account.

use jiff::tz::TimeZone;

use crate::time::{DAY, HOUR, MINUTE, Timestamp, count};

/// A time as a page shows it: a relative text, with the absolute time as its title.
#[derive(Clone, Debug, Default)]
pub struct DisplayTime {
    /// The text on the page: `2 min ago`, `never used`.
    pub text: String,
    /// The full date and time in the account's time zone; empty if there is no time.
    pub absolute: String,
    /// The value of `<time datetime>`; empty if there is no time.
    pub iso: String,
}

/// Formats times for one page, relative to one "now" and in one time zone.
#[derive(Clone, Debug)]
pub struct TimeFormat {
    now: Timestamp,
    zone: TimeZone,
}

impl TimeFormat {
    /// Formats relative to `now` in `zone`, an IANA name; UTC if it is unknown.
    pub fn new(now: Timestamp, zone: &str) -> TimeFormat {
        TimeFormat { now, zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC) }
    }

    /// The "now" that times are relative to.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A date: `12 Mar 2026`, or `today, 14:02`.
    pub fn date(&self, at: Timestamp) -> DisplayTime {
        let then = self.zoned(at);
        let today = self.zoned(self.now).date() == then.date();
        self.moment(at, then.strftime(if today { "today, %H:%M" } else { "%-d %b %Y" }).to_string())
    }

    /// A day, also today: `12 Mar 2026`.
    pub fn day(&self, at: Timestamp) -> String {
        self.zoned(at).strftime("%-d %b %Y").to_string()
    }

    /// A date and time: `12 Mar 2026, 14:02`.
    pub fn exact(&self, at: Timestamp) -> DisplayTime {
        self.moment(at, self.zoned(at).strftime("%-d %b %Y, %H:%M").to_string())
    }

    /// How long ago: `just now`, `2 min ago`, `today, 08:02`, `yesterday`, `27 days ago`, `never used`.
    pub fn ago(&self, at: Timestamp) -> DisplayTime {
        if at == Timestamp::NEVER_YET {
            return DisplayTime { text: "never used".into(), ..DisplayTime::default() };
        }
        let (then, here) = (self.zoned(at), self.zoned(self.now));
        let seconds = self.now.since(at);
        let days = days_between(&then, &here);
        let text = match seconds {
            ..60 => "just now".to_string(),
            60..3600 => format!("{} min ago", seconds / MINUTE),
            _ if days == 0 => then.strftime("today, %H:%M").to_string(),
            _ if days <= 1 => "yesterday".to_string(),
            // Whole days, as the status badge beside it counts them.
            _ if days < 365 => format!("{} days ago", (seconds / DAY).max(2)),
            _ => then.strftime("%-d %b %Y").to_string(),
        };
        self.moment(at, text)
    }

    /// How long something has lasted: `less than a minute`, `17 minutes`, `5 hours`, `2 days`.
    pub fn lasting(&self, since: Timestamp) -> DisplayTime {
        let text = match self.now.since(since) {
            ..MINUTE => "less than a minute".to_string(),
            seconds @ MINUTE..HOUR => count(seconds / MINUTE, "minute"),
            seconds if seconds < 2 * DAY => count(seconds / HOUR, "hour"),
            seconds => count(seconds / DAY, "day"),
        };
        self.moment(since, text)
    }

    /// When something expires: `in 58 min`, `in 3 days`, `12 Mar 2027`, `expired`, `never`.
    pub fn until(&self, at: Timestamp) -> DisplayTime {
        if at == Timestamp::NO_END {
            return DisplayTime { text: "never".into(), ..DisplayTime::default() };
        }
        let seconds = at.since(self.now);
        let text = match seconds {
            ..=0 => "expired".to_string(),
            1..60 => "in under a minute".to_string(),
            60..3600 => format!("in {} min", seconds / MINUTE),
            3600..DAY => format!("in {}", count(seconds / HOUR, "hour")),
            _ if seconds < 60 * DAY => format!("in {}", count(seconds / DAY, "day")),
            _ => self.zoned(at).strftime("%-d %b %Y").to_string(),
        };
        self.moment(at, text)
    }

    /// The last second of the day in `text` (`2026-11-20`), in this time zone.
    pub fn end_of_day(&self, text: &str) -> Option<Timestamp> {
        let date: jiff::civil::Date = text.parse().ok()?;
        let next = date.tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp(next.timestamp().as_second()).plus(-1))
    }

    /// The date so many days from today, as the value of a date field: `2026-11-20`.
    pub fn day_after(&self, days: i64) -> String {
        self.zoned(self.now.plus(days * DAY)).strftime("%Y-%m-%d").to_string()
    }

    fn moment(&self, at: Timestamp, text: String) -> DisplayTime {
        let zoned = self.zoned(at);
        DisplayTime { text, absolute: zoned.strftime("%A, %-d %B %Y, %H:%M:%S %Z").to_string(), iso: at.iso() }
    }

    fn zoned(&self, at: Timestamp) -> jiff::Zoned {
        jiff::Timestamp::from_second(at.0).unwrap_or_default().to_zoned(self.zone.clone())
    }
}

fn days_between(earlier: &jiff::Zoned, later: &jiff::Zoned) -> i64 {
    later.date().since(earlier.date()).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times() -> TimeFormat {
        // Friday, 20 November 2026, 12:00 in Stockholm.
        TimeFormat::new(Timestamp(1_795_172_400), "Europe/Stockholm")
    }

    #[test]
    fn times_are_shown_relative_to_now() {
        let (times, now) = (times(), times().now());

        assert_eq!(times.ago(now).text, "just now");
        assert_eq!(times.ago(now.plus(-125)).text, "2 min ago");
        assert_eq!(times.ago(now.plus(-4 * HOUR)).text, "today, 08:00");
        assert_eq!(times.ago(now.plus(-13 * HOUR)).text, "yesterday");
        assert_eq!(times.ago(now.plus(-97 * DAY)).text, "97 days ago");
        assert_eq!(times.ago(Timestamp::NEVER_YET).text, "never used");
        assert_eq!(times.until(now.plus(3 * DAY)).text, "in 3 days");
        assert_eq!(times.until(now.plus(58 * MINUTE)).text, "in 58 min");
        assert_eq!(times.until(now).text, "expired");
        assert_eq!(times.until(Timestamp::NO_END).text, "never");
        assert_eq!(times.ago(now.plus(-125)).iso, "2026-11-20T10:57:55Z");
        assert_eq!(times.ago(now.plus(-125)).absolute, "Friday, 20 November 2026, 11:57:55 CET");
    }

    #[test]
    fn a_day_ends_in_the_accounts_time_zone() {
        let ends = |text| times().end_of_day(text).map(|at| times().exact(at).absolute);

        assert_eq!(ends("2026-11-20").as_deref(), Some("Friday, 20 November 2026, 23:59:59 CET"));
        assert_eq!(ends("2026-03-29").as_deref(), Some("Sunday, 29 March 2026, 23:59:59 CEST"));
        assert_eq!((ends("tomorrow"), ends("2026-02-30"), ends("9999-12-31")), (None, None, None));
    }
}
