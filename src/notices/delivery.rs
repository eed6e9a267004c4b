//! Delivers the outbox: claims a message, sends it outside of any transaction, and stores the outcome.

use futures_util::StreamExt;

use crate::db::{Db, DbConnection};
use crate::error::Result;
use crate::http::HttpClient;
use crate::notices::outbox::Failed;
use crate::notices::{Channel, Guard, Notices, OutboxMessage, email, set_up, webhook};
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
    /// The channels that the environment sets up.
    pub environment: &'a Notices,
    /// Decrypts the channels that are stored.
    pub guard: Guard<'a>,
    /// Certificate authorities (PEM) to trust besides the system's own.
    pub authorities: &'a [u8],
}

/// Why a message was not delivered.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The reason as a clause, without anything that the server said.
    pub cause: String,
    /// What the server answered, without secrets; none if it did not answer.
    pub answer: Option<String>,
}

impl Failure {
    pub(super) fn new(cause: impl Into<String>) -> Failure {
        Failure { cause: cause.into(), answer: None }
    }
}

impl Delivery<'_> {
    /// Delivers the messages that are due. A message that fails is due again later.
    pub async fn deliver_due(&self) -> Result<()> {
        let notices = self.notices().await?;
        let channels: Vec<Channel> =
            [notices.smtp.as_ref().map(|_| Channel::Email), notices.webhook.as_ref().map(|_| Channel::Webhook)]
                .into_iter()
                .flatten()
                .collect();
        if channels.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let due = self.db.lookup(move |conn| Ok(OutboxMessage::due(conn, &channels, now, MAX_DUE)?)).await?;
        let outcomes =
            futures_util::stream::iter(due).map(|id| self.deliver(id, &notices)).buffer_unordered(MAX_AT_ONCE);
        outcomes.fold(Ok(()), |all, one| async { all.and(one) }).await
    }

    // Read again by each run, so that a change of the settings takes effect on every node.
    async fn notices(&self) -> Result<Notices> {
        let (environment, vault) = (self.environment.clone(), self.guard.vault.clone());
        let allows_private = self.guard.allows_private;
        let read = move |conn: &mut DbConnection| {
            set_up::channels(conn, &environment, Guard { vault: &vault, allows_private })
        };
        self.db.lookup(read).await
    }

    /// Sends a claimed test message at once. Returns what the server answered. Errors: the same, or why there was no answer.
    pub async fn test(&self, message: OutboxMessage) -> Result<std::result::Result<String, String>> {
        let now = self.clock.now();
        let outcome = self.send(&message, &self.notices().await?, now).await;
        let is_sent = outcome.is_ok();
        let record = move |conn: &mut DbConnection| match is_sent {
            true => Ok(message.record_delivery(conn, now)?),
            false => Ok(message.discard(conn)?),
        };
        self.db.write(record).await?;
        Ok(outcome.map_err(|failure| failure.answer.unwrap_or(failure.cause)))
    }

    async fn deliver(&self, id: i64, notices: &Notices) -> Result<()> {
        let now = self.clock.now();
        let Some(message) = self.db.write(move |conn| Ok(OutboxMessage::claim(conn, id, now)?)).await? else {
            return Ok(());
        };
        if message.expires_at <= now {
            log::info!("notice {id} not sent: it has expired");
            return self.db.with_long_timeout().write(move |conn| Ok(message.discard(conn)?)).await;
        }
        let sent = self.send(&message, notices, now).await.map_err(|failure| failure.cause);
        let now = self.clock.now();
        match sent {
            Ok(_) => {
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

    async fn send(
        &self,
        message: &OutboxMessage,
        notices: &Notices,
        now: Timestamp,
    ) -> std::result::Result<String, Failure> {
        match (message.channel, &notices.smtp, &notices.webhook) {
            (Channel::Email, Some(smtp), _) => email::deliver(smtp, self.authorities, message, self.guard.vault).await,
            (Channel::Webhook, _, Some(webhook)) => webhook::deliver(webhook, self.http, message, now).await,
            _ => Err(Failure::new("the channel is not set up")),
        }
    }
}
