//! `/api/v1/clients`: clients and their registration.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::context::ApiContext;
use crate::api::edits::tag_of_client;
use crate::api::etag::tagged;
use crate::api::json::{ok, some, time};
use crate::api::list::{Page, Sort, Wanted};
use crate::api::problem::Answer;
use crate::api::query::{Params, text, word};
use crate::clients::{
    AccessLevel, Client, ClientEdge, ClientFilter, ClientSort, ClientState, RedirectUri, find_or_gone,
};
use crate::id::ClientKey;
use crate::web::state::State;

const SORTS: &[Sort] = &[
    ("name", false),
    ("created", true),
    ("used", true),
    ("employees", true),
    ("refresh-tokens", true),
    ("tokens", true),
    ("access", true),
];

/// A client: an app that may request tokens.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Client)]
pub struct ClientItem {
    /// Its id in paths.
    id: i64,
    /// Its public id (RFC 6749 section 2.2).
    client_id: String,
    /// Its name.
    name: String,
    /// Its website.
    website: String,
    /// `pending`, `active` or `suspended`.
    status: &'static str,
    /// Whether it is marked as Lightspeed Approved.
    lightspeed_approved: bool,
    /// What its tokens can do at most: `none`, `read`, `write` or `full`.
    access: &'static str,
    /// How many employees authorized it, as last counted.
    employees: i64,
    /// Its valid refresh tokens, as last counted.
    refresh_tokens: i64,
    /// Its valid access tokens and API keys, as last counted.
    access_tokens_and_api_keys: i64,
    /// When it was registered.
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// When one of its tokens was last used; null for never.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// The contact person of a client.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Contact {
    /// Their name.
    name: Option<String>,
    /// Their e-mail address.
    email: Option<String>,
    /// Their phone number.
    phone: Option<String>,
}

/// A client with its registration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClientDetail {
    #[serde(flatten)]
    client: ClientItem,
    /// Where users may return after they authorize it.
    redirect_uris: Vec<String>,
    /// Whether it runs on its users' own devices.
    publicly_distributed: bool,
    /// Whether it must use PKCE.
    requires_pkce: bool,
    /// Seconds after which what an employee allowed expires; null for never.
    grants_end_after_seconds: Option<i64>,
    /// The contact person.
    contact: Contact,
    /// When an admin approved it.
    #[schema(format = DateTime)]
    approved_at: Option<String>,
    /// Who approved it.
    approved_by: Option<String>,
    /// When an admin suspended it, if it is suspended.
    #[schema(format = DateTime)]
    suspended_at: Option<String>,
    /// Who suspended it.
    suspended_by: Option<String>,
    /// Why.
    suspended_reason: Option<String>,
    /// When all its access was revoked: its rows are being deleted.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

fn access_word(level: AccessLevel) -> &'static str {
    match level {
        AccessLevel::None => "none",
        AccessLevel::Read => "read",
        AccessLevel::Write => "write",
        AccessLevel::Full => "full",
    }
}

impl ClientItem {
    /// A client of a list.
    pub fn of(client: &Client) -> ClientItem {
        ClientItem {
            id: client.id.0,
            client_id: client.client_id.clone(),
            name: client.name.clone(),
            website: client.website.as_str().into(),
            status: client.state().word(),
            lightspeed_approved: client.lightspeed_approved_at.is_some(),
            access: access_word(client.access_level()),
            employees: client.employee_count,
            refresh_tokens: client.valid_refresh_tokens,
            access_tokens_and_api_keys: client.valid_access_tokens,
            created_at: time(client.created_at),
            last_used_at: time(client.last_used_at),
        }
    }
}

impl ClientDetail {
    /// A client with its registration.
    pub fn of(client: &Client, redirect_uris: Vec<String>) -> ClientDetail {
        let contact = &client.contact;
        ClientDetail {
            client: ClientItem::of(client),
            redirect_uris,
            publicly_distributed: client.publicly_distributed,
            requires_pkce: client.requires_pkce(),
            grants_end_after_seconds: client.grants_end_after,
            contact: Contact { name: some(&contact.name), email: some(&contact.email), phone: some(&contact.phone) },
            approved_at: client.approved_at.and_then(time),
            approved_by: some(&client.approved_by),
            suspended_at: client.suspended_at.and_then(time),
            suspended_by: some(&client.suspended_by),
            suspended_reason: some(&client.suspended_reason),
            revoked_at: client.revoked_at.and_then(time),
        }
    }
}

/// The filters of the list, named as in the addresses of its page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ClientQuery {
    /// A part of the name.
    name: Option<String>,
    /// A part of the name of an employee who authorized it.
    employee: Option<String>,
    /// `pending`, `active` or `suspended`; or, by the Lightspeed Approved badge, `approved` or `not-approved`.
    status: Option<String>,
    /// `name`, `created`, `used`, `employees`, `refresh-tokens`, `tokens` or `access`, with `-` in front for descending.
    sort: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// The most entries of a page: 1 to 50.
    limit: Option<u32>,
}

/// Lists clients.
#[utoipa::path(
    get, path = "/api/v1/clients", tag = "clients", params(ClientQuery),
    responses((status = 200, description = "Clients", body = Page<ClientItem>)),
)]
pub async fn list(_: ApiContext, app: web::Data<State>, params: Params<ClientQuery>) -> Answer {
    let asked = params.0;
    let badge = |word: &str| match word {
        "approved" => Some((None, Some(true))),
        "not-approved" => Some((None, Some(false))),
        word => ClientState::from_word(word).map(|state| (Some(state), None)),
    };
    let (state, lightspeed_approved) = word("status", &asked.status, badge)?.unwrap_or_default();
    let (name, employee) = (text(&asked.name), text(&asked.employee));
    let filter = ClientFilter { name, employee, state, unapproved: false, lightspeed_approved };
    let wanted = Wanted::read(SORTS, asked.sort.as_deref(), asked.cursor.as_deref(), asked.limit)?;
    let sort = ClientSort::from_word(wanted.sort).unwrap_or(ClientSort::Name);
    let (order, start) = ((sort, wanted.descending), wanted.start.clone());
    let found = app.db.read(move |conn| {
        let edge = start.clone().map(|(value, id)| ClientEdge { value, id });
        Ok(Client::list(conn, &filter, order, edge.as_ref(), false)?)
    });
    let (rows, _) = found.await?;
    let edge = |client: &Client| {
        let edge = client.edge(sort);
        (edge.value, edge.id)
    };
    ok(&wanted.page(rows, edge, |client| ClientItem::of(&client)))
}

/// Shows a client with its registration.
#[utoipa::path(
    get, path = "/api/v1/clients/{client}", tag = "clients",
    params(("client" = i64, Path, description = "The client's id")),
    responses((status = 200, description = "The client", body = ClientDetail)),
)]
pub async fn show(_: ApiContext, app: web::Data<State>, id: web::Path<ClientKey>) -> Answer {
    let id = *id;
    let found = app.db.read(move |conn| {
        let client = find_or_gone(conn, id)?;
        let redirect_uris = RedirectUri::of_client(conn, id)?;
        let tag = tag_of_client(&client, &redirect_uris)?;
        Ok((ClientDetail::of(&client, redirect_uris), tag))
    });
    let (client, tag) = found.await?;
    tagged(&client, &tag)
}
