//! The list of employees.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::db::keyset::Count;
use crate::employees::{Employee, EmployeeFilter, EmployeeSort, EmployeeState};
use crate::error::Result;
use crate::pages::access::inventory_filters::InventoryState;
use crate::pages::employees::{badge, last_signed_in, path};
use crate::scopes::Role;
use crate::time::DisplayTime;
use crate::tokens::employee_counters::COUNTED;
use crate::tokens::listing::inventory::InventoryFilter;
use crate::web::badge::Badge;
use crate::web::list::{Heading, ListState, Pager, Sort};
use crate::web::page::{Page, RequestContext, Section, html, see_other};
use crate::web::query::Query;
use crate::web::state::State;

static SORTS: [Sort; 2] = [
    Sort { word: "name", column: "name_fold", largest_first: false },
    Sort { word: "tokens", column: "grant_count", largest_first: true },
];

#[derive(Template)]
#[template(path = "employees/employee_list.html")]
struct EmployeeList {
    page: Page,
    rows: Vec<EmployeeRow>,
    total: i64,
    name: String,
    role: String,
    state: String,
    hidden: Vec<(String, String)>,
    headings: Vec<Heading>,
    pager: Pager,
    may_invite: bool,
}

struct EmployeeRow {
    href: String,
    name: String,
    email: String,
    role: &'static str,
    last_signed_in: DisplayTime,
    // How many valid refresh tokens and API keys they have, and where these are listed.
    tokens: String,
    tokens_href: String,
    badge: Badge,
}

fn headings(state: &ListState) -> Vec<Heading> {
    vec![
        state.heading("Name", "name"),
        state.heading("Role", ""),
        Heading { is_number: true, ..state.heading("Tokens and keys", "tokens") },
        state.heading("Last signed in", ""),
        state.heading("Status", ""),
    ]
}

/// `GET /settings/employees`. Staff are redirected to their own page, the only one they may see.
pub async fn list(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    if !context.viewer.is_manager() {
        return Ok(see_other(&path(context.viewer.id)));
    }
    let state = ListState::read(&query, "", &SORTS)?;
    let filter = EmployeeFilter {
        name: state.get("name").into(),
        role: Role::from_word(state.get("role")),
        state: EmployeeState::from_word(state.get("state")),
    };
    let sort = EmployeeSort::from_word(state.sort().word).unwrap_or(EmployeeSort::Name);
    let wanted = state.clone();
    let (rows, total) = app
        .db
        .read(move |conn| {
            let (edge, backward) = wanted.edge();
            Ok(Employee::list(conn, &filter, (sort, wanted.descending), edge, backward)?)
        })
        .await?;
    let slice = state.slice(rows);
    let count = Count { n: total, capped: false };
    let pager = state.pager(&slice, count, |employee| {
        let value = match sort {
            EmployeeSort::Name => employee.name.to_lowercase(),
            EmployeeSort::Grants => employee.grant_count.to_string(),
        };
        (value, employee.id.0)
    });
    let row = |employee: Employee| EmployeeRow {
        href: path(employee.id),
        role: employee.role.name(),
        last_signed_in: last_signed_in(&employee, &context.times),
        tokens: Count::capped_at(employee.grant_count, COUNTED).to_string(),
        tokens_href: InventoryState::address_of(&InventoryFilter {
            employee: employee.name.clone(),
            ..InventoryFilter::default()
        }),
        badge: badge(&employee),
        name: employee.name,
        email: if employee.erased_at.is_some() { String::new() } else { employee.email },
    };
    html(EmployeeList {
        rows: slice.rows.into_iter().map(row).collect(),
        total,
        name: state.get("name").into(),
        role: state.get("role").into(),
        state: state.get("state").into(),
        hidden: state.hidden(&["name", "role", "state"]),
        headings: headings(&state),
        pager,
        may_invite: context.viewer.is_admin(),
        page: context.page("Employees", Section::Employees),
    })
}
