//! Regenerate a client secret, with an optional overlap in which the previous secret keeps working, and revoke the previous
//! secret early.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::{self, OVERLAPS, find_for_update};
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::pages::clients::register_client::show_secret;
use crate::pages::clients::registration_details::SecretFacts;
use crate::pages::clients::{HOME, path};
use crate::time::{DAY, HOUR, Timestamp};
use crate::web::form::ProtectedForm;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

/// The message when a form that generates a secret is submitted a second time.
pub const ALREADY_SHOWN: &str = "This form was already submitted, and its secret was shown once. If you lost the secret, \
                                 regenerate it again.";

#[derive(Template)]
#[template(path = "clients/regenerate_secret.html")]
struct RegenerateSecret {
    page: Page,
    name: String,
    back: String,
    nonce: String,
    secrets: Vec<SecretFacts>,
    overlaps: Vec<OverlapChoice>,
}

struct OverlapChoice {
    seconds: i64,
    label: &'static str,
    hint: &'static str,
}

fn overlap_choices() -> Vec<OverlapChoice> {
    let choice = |seconds: i64| {
        let (label, hint) = match seconds {
            HOUR => ("In 1 hour", "Gives you time to update the client."),
            DAY => ("In 24 hours", "Gives the developer a day to switch."),
            _ => {
                ("Immediately", "The client cannot get new tokens until it has the new secret. Use this after a leak.")
            }
        };
        OverlapChoice { seconds, label, hint }
    };
    OVERLAPS.map(choice).into()
}

/// `GET /settings/client-api-access/clients/{client}/secret`
pub async fn secret_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
) -> Result<HttpResponse> {
    let (id, times) = (*id, context.times.clone());
    let (client, secrets) = app
        .db
        .read(move |conn| {
            let client = find_for_update(conn, id)?;
            let secrets = SecretFacts::of_client(conn, &client, &times)?;
            Ok((client, secrets))
        })
        .await?;
    let back = path(id);
    html(RegenerateSecret {
        page: context
            .page("Regenerate client secret", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(&back, &client.name),
        name: client.name,
        back,
        nonce: nonce::fresh(),
        secrets,
        overlaps: overlap_choices(),
    })
}

/// `POST /settings/client-api-access/clients/{client}/secret`: the response shows the new secret once.
pub async fn regenerate(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let overlap = form.number("overlap").filter(|overlap| OVERLAPS.contains(overlap));
    let overlap = overlap.ok_or_else(|| Error::Invalid("Choose when the current secret stops working.".into()))?;
    let (id, nonce) = (*id, form.get("nonce").to_string());
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let (client, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
            let client = find_for_update(conn, id)?;
            let secret = clients::regenerate_secret(conn, &client, overlap, (&actor, &client_ip), now)?;
            Ok((client, secret))
        })
        .await?;
    let heading = format!("New client secret for {}", client.name);
    let page = show_secret(&context, &client, "New client secret", heading, &secret)?;
    page.with_note(previous_secret(&context, overlap, now)).answer()
}

fn previous_secret(context: &RequestContext, overlap: i64, now: Timestamp) -> String {
    match overlap {
        0 => "The previous secret has stopped working.".into(),
        seconds => format!("The previous secret works until {}.", context.times.exact(now.plus(seconds)).text),
    }
}

/// `POST /settings/client-api-access/clients/{client}/secret/revoke-previous`
pub async fn revoke_previous_secret(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, actor, client_ip, now) = (*id, context.viewer.actor(), context.client_ip.clone(), context.now());
    let revoke = app.db.write(move |conn| clients::revoke_previous_secret(conn, id, (&actor, &client_ip), now));
    match revoke.await? {
        true => context.redirect(Tone::Good, "Previous secret revoked.", &path(id)),
        false => context.redirect(Tone::Info, "The previous secret had already stopped working.", &path(id)),
    }
}
