//! The clients that are pending approval. Admins select those to reject; each is approved on its own page.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::{Client, ClientEdge, ClientFilter, ClientSort, PendingClient};
use crate::db::keyset::{Count, Slice};
use crate::error::Result;
use crate::pages::clients::HOME;
use crate::time::{DisplayTime, TimeFormat};
use crate::web::client_facts::ClientFacts;
use crate::web::list::{Heading, ListState, Pager, Sort};
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::query::Query;
use crate::web::state::State;

/// The address of the page.
pub const PENDING: &str = "/settings/client-api-access/pending";

// The parameter of the link that selects every row of the page.
const SELECT: &str = "select";

static SORTS: [Sort; 2] = [
    Sort { word: "created", column: "created_at", largest_first: true },
    Sort { word: "name", column: "name_fold", largest_first: false },
];

#[derive(Template)]
#[template(path = "clients/pending_clients.html")]
struct PendingClients {
    page: Page,
    total: i64,
    rows: Vec<PendingRow>,
    name: String,
    hidden: Vec<(String, String)>,
    headings: Vec<Heading>,
    pager: Pager,
    action: String,
    // Whether every row is selected, and the link that selects all or none.
    selected: bool,
    select: String,
    public_registration: bool,
}

/// A pending client in one row.
pub struct PendingRow {
    /// Its id, as the form sends it.
    pub id: String,
    /// Its name, website and state.
    pub facts: ClientFacts,
    /// Whether it is suspended, too.
    pub is_suspended: bool,
    /// Where its users return.
    pub redirect_hosts: String,
    /// The name of the contact person, as the developer typed it.
    pub contact: String,
    /// Their e-mail address.
    pub email: String,
    /// When it was registered.
    pub registered: DisplayTime,
    /// The client IP it was registered from; may be empty.
    pub from: String,
    /// Tokens and API keys that it has in spite of being pending.
    pub tokens: i64,
}

impl PendingRow {
    /// The row of a client.
    pub fn of(pending: &PendingClient, times: &TimeFormat) -> PendingRow {
        let client = &pending.client;
        PendingRow {
            id: client.id.to_string(),
            facts: ClientFacts::of(client),
            is_suspended: client.suspended_at.is_some(),
            redirect_hosts: pending.redirect_hosts.join(", "),
            contact: client.contact.name.clone(),
            email: client.contact.email.clone(),
            registered: times.ago(client.created_at),
            from: pending.registered_from.clone(),
            tokens: client.valid_refresh_tokens + client.valid_access_tokens,
        }
    }
}

/// `GET /settings/client-api-access/pending`
pub async fn list(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    html(page(&context, &app, &query).await?)
}

/// The list again, because nothing was selected.
pub async fn nothing_selected(context: &RequestContext, app: &State, query: &Query) -> Result<HttpResponse> {
    let mut list = page(context, app, query).await?;
    list.page = list.page.with_flash(Tone::Bad, "Select at least one client, then click Reject selected.");
    unprocessable(list)
}

/// The address of the list with the filters and the order of `query`: the page it shows, or the first one.
pub fn address(query: &Query, first: bool) -> String {
    let place = ["after", "before", "last", "at"].map(|name| (name, None));
    let query = query.changed(&[(SELECT, None)]);
    match query.with(if first { &place } else { &[] }) {
        all if all == "?" => PENDING.into(),
        some => format!("{PENDING}{some}"),
    }
}

async fn load(app: &State, state: &ListState) -> Result<(Slice<PendingClient>, i64, ClientSort)> {
    let sort = ClientSort::from_word(state.sort().word).unwrap_or(ClientSort::Created);
    let filter = ClientFilter { name: state.get("name").into(), unapproved: true, ..ClientFilter::default() };
    let position = state.clone();
    let (slice, total) = app
        .db
        .read(move |conn| {
            let (edge, backward) = position.edge();
            let edge = edge.map(|(value, id)| ClientEdge { value: value.to_string(), id });
            let order = (sort, position.descending);
            let (clients, total) = Client::list(conn, &filter, order, edge.as_ref(), backward)?;
            let Slice { rows, has_previous, has_next } = position.slice(clients);
            Ok((Slice { rows: PendingClient::of(conn, rows)?, has_previous, has_next }, total))
        })
        .await?;
    Ok((slice, total, sort))
}

async fn page(context: &RequestContext, app: &State, query: &Query) -> Result<PendingClients> {
    let selected = query.get(SELECT) == Some("all");
    let state = ListState::read(&query.changed(&[(SELECT, None)]), "", &SORTS)?;
    let (slice, total, sort) = load(app, &state).await?;
    let pager = state.pager(&slice, Count { n: total, capped: false }, |pending| {
        let edge = pending.client.edge(sort);
        (edge.value, edge.id)
    });
    Ok(PendingClients {
        total,
        rows: slice.rows.iter().map(|pending| PendingRow::of(pending, &context.times)).collect(),
        name: state.get("name").to_string(),
        hidden: state.hidden(&["name"]),
        headings: vec![
            state.heading("Select", ""),
            state.heading("Client", "name"),
            state.heading("Redirects to", ""),
            state.heading("Contact", ""),
            state.heading("Registered", "created"),
        ],
        pager,
        action: address(query, false),
        selected,
        select: query.with(&[(SELECT, (!selected).then_some("all"))]),
        public_registration: app.config.public_registration,
        page: context.page("Pending clients", Section::Clients).breadcrumb(HOME, "Client API Access"),
    })
}
