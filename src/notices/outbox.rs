//! The outbox: a message is one row until it has arrived, or has been tried for three days.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::schema::outbox;
use crate::time::Timestamp;

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
}
