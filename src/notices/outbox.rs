//! The outbox: one row for each message, retried until it is delivered or three days have passed. The node that sends a
//! message holds a lease on it; if that node stops, another sends it after the lease ends.

use diesel::prelude::*;
use rand::RngExt;

use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::notices::NoticeKind;
use crate::schema::outbox;
use crate::secrets::sealed::{Place, Sealed, Vault};
use crate::time::{DAY, HOUR, MINUTE, Timestamp};

/// Seconds a claim lasts: longer than an attempt may take.
pub(crate) const LEASE: i64 = 60;

const RETRIED: i64 = 3 * DAY;
const KEPT: i64 = 7 * DAY;
const MAX_BACKOFF: i64 = HOUR;
const LINK: &str = "outbox.sealed_link";

text_enum! {
    /// The channel of a message.
    Channel {
        /// By e-mail.
        Email = "email",
        /// To a webhook.
        Webhook = "webhook",
    }
}

impl Channel {
    /// Its name within a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Email => "e-mail",
            Channel::Webhook => "webhook",
        }
    }
}

/// A message to create.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    /// Its channel.
    pub channel: Channel,
    /// Its id for the receiver.
    pub message_id: &'a str,
    /// Its subject.
    pub subject: &'a str,
    /// Its body.
    pub body: &'a str,
    /// The word of its [`NoticeKind`], or `test`, or `digest`.
    pub kind: &'a str,
    /// The employee it concerns.
    pub employee: Option<EmployeeKey>,
    /// The only address it goes to; none for the recipients of notices.
    pub recipient: Option<&'a str>,
    /// When it is not sent any more.
    pub expires_at: Timestamp,
}

/// A row of `outbox`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = outbox)]
pub struct OutboxMessage {
    /// Its number.
    pub id: i64,
    /// Its channel.
    pub channel: Channel,
    /// Its id for the receiver, the same in every attempt.
    pub message_id: String,
    /// Its subject.
    pub subject: String,
    /// Its body.
    pub body: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The number of attempts.
    pub attempts: i64,
    /// The only address it goes to; none for the recipients of notices.
    pub recipient: Option<String>,
    /// When it is not sent any more.
    pub expires_at: Timestamp,
    sealed_link: Option<Sealed>,
}

/// What happens after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The next attempt is due then.
    Later(Timestamp),
    /// No more attempts: three days have passed.
    Abandoned,
    /// Another node has claimed or delivered it since.
    ClaimedByOther,
}

impl OutboxMessage {
    /// The line of a body that the one-time link replaces.
    pub const LINK_LINE: &str = "[link]";

    /// Creates a message; call it in the transaction of the event.
    pub fn create(conn: &mut DbConnection, new: &NewMessage<'_>, now: Timestamp) -> QueryResult<OutboxMessage> {
        let id: i64 = diesel::insert_into(outbox::table)
            .values((
                outbox::channel.eq(new.channel),
                outbox::message_id.eq(new.message_id),
                outbox::subject.eq(new.subject),
                outbox::body.eq(new.body),
                outbox::created_at.eq(now),
                outbox::due_at.eq(now),
                outbox::kind.eq(new.kind),
                outbox::employee_id.eq(new.employee),
                outbox::recipient.eq(new.recipient),
                outbox::expires_at.eq(new.expires_at),
            ))
            .returning(outbox::id)
            .get_result(conn)?;
        outbox::table.find(id).select(OutboxMessage::as_select()).first(conn)
    }

    /// Stores a one-time link with the message, encrypted until the message is delivered or abandoned.
    pub fn store_link(&self, conn: &mut DbConnection, link: &str, vault: &Vault) -> Result<()> {
        let sealed = vault.seal(link, Place::new(LINK, self.id))?;
        diesel::update(outbox::table.find(self.id)).set(outbox::sealed_link.eq(sealed)).execute(conn)?;
        Ok(())
    }

    /// The body as it is sent. Errors: its link cannot be decrypted.
    pub fn whole_body(&self, vault: &Vault) -> Result<String> {
        let Some(sealed) = &self.sealed_link else { return Ok(self.body.clone()) };
        let link = vault.open(sealed, Place::new(LINK, self.id))?;
        let line = |end: &str| format!("\n{end}\n");
        Ok(self.body.replacen(&line(Self::LINK_LINE), &line(link.expose()), 1))
    }

    /// How many messages of a kind were created on a channel since a time.
    pub fn count_since(
        conn: &mut DbConnection,
        channel: Channel,
        kind: NoticeKind,
        since: Timestamp,
    ) -> QueryResult<i64> {
        outbox::table
            .filter(outbox::kind.eq(kind))
            .filter(outbox::channel.eq(channel))
            .filter(outbox::created_at.gt(since))
            .count()
            .get_result(conn)
    }

    /// The messages of these channels that can be claimed, the longest overdue first, at most `most`.
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

    /// How many messages wait for their delivery, counting up to `most`; and when the oldest of these was created.
    pub fn waiting(conn: &mut DbConnection, most: i64) -> QueryResult<(usize, Option<Timestamp>)> {
        let waiting = outbox::table.filter(outbox::due_at.lt(Timestamp::NO_END)).order((outbox::due_at, outbox::id));
        let created: Vec<Timestamp> = waiting.limit(most).select(outbox::created_at).load(conn)?;
        Ok((created.len(), created.into_iter().min()))
    }

    /// Claims a message for an attempt; nothing when it is not due, delivered, or claimed by another node.
    pub fn claim(conn: &mut DbConnection, id: i64, now: Timestamp) -> QueryResult<Option<OutboxMessage>> {
        let free = outbox::table.find(id).filter(outbox::due_at.le(now)).filter(outbox::lease_until.le(now));
        let claim = (outbox::lease_until.eq(now.plus(LEASE)), outbox::attempts.eq(outbox::attempts + 1));
        if diesel::update(free).set(claim).execute(conn)? == 0 {
            return Ok(None);
        }
        outbox::table.find(id).select(OutboxMessage::as_select()).first(conn).map(Some)
    }

    /// Records that a message was delivered, even if another node has claimed it since.
    pub fn record_delivery(&self, conn: &mut DbConnection, now: Timestamp) -> QueryResult<()> {
        diesel::update(outbox::table.find(self.id))
            .set((
                outbox::delivered_at.eq(now),
                outbox::abandoned_at.eq(None::<Timestamp>),
                outbox::due_at.eq(Timestamp::NO_END),
                outbox::last_error.eq(""),
                outbox::sealed_link.eq(None::<Sealed>),
            ))
            .execute(conn)
            .map(drop)
    }

    /// Records a failed attempt and its cause, which must hold no secret.
    pub fn record_failure(&self, conn: &mut DbConnection, last_error: &str, now: Timestamp) -> QueryResult<Failed> {
        let mine = outbox::table.find(self.id).filter(outbox::attempts.eq(self.attempts));
        let free = (outbox::lease_until.eq(Timestamp(0)), outbox::last_error.eq(last_error));
        let mine = mine.filter(outbox::delivered_at.is_null());
        let (touched, outcome) = if now.since(self.created_at) >= RETRIED {
            let end = (
                outbox::abandoned_at.eq(now),
                outbox::due_at.eq(Timestamp::NO_END),
                outbox::sealed_link.eq(None::<Sealed>),
            );
            (diesel::update(mine).set((free, end)).execute(conn)?, Failed::Abandoned)
        } else {
            let due = now.plus(backoff(self.attempts));
            (diesel::update(mine).set((free, outbox::due_at.eq(due))).execute(conn)?, Failed::Later(due))
        };
        Ok(if touched == 1 { outcome } else { Failed::ClaimedByOther })
    }

    /// Deletes the message of a test that was not delivered: its cause was shown, and nobody waits for it. Or one that has
    /// expired.
    pub fn discard(&self, conn: &mut DbConnection) -> QueryResult<()> {
        diesel::delete(outbox::table.find(self.id)).execute(conn).map(drop)
    }

    /// Deletes at most `most` messages that were delivered or abandoned a week ago, or whose channel is off.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<usize> {
        let old = outbox::table
            .filter(outbox::delivered_at.le(now.plus(-KEPT)))
            .or_filter(outbox::abandoned_at.le(now.plus(-KEPT)))
            .or_filter(outbox::created_at.le(now.plus(-RETRIED - KEPT)))
            .limit(most)
            .select(outbox::id)
            .load::<i64>(conn)?;
        diesel::delete(outbox::table.filter(outbox::id.eq_any(old))).execute(conn)
    }
}

// One minute, doubled up to an hour, with jitter.
fn backoff(attempts: i64) -> i64 {
    let backoff = (MINUTE << (attempts - 1).clamp(0, 10)).min(MAX_BACKOFF);
    backoff + rand::rng().random_range(0..=backoff / 4)
}

/// The delivery state of a channel.
#[derive(Clone, Debug)]
pub struct ChannelFacts {
    /// When a message was last delivered, or 0.
    pub delivered_at: Timestamp,
    /// Messages that are not delivered yet.
    pub undelivered: i64,
    /// Messages that were abandoned within the last week.
    pub abandoned: i64,
    /// The error of the newest of these; may be empty.
    pub last_error: String,
}

impl ChannelFacts {
    /// The state of one channel.
    pub fn of(conn: &mut DbConnection, channel: Channel) -> QueryResult<ChannelFacts> {
        let all = outbox::table.filter(outbox::channel.eq(channel));
        let pending = all.filter(outbox::delivered_at.is_null());
        let delivered: Option<Timestamp> = all.select(diesel::dsl::max(outbox::delivered_at)).first(conn)?;
        let last_error = pending.filter(outbox::last_error.ne("")).order(outbox::id.desc()).select(outbox::last_error);
        Ok(ChannelFacts {
            delivered_at: delivered.unwrap_or(Timestamp::NEVER_YET),
            undelivered: pending.filter(outbox::abandoned_at.is_null()).count().get_result(conn)?,
            abandoned: pending.filter(outbox::abandoned_at.is_not_null()).count().get_result(conn)?,
            last_error: last_error.first(conn).optional()?.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_from_a_minute_to_an_hour() {
        for (attempts, least) in [(1, 60), (2, 120), (5, 960), (7, 3600), (i64::MAX, 3600)] {
            let backoff = backoff(attempts);
            assert!((least..=least + least / 4).contains(&backoff), "{attempts}: {backoff}");
        }
    }
}
