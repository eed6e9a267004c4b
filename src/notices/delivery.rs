//! Delivers the outbox: claims a message, sends it outside of any transaction, and stores the outcome.

use futures_util::StreamExt;

use crate::db::Db;
use crate::error::Result;
use crate::http::HttpClient;
use crate::notices::outbox::Failed;
use crate::notices::{Channel, Notices, OutboxMessage, email, webhook};
use crate::time::{Clock, Timestamp};

// Concurrent deliveries: one receiver that times out must not block the other channel.
const MAX_AT_ONCE: usize = 4;
const MAX_DUE: i64 = 40;

/// What the delivery of notices needs.
pub struct Delivery<'a> {
    /// The database.
    pub db: &'a Db,
    /// The clock.
    pub clock: &'a Clock,
    /// The HTTP client for the webhook.
    pub http: &'a HttpClient,
    /// The channels and their addresses.
    pub notices: &'a Notices,
    /// Certificate authorities (PEM) to trust besides the system's own.
    pub authorities: &'a [u8],
}

impl Delivery<'_> {
    /// Delivers the messages that are due. A message that fails is due again later.
    pub async fn deliver_due(&self) -> Result<()> {
        let channels: Vec<Channel> = [
            self.notices.smtp.as_ref().map(|_| Channel::Email),
            self.notices.webhook.as_ref().map(|_| Channel::Webhook),
        ]
        .into_iter()
        .flatten()
        .collect();
        if channels.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let due = self.db.lookup(move |conn| Ok(OutboxMessage::due(conn, &channels, now, MAX_DUE)?)).await?;
        let outcomes = futures_util::stream::iter(due).map(|id| self.deliver(id)).buffer_unordered(MAX_AT_ONCE);
        outcomes.fold(Ok(()), |all, one| async { all.and(one) }).await
    }

    async fn deliver(&self, id: i64) -> Result<()> {
        let now = self.clock.now();
        let Some(message) = self.db.write(move |conn| Ok(OutboxMessage::claim(conn, id, now)?)).await? else {
            return Ok(());
        };
        let sent = self.send(&message, now).await;
        let now = self.clock.now();
        match sent {
            Ok(()) => {
                log::info!("notice {id} delivered");
                self.db.with_long_timeout().write(move |conn| Ok(message.record_delivery(conn, now)?)).await
            }
            Err(cause) => {
                let stored = cause.clone();
                let failed = self.db.with_long_timeout();
                match failed.write(move |conn| Ok(message.record_failure(conn, &stored, now)?)).await? {
                    Failed::Abandoned => log::error!("notice {id} abandoned after three days: {cause}"),
                    Failed::Later(at) => {
                        log::warn!("notice {id} not delivered, next attempt in {} s: {cause}", at.since(now))
                    }
                    Failed::ClaimedByOther => {}
                }
                Ok(())
            }
        }
    }

    async fn send(&self, message: &OutboxMessage, now: Timestamp) -> std::result::Result<(), String> {
        match (message.channel, &self.notices.smtp, &self.notices.webhook) {
            (Channel::Email, Some(smtp), _) => email::deliver(smtp, self.authorities, message).await,
            (Channel::Webhook, _, Some(webhook)) => webhook::deliver(webhook, self.http, message, now).await,
            _ => Err("the channel is not set up".into()),
        }
    }
}
