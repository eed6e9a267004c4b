//! Telling people: one notice when a connection stops working and one when it works again. A notice is written into the
//! outbox in the transaction of what it tells of, and sent behind it until it arrives (`outbox`).

mod outbox;

pub use outbox::{Channel, OutboxMessage};

use serde_json::json;

use crate::connections::Connection;
use crate::connections::path;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::secret::random_name;
use crate::time::Timestamp;

/// How notices leave this installation; nothing is set by default.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// The mail server and what stands in the headers.
    pub smtp: Option<Smtp>,
    /// A webhook and the secret it is signed with.
    pub webhook: Option<Webhook>,
}

/// A mail server.
#[derive(Clone)]
pub struct Smtp {
    /// `smtp://` or `smtps://`, with name and password where they are needed.
    pub url: String,
    /// Who writes.
    pub from: String,
    /// Who reads.
    pub to: Vec<String>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Smtp")
    }
}

/// A webhook.
#[derive(Clone)]
pub struct Webhook {
    /// Where it is.
    pub url: String,
    /// What its messages are signed with.
    pub secret: String,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhook")
    }
}

/// Where notices go in this installation.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    /// By e-mail.
    pub email: bool,
    /// To a webhook.
    pub webhook: bool,
    /// The origin of the pages, for the link.
    pub origin: String,
}

/// What there is to tell.
#[derive(Clone, Debug)]
pub struct Notice {
    event: &'static str,
    subject: String,
    words: String,
    connection: i64,
    name: String,
}

impl Notice {
    /// Somebody has to authorize a connection.
    pub fn needs_authorization(connection: &Connection, reason: &str) -> Notice {
        Self::about(connection, "connection.needs_authorization", "needs authorization", reason)
    }

    /// A connection cannot be used at the moment; it is retried.
    pub fn unreachable(connection: &Connection, words: &str) -> Notice {
        Self::about(connection, "connection.trouble", "does not work", &format!("{words} It is tried again by itself."))
    }

    /// A connection works again.
    pub fn recovered(connection: &Connection) -> Notice {
        Self::about(connection, "connection.recovered", "works again", "Calls go through again.")
    }

    fn about(connection: &Connection, event: &'static str, what: &str, words: &str) -> Notice {
        Notice {
            event,
            subject: format!("{} {what}", connection.name),
            words: words.into(),
            connection: connection.id.0,
            name: connection.name.clone(),
        }
    }
}

/// Tells of something: in the log at once, on every channel there is by the outbox.
pub fn send(conn: &mut DbConnection, channels: &Channels, notice: &Notice, now: Timestamp) -> Result<()> {
    log::warn!("connection {}: {}", notice.connection, notice.event);
    let link = format!("{}{}", channels.origin, path(crate::id::ConnectionKey(notice.connection)));
    if channels.email {
        let body = format!("{}\n\n{}\n", notice.words, link);
        OutboxMessage::put(conn, Channel::Email, &message_id(), (&notice.subject, &body), now)?;
    }
    if channels.webhook {
        let id = message_id();
        let body = json!({
            "type": notice.event,
            "timestamp": now.0,
            "data": { "connection": notice.connection, "name": notice.name, "words": notice.words, "url": link },
        });
        let body = serde_json::to_string(&body).map_err(Error::internal)?;
        OutboxMessage::put(conn, Channel::Webhook, &id, (&notice.subject, &body), now)?;
    }
    Ok(())
}

fn message_id() -> String {
    format!("msg_{}", random_name(24))
}
