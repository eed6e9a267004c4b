//! Settings › Account › Notices: where notices are sent, which, and the weekly digest.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::notices::{
    self, Channel, ChannelFacts, Choices, DigestSettings, MailSettings, NoticeKind, Notices, WEEKDAYS, WebhookSettings,
};
use crate::pages::account::account_page::HOME;
use crate::text::capitalized;
use crate::time::{DisplayTime, TimeFormat, Timestamp, count};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

/// The path of the page.
pub const NOTICES: &str = notices::SETTINGS_PAGE;

/// The notice channels, as pages show them.
pub struct NoticePanel {
    /// One row for each channel, on or off.
    pub rows: Vec<ChannelRow>,
}

/// A notice channel.
pub struct ChannelRow {
    /// Which channel.
    pub channel: Channel,
    /// Its name.
    pub name: &'static str,
    /// The path of its form.
    pub href: String,
    /// Its recipients; empty when it is off.
    pub to: String,
    /// The environment variables that set it; empty when none do.
    pub set_by: &'static str,
    /// When a message was last delivered.
    pub delivered: DisplayTime,
    /// Messages that were not delivered, and the last error; empty if there are none.
    pub undelivered: String,
}

/// What is stored about the channels, and their delivery state.
pub struct Facts {
    recipients: Option<String>,
    webhook_host: Option<String>,
    email: ChannelFacts,
    webhook: ChannelFacts,
}

/// The path of a channel's form.
pub fn channel_path(channel: Channel) -> String {
    format!("{NOTICES}/{}", channel.word())
}

impl NoticePanel {
    /// Loads what is stored, and the delivery state.
    pub fn facts(conn: &mut DbConnection) -> Result<Facts> {
        let mail = MailSettings::find(conn)?.map(|(settings, _)| settings.recipients);
        Ok(Facts {
            recipients: mail.filter(|recipients| !recipients.is_empty()),
            webhook_host: WebhookSettings::host(conn)?,
            email: ChannelFacts::of(conn, Channel::Email)?,
            webhook: ChannelFacts::of(conn, Channel::Webhook)?,
        })
    }

    /// Whether a channel is off.
    pub fn is_off(&self, channel: Channel) -> bool {
        self.rows.iter().any(|row| row.channel == channel && row.to.is_empty())
    }

    /// The panel.
    pub fn new(environment: &Notices, facts: &Facts, times: &TimeFormat) -> NoticePanel {
        let row = |name, channel, (set, stored): (Option<String>, &Option<String>), settings, facts: &ChannelFacts| {
            let set_by = if set.is_some() { settings } else { "" };
            ChannelRow {
                channel,
                name,
                href: channel_path(channel),
                to: set.or_else(|| stored.clone()).unwrap_or_default(),
                set_by,
                delivered: match facts.delivered_at {
                    Timestamp::NEVER_YET => DisplayTime { text: "never".into(), ..DisplayTime::default() },
                    at => times.ago(at),
                },
                undelivered: undelivered(facts),
            }
        };
        let recipients = environment.smtp.as_ref().map(|smtp| smtp.recipients());
        let host = environment.webhook.as_ref().map(|webhook| webhook.host().to_string());
        NoticePanel {
            rows: vec![
                row(
                    "E-mail",
                    Channel::Email,
                    (recipients, &facts.recipients),
                    "SMTP_URL, NOTICES_FROM and NOTICES_TO",
                    &facts.email,
                ),
                row(
                    "Webhook",
                    Channel::Webhook,
                    (host, &facts.webhook_host),
                    "WEBHOOK_URL and WEBHOOK_SECRET",
                    &facts.webhook,
                ),
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

struct KindRow {
    name: &'static str,
    when: &'static str,
    // The value of the checkbox, whether it is checked, and the name of the channel.
    boxes: Vec<(String, bool, String)>,
}

#[derive(Template)]
#[template(path = "account/notice_settings.html")]
struct NoticeSettingsPage {
    page: Page,
    channels: NoticePanel,
    kinds: Vec<KindRow>,
    digest: DigestSettings,
    weekdays: [&'static str; 7],
    zone: String,
    next: Option<DisplayTime>,
}

/// `GET /settings/account/notices`
pub async fn notices(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let read = app.db.read(|conn| Ok((NoticePanel::facts(conn)?, Choices::load(conn)?, DigestSettings::load(conn)?)));
    let (facts, choices, digest) = read.await?;
    let zone = context.account.time_zone.clone();
    let next = digest.next(&zone, context.now()).filter(|_| digest.by_email || digest.by_webhook);
    let row = |kind: &NoticeKind| KindRow {
        name: kind.words().name,
        when: kind.words().when,
        boxes: Channel::ALL
            .iter()
            .map(|channel| (box_value(*channel, *kind), choices.has(*channel, *kind), capitalized(channel.name())))
            .collect(),
    };
    html(NoticeSettingsPage {
        page: context.page("Notices", Section::Account).breadcrumb(HOME, "Account"),
        channels: NoticePanel::new(&app.config.notices, &facts, &context.times),
        kinds: NoticeKind::ALL.iter().map(row).collect(),
        digest,
        weekdays: WEEKDAYS,
        zone,
        next: next.map(|at| context.times.exact(at)),
    })
}

fn box_value(channel: Channel, kind: NoticeKind) -> String {
    format!("{} {}", channel.word(), kind.word())
}

/// `POST /settings/account/notices`: chooses which kinds are sent on which channel.
pub async fn choose(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let is_checked = |channel, kind| form.all("sent").any(|value| value == box_value(channel, kind));
    let all = Channel::ALL.iter().flat_map(|channel| NoticeKind::ALL.iter().map(|kind| (*channel, *kind)));
    let chosen: Vec<(Channel, NoticeKind)> = all.filter(|(channel, kind)| is_checked(*channel, *kind)).collect();
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    app.db.write(move |conn| notices::choose(conn, &chosen, (&actor, &client_ip), now)).await?;
    context.redirect(Tone::Good, "Notices saved.", NOTICES)
}

/// `POST /settings/account/notices/digest`: when the digest is sent, and how.
pub async fn digest(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let is_checked = |name: &str| form.get(name) == "yes";
    let settings = DigestSettings {
        weekday: form.number("weekday").unwrap_or_default(),
        hour: form.number("hour").unwrap_or(-1),
        by_email: is_checked("digest-email"),
        by_webhook: is_checked("digest-webhook"),
        even_if_empty: is_checked("even-if-empty"),
    };
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    match app.db.write(move |conn| settings.store(conn, (&actor, &client_ip), now)).await {
        Ok(()) => context.redirect(Tone::Good, "Weekly digest saved.", NOTICES),
        Err(Error::Invalid(why)) => context.redirect(Tone::Bad, why, NOTICES),
        Err(error) => Err(error),
    }
}
