//! A client's page: its state, who authorized it, its tokens, its recent failures, its registration, and what one can do
//! with it.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::usage::Usage;
use crate::clients::{Client, find_or_gone};
use crate::error::Result;
use crate::id::ClientKey;
use crate::pages::clients::authorized_by::HolderPanel;
use crate::pages::clients::client_access::ClientAccessPanel;
use crate::pages::clients::pending_clients::PENDING;
use crate::pages::clients::recent_failures::FailurePanel;
use crate::pages::clients::registration_details::RegistrationFacts;
use crate::pages::confirmation::deletion_progress;
use crate::pages::tokens::token_table::{Panel, access_token_panel, api_key_panel, corrected, refresh_token_panel};
use crate::pages::usage_chart::UsageChart;
use crate::time::{DisplayTime, thousands};
use crate::tokens::listing::Within;
use crate::tokens::listing::inventory::RecentTokens;
use crate::tokens::revocation::DeletionJob;
use crate::web::page::{Page, RequestContext, Section, html, see_other};
use crate::web::query::Query;
use crate::web::state::State;

pub use crate::clients::{find_for_update as find_unrevoked, find_or_gone as find};
pub use crate::pages::clients::{HOME, path};
pub use crate::pages::confirmation::{added_since_confirmation, deletion_progress as revoking, seen, some_names};
pub use crate::web::client_facts::ClientFacts;

#[derive(Template)]
#[template(path = "clients/client_detail.html")]
struct ClientDetail {
    page: Page,
    client: ClientFacts,
    created: DisplayTime,
    last_used: DisplayTime,
    employee_count: String,
    usage: UsageChart,
    authorized_by: HolderPanel,
    client_access: ClientAccessPanel,
    api_keys: Panel,
    refresh_tokens: Panel,
    access_tokens: Panel,
    registration: RegistrationFacts,
    // The failures include IP addresses, which staff may not see.
    failures: Option<FailurePanel>,
    is_admin: bool,
    is_manager: bool,
    // Where an admin rejects it while it is pending.
    pending: &'static str,
}

struct LoadedClient {
    client: Client,
    authorized_by: HolderPanel,
    usage: Usage,
    client_access: ClientAccessPanel,
    api_keys: Panel,
    refresh_tokens: Panel,
    access_tokens: Panel,
    registration: RegistrationFacts,
    failures: Option<FailurePanel>,
}

enum Found {
    Current(Box<LoadedClient>),
    Revoked(Box<(Client, Option<DeletionJob>)>),
}

/// `GET /settings/client-api-access/clients/{client}`
pub async fn detail(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    query: Query,
) -> Result<HttpResponse> {
    if let Some(corrected) = corrected(&query) {
        return Ok(see_other(&format!("{}{corrected}", path(*id))));
    }
    let (api_keys, refresh_tokens) = (api_key_panel(&query)?, refresh_token_panel(&query)?);
    let access_tokens = access_token_panel(&query)?;
    let (id, times, viewer) = (*id, context.times.clone(), context.viewer.clone());
    let found = app
        .db
        .read(move |conn| {
            let client = find_or_gone(conn, id)?;
            if client.revoked_at.is_some() {
                let purge = DeletionJob::of(conn, "client", client.id.0)?;
                return Ok(Found::Revoked(Box::new((client, purge))));
            }
            let (within, state) = (Within::Client(client.id), client.state());
            let recent = RecentTokens::of(conn, client.id, times.now())?;
            let authorized_by = HolderPanel::load(conn, &client, &recent, (&viewer, &times))?;
            let api_keys = api_keys.load(conn, within, state, (&viewer, &times))?;
            let refresh_tokens = refresh_tokens.load(conn, within, state, (&viewer, &times))?;
            let access_tokens = match access_tokens.is_open() {
                true => access_tokens.load(conn, within, state, (&viewer, &times))?,
                false => access_tokens.folded(conn, within, || stored_access_tokens(&client, &api_keys), &times)?,
            };
            let registration = RegistrationFacts::load(conn, &client, &times)?;
            let failures = match viewer.is_manager() {
                true => Some(FailurePanel::load(conn, id, &query, &times)?),
                false => None,
            };
            Ok(Found::Current(Box::new(LoadedClient {
                client_access: ClientAccessPanel::load(conn, &client, &recent)?,
                usage: Usage::of_client(conn, id, times.now())?,
                client,
                authorized_by,
                api_keys,
                refresh_tokens,
                access_tokens,
                registration,
                failures,
            })))
        })
        .await?;
    match found {
        Found::Current(loaded) => html(page(&context, *loaded)),
        Found::Revoked(revoked) => {
            let (client, purge) = *revoked;
            let page = context.page(&client.name, Section::Clients).breadcrumb(HOME, "Client API Access");
            let revoked_at = context.times.ago(client.revoked_at.unwrap_or(context.now()));
            deletion_progress(page, &client.name, revoked_at, purge.as_ref())
        }
    }
}

// The stored count has API keys, too. With more of those than are counted here, the difference is not known.
fn stored_access_tokens(client: &Client, api_keys: &Panel) -> String {
    let keys = api_keys.valid.replace(',', "").parse::<i64>();
    keys.map(|keys| thousands((client.valid_access_tokens - keys).max(0))).unwrap_or_default()
}

fn page(context: &RequestContext, loaded: LoadedClient) -> ClientDetail {
    let LoadedClient {
        client,
        client_access,
        usage,
        authorized_by,
        mut api_keys,
        refresh_tokens,
        access_tokens,
        registration,
        failures,
    } = loaded;
    let (times, is_admin) = (&context.times, context.viewer.is_admin());
    api_keys.action = is_admin.then(|| (format!("{}/api-keys/new", path(client.id)), "New API key"));
    ClientDetail {
        created: times.date(client.created_at),
        last_used: times.ago(client.last_used_at),
        employee_count: thousands(client.employee_count),
        usage: UsageChart::of_client(&usage, client.last_used_at),
        client: ClientFacts::of(&client),
        authorized_by,
        client_access,
        api_keys,
        refresh_tokens,
        access_tokens,
        registration,
        failures,
        is_admin,
        is_manager: context.viewer.is_manager(),
        pending: PENDING,
        page: context.page(&client.name, Section::Clients).breadcrumb(HOME, "Client API Access"),
    }
}
