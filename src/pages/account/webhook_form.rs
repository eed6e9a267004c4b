//! The webhook of notices: shown if the environment sets it, entered here otherwise. URL and secret are never shown again.

use actix_web::{HttpResponse, web};
use askama::Template;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::notices::{self, Channel, EnteredWebhook, Guard, WebhookSettings};
use crate::pages::account::account_page::HOME;
use crate::pages::account::notice_settings::{NOTICES, channel_path};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::state::State;

const LONGEST_URL: usize = 1_000;
const LONGEST_SECRET: usize = 500;

#[derive(Template)]
#[template(path = "account/webhook_form.html")]
struct WebhookForm {
    page: Page,
    // The host of the stored webhook; empty if there is none.
    host: String,
    // The host of the one that the environment sets; empty if it sets none.
    set: String,
    form_errors: FormErrors,
}

fn form_page((context, app): (&RequestContext, &State), host: Option<String>, form_errors: FormErrors) -> WebhookForm {
    WebhookForm {
        page: context.page("Webhook", Section::Account).breadcrumb(HOME, "Account").breadcrumb(NOTICES, "Notices"),
        host: host.unwrap_or_default(),
        set: app.config.notices.webhook.as_ref().map(|webhook| webhook.host().to_string()).unwrap_or_default(),
        form_errors,
    }
}

/// `GET /settings/account/notices/webhook`
pub async fn webhook(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let host = app.db.read(|conn| Ok(WebhookSettings::host(conn)?)).await?;
    html(form_page((&context, &app), host, FormErrors::default()))
}

/// `POST /settings/account/notices/webhook`
pub async fn save_webhook(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let mut form_errors = FormErrors::default();
    let mut text = |field, label: &str, longest| {
        let text = Zeroizing::new(form.get(field).trim().to_string());
        if !text.is_empty() {
            form_errors.check(field, form.line(field, label, longest).map(Zeroizing::new));
        }
        text
    };
    let entered = EnteredWebhook {
        url: text("url", "The URL", LONGEST_URL),
        secret: text("secret", "The signing secret", LONGEST_SECRET),
    };
    if form_errors.is_empty() {
        let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
        let (vault, allows_private) = (app.connections.vault.clone(), app.config.outbound.private);
        let stored = app.db.write(move |conn| {
            let guard = Guard { vault: &vault, allows_private };
            notices::store_webhook(conn, &entered, guard, (&actor, &client_ip), now)
        });
        match stored.await {
            Ok(wrong) if wrong.is_empty() => {
                return context.redirect(Tone::Good, "Webhook saved. Send a test to check it.", NOTICES);
            }
            Ok(wrong) => wrong.into_iter().for_each(|(field, sentence)| form_errors.add(field, sentence)),
            Err(Error::Conflict(why)) => return context.redirect(Tone::Bad, why, &channel_path(Channel::Webhook)),
            Err(error) => return Err(error),
        }
    }
    let host = app.db.read(|conn| Ok(WebhookSettings::host(conn)?)).await?;
    unprocessable(form_page((&context, &app), host, form_errors))
}
