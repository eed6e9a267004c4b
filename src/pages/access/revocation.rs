//! A bulk revocation: the dry run, its confirmation, its progress, and its result.

use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::prelude::*;

use crate::access::bulk_revocation::{BulkRevocation, BulkState, Tally, confirm, stop as ask_to_stop};
use crate::activity::TokenCount;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::BulkRevocationKey;
use crate::pages::access::inventory_filters::InventoryState;
use crate::pages::access::{HOME, REVOCATIONS};
use crate::schema::{clients, employees};
use crate::text::capitalized;
use crate::time::{DisplayTime, Timestamp, count, thousands};
use crate::tokens::revocation::NAME_REQUIRED_ABOVE;
use crate::web::client_facts::{CLIENTS, client_path};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::state::State;

// How many names an impact shows.
const SHOWN_NAMES: usize = 8;

#[derive(Template)]
#[template(path = "access/revocation.html")]
struct Revocation {
    page: Page,
    path: String,
    // The list that the selection came from.
    back: String,
    bulk: BulkRevocation,
    tally: Tally,
    selection: String,
    // Whether the tokens were chosen by hand.
    is_chosen: bool,
    // The name of the client whose tokens are all revoked, or empty.
    client: String,
    is_admin: bool,
    // Whose tokens, with the number of each.
    clients: String,
    employees: String,
    last_used: DisplayTime,
    judged: DisplayTime,
    // The number to type, if one has to be typed, and whether another one was typed.
    typed: String,
    is_wrong: bool,
    may_confirm: bool,
}

async fn load(
    context: &RequestContext,
    app: &State,
    id: BulkRevocationKey,
) -> Result<(BulkRevocation, String, String)> {
    let found = app.db.read(move |conn| {
        let bulk = BulkRevocation::find(conn, id)?;
        let tally = bulk.tally();
        let ids = largest(tally.clients.iter());
        let named = clients::table.filter(clients::id.eq_any(ids.iter().map(|(id, _)| *id)));
        let names = named.select((clients::id, clients::name)).load(conn)?;
        let of_clients = in_words(&ids, &names, tally.clients.len());
        let ids = largest(tally.employees.iter());
        let named = employees::table.filter(employees::id.eq_any(ids.iter().map(|(id, _)| *id)));
        let names = named.select((employees::id, employees::name)).load(conn)?;
        let of_employees = in_words(&ids, &names, tally.employees.len());
        Ok((bulk, of_clients, of_employees))
    });
    let found = found.await?;
    match context.viewer.may_act_for(found.0.actor_id) {
        true => Ok(found),
        false => Err(Error::Forbidden("Only store managers and admins see what others revoke.".into())),
    }
}

// The owners with the most tokens.
fn largest<'a>(owners: impl Iterator<Item = (&'a i64, &'a i64)>) -> Vec<(i64, i64)> {
    let mut owners: Vec<(i64, i64)> = owners.map(|(id, n)| (*id, *n)).collect();
    owners.sort_by_key(|(id, n)| (-n, *id));
    owners.truncate(SHOWN_NAMES);
    owners
}

// `Ledgerly (12), Stockbird (3) and 2 more`.
fn in_words(owners: &[(i64, i64)], names: &[(i64, String)], all: usize) -> String {
    let name = |id: i64| names.iter().find(|(own, _)| *own == id).map_or("deleted", |(_, name)| name.as_str());
    let shown: Vec<String> = owners.iter().map(|(id, n)| format!("{} ({})", name(*id), thousands(*n))).collect();
    match all.saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), thousands(more as i64)),
    }
}

async fn view(context: &RequestContext, app: &State, id: BulkRevocationKey) -> Result<Revocation> {
    let (bulk, clients, employees) = load(context, app, id).await?;
    let (selection, tally) = (bulk.selection()?, bulk.tally());
    let mut page = match &selection.client {
        None => context.page(title(&bulk), Section::Access).breadcrumb(HOME, "Access inventory"),
        Some(client) => context
            .page(title(&bulk), Section::Clients)
            .breadcrumb(CLIENTS, "Client API Access")
            .breadcrumb(client_path(client.id), &client.name),
    };
    if matches!(bulk.state, BulkState::Counting | BulkState::Revoking | BulkState::Deleting) {
        page.refresh = Some(2);
    }
    Ok(Revocation {
        page,
        path: format!("{REVOCATIONS}/{id}"),
        back: match &selection.client {
            None => InventoryState::address_of(&selection.filter),
            Some(client) => client_path(client.id),
        },
        client: selection.client.as_ref().map(|client| client.name.clone()).unwrap_or_default(),
        is_admin: context.viewer.is_admin(),
        selection: capitalized(&selection.in_words()),
        is_chosen: !selection.chosen.is_empty(),
        clients,
        employees,
        last_used: context.times.ago(Timestamp(tally.last_used_at)),
        judged: context.times.exact(bulk.judged_at),
        typed: if bulk.matched > NAME_REQUIRED_ABOVE { bulk.matched.to_string() } else { String::new() },
        is_wrong: false,
        may_confirm: context.viewer.id == bulk.actor_id,
        tally,
        bulk,
    })
}

fn title(bulk: &BulkRevocation) -> &'static str {
    match bulk.state {
        BulkState::Counting | BulkState::Counted => "Revoke tokens",
        BulkState::Revoking => "Revoking",
        BulkState::Deleting | BulkState::Finished => "Revoked",
    }
}

/// `GET /settings/access/revocations/{revocation}`
pub async fn show(
    context: RequestContext,
    app: web::Data<State>,
    path: web::Path<BulkRevocationKey>,
) -> Result<HttpResponse> {
    html(view(&context, &app, path.into_inner()).await?)
}

/// `POST /settings/access/revocations/{revocation}/revoke`
pub async fn revoke(
    context: RequestContext,
    app: web::Data<State>,
    path: web::Path<BulkRevocationKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let mut view = view(&context, &app, path.into_inner()).await?;
    let viewer = &context.viewer;
    let is_own = view.bulk.selection()?.only == Some(viewer.id);
    if !view.may_confirm || !(viewer.is_manager() || is_own) {
        let why = "Only the person who selected these tokens can revoke them. Select them yourself.";
        return Err(Error::Forbidden(why.into()));
    }
    let is_confirmable = view.bulk.state == BulkState::Counted;
    if is_confirmable && !view.typed.is_empty() && form.get("count").replace([',', ' '], "") != view.typed {
        view.is_wrong = true;
        return unprocessable(view);
    }
    let (bulk, now) = (view.bulk.clone(), context.now());
    let outcome = app.db.write(move |conn: &mut DbConnection| confirm(conn, &bulk, now)).await;
    match outcome {
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, &view.path),
        outcome => outcome.map(|()| crate::web::page::see_other(&view.path)),
    }
}

/// `POST /settings/access/revocations/{revocation}/stop`
pub async fn stop(
    context: RequestContext,
    app: web::Data<State>,
    path: web::Path<BulkRevocationKey>,
    _form: ProtectedForm,
) -> Result<HttpResponse> {
    let view = view(&context, &app, path.into_inner()).await?;
    let (id, actor, now) = (view.bulk.id, context.viewer.actor(), context.now());
    match app.db.write(move |conn| ask_to_stop(conn, id, &actor, now)).await {
        Err(Error::Conflict(why)) => context.redirect(Tone::Info, why, &view.path),
        outcome => outcome.map(|()| crate::web::page::see_other(&view.path)),
    }
}

impl Revocation {
    fn is_counting(&self) -> bool {
        self.bulk.state == BulkState::Counting
    }

    fn is_counted(&self) -> bool {
        self.bulk.state == BulkState::Counted
    }

    fn is_revoking(&self) -> bool {
        self.bulk.state == BulkState::Revoking
    }

    // A dry run that somebody stopped.
    fn is_given_up(&self) -> bool {
        self.bulk.state == BulkState::Finished && self.bulk.access_ended_at.is_none()
    }

    // `1,204 refresh tokens`, `15 API keys` or `7 tokens and keys`.
    fn matched(&self) -> String {
        match (self.tally.refresh_tokens, self.tally.api_keys) {
            (grants, 0) => count(grants, "refresh token"),
            (0, keys) => count(keys, "API key"),
            (grants, keys) => format!("{} tokens and keys", thousands(grants + keys)),
        }
    }

    // What was revoked, in words.
    fn revoked(&self) -> String {
        let (grants, keys) = (self.bulk.revoked_refresh_tokens, self.bulk.revoked_api_keys);
        match (grants, keys) {
            (0, 0) => "Nothing was revoked.".into(),
            (grants, 0) => format!("Revoked {}.", count(grants, "refresh token")),
            (0, keys) => format!("Revoked {}.", count(keys, "API key")),
            (grants, keys) => {
                format!("Revoked {} and {}.", count(grants, "refresh token"), count(keys, "API key"))
            }
        }
    }

    // Tokens that were confirmed and kept, because they did not match any more.
    fn kept(&self) -> i64 {
        self.bulk.matched - (self.bulk.revoked() - self.tally.added)
    }

    // How many tokens will have been revoked, as far as is known.
    fn all(&self) -> i64 {
        self.bulk.matched.max(self.bulk.revoked())
    }

    // The label of the link back.
    fn back_label(&self) -> String {
        if self.client.is_empty() { "Back to the list".into() } else { format!("Back to {}", self.client) }
    }

    fn access_tokens(&self) -> TokenCount {
        TokenCount::capped(self.tally.access_tokens)
    }

    fn newer(&self) -> TokenCount {
        TokenCount::capped(self.tally.newer)
    }

    fn deleted(&self) -> String {
        let (deleted, all) = (self.bulk.deleted_refresh_tokens, self.bulk.revoked_refresh_tokens);
        format!("{} of {}", thousands(deleted), thousands(all))
    }

    fn progress(&self) -> String {
        format!("{} of {}", thousands(self.bulk.revoked()), thousands(self.all()))
    }
}
