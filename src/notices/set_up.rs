//! Setting up the channels: what admins enter, and what the environment sets, which wins.

use zeroize::Zeroizing;

use crate::activity::Actor;
use crate::config::{Notices, Webhook};
use crate::db::{DbConnection, carried_channels};
use crate::error::{Error, Result};
use crate::notices::mail_settings::{FieldErrors, MailSettings};
use crate::notices::webhook_settings::WebhookSettings;
use crate::notices::{Channel, record_change};
use crate::secrets::sealed::Vault;
use crate::time::Timestamp;

/// Encrypts what is stored, and says which hosts may be entered.
#[derive(Clone, Copy, Debug)]
pub struct Guard<'a> {
    /// Encrypts passwords and secrets.
    pub vault: &'a Vault,
    /// Whether private addresses may be called.
    pub allows_private: bool,
}

/// A mail server as an admin entered it.
#[derive(Clone)]
pub struct EnteredMail {
    /// Everything but the password.
    pub settings: MailSettings,
    /// The password; empty to keep the stored one, if the server and the user name are the same.
    pub password: Zeroizing<String>,
}

/// A webhook as an admin entered it; what is empty is kept.
#[derive(Clone)]
pub struct EnteredWebhook {
    /// The URL.
    pub url: Zeroizing<String>,
    /// The signing secret.
    pub secret: Zeroizing<String>,
}

/// The channels to send on: what the environment sets up, and otherwise what is stored.
pub fn channels(conn: &mut DbConnection, environment: &Notices, guard: Guard<'_>) -> Result<Notices> {
    let smtp = match &environment.smtp {
        Some(smtp) => Some(smtp.clone()),
        None => MailSettings::server(conn, guard.vault, guard.allows_private)?,
    };
    let webhook = match &environment.webhook {
        Some(webhook) => Some(webhook.clone()),
        None => WebhookSettings::receiver(conn, guard.vault, guard.allows_private)?,
    };
    Ok(Notices { smtp, webhook })
}

/// Stores a mail server and records it; returns what is wrong with the fields, and then stores nothing. Errors:
/// [`Error::Conflict`] when the environment sets up e-mail.
pub fn store_mail(
    conn: &mut DbConnection,
    entered: &EnteredMail,
    guard: Guard<'_>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<FieldErrors> {
    require_not_set(conn, Channel::Email)?;
    let settings = &entered.settings;
    let before = MailSettings::find(conn)?;
    let password = match entered.password.is_empty() {
        false => Some(entered.password.clone()),
        true if settings.username.is_empty() => None,
        true => {
            let kept = if_readable(settings.kept_password(conn, guard.vault))?;
            if kept.is_none() && before.is_some_and(|(_, has_password)| has_password) {
                let sentence = "The server or the user name has changed. Enter the password again.";
                return Ok(vec![("password", sentence.into())]);
            }
            kept
        }
    };
    if let Err(wrong) = settings.checked(password.clone(), guard.allows_private) {
        return Ok(wrong);
    }
    settings.store(conn, guard.vault, password.as_ref().map(|password| password.as_str()))?;
    let note = format!("e-mail through {}", settings.host);
    record_change(conn, &note, (actor, client_ip), now)?;
    Ok(FieldErrors::new())
}

/// Stores a webhook and records it; returns what is wrong with the fields, and then stores nothing. Errors:
/// [`Error::Conflict`] when the environment sets up a webhook.
pub fn store_webhook(
    conn: &mut DbConnection,
    entered: &EnteredWebhook,
    guard: Guard<'_>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<FieldErrors> {
    require_not_set(conn, Channel::Webhook)?;
    let (kept_url, kept_secret) = if_readable(WebhookSettings::kept(conn, guard.vault))?.unwrap_or_default();
    let or_kept = |entered: &Zeroizing<String>, kept| if entered.is_empty() { kept } else { entered.clone() };
    let (url, secret) = (or_kept(&entered.url, kept_url), or_kept(&entered.secret, kept_secret));
    let mut wrong = FieldErrors::new();
    if url.is_empty() {
        wrong.push(("url", "The URL is missing. Enter it and send the form again.".into()));
    } else if let Err(why) = Webhook::address(&url, guard.allows_private) {
        wrong.push(("url", format!("The URL is refused: {why}.")));
    }
    if secret.is_empty() {
        wrong.push(("secret", "The signing secret is missing. Enter the one that the receiver checks.".into()));
    } else if let Err(why) = Webhook::key(&secret) {
        wrong.push(("secret", format!("The signing secret is refused: {why}.")));
    }
    if !wrong.is_empty() {
        return Ok(wrong);
    }
    let webhook = Webhook::new(&url, &secret, guard.allows_private).map_err(Error::Invalid)?;
    WebhookSettings::store(conn, guard.vault, (&url, &secret), webhook.host())?;
    record_change(conn, &format!("webhook to {}", webhook.host()), (actor, client_ip), now)?;
    Ok(FieldErrors::new())
}

/// Removes what is stored of a channel and records it; false if nothing was. Errors: [`Error::Conflict`] when the
/// environment sets up the channel.
pub fn remove(
    conn: &mut DbConnection,
    channel: Channel,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<bool> {
    require_not_set(conn, channel)?;
    let is_removed = match channel {
        Channel::Email => MailSettings::delete(conn)?,
        Channel::Webhook => WebhookSettings::delete(conn)?,
    };
    if is_removed {
        record_change(conn, &format!("{} removed", channel.name()), (actor, client_ip), now)?;
    }
    Ok(is_removed)
}

// What cannot be decrypted any more is entered again.
fn if_readable<T>(kept: Result<Option<T>>) -> Result<Option<T>> {
    match kept {
        Err(Error::Internal(_)) => Ok(None),
        kept => kept,
    }
}

fn require_not_set(conn: &mut DbConnection, channel: Channel) -> Result<()> {
    let environment = carried_channels(conn);
    let (is_set, settings) = match channel {
        Channel::Email => (environment.email, "SMTP_URL"),
        Channel::Webhook => (environment.webhook, "WEBHOOK_URL"),
    };
    match is_set {
        true => Err(Error::Conflict(format!("This channel is set by {settings}. Change it there."))),
        false => Ok(()),
    }
}
