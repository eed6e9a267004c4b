//! Notices: an e-mail and a webhook message when a connection stops working, and again when it works.
//!
//! A notice is written to the outbox in the transaction of the event and delivered afterwards, at least once. Every attempt
//! carries the same message id, so that receivers can recognise a repeat.

pub mod delivery;
mod email;
mod outbox;
mod webhook;

pub use crate::config::{NoticeSecrets, NoticeSettings, Notices, Smtp, Webhook};
pub use delivery::Delivery;
pub use outbox::{Channel, ChannelFacts, OutboxMessage};

use serde_json::json;

use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::secrets::random_name;
use crate::time::Timestamp;

/// The notice channels that are set up.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    /// Whether e-mail is set up.
    pub email: bool,
    /// Whether a webhook is set up.
    pub webhook: bool,
    /// The public origin, for links.
    pub origin: String,
}

/// The connection that a notice is about.
#[derive(Clone, Debug)]
pub struct NoticeSubject {
    /// Its id.
    pub connection: ConnectionKey,
    /// Its name.
    pub name: String,
    /// The path of its page.
    pub path: String,
}

/// A notice to send.
#[derive(Clone, Debug)]
pub struct Notice {
    event: &'static str,
    title: String,
    message: String,
    path: String,
    // None for a test.
    connection: Option<(ConnectionKey, String)>,
}

impl Notice {
    /// A connection needs authorization.
    pub fn needs_authorization(subject: NoticeSubject, reason: &str) -> Notice {
        Self::about(subject, "connection.needs_authorization", "needs authorization", reason.into())
    }

    /// A connection does not work at the moment; its refresh is retried.
    pub fn retrying(subject: NoticeSubject, cause: &str) -> Notice {
        let message = format!("{cause} The refresh is retried automatically.");
        Self::about(subject, "connection.trouble", "is not working", message)
    }

    /// A connection works again.
    pub fn recovered(subject: NoticeSubject) -> Notice {
        Self::about(subject, "connection.recovered", "works again", "Programs can call through it again.".into())
    }

    fn about(subject: NoticeSubject, event: &'static str, what: &str, message: String) -> Notice {
        Notice {
            event,
            title: format!("{} {what}", subject.name),
            message,
            path: subject.path,
            connection: Some((subject.connection, subject.name)),
        }
    }

    /// A test of the channels, with a link to `path`.
    pub fn test(by: &str, path: &str) -> Notice {
        Notice {
            event: "test",
            title: "Test notice".into(),
            message: format!("{by} sent this to test the notice channels."),
            path: path.into(),
            connection: None,
        }
    }
}

/// Logs a notice and writes it to the outbox, once for each channel.
pub fn send(conn: &mut DbConnection, channels: &Channels, notice: &Notice, now: Timestamp) -> Result<()> {
    if let Some((id, _)) = &notice.connection {
        log::warn!("connection {id}: {}", notice.event);
    }
    let link = format!("{}{}", channels.origin, notice.path);
    if channels.email {
        let body = format!("{}\n\n{}\n", notice.message, link);
        OutboxMessage::create(conn, Channel::Email, &message_id(), (&notice.title, &body), now)?;
    }
    if channels.webhook {
        let mut data = json!({ "words": notice.message, "url": link });
        if let Some((id, name)) = &notice.connection {
            data["connection"] = json!(id.0);
            data["name"] = json!(name);
        }
        let body = json!({ "type": notice.event, "timestamp": now.iso(), "data": data });
        let body = serde_json::to_string(&body).map_err(Error::internal)?;
        OutboxMessage::create(conn, Channel::Webhook, &message_id(), (&notice.title, &body), now)?;
    }
    Ok(())
}

fn message_id() -> String {
    format!("msg_{}", random_name(24))
}
