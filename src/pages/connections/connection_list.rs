//! Settings › Connections: the list.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::account::Business;
use crate::connections::{ApiType, Connection, ConnectionFilter, ConnectionSort, ListedConnection, Status};
use crate::db::keyset::Count;
use crate::error::Result;
use crate::id::BusinessKey;
use crate::pages::connections::connection_summary::{ConnectionFacts, allow_form_redirects};
use crate::pages::connections::problems::ProblemRow;
use crate::time::TimeFormat;
use crate::web::list::{Heading, ListState, Pager, Sort};
use crate::web::page::{Page, RequestContext, Section, Viewer, html};
use crate::web::query::Query;
use crate::web::state::State;

static SORTS: [Sort; 4] = [
    Sort { word: "name", column: "name_fold", largest_first: false },
    Sort { word: "expires", column: "access_expires_at", largest_first: false },
    Sort { word: "refreshed", column: "last_refreshed_at", largest_first: true },
    Sort { word: "used", column: "last_used_at", largest_first: true },
];

// The most connections of each kind that the banner names.
const MOST_NAMED: i64 = 3;

#[derive(Template)]
#[template(path = "connections/connection_list.html")]
struct ConnectionList {
    page: Page,
    total: i64,
    rows: Vec<ConnectionRow>,
    problems: Vec<ProblemRow>,
    filter: ConnectionFilter,
    business: String,
    businesses: Vec<(BusinessKey, String)>,
    hidden: Vec<(String, String)>,
    headings: Vec<Heading>,
    pager: Pager,
    is_admin: bool,
}

struct ConnectionRow {
    facts: ConnectionFacts,
    business: String,
    authorized_by: Option<(String, Option<String>)>,
}

fn row(listed: ListedConnection, viewer: &Viewer, times: &TimeFormat) -> ConnectionRow {
    let href = listed.connection.authorized_by.and_then(|id| viewer.employee_page(id));
    ConnectionRow {
        facts: ConnectionFacts::of(&listed.connection, listed.api_type, times),
        business: listed.business.unwrap_or_default(),
        authorized_by: listed.authorized_by.map(|name| (name, href)),
    }
}

/// `GET /settings/connections`
pub async fn list(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let state = ListState::read(&query, "", &SORTS)?;
    let filter = ConnectionFilter {
        name: state.get("name").into(),
        api_type: ApiType::from_word(state.get("type")),
        status: Status::from_word(state.get("status")),
        business: state.get("business").parse().ok().map(BusinessKey),
    };
    let sort = ConnectionSort::from_word(state.sort().word).unwrap_or(ConnectionSort::Name);
    let (wanted_filter, wanted) = (filter.clone(), state.clone());
    let ((rows, total), problems, businesses) = app
        .db
        .read(move |conn| {
            let rows = Connection::list(conn, &wanted_filter, (sort, wanted.descending), wanted.edge())?;
            Ok((rows, Connection::with_problems(conn, MOST_NAMED)?, Business::all(conn)?))
        })
        .await?;
    let slice = state.slice(rows);
    let pager = state.pager(&slice, Count { n: total, capped: false }, |listed| {
        (listed.connection.edge(sort), listed.connection.id.0)
    });
    let response = html(ConnectionList {
        total,
        rows: slice.rows.into_iter().map(|listed| row(listed, &context.viewer, &context.times)).collect(),
        problems: problems.iter().map(|one| ProblemRow::of(one, &context.times)).collect(),
        business: filter.business.map(|id| id.to_string()).unwrap_or_default(),
        businesses: businesses.into_iter().map(|(business, _)| (business.id, business.name)).collect(),
        hidden: state.hidden(&["name", "type", "status", "business"]),
        headings: vec![
            state.heading("Name", "name"),
            state.heading("API", ""),
            state.heading("Business", ""),
            state.heading("Authorized by", ""),
            state.heading("Expires", "expires"),
            state.heading("Refreshed", "refreshed"),
            state.heading("Last used", "used"),
            state.heading("Status", ""),
        ],
        filter,
        pager,
        is_admin: context.viewer.is_admin(),
        page: context.page("Connections", Section::Connections),
    })?;
    allow_form_redirects(&app, &context.viewer, response)
}
