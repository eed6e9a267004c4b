//! Settings › Account › Notices: which channels there are, how they are doing, and a test of them.

use actix_web::{HttpResponse, web};

use crate::activity::{Kind, NewActivity, Subject};
use crate::db::DbConnection;
use crate::error::Result;
use crate::notices::ChannelFacts;
use crate::notices::{Channel, Notice, Notices, send};
use crate::time::{DisplayTime, TimeFormat, Timestamp, count};
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone};
use crate::web::state::State;

/// The page the panel stands on.
pub const HOME: &str = "/settings/account";

/// The panel.
pub struct NoticePanel {
    /// One row for each way there is, on or off.
    pub rows: Vec<ChannelRow>,
    /// Whether a test could go anywhere.
    pub has_channels: bool,
}

/// One channel.
pub struct ChannelRow {
    /// By what.
    pub name: &'static str,
    /// Where to; empty when it is off.
    pub to: String,
    /// Which settings turn it on.
    pub settings: &'static str,
    /// When a message last arrived.
    pub delivered: DisplayTime,
    /// What has not arrived, and why; empty when everything has.
    pub late: String,
}

/// How the channels are doing, by e-mail and to the webhook.
pub type Facts = (ChannelFacts, ChannelFacts);

impl NoticePanel {
    /// Reads what the panel shows.
    pub fn facts(conn: &mut DbConnection) -> Result<Facts> {
        Ok((ChannelFacts::of(conn, Channel::Email)?, ChannelFacts::of(conn, Channel::Webhook)?))
    }

    /// The panel for these channels.
    pub fn new(notices: &Notices, (email, webhook): &Facts, words: &TimeFormat) -> NoticePanel {
        let readers = notices.smtp.as_ref().map(|smtp| smtp.readers());
        let host = notices.webhook.as_ref().map(|webhook| webhook.host().to_string());
        let row = |name, settings, to: Option<String>, facts: &ChannelFacts| ChannelRow {
            name,
            settings,
            to: to.unwrap_or_default(),
            delivered: match facts.delivered_at {
                Timestamp::NEVER_YET => DisplayTime { text: "nothing yet".into(), ..DisplayTime::default() },
                at => words.ago(at),
            },
            late: late(facts),
        };
        NoticePanel {
            has_channels: readers.is_some() || host.is_some(),
            rows: vec![
                row("E-mail", "SMTP_URL, NOTICES_FROM and NOTICES_TO", readers, email),
                row("Webhook", "WEBHOOK_URL and WEBHOOK_SECRET", host, webhook),
            ],
        }
    }
}

fn late(facts: &ChannelFacts) -> String {
    let mut parts = Vec::new();
    if facts.needing_attention > 0 {
        parts.push(format!("{} waiting", count(facts.needing_attention, "notice")));
    }
    if facts.abandoned > 0 {
        parts.push(format!("{} given up", count(facts.abandoned, "notice")));
    }
    match (parts.is_empty(), facts.last_error.as_str()) {
        (false, last_error) if !last_error.is_empty() => format!("{}: {last_error}", parts.join(", ")),
        _ => parts.join(", "),
    }
}

/// `POST /settings/account/notices/test`: a notice on every channel that says it is a test.
pub async fn test(context: RequestContext, app: web::Data<State>, _: ProtectedForm) -> Result<HttpResponse> {
    let channels = app.connections.transition_context().channels;
    if !channels.email && !channels.webhook {
        return context.redirect(Tone::Bad, "There is nowhere to send it: no channel is set up.", HOME);
    }
    let (actor, name, client_ip, now) =
        (context.viewer.actor(), context.viewer.name.clone(), context.client_ip.clone(), context.now());
    app.db
        .write(move |conn| {
            send(conn, &channels, &Notice::test(&name), now)?;
            let subject = Subject::named("account", 1, "Notices");
            NewActivity::new(Kind::NoticeTested, actor.clone(), subject).from(&client_ip).record(conn, now)
        })
        .await?;
    context.redirect(Tone::Good, "A test notice is on its way. It should arrive within a minute.", HOME)
}
