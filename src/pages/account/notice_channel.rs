//! Tests and removes a notice channel.

use actix_web::{HttpResponse, web};

use crate::error::{Error, Result};
use crate::notices::{self, Channel};
use crate::pages::account::account_page::HOME;
use crate::pages::account::notice_settings::{NOTICES, channel_path};
use crate::pages::confirmation::Confirmation;
use crate::text::capitalized;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Section, Tone, html};
use crate::web::state::State;

/// `POST /settings/account/notices/email/test`
pub async fn test_mail(context: RequestContext, app: web::Data<State>, _: ProtectedForm) -> Result<HttpResponse> {
    test(context, app, Channel::Email).await
}

/// `POST /settings/account/notices/webhook/test`
pub async fn test_webhook(context: RequestContext, app: web::Data<State>, _: ProtectedForm) -> Result<HttpResponse> {
    test(context, app, Channel::Webhook).await
}

// Waits for the server, and says what it answered.
async fn test(context: RequestContext, app: web::Data<State>, channel: Channel) -> Result<HttpResponse> {
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let begun = app.db.write(move |conn| notices::begin_test(conn, channel, (&actor, &client_ip), now)).await;
    let message = match begun {
        Ok(message) => message,
        Err(Error::Conflict(why)) => return context.redirect(Tone::Bad, why, NOTICES),
        Err(error) => return Err(error),
    };
    let name = capitalized(channel.name());
    match app.delivery().test(message).await? {
        Ok(answer) => {
            context.redirect(Tone::Good, format!("{name} test sent. The server answered “{answer}”."), NOTICES)
        }
        Err(why) => context.redirect(Tone::Bad, format!("{name} test not delivered. What happened: {why}"), NOTICES),
    }
}

/// `GET /settings/account/notices/email/remove`
pub async fn remove_mail_form(context: RequestContext) -> Result<HttpResponse> {
    html(confirmation(&context, Channel::Email))
}

/// `GET /settings/account/notices/webhook/remove`
pub async fn remove_webhook_form(context: RequestContext) -> Result<HttpResponse> {
    html(confirmation(&context, Channel::Webhook))
}

fn confirmation(context: &RequestContext, channel: Channel) -> Confirmation {
    let (button, heading, text) = match channel {
        Channel::Email => (
            "Remove e-mail",
            "Stop notices by e-mail?",
            "This deletes the mail server, its password and the recipients. Notices that are not delivered yet are kept for \
             ten days, and sent if you set up e-mail again.",
        ),
        Channel::Webhook => (
            "Remove webhook",
            "Stop notices to the webhook?",
            "This deletes the URL and the signing secret. Notices that are not delivered yet are kept for ten days, and \
             sent if you set up a webhook again.",
        ),
    };
    let back = channel_path(channel);
    Confirmation {
        page: context.page(button, Section::Account).breadcrumb(HOME, "Account").breadcrumb(NOTICES, "Notices"),
        heading: heading.into(),
        text: text.into(),
        lines: Vec::new(),
        hidden: Vec::new(),
        option: None,
        action: format!("{back}/remove"),
        back,
        button: button.into(),
    }
}

/// `POST /settings/account/notices/email/remove`
pub async fn remove_mail(context: RequestContext, app: web::Data<State>, _: ProtectedForm) -> Result<HttpResponse> {
    remove(context, app, Channel::Email).await
}

/// `POST /settings/account/notices/webhook/remove`
pub async fn remove_webhook(context: RequestContext, app: web::Data<State>, _: ProtectedForm) -> Result<HttpResponse> {
    remove(context, app, Channel::Webhook).await
}

async fn remove(context: RequestContext, app: web::Data<State>, channel: Channel) -> Result<HttpResponse> {
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let name = capitalized(channel.name());
    match app.db.write(move |conn| notices::remove(conn, channel, (&actor, &client_ip), now)).await {
        Ok(true) => context.redirect(Tone::Good, format!("{name} removed."), NOTICES),
        Ok(false) => context.redirect(Tone::Info, format!("{name} is already removed."), NOTICES),
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, NOTICES),
        Err(error) => Err(error),
    }
}
