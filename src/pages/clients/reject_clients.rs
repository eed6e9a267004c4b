//! Reject the clients that were selected among those pending approval.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::PendingClient;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::pages::clients::HOME;
use crate::pages::clients::pending_clients::{PENDING, PendingRow, address, nothing_selected};
use crate::pages::confirmation::some_names;
use crate::time::count;
use crate::tokens::revocation::{Rejection, reject_client};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::query::Query;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "clients/reject_clients.html")]
struct RejectClients {
    page: Page,
    // The ids of the rows, separated by spaces.
    ids: String,
    // `3 clients`
    count: String,
    rows: Vec<PendingRow>,
    // Tokens and API keys that are revoked with the clients.
    tokens: i64,
    // Selected clients that are not pending any more.
    others: i64,
    action: String,
    back: String,
}

// The clients that a form selects, each once: by its checkboxes, or by the one hidden field of the confirmation.
fn selection(form: &ProtectedForm) -> Result<Vec<ClientKey>> {
    let mut ids = Vec::new();
    for text in form.all("client").flat_map(str::split_whitespace) {
        let id: i64 = text.parse().map_err(|_| {
            Error::Invalid("The selection is damaged. Open the list and select the clients again.".into())
        })?;
        if !ids.contains(&ClientKey(id)) {
            ids.push(ClientKey(id));
        }
    }
    match ids.len() <= PendingClient::MOST {
        true => Ok(ids),
        false => Err(Error::Invalid(format!("Select at most {} clients at a time.", PendingClient::MOST))),
    }
}

/// `POST /settings/client-api-access/pending`: asks whether to reject the selected clients.
pub async fn confirm(
    context: RequestContext,
    app: web::Data<State>,
    query: Query,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let ids = selection(&form)?;
    if ids.is_empty() {
        return nothing_selected(&context, &app, &query).await;
    }
    let selected = ids.len();
    let pending = app.db.read(move |conn| Ok(PendingClient::among(conn, &ids)?)).await?;
    let back = address(&query, false);
    if pending.is_empty() {
        let message = "The clients you selected are not pending any more. Nothing was rejected.";
        return context.redirect(Tone::Info, message, &back);
    }
    let rows: Vec<PendingRow> = pending.iter().map(|pending| PendingRow::of(pending, &context.times)).collect();
    html(RejectClients {
        others: (selected - rows.len()) as i64,
        ids: rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(" "),
        count: count(rows.len() as i64, "client"),
        tokens: rows.iter().map(|row| row.tokens).sum(),
        rows,
        action: back.replacen(PENDING, &format!("{PENDING}/reject"), 1),
        back,
        page: context
            .page("Reject clients", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(PENDING, "Pending clients"),
    })
}

/// `POST /settings/client-api-access/pending/reject`
pub async fn reject(
    context: RequestContext,
    app: web::Data<State>,
    query: Query,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let ids = selection(&form)?;
    if ids.is_empty() {
        return nothing_selected(&context, &app, &query).await;
    }
    let mut outcomes = Vec::new();
    for id in ids {
        let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
        // A transaction for each client, so that none has to wait for fifty to be deleted.
        outcomes.push(app.db.write(move |conn| reject_client(conn, id, (&actor, &client_ip), now)).await?);
    }
    let tone = if outcomes.iter().any(|one| matches!(one, Rejection::Rejected(_))) { Tone::Good } else { Tone::Info };
    context.redirect(tone, message(outcomes), &address(&query, true))
}

fn message(outcomes: Vec<Rejection>) -> String {
    let (mut rejected, mut approved, mut gone) = (Vec::new(), Vec::new(), 0);
    for outcome in outcomes {
        match outcome {
            Rejection::Rejected(name) => rejected.push(name),
            Rejection::Approved(name) => approved.push(name),
            Rejection::Gone => gone += 1,
        }
    }
    let mut sentences = Vec::new();
    match rejected.len() as i64 {
        0 => sentences.push("No client was rejected.".to_string()),
        n => sentences.push(format!("{} rejected: {}.", count(n, "client"), some_names(&rejected, false))),
    }
    match approved.len() {
        0 => {}
        1 => sentences.push(format!("1 was approved meanwhile and kept: {}.", approved[0])),
        n => sentences.push(format!("{n} were approved meanwhile and kept: {}.", some_names(&approved, false))),
    }
    match gone {
        0 => {}
        1 => sentences.push("1 had been rejected before.".into()),
        n => sentences.push(format!("{n} had been rejected before.")),
    }
    sentences.join(" ")
}
