//! The outbox: a message is one row until it has arrived, or has been tried for three days. Whoever sends one holds a lease
//! on it, so that many nodes send it once; a node that dies leaves it to another when the lease has ended.

use diesel::prelude::*;
use rand::RngExt;

use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::schema::outbox;
use crate::time::{DAY, HOUR, MINUTE, Timestamp};

/// Seconds a claim holds: longer than sending may take.
pub const LEASE: i64 = 60;

const TRIED: i64 = 3 * DAY;
const KEPT: i64 = 7 * DAY;
const LONGEST_PAUSE: i64 = HOUR;

text_enum! {
    /// How a message travels.
    Channel {
        /// By e-mail.
        Email = "email",
        /// To a webhook.
        Webhook = "webhook",
    }
}

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = outbox)]
pub struct OutboxMessage {
    /// Its number.
    pub id: i64,
    /// How it travels.
    pub channel: Channel,
    /// Its id for the receiver: the same at every attempt.
    pub message_id: String,
    /// Its subject.
    pub subject: String,
    /// Its body.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
}

/// What came of an attempt that did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It is tried again then.
    Later(Timestamp),
    /// It has been tried for long enough.
    Abandoned,
    /// Somebody else has it by now.
    NotMine,
}

impl OutboxMessage {
    /// Writes one, in the transaction of what it tells of.
    pub fn put(
        conn: &mut DbConnection,
        channel: Channel,
        message_id: &str,
        (subject, body): (&str, &str),
        now: Timestamp,
    ) -> QueryResult<()> {
        diesel::insert_into(outbox::table)
            .values((
                outbox::channel.eq(channel),
                outbox::message_id.eq(message_id),
                outbox::subject.eq(subject),
                outbox::body.eq(body),
                outbox::created_at.eq(now),
                outbox::due_at.eq(now),
            ))
            .execute(conn)
            .map(drop)
    }

    /// The messages on these channels that can be claimed, the longest due first, at most `most`.
    pub fn due(conn: &mut DbConnection, channels: &[Channel], now: Timestamp, most: i64) -> QueryResult<Vec<i64>> {
        outbox::table
            .filter(outbox::due_at.le(now))
            .filter(outbox::lease_until.le(now))
            .filter(outbox::channel.eq_any(channels))
            .order((outbox::due_at, outbox::id))
            .limit(most)
            .select(outbox::id)
            .load(conn)
    }

    /// Claims one for an attempt; nothing when somebody else has it, it has arrived, or it is not due.
    pub fn claim(conn: &mut DbConnection, id: i64, now: Timestamp) -> QueryResult<Option<OutboxMessage>> {
        let free = outbox::table.find(id).filter(outbox::due_at.le(now)).filter(outbox::lease_until.le(now));
        let claim = (outbox::lease_until.eq(now.plus(LEASE)), outbox::attempts.eq(outbox::attempts + 1));
        if diesel::update(free).set(claim).execute(conn)? == 0 {
            return Ok(None);
        }
        outbox::table.find(id).select(OutboxMessage::as_select()).first(conn).map(Some)
    }

    /// It has arrived, whoever claimed it since.
    pub fn delivered(&self, conn: &mut DbConnection, now: Timestamp) -> QueryResult<()> {
        diesel::update(outbox::table.find(self.id))
            .set((
                outbox::delivered_at.eq(now),
                outbox::abandoned_at.eq(None::<Timestamp>),
                outbox::due_at.eq(Timestamp::NO_END),
                outbox::last_error.eq(""),
            ))
            .execute(conn)
            .map(drop)
    }

    /// It did not arrive, for a reason in words that hold nothing secret.
    pub fn failed(&self, conn: &mut DbConnection, last_error: &str, now: Timestamp) -> QueryResult<Failed> {
        let mine = outbox::table.find(self.id).filter(outbox::attempts.eq(self.attempts));
        let free = (outbox::lease_until.eq(Timestamp(0)), outbox::last_error.eq(last_error));
        let mine = mine.filter(outbox::delivered_at.is_null());
        let (touched, outcome) = if now.since(self.created_at) >= TRIED {
            let end = (outbox::abandoned_at.eq(now), outbox::due_at.eq(Timestamp::NO_END));
            (diesel::update(mine).set((free, end)).execute(conn)?, Failed::Abandoned)
        } else {
            let due = now.plus(pause(self.attempts));
            (diesel::update(mine).set((free, outbox::due_at.eq(due))).execute(conn)?, Failed::Later(due))
        };
        Ok(if touched == 1 { outcome } else { Failed::NotMine })
    }

    /// Deletes some of what arrived or was given up a week ago, and what waited in vain for a channel that is off.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<usize> {
        let old = outbox::table
            .filter(outbox::delivered_at.le(now.plus(-KEPT)))
            .or_filter(outbox::abandoned_at.le(now.plus(-KEPT)))
            .or_filter(outbox::created_at.le(now.plus(-TRIED - KEPT)))
            .limit(most)
            .select(outbox::id)
            .load::<i64>(conn)?;
        diesel::delete(outbox::table.filter(outbox::id.eq_any(old))).execute(conn)
    }
}

// A minute, doubled up to an hour; spread, so that what failed together does not come back together.
fn pause(attempts: i64) -> i64 {
    let pause = (MINUTE << (attempts - 1).clamp(0, 10)).min(LONGEST_PAUSE);
    pause + rand::rng().random_range(0..=pause / 4)
}

/// How a channel is doing.
#[derive(Clone, Debug)]
pub struct ChannelFacts {
    /// When a message last arrived, or 0.
    pub delivered_at: Timestamp,
    /// How many messages are on their way.
    pub needing_attention: i64,
    /// How many were given up within the last week.
    pub abandoned: i64,
    /// Why the newest of those has not arrived yet; may be empty.
    pub last_error: String,
}

impl ChannelFacts {
    /// Those of one channel.
    pub fn of(conn: &mut DbConnection, channel: Channel) -> QueryResult<ChannelFacts> {
        let all = outbox::table.filter(outbox::channel.eq(channel));
        let late = all.filter(outbox::delivered_at.is_null());
        let delivered: Option<Timestamp> = all.select(diesel::dsl::max(outbox::delivered_at)).first(conn)?;
        let last_error = late.filter(outbox::last_error.ne("")).order(outbox::id.desc()).select(outbox::last_error);
        Ok(ChannelFacts {
            delivered_at: delivered.unwrap_or(Timestamp::NEVER_YET),
            needing_attention: late.filter(outbox::abandoned_at.is_null()).count().get_result(conn)?,
            abandoned: late.filter(outbox::abandoned_at.is_not_null()).count().get_result(conn)?,
            last_error: last_error.first(conn).optional()?.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_a_minute_to_an_hour() {
        for (attempts, least) in [(1, 60), (2, 120), (5, 960), (7, 3600), (i64::MAX, 3600)] {
            let pause = pause(attempts);
            assert!((least..=least + least / 4).contains(&pause), "{attempts}: {pause}");
        }
    }
}
