//! Revoke access: a client with all its refresh tokens, access tokens and API keys.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Actor, TokenCount};
use crate::clients::{Client, find_for_update};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::pages::clients::{HOME, path};
use crate::pages::confirmation::{added_since_confirmation, seen, some_names};
use crate::time::{DisplayTime, Timestamp, thousands};
use crate::tokens::revocation;
use crate::tokens::revocation::{RevocationImpact, Revoked, Seen, Target};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "clients/revoke_client.html")]
struct RevokeClient {
    page: Page,
    name: String,
    back: String,
    impact: RevocationImpact,
    employees: String,
    valid_refresh_tokens: String,
    valid_access_tokens: String,
    last_used: DisplayTime,
    type_the_name: bool,
    wrong_name: bool,
}

/// `GET /settings/client-api-access/clients/{client}/revoke`
pub async fn revoke_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let (client, impact) = app
        .db
        .read(move |conn| {
            let client = find_for_update(conn, id)?;
            let impact = RevocationImpact::of(conn, &Target::Client(client.clone()))?;
            Ok((client, impact))
        })
        .await?;
    confirm(&context, &client, impact, false)
}

fn confirm(
    context: &RequestContext,
    client: &Client,
    impact: RevocationImpact,
    wrong_name: bool,
) -> Result<HttpResponse> {
    let back = path(client.id);
    let mut page = context
        .page("Revoke access", Section::Clients)
        .breadcrumb(HOME, "Client API Access")
        .breadcrumb(&back, &client.name);
    if wrong_name {
        page = page.with_flash(Tone::Bad, "Incorrect name. Nothing was revoked. Type the name exactly as shown below.");
    }
    html(RevokeClient {
        page,
        name: client.name.clone(),
        back,
        employees: some_names(&impact.detail.employees, impact.detail.has_more_employees),
        valid_refresh_tokens: about(impact.detail.refresh_tokens, client.valid_refresh_tokens),
        valid_access_tokens: about(impact.detail.access_tokens, client.valid_access_tokens),
        last_used: context.times.ago(impact.last_used_at),
        type_the_name: impact.total() > revocation::NAME_REQUIRED_ABOVE,
        impact,
        wrong_name,
    })
}

// The stored count of valid tokens, beside a count that stopped.
fn about(counted: TokenCount, valid: i64) -> String {
    match counted.is_capped() && valid > counted.n() {
        true => format!(" (about {} valid)", thousands(valid)),
        false => String::new(),
    }
}

enum Outcome {
    Revoked(Client, Revoked),
    WrongName(Client, RevocationImpact),
    AlreadyRevoked(String),
}

// What the form says: what its page had shown, and the name typed to confirm.
struct Confirmation {
    seen: Option<Seen>,
    typed_name: String,
}

/// `POST /settings/client-api-access/clients/{client}/revoke`
pub async fn revoke(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let confirmation = Confirmation { seen: seen(&form), typed_name: form.get("name").trim().to_string() };
    let (id, actor, client_ip, now) = (*id, context.viewer.actor(), context.client_ip.clone(), context.now());
    let outcome = app
        .db
        .write(move |conn| match revoke_confirmed(conn, id, &confirmation, (&actor, &client_ip), now) {
            Err(Error::Gone(message) | Error::Conflict(message)) => Ok(Outcome::AlreadyRevoked(message)),
            outcome => outcome,
        })
        .await?;
    match outcome {
        Outcome::Revoked(client, revoked) => {
            let next = if revoked.takes_a_while() { path(client.id) } else { HOME.to_string() };
            context.redirect(Tone::Good, message(&client.name, &revoked), &next)
        }
        Outcome::WrongName(client, impact) => confirm(&context, &client, impact, true),
        Outcome::AlreadyRevoked(message) => context.redirect(Tone::Info, message, HOME),
    }
}

fn revoke_confirmed(
    conn: &mut DbConnection,
    id: ClientKey,
    confirmation: &Confirmation,
    by: (&Actor, &str),
    now: Timestamp,
) -> Result<Outcome> {
    let client = find_for_update(conn, id)?;
    let target = Target::Client(client.clone());
    // A page that showed few tokens did not ask for the name; it is not required afterwards, even if there are many by now.
    let name_required = confirmation.seen.is_none_or(|seen| seen.total > revocation::NAME_REQUIRED_ABOVE);
    if confirmation.typed_name != client.name && name_required && revocation::is_large(conn, &target)? {
        let impact = RevocationImpact::of(conn, &target)?;
        return Ok(Outcome::WrongName(client, impact));
    }
    let revoked = revocation::revoke(conn, &target, confirmation.seen, by, now)?;
    Ok(Outcome::Revoked(client, revoked))
}

fn message(name: &str, revoked: &Revoked) -> String {
    let counts = revoked.detail.counts();
    let outcome = match (counts.is_empty(), revoked.is_purging) {
        (true, _) => "It had no tokens.".into(),
        (false, true) => format!("Revoked {counts}. The records are being deleted."),
        (false, false) => format!("Deleted {counts}."),
    };
    format!("Access revoked for {name}. {outcome}{}", added_since_confirmation(revoked))
}
