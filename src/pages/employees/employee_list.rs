//! The list of employees.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::db::keyset::Count;
use crate::employees::{Employee, EmployeeFilter, EmployeeState};
use crate::error::Result;
use crate::pages::employees::{badge, last_signed_in, path};
use crate::scopes::Role;
use crate::time::DisplayTime;
use crate::web::badge::Badge;
use crate::web::list::{Heading, ListState, Pager, Sort};
use crate::web::page::{Page, RequestContext, Section, html, see_other};
use crate::web::query::Query;
use crate::web::state::State;

static SORTS: [Sort; 1] = [Sort { word: "name", column: "name_fold", largest_first: false }];

#[derive(Template)]
#[template(path = "employees/employee_list.html")]
struct EmployeeList {
    page: Page,
    rows: Vec<EmployeeRow>,
    total: i64,
    name: String,
    role: String,
    state: String,
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
    badge: Badge,
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
    let wanted = state.clone();
    let (rows, total) = app
        .db
        .read(move |conn| {
            let (edge, backward) = wanted.edge();
            Ok(Employee::list(conn, &filter, edge, backward)?)
        })
        .await?;
    let slice = state.slice(rows);
    let count = Count { n: total, capped: false };
    let pager = state.pager(&slice, count, |employee| (employee.name.to_lowercase(), employee.id.0));
    let row = |employee: Employee| EmployeeRow {
        href: path(employee.id),
        role: employee.role.name(),
        last_signed_in: last_signed_in(&employee, &context.times),
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
        headings: ["Name", "Role", "Last signed in", "Status"].map(|label| state.heading(label, "")).to_vec(),
        pager,
        may_invite: context.viewer.is_admin(),
        page: context.page("Employees", Section::Employees),
    })
}
