//! `/api/v1/employees`: people. Staff see themselves only.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::offboarding::apps_of;
use crate::api::context::ApiContext;
use crate::api::edits::tag_of_employee;
use crate::api::etag::tagged;
use crate::api::json::{ok, time};
use crate::api::list::{Page, Sort, Wanted};
use crate::api::problem::Answer;
use crate::api::query::{Params, text, word};
use crate::connections::Connection;
use crate::db::DbConnection;
use crate::employees::{Employee, EmployeeFilter, EmployeeSort, EmployeeState, Session};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::scopes::Role;
use crate::time::Timestamp;
use crate::web::state::State;

const SORTS: &[Sort] = &[("name", false), ("tokens", true)];

/// An employee.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Employee)]
pub struct EmployeeItem {
    /// Their id in paths.
    id: i64,
    /// Their name.
    name: String,
    /// Their e-mail address; null after their personal data was erased.
    email: Option<String>,
    /// `staff`, `manager` or `admin`.
    role: &'static str,
    /// `active`, `invited`, `locked` or `archived`.
    state: &'static str,
    /// Their valid refresh tokens and API keys, as last counted.
    tokens: i64,
    /// When they were added.
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// When they last signed in; null for never.
    #[schema(format = DateTime)]
    last_signed_in_at: Option<String>,
    /// When they were locked, if they are.
    #[schema(format = DateTime)]
    locked_at: Option<String>,
    /// When they were archived, if they are.
    #[schema(format = DateTime)]
    archived_at: Option<String>,
}

/// An employee with what they authorized.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EmployeeDetail {
    #[serde(flatten)]
    employee: EmployeeItem,
    /// The names of the clients with valid refresh tokens of theirs, of the newest 200.
    clients: Vec<String>,
    /// The names of the connections that they authorized and that hold tokens.
    connections: Vec<String>,
    /// In how many browsers they are signed in.
    sessions: usize,
}

impl EmployeeItem {
    /// An employee of a list.
    pub fn of(employee: &Employee) -> EmployeeItem {
        EmployeeItem {
            id: employee.id.0,
            name: employee.name.clone(),
            email: employee.erased_at.is_none().then(|| employee.email.clone()),
            role: employee.role.word(),
            state: employee.state().word(),
            tokens: employee.grant_count,
            created_at: time(employee.created_at),
            last_signed_in_at: time(employee.last_signed_in_at),
            locked_at: employee.locked_at.and_then(time),
            archived_at: employee.archived_at.and_then(time),
        }
    }
}

impl EmployeeDetail {
    /// Reads an employee.
    pub fn load(conn: &mut DbConnection, id: EmployeeKey, now: Timestamp) -> Result<EmployeeDetail> {
        let employee = EmployeeItem::of(&Employee::find(conn, id)?);
        let authorized = Connection::authorized_by(conn, id)?.into_iter().map(|(connection, _)| connection);
        Ok(EmployeeDetail {
            employee,
            clients: apps_of(conn, id, now)?,
            connections: authorized.filter(Connection::has_token).map(|connection| connection.name).collect(),
            sessions: Session::of_employee(conn, id, now)?.len(),
        })
    }
}

/// The filters of the list, named as in the addresses of its page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct EmployeeQuery {
    /// A part of the name or e-mail address.
    name: Option<String>,
    /// `staff`, `manager` or `admin`.
    role: Option<String>,
    /// `active`, `invited`, `locked` or `archived`. Without it, everybody who is not archived.
    state: Option<String>,
    /// `name` or `tokens`, with `-` in front for descending.
    sort: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// The most entries of a page: 1 to 50.
    limit: Option<u32>,
}

/// Lists employees. Not for staff.
#[utoipa::path(
    get, path = "/api/v1/employees", tag = "employees", params(EmployeeQuery),
    responses((status = 200, description = "Employees", body = Page<EmployeeItem>)),
)]
pub async fn list(context: ApiContext, app: web::Data<State>, params: Params<EmployeeQuery>) -> Answer {
    if !context.viewer.is_manager() {
        return Err(own_only().into());
    }
    let asked = params.0;
    let filter = EmployeeFilter {
        name: text(&asked.name),
        role: word("role", &asked.role, Role::from_word)?,
        state: word("state", &asked.state, EmployeeState::from_word)?,
    };
    let wanted = Wanted::read(SORTS, asked.sort.as_deref(), asked.cursor.as_deref(), asked.limit)?;
    let sort = EmployeeSort::from_word(wanted.sort).unwrap_or(EmployeeSort::Name);
    let request = wanted.clone();
    let found =
        app.db.read(move |conn| Ok(Employee::list(conn, &filter, (sort, request.descending), request.edge(), false)?));
    let (rows, _) = found.await?;
    let edge = |employee: &Employee| {
        let value = match sort {
            EmployeeSort::Name => employee.name.to_lowercase(),
            EmployeeSort::Grants => employee.grant_count.to_string(),
        };
        (value, employee.id.0)
    };
    ok(&wanted.page(rows, edge, |employee| EmployeeItem::of(&employee)))
}

fn own_only() -> Error {
    Error::Forbidden("Staff see themselves only. Store managers and admins see every employee.".into())
}

/// Shows an employee with what they authorized. Staff see themselves only.
#[utoipa::path(
    get, path = "/api/v1/employees/{employee}", tag = "employees",
    params(("employee" = i64, Path, description = "The employee's id")),
    responses((status = 200, description = "The employee", body = EmployeeDetail)),
)]
pub async fn show(context: ApiContext, app: web::Data<State>, id: web::Path<EmployeeKey>) -> Answer {
    let (id, now) = (*id, context.now);
    if !context.viewer.may_act_for(id) {
        return Err(own_only().into());
    }
    let found = app.db.read(move |conn| {
        let tag = tag_of_employee(&Employee::find(conn, id)?)?;
        Ok((EmployeeDetail::load(conn, id, now)?, tag))
    });
    let (employee, tag) = found.await?;
    tagged(&employee, &tag)
}
