//! The list of clients.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::{AccessLevel, Client, ClientEdge, ClientFilter, ClientSort, ClientState};
use crate::db::keyset::Count;
use crate::error::Result;
use crate::time::{DisplayTime, TimeFormat, thousands};
use crate::web::badge::Badge;
use crate::web::client_facts::ClientFacts;
use crate::web::list::{Heading, ListState, Pager, Sort};
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::query::Query;
use crate::web::state::State;

static SORTS: [Sort; 7] = [
    Sort { word: "name", column: "name_fold", largest_first: false },
    Sort { word: "used", column: "last_used_at", largest_first: true },
    Sort { word: "created", column: "created_at", largest_first: true },
    Sort { word: "employees", column: "employee_count", largest_first: true },
    Sort { word: "refresh-tokens", column: "valid_refresh_tokens", largest_first: true },
    Sort { word: "tokens", column: "valid_access_tokens", largest_first: true },
    Sort { word: "access", column: "access_level", largest_first: true },
];

// The values of the status filter and their labels.
const STATUSES: [(&str, &str); 5] = [
    ("approved", "Lightspeed Approved"),
    ("not-approved", "Not Lightspeed Approved"),
    ("active", "Active"),
    ("pending", "Pending approval"),
    ("suspended", "Suspended"),
];

#[derive(Template)]
#[template(path = "clients/client_list.html")]
struct ClientList {
    page: Page,
    total: i64,
    rows: Vec<ClientRow>,
    filter: ClientFilter,
    status: String,
    statuses: Vec<(&'static str, &'static str)>,
    hidden: Vec<(String, String)>,
    headings: Vec<Heading>,
    pager: Pager,
    may_register: bool,
    // How many clients are pending approval, for admins.
    pending: i64,
}

struct ClientRow {
    facts: ClientFacts,
    // Unless it is active.
    status: Option<Badge>,
    // If it has the badge.
    approved: Option<Badge>,
    access: &'static str,
    has_full_access: bool,
    employee_count: String,
    refresh_tokens: String,
    access_tokens: String,
    created: DisplayTime,
    last_used: DisplayTime,
}

impl ClientRow {
    fn of(client: &Client, times: &TimeFormat) -> ClientRow {
        ClientRow {
            facts: ClientFacts::of(client),
            status: Badge::client_status(client),
            approved: Badge::lightspeed_approved_in_column(client),
            access: client.access_level().label(),
            has_full_access: client.access_level() == AccessLevel::Full,
            employee_count: thousands(client.employee_count),
            refresh_tokens: thousands(client.valid_refresh_tokens),
            access_tokens: thousands(client.valid_access_tokens),
            created: times.date(client.created_at),
            last_used: times.ago(client.last_used_at),
        }
    }
}

fn filter(state: &ListState) -> ClientFilter {
    let status = state.get("status");
    ClientFilter {
        name: state.get("name").into(),
        employee: state.get("employee").into(),
        state: ClientState::from_word(status),
        unapproved: false,
        lightspeed_approved: match status {
            "approved" => Some(true),
            "not-approved" => Some(false),
            _ => None,
        },
    }
}

fn headings(state: &ListState) -> Vec<Heading> {
    let number = |label, word| Heading { is_number: true, ..state.heading(label, word) };
    vec![
        state.heading("Name", "name"),
        state.heading("Status", ""),
        state.heading("Lightspeed Approved", ""),
        state.heading("Access", "access"),
        number("Employees", "employees"),
        number("Refresh tokens", "refresh-tokens"),
        number("Keys and tokens", "tokens"),
        state.heading("Registered", "created"),
        state.heading("Last used", "used"),
    ]
}

/// `GET /settings/client-api-access`
pub async fn list(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let state = ListState::read(&query, "", &SORTS)?;
    let filter = filter(&state);
    let sort = ClientSort::from_word(state.sort().word).unwrap_or(ClientSort::Name);
    let (wanted, position) = (filter.clone(), state.clone());
    let is_admin = context.viewer.is_admin();
    let (clients, total, pending) = app
        .db
        .read(move |conn| {
            let (edge, backward) = position.edge();
            let edge = edge.map(|(value, id)| ClientEdge { value: value.to_string(), id });
            let (clients, total) = Client::list(conn, &wanted, (sort, position.descending), edge.as_ref(), backward)?;
            let pending = if is_admin { Client::pending(conn)? } else { 0 };
            Ok((clients, total, pending))
        })
        .await?;
    let slice = state.slice(clients);
    let pager = state.pager(&slice, Count { n: total, capped: false }, |client| {
        let edge = client.edge(sort);
        (edge.value, edge.id)
    });
    html(ClientList {
        total,
        rows: slice.rows.iter().map(|client| ClientRow::of(client, &context.times)).collect(),
        headings: headings(&state),
        hidden: state.hidden(&["name", "employee", "status"]),
        statuses: STATUSES.to_vec(),
        status: state.get("status").to_string(),
        filter,
        pager,
        may_register: is_admin,
        pending,
        page: context.page("Client API Access", Section::Clients),
    })
}
