//! The weekly digest: when it is sent, and on which channels. What it says is composed from the attention rules
//! (`access::digest`).
//!
//! Why one column decides: `not_before` moves forward in the transaction that writes the digest to the outbox, in one
//! conditional UPDATE, so that of several nodes one sends it, and a restart sends it once. It moves more than a day past
//! the digest, so that another time zone of the account does not make the same digest due again.

use diesel::prelude::*;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use crate::activity::Actor;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::notices::{Channel, is_set_up, record_change};
use crate::schema::digest_settings;
use crate::time::{DAY, HOUR, Timestamp};

const ID: i64 = 1;
// A digest that could not be sent for this long is left out.
const LATEST: i64 = DAY;
// Longer than the difference between any two time zones.
const SETTLED: i64 = 28 * HOUR;

/// The names of the days, Monday first.
pub const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// When the digest is sent, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct DigestSettings {
    /// The day: 1 is Monday, 7 is Sunday.
    pub weekday: i64,
    /// The hour, in the time zone of the account.
    pub hour: i64,
    /// Whether it is sent by e-mail.
    pub by_email: bool,
    /// Whether it is sent to the webhook.
    pub by_webhook: bool,
    /// Whether it is sent when nothing needs attention.
    pub even_if_empty: bool,
}

/// A digest that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueDigest {
    /// When it was due.
    pub at: Timestamp,
    /// Whether it is sent when nothing needs attention.
    pub even_if_empty: bool,
    not_before: Timestamp,
}

impl Default for DigestSettings {
    fn default() -> DigestSettings {
        DigestSettings { weekday: 1, hour: 8, by_email: false, by_webhook: false, even_if_empty: false }
    }
}

impl DigestSettings {
    /// The stored settings; off if there are none.
    pub fn load(conn: &mut DbConnection) -> QueryResult<DigestSettings> {
        Ok(Self::find(conn)?.map(|(settings, _)| settings).unwrap_or_default())
    }

    fn find(conn: &mut DbConnection) -> QueryResult<Option<(DigestSettings, Timestamp)>> {
        let columns = (
            digest_settings::weekday,
            digest_settings::hour,
            digest_settings::by_email,
            digest_settings::by_webhook,
            digest_settings::even_if_empty,
        );
        digest_settings::table.find(ID).select((columns, digest_settings::not_before)).first(conn).optional()
    }

    /// Whether it is sent on a channel.
    pub fn is_sent(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.by_email,
            Channel::Webhook => self.by_webhook,
        }
    }

    /// When the next one is due, in the time zone of this IANA name.
    pub fn next(&self, zone: &str, now: Timestamp) -> Option<Timestamp> {
        self.around(zone, now).into_iter().find(|at| *at > now)
    }

    // The last one before `now` and the next ones, in order. An hour that a clock change leaves out is the hour after it.
    fn around(&self, zone: &str, now: Timestamp) -> Vec<Timestamp> {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let (Ok(weekday), Ok(hour)) = (i8::try_from(self.weekday), i8::try_from(self.hour)) else { return Vec::new() };
        let Ok(weekday) = Weekday::from_monday_one_offset(weekday) else { return Vec::new() };
        let today = jiff::Timestamp::from_second(now.0).unwrap_or_default().to_zoned(zone.clone()).date();
        let day = |days: i64| today.checked_add(jiff::Span::new().try_days(days).ok()?).ok();
        let days = (-8..=8).filter_map(day).filter(|day| day.weekday() == weekday);
        let at = |day: jiff::civil::Date| {
            let zoned = day.at(hour, 0, 0, 0).to_zoned(zone.clone()).ok()?;
            Some(Timestamp(zoned.timestamp().as_second()))
        };
        days.filter_map(at).collect()
    }

    /// Stores the settings and records the change; no digest before `now` is due any more. Errors: [`Error::Invalid`] when
    /// there is no such day or hour.
    pub fn store(&self, conn: &mut DbConnection, (actor, client_ip): (&Actor, &str), now: Timestamp) -> Result<()> {
        if !(1..=7).contains(&self.weekday) || !(0..=23).contains(&self.hour) {
            return Err(Error::Invalid("Choose a day and an hour.".into()));
        }
        diesel::delete(digest_settings::table.find(ID)).execute(conn)?;
        diesel::insert_into(digest_settings::table)
            .values((
                digest_settings::id.eq(ID),
                digest_settings::weekday.eq(self.weekday),
                digest_settings::hour.eq(self.hour),
                digest_settings::by_email.eq(self.by_email),
                digest_settings::by_webhook.eq(self.by_webhook),
                digest_settings::even_if_empty.eq(self.even_if_empty),
                digest_settings::not_before.eq(now),
            ))
            .execute(conn)?;
        let channels: Vec<&str> =
            Channel::ALL.iter().filter(|channel| self.is_sent(**channel)).map(|channel| channel.name()).collect();
        let note = match channels.is_empty() {
            true => "weekly digest off".to_string(),
            false => format!("weekly digest by {}, {} at {}:00", channels.join(" and "), self.day(), self.hour),
        };
        record_change(conn, &note, (actor, client_ip), now)
    }

    /// The name of the day.
    pub fn day(&self) -> &'static str {
        usize::try_from(self.weekday - 1).ok().and_then(|day| WEEKDAYS.get(day)).copied().unwrap_or_default()
    }
}

impl DueDigest {
    /// The digest that is due, in the time zone of this IANA name.
    pub fn find(conn: &mut DbConnection, zone: &str, now: Timestamp) -> QueryResult<Option<DueDigest>> {
        let Some((settings, not_before)) = DigestSettings::find(conn)? else { return Ok(None) };
        let mut is_sent = false;
        for channel in Channel::ALL {
            is_sent |= settings.is_sent(*channel) && is_set_up(conn, *channel)?;
        }
        let last = settings.around(zone, now).into_iter().rfind(|at| *at <= now);
        let due = last.filter(|at| is_sent && *at > not_before && now.since(*at) < LATEST);
        Ok(due.map(|at| DueDigest { at, even_if_empty: settings.even_if_empty, not_before }))
    }

    /// Takes it, in the transaction that writes it to the outbox: the channels to send it on. None when another node took it,
    /// or the settings were changed.
    pub fn take(&self, conn: &mut DbConnection) -> QueryResult<Option<Vec<Channel>>> {
        let untaken = digest_settings::table.find(ID).filter(digest_settings::not_before.eq(self.not_before));
        let settled = digest_settings::not_before.eq(self.at.plus(SETTLED));
        if diesel::update(untaken).set(settled).execute(conn)? == 0 {
            return Ok(None);
        }
        let settings = DigestSettings::load(conn)?;
        let mut channels = Vec::new();
        for channel in Channel::ALL {
            if settings.is_sent(*channel) && is_set_up(conn, *channel)? {
                channels.push(*channel);
            }
        }
        Ok(Some(channels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_due_at_the_hour_of_the_time_zone_also_across_clock_changes() {
        let at = |weekday, hour| DigestSettings { weekday, hour, ..DigestSettings::default() };
        // Friday, 20 November 2026, 12:00 in Stockholm.
        let now = Timestamp(1_795_172_400);
        let next = |settings: DigestSettings, zone| settings.next(zone, now).expect("there is one").iso();

        assert_eq!(next(at(1, 8), "Europe/Stockholm"), "2026-11-23T07:00:00Z");
        assert_eq!(next(at(1, 8), "America/New_York"), "2026-11-23T13:00:00Z");
        assert_eq!(next(at(5, 12), "Europe/Stockholm"), "2026-11-27T11:00:00Z", "not now");
        assert_eq!(next(at(5, 13), "Europe/Stockholm"), "2026-11-20T12:00:00Z");
        // Sunday, 28 March 2027: there is no 02:00.
        let spring = Timestamp(1_806_105_600);
        assert_eq!(at(7, 2).next("Europe/Stockholm", spring).expect("there is one").iso(), "2027-03-28T01:00:00Z");
        assert_eq!(at(7, 2).around("Europe/Stockholm", spring).len(), 3);
    }
}
