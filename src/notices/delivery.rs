//! Sending what waits in the outbox: claim, send outside of any transaction, write down what came of it.

use futures_util::StreamExt;

use crate::error::Result;
use crate::notices::outbox::Failed;
use crate::notices::{Channel, OutboxMessage, email, webhook};
use crate::time::Timestamp;
use crate::web::state::State;

// One receiver that does not answer must not hold up the other channel.
const MAX_AT_ONCE: usize = 4;
const MAX_DUE: i64 = 40;

/// Sends what is due, each message once; what does not arrive is due again later.
pub async fn deliver_due(app: &State) -> Result<()> {
    let notices = &app.config.notices;
    let channels: Vec<Channel> =
        [notices.smtp.as_ref().map(|_| Channel::Email), notices.webhook.as_ref().map(|_| Channel::Webhook)]
            .into_iter()
            .flatten()
            .collect();
    if channels.is_empty() {
        return Ok(());
    }
    let now = app.clock.now();
    let due = app.db.read(move |conn| Ok(OutboxMessage::due(conn, &channels, now, MAX_DUE)?)).await?;
    let outcomes = futures_util::stream::iter(due).map(|id| deliver(app, id)).buffer_unordered(MAX_AT_ONCE);
    outcomes.fold(Ok(()), |all, one| async { all.and(one) }).await
}

async fn deliver(app: &State, id: i64) -> Result<()> {
    let now = app.clock.now();
    let Some(message) = app.db.write(move |conn| Ok(OutboxMessage::claim(conn, id, now)?)).await? else {
        return Ok(());
    };
    let sent = send(app, &message, now).await;
    let now = app.clock.now();
    match sent {
        Ok(()) => {
            log::info!("notice {id} has arrived");
            app.db.with_long_timeout().write(move |conn| Ok(message.delivered(conn, now)?)).await
        }
        Err(last_error) => {
            let words = last_error.clone();
            match app.db.with_long_timeout().write(move |conn| Ok(message.failed(conn, &words, now)?)).await? {
                Failed::Abandoned => log::error!("notice {id} is given up after three days: {last_error}"),
                Failed::Later(at) => {
                    log::warn!("notice {id} has not arrived: {last_error}; again in {} s", at.since(now))
                }
                Failed::NotMine => {}
            }
            Ok(())
        }
    }
}

async fn send(app: &State, message: &OutboxMessage, now: Timestamp) -> std::result::Result<(), String> {
    let notices = &app.config.notices;
    match (message.channel, &notices.smtp, &notices.webhook) {
        (Channel::Email, Some(smtp), _) => email::deliver(smtp, &app.config.outbound.authorities, message).await,
        (Channel::Webhook, _, Some(webhook)) => webhook::deliver(webhook, &app.connections.http, message, now).await,
        _ => Err("the channel is not set up".into()),
    }
}
