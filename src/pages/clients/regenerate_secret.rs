//! A new client secret, with or without an overlap in which the earlier one goes on working.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Detail, Kind, NewActivity};
use crate::clients::{ClientSecret, OVERLAPS};
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::pages::clients::client_detail::{HOME, find_unrevoked, path};
use crate::pages::clients::register_client::show_secret;
use crate::pages::clients::registration_details::SecretFacts;
use crate::time::{DAY, HOUR, Timestamp, count};
use crate::web::form::ProtectedForm;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

/// What is said when a form that makes a secret is sent a second time.
pub const SHOWN: &str = "The secret of this form was shown already, and is shown only once. If it was lost, make a new \
                         one.";

#[derive(Template)]
#[template(path = "clients/secret.html")]
struct SecretPage {
    page: Page,
    name: String,
    back: String,
    nonce: String,
    secrets: Vec<SecretFacts>,
    overlaps: Vec<(i64, &'static str, &'static str)>,
}

// Seconds, in words, and what it means.
fn overlaps() -> Vec<(i64, &'static str, &'static str)> {
    let words = |seconds: i64| match seconds {
        HOUR => (seconds, "In 1 hour", "Time enough to change it by hand."),
        DAY => (seconds, "In 24 hours", "For a change that waits for the night, or for somebody else."),
        _ => (seconds, "At once", "The client cannot refresh until it has the new one. Right when the secret leaked."),
    };
    OVERLAPS.map(words).to_vec()
}

/// `GET /settings/client-api-access/clients/{client}/secret`
pub async fn secret_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
) -> Result<HttpResponse> {
    let (id, words) = (*id, context.words.clone());
    let (client, secrets) = app
        .db
        .read(move |conn| {
            let client = find_unrevoked(conn, id)?;
            let secrets = SecretFacts::of_client(conn, &client, &words)?;
            Ok((client, secrets))
        })
        .await?;
    let back = path(id);
    html(SecretPage {
        page: context
            .page("New client secret", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(&back, &client.name),
        name: client.name,
        back,
        nonce: nonce::fresh(),
        secrets,
        overlaps: overlaps(),
    })
}

/// `POST /settings/client-api-access/clients/{client}/secret`: answers with the new secret, the one time it is shown.
pub async fn regenerate(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let overlap = form.number("overlap").filter(|overlap| OVERLAPS.contains(overlap));
    let overlap = overlap.ok_or_else(|| Error::Invalid("Choose when the present secret stops working.".into()))?;
    let (id, nonce) = (*id, form.get("nonce").to_string());
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let (client, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, SHOWN, now)?;
            let client = find_unrevoked(conn, id)?;
            let secret = ClientSecret::issue(conn, id, overlap, now)?;
            NewActivity::new(Kind::SecretRegenerated, actor.clone(), client.subject())
                .from(&client_ip)
                .with(Detail::note(note(overlap)))
                .record(conn, now)?;
            Ok((client, secret))
        })
        .await?;
    let heading = format!("New client secret of {}", client.name);
    let page = show_secret(&context, &client, "New client secret", heading, &secret)?;
    page.with_note(stops(&context, overlap, now)).answer()
}

fn note(overlap: i64) -> String {
    match overlap {
        0 => "the earlier one stopped at once".into(),
        seconds => format!("the earlier one works for another {}", count(seconds / HOUR, "hour")),
    }
}

fn stops(context: &RequestContext, overlap: i64, now: Timestamp) -> String {
    match overlap {
        0 => "The earlier secret has stopped working.".into(),
        seconds => format!("The earlier secret works until {}.", context.words.exact(now.plus(seconds)).text),
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
    let ended = app
        .db
        .write(move |conn| {
            let client = find_unrevoked(conn, id)?;
            let ended = ClientSecret::revoke_previous_secret(conn, id, now)?;
            if ended > 0 {
                NewActivity::new(Kind::SecretRegenerated, actor.clone(), client.subject())
                    .from(&client_ip)
                    .with(Detail::note("the earlier secret was ended"))
                    .record(conn, now)?;
            }
            Ok(ended)
        })
        .await?;
    match ended {
        0 => context.redirect(Tone::Info, "No earlier secret was working any more.", &path(id)),
        _ => context.redirect(Tone::Good, "The earlier secret has stopped working.", &path(id)),
    }
}
