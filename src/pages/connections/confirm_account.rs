//! Confirms a change of account: shown when new tokens belong to another account than the connection's.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::connections::TokenReply;
use crate::connections::authorization::VerifiedAuthorization;
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::pages::connections::{HOME, path, requester, revocation_message};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "connections/confirm_account.html")]
struct ConfirmAccount {
    page: Page,
    name: String,
    back: String,
    present: String,
    new: Option<String>,
    why: String,
}

async fn unconfirmed(
    app: &State,
    context: &RequestContext,
    id: ConnectionKey,
) -> Result<(VerifiedAuthorization, Arc<TokenReply>)> {
    let found = app.connections.unconfirmed_tokens(id, context.session_key).await?;
    found.ok_or_else(|| {
        Error::Gone("There is nothing to confirm. You already chose an account, or ten minutes have passed.".into())
    })
}

/// `GET /settings/connections/{connection}/account`
pub async fn account_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
) -> Result<HttpResponse> {
    let (verified, reply) = unconfirmed(&app, &context, *id).await?;
    let (new, why) = match app.connections.remote_account(&verified, &reply).await {
        Ok(account) => (Some(account.name), String::new()),
        Err(why) => (None, why),
    };
    html(ConfirmAccount {
        page: context
            .page("Confirm account", Section::Connections)
            .breadcrumb(HOME, "Connections")
            .breadcrumb(path(*id), &verified.connection.name),
        back: path(*id),
        present: verified.connection.account_name,
        name: verified.connection.name,
        new,
        why,
    })
}

/// `POST /settings/connections/{connection}/account`
pub async fn account(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (verified, reply) = unconfirmed(&app, &context, *id).await?;
    let by = requester(&context);
    match form.get("account") {
        "new" => {
            let account = app.connections.remote_account(&verified, &reply).await.unwrap_or_default();
            app.connections.store_authorization(&verified, &reply, account, &by).await?;
            context.redirect(Tone::Good, format!("{} is connected.", verified.connection.name), &path(*id))
        }
        "present" => {
            let revocation = app.connections.discard_authorization(&verified, &reply, &by).await?;
            let text = format!(
                "The connection keeps its account. The new tokens were discarded. {}",
                revocation_message::message(revocation)
            );
            context.redirect(revocation_message::tone(revocation), text, &path(*id))
        }
        _ => Err(Error::Invalid("Choose one of the two buttons.".into())),
    }
}
