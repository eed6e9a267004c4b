//! The mail server of notices: shown if the environment sets it, entered here otherwise.

use actix_web::{HttpResponse, web};
use askama::Template;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::notices::{self, Channel, EnteredMail, Guard, MailSettings, Security};
use crate::pages::account::account_page::HOME;
use crate::pages::account::notice_settings::{NOTICES, channel_path};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::state::State;

const LONGEST: usize = 200;
const LONGEST_LIST: usize = 1_000;

#[derive(Template)]
#[template(path = "account/mail_form.html")]
struct MailForm {
    page: Page,
    settings: MailSettings,
    port: String,
    has_password: bool,
    is_stored: bool,
    // The label and value of each field that the environment sets, and the variable; none if it sets none.
    set: Vec<(&'static str, String, &'static str)>,
    form_errors: FormErrors,
}

fn form_page(
    (context, app): (&RequestContext, &State),
    (settings, port): (MailSettings, String),
    stored: Option<bool>,
    form_errors: FormErrors,
) -> MailForm {
    let set = match &app.config.notices.smtp {
        None => Vec::new(),
        Some(smtp) => vec![
            ("Host", smtp.host.clone(), "SMTP_URL"),
            ("Port", smtp.port.to_string(), "SMTP_URL"),
            ("Encryption", smtp.security.label().into(), "SMTP_URL"),
            ("User name", smtp.username().unwrap_or("none, the server is used without signing in").into(), "SMTP_URL"),
            ("From", smtp.from.to_string(), "NOTICES_FROM"),
            ("To", smtp.recipients(), "NOTICES_TO"),
        ],
    };
    MailForm {
        page: context.page("E-mail", Section::Account).breadcrumb(HOME, "Account").breadcrumb(NOTICES, "Notices"),
        settings,
        port,
        has_password: stored == Some(true),
        is_stored: stored.is_some(),
        set,
        form_errors,
    }
}

/// `GET /settings/account/notices/email`
pub async fn mail(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let stored = app.db.read(|conn| Ok(MailSettings::find(conn)?)).await?;
    let has_password = stored.as_ref().map(|(_, has_password)| *has_password);
    let blank = || MailSettings { port: 587, security: Security::StartTls.word().into(), ..MailSettings::default() };
    let settings = stored.map_or_else(blank, |(settings, _)| settings);
    let port = settings.port.to_string();
    html(form_page((&context, &app), (settings, port), has_password, FormErrors::default()))
}

/// `POST /settings/account/notices/email`
pub async fn save_mail(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let mut form_errors = FormErrors::default();
    let settings = read(&form, &mut form_errors);
    // As it was typed: a space at the end may belong to it.
    let password = Zeroizing::new(form.get("password").to_string());
    if password.chars().count() > LONGEST {
        form_errors.add("password", format!("The password can have at most {LONGEST} characters."));
    }
    if form_errors.is_empty() {
        let entered = EnteredMail { settings: settings.clone(), password };
        let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
        let (vault, allows_private) = (app.connections.vault.clone(), app.config.outbound.private);
        let stored = app.db.write(move |conn| {
            let guard = Guard { vault: &vault, allows_private };
            notices::store_mail(conn, &entered, guard, (&actor, &client_ip), now)
        });
        match stored.await {
            Ok(wrong) if wrong.is_empty() => {
                return context.redirect(Tone::Good, "E-mail saved. Send a test to check it.", NOTICES);
            }
            Ok(wrong) => wrong.into_iter().for_each(|(field, sentence)| form_errors.add(field, sentence)),
            Err(Error::Conflict(why)) => return context.redirect(Tone::Bad, why, &channel_path(Channel::Email)),
            Err(error) => return Err(error),
        }
    }
    let stored = app.db.read(|conn| Ok(MailSettings::find(conn)?)).await?.map(|(_, has_password)| has_password);
    unprocessable(form_page((&context, &app), (settings, form.get("port").into()), stored, form_errors))
}

fn read(form: &ProtectedForm, form_errors: &mut FormErrors) -> MailSettings {
    let mut text = |field, label: &str, longest| {
        let text = form.get(field).trim();
        // What is empty or not valid is for the service to say.
        if !text.is_empty() {
            form_errors.check(field, form.line(field, label, longest));
        }
        text.to_string()
    };
    MailSettings {
        host: text("host", "The host", LONGEST),
        port: form.number("port").unwrap_or_default(),
        security: text("security", "The encryption", LONGEST),
        username: text("username", "The user name", LONGEST),
        sender: text("sender", "The sender", LONGEST),
        recipients: text("recipients", "The list of recipients", LONGEST_LIST),
    }
}
