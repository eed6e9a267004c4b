//! Settings › Account › Notices: the notice channels, their delivery state, and a test.

use actix_web::{HttpResponse, web};

use crate::activity::{Kind, NewActivity, Subject};
use crate::db::DbConnection;
use crate::error::Result;
use crate::notices::{Channel, ChannelFacts, Notice, Notices, send};
use crate::pages::connections;
use crate::time::{DisplayTime, TimeFormat, Timestamp, count};
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone};
use crate::web::state::State;

/// The page with the panel.
pub const HOME: &str = "/settings/account";

/// The notice channels, as the page shows them.
pub struct NoticePanel {
    /// One row for each channel, on or off.
    pub rows: Vec<ChannelRow>,
    /// Whether any channel is set up.
    pub has_channels: bool,
}

/// A notice channel.
pub struct ChannelRow {
    /// Its name.
    pub name: &'static str,
    /// Its recipients; empty when it is off.
    pub to: String,
    /// The settings that turn it on.
    pub settings: &'static str,
    /// When a message was last delivered.
    pub delivered: DisplayTime,
    /// Messages that were not delivered, and the last error; empty if there are none.
    pub undelivered: String,
}

/// The delivery state of e-mail and of the webhook.
pub type Facts = (ChannelFacts, ChannelFacts);

impl NoticePanel {
    /// Loads the delivery state.
    pub fn facts(conn: &mut DbConnection) -> Result<Facts> {
        Ok((ChannelFacts::of(conn, Channel::Email)?, ChannelFacts::of(conn, Channel::Webhook)?))
    }

    /// The panel.
    pub fn new(notices: &Notices, (email, webhook): &Facts, times: &TimeFormat) -> NoticePanel {
        let recipients = notices.smtp.as_ref().map(|smtp| smtp.recipients());
        let host = notices.webhook.as_ref().map(|webhook| webhook.host().to_string());
        let row = |name, settings, to: Option<String>, facts: &ChannelFacts| ChannelRow {
            name,
            settings,
            to: to.unwrap_or_default(),
            delivered: match facts.delivered_at {
                Timestamp::NEVER_YET => DisplayTime { text: "never".into(), ..DisplayTime::default() },
                at => times.ago(at),
            },
            undelivered: undelivered(facts),
        };
        NoticePanel {
            has_channels: recipients.is_some() || host.is_some(),
            rows: vec![
                row("E-mail", "SMTP_URL, NOTICES_FROM and NOTICES_TO", recipients, email),
                row("Webhook", "WEBHOOK_URL and WEBHOOK_SECRET", host, webhook),
            ],
        }
    }
}

fn undelivered(facts: &ChannelFacts) -> String {
    let mut parts = Vec::new();
    if facts.undelivered > 0 {
        parts.push(format!("{} pending", count(facts.undelivered, "notice")));
    }
    if facts.abandoned > 0 {
        parts.push(format!("{} abandoned", count(facts.abandoned, "notice")));
    }
    match (parts.is_empty(), facts.last_error.as_str()) {
        (false, last_error) if !last_error.is_empty() => format!("{}: {last_error}", parts.join(", ")),
        _ => parts.join(", "),
    }
}

/// `POST /settings/account/notices/test`: sends a test notice on every channel.
pub async fn test(context: RequestContext, app: web::Data<State>, _: ProtectedForm) -> Result<HttpResponse> {
    let channels = app.connections.transition_context().channels;
    if !channels.email && !channels.webhook {
        return context.redirect(Tone::Bad, "No notice channel is set up.", HOME);
    }
    let (actor, name, client_ip, now) =
        (context.viewer.actor(), context.viewer.name.clone(), context.client_ip.clone(), context.now());
    app.db
        .write(move |conn| {
            send(conn, &channels, &Notice::test(&name, connections::HOME), now)?;
            let subject = Subject::named("account", 1, "Notices");
            NewActivity::new(Kind::NoticeTested, actor.clone(), subject).from(&client_ip).record(conn, now)
        })
        .await?;
    context.redirect(Tone::Good, "Test notice sent. It should arrive within a minute.", HOME)
}
