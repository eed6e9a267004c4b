//! Telling people: one notice when a connection stops working and one when it works again. A notice is written into the
//! outbox in the transaction of what it tells of, and sent behind it until it arrives (`delivery`): at least once, and
//! with the same id however often, so that a receiver can tell.

pub mod delivery;
mod email;
mod outbox;
mod webhook;

pub use crate::config::{NoticeSecrets, NoticeSettings, Notices, Smtp, Webhook};
pub use outbox::{Channel, ChannelFacts, OutboxMessage};

use serde_json::json;

use crate::connections::Connection;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::pages::connections::path;
use crate::secrets::random_name;
use crate::time::Timestamp;

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
    // Nothing when it is a test.
    about: Option<(ConnectionKey, String)>,
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
            about: Some((connection.id, connection.name.clone())),
        }
    }

    /// Only a test of the channels.
    pub fn test(by: &str) -> Notice {
        Notice {
            event: "test",
            subject: "A test notice".into(),
            words: format!("{by} sent it to see whether notices arrive. They do."),
            about: None,
        }
    }
}

/// Tells of something: in the log at once, on every channel there is by the outbox.
pub fn send(conn: &mut DbConnection, channels: &Channels, notice: &Notice, now: Timestamp) -> Result<()> {
    let place = match &notice.about {
        Some((id, _)) => {
            log::warn!("connection {id}: {}", notice.event);
            path(*id)
        }
        None => crate::pages::connections::HOME.to_string(),
    };
    let link = format!("{}{place}", channels.origin);
    if channels.email {
        let body = format!("{}\n\n{}\n", notice.words, link);
        OutboxMessage::put(conn, Channel::Email, &message_id(), (&notice.subject, &body), now)?;
    }
    if channels.webhook {
        let id = message_id();
        let mut data = json!({ "words": notice.words, "url": link });
        if let Some((id, name)) = &notice.about {
            data["connection"] = json!(id.0);
            data["name"] = json!(name);
        }
        let body = json!({ "type": notice.event, "timestamp": now.iso(), "data": data });
        let body = serde_json::to_string(&body).map_err(Error::internal)?;
        OutboxMessage::put(conn, Channel::Webhook, &id, (&notice.subject, &body), now)?;
    }
    Ok(())
}

fn message_id() -> String {
    format!("msg_{}", random_name(24))
}
