//! Notices: an e-mail and a webhook message about what somebody should know, such as a connection that stops working, a
//! token that was used twice, or a new admin.
//!
//! A service raises a notice in the transaction of its act. If a channel is set up and sends notices of this kind, the
//! notice is written to the outbox, and delivered afterwards, at least once. Every attempt carries the same message id, so
//! that receivers can recognise a repeat. Within an hour, a channel sends only so many of a kind, because strangers cause
//! some of them.
//!
//! Mail to one person about their own account ([`PersonMail`]) goes through the same outbox, but only to their address; admins
//! cannot turn it off.

mod choices;
pub mod delivery;
mod digest;
mod email;
mod kind;
mod mail_check;
mod mail_settings;
mod mark;
mod notice;
mod outbox;
mod person_mail;
mod set_up;
mod webhook;
mod webhook_settings;

pub use crate::config::{NoticeSecrets, NoticeSettings, Notices, Security};
pub use choices::Choices;
pub use delivery::Delivery;
pub use digest::{DigestSettings, DueDigest, WEEKDAYS};
pub use kind::{KindWords, NoticeKind};
pub use mail_check::{MailServer, reach};
pub use mail_settings::{FieldErrors, MailSettings};
pub use mark::NoticeMark;
pub use notice::{ExpiringKey, Notice, NoticeSubject};
pub use outbox::{Channel, ChannelFacts, NewMessage, OutboxMessage};
pub use person_mail::{Link, PersonMail, Reader};
pub use set_up::{EnteredMail, EnteredWebhook, Guard, channels, remove, store_mail, store_webhook};
pub use webhook_settings::WebhookSettings;

use diesel::QueryResult;
use serde_json::json;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::db::{DbConnection, carried_channels};
use crate::error::{Error, Result};
use crate::secrets::random_name;
use crate::time::{HOUR, Timestamp};

/// The page where admins choose notices and set up channels.
pub const SETTINGS_PAGE: &str = "/settings/account/notices";

crate::db::sealed_columns::sealed_columns!(SEALED_COLUMNS:
    mail_settings.password,
    webhook_settings.url,
    webhook_settings.secret,
    outbox.sealed_link,
);

/// How many notices of a kind a channel sends within an hour; the last of them says that the others are left out.
pub const MOST_AN_HOUR: i64 = 10;

/// Logs a notice and writes it to the outbox for each channel that is set up and sends its kind. Call it in the transaction
/// of the act.
pub fn raise(conn: &mut DbConnection, notice: &Notice, now: Timestamp) -> Result<()> {
    notice.log();
    for channel in Channel::ALL {
        let Some(kind) = notice.kind else { continue };
        if !is_set_up(conn, *channel)? || !choices::is_sent(conn, *channel, kind)? {
            continue;
        }
        let hour_ago = now.plus(-HOUR);
        let sent =
            if kind.words().is_limited { OutboxMessage::count_since(conn, *channel, kind, hour_ago)? } else { 0 };
        if sent < MOST_AN_HOUR {
            write(conn, *channel, notice, sent + 1 == MOST_AN_HOUR, now)?;
        }
    }
    Ok(())
}

/// Writes a notice to the outbox of these channels, whatever kinds they send.
pub fn send_on(conn: &mut DbConnection, channels: &[Channel], notice: &Notice, now: Timestamp) -> Result<()> {
    for channel in channels {
        write(conn, *channel, notice, false, now)?;
    }
    Ok(())
}

/// The public origin, which the links in notices begin with.
pub fn origin(conn: &mut DbConnection) -> String {
    carried_channels(conn).origin.clone()
}

/// Whether any channel would send a notice of this kind.
pub fn is_wanted(conn: &mut DbConnection, kind: NoticeKind) -> Result<bool> {
    for channel in Channel::ALL {
        if is_set_up(conn, *channel)? && choices::is_sent(conn, *channel, kind)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a channel is set up, by the environment or by an admin.
pub fn is_set_up(conn: &mut DbConnection, channel: Channel) -> QueryResult<bool> {
    let environment = carried_channels(conn);
    Ok(match channel {
        Channel::Email => environment.email || MailSettings::are_complete(conn)?,
        Channel::Webhook => environment.webhook || WebhookSettings::host(conn)?.is_some(),
    })
}

/// Chooses which kinds are sent on which channel, and records what changed; false when nothing did.
pub fn choose(
    conn: &mut DbConnection,
    chosen: &[(Channel, NoticeKind)],
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<bool> {
    let before = Choices::load(conn)?;
    let mut changes = Vec::new();
    for channel in Channel::ALL {
        for kind in NoticeKind::ALL {
            let is_sent = chosen.contains(&(*channel, *kind));
            if is_sent != before.has(*channel, *kind) {
                let word = if is_sent { "on" } else { "off" };
                changes.push(format!("{} by {} {word}", kind.words().name, channel.name()));
            }
        }
    }
    if changes.is_empty() {
        return Ok(false);
    }
    choices::store(conn, chosen)?;
    record_change(conn, &changes.join("; "), (actor, client_ip), now)?;
    Ok(true)
}

fn record_change(
    conn: &mut DbConnection,
    note: &str,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    NewActivity::new(Kind::NoticesChanged, actor.clone(), Subject::named("account", 1, "Notices"))
        .from(client_ip)
        .with(Detail::note(note))
        .record(conn, now)
}

impl Notice {
    // The id only: the log names nobody.
    fn log(&self) {
        let subject = self.data.iter().find(|(name, _)| matches!(*name, "connection" | "client" | "employee"));
        match subject {
            Some((what, id)) => log::warn!("{what} {id}: {}", self.event),
            None => log::warn!("{}", self.event),
        }
    }
}

/// Writes a test message to the outbox and claims it, so that no job sends it, and records the test. Errors:
/// [`Error::Conflict`] when the channel is not set up.
pub fn begin_test(
    conn: &mut DbConnection,
    channel: Channel,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<OutboxMessage> {
    if !is_set_up(conn, channel)? {
        return Err(Error::Conflict("This channel is not set up.".into()));
    }
    let message = write(conn, channel, &Notice::test(actor.name(), SETTINGS_PAGE), false, now)?;
    NewActivity::new(Kind::NoticeTested, actor.clone(), Subject::named("account", 1, "Notices"))
        .from(client_ip)
        .with(Detail::note(channel.name()))
        .record(conn, now)?;
    OutboxMessage::claim(conn, message.id, now)?.ok_or_else(|| Error::internal("a new message is claimed already"))
}

fn write(
    conn: &mut DbConnection,
    channel: Channel,
    notice: &Notice,
    is_last: bool,
    now: Timestamp,
) -> Result<OutboxMessage> {
    let origin = &carried_channels(conn).origin;
    let link = format!("{origin}{}", notice.path);
    let mut message = notice.message.clone();
    if is_last {
        message.push_str(&format!(
            "\n\nThis is the {MOST_AN_HOUR}th notice of this kind within an hour. More are not sent for now; the page has \
             them all."
        ));
    }
    let body = match channel {
        Channel::Email => {
            format!("{message}\n\n{link}\n\n--\nChoose which notices are sent: {origin}{SETTINGS_PAGE}\n")
        }
        Channel::Webhook => {
            let mut data = json!({ "words": message, "url": link });
            for (name, value) in &notice.data {
                data[*name] = value.clone();
            }
            let body = json!({ "type": notice.event, "timestamp": now.iso(), "data": data });
            serde_json::to_string(&body).map_err(Error::internal)?
        }
    };
    let message_id = format!("msg_{}", random_name(24));
    let new = NewMessage {
        channel,
        message_id: &message_id,
        subject: &notice.title,
        body: &body,
        kind: notice.kind.map_or(notice.event, NoticeKind::word),
        employee: notice.employee,
        recipient: None,
        expires_at: Timestamp::NO_END,
    };
    Ok(OutboxMessage::create(conn, &new, now)?)
}
