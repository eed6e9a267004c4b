//! The settings home page: the sections, with what needs attention in each.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::overview::Overview;
use crate::error::Result;
use crate::time::count;
use crate::web::page::{Page, RequestContext, Section, html, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
    clients: String,
    pending_clients: i64,
    connections: String,
    employees: String,
    locked_employees: i64,
    is_manager: bool,
    is_admin: bool,
}

/// `GET /`
pub async fn root(_: RequestContext) -> Result<HttpResponse> {
    Ok(see_other("/settings/client-api-access"))
}

/// `GET /settings`
pub async fn home(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let overview = app.db.read(|conn| Ok(Overview::load(conn)?)).await?;
    let mut page = context.page("Settings", Section::Settings);
    // The home page is the first step of every other page's breadcrumb, and has none itself.
    page.crumbs.clear();
    html(Home {
        clients: count(overview.clients, "client"),
        pending_clients: overview.pending_clients,
        connections: count(overview.connections, "connection"),
        employees: count(overview.employees, "employee"),
        locked_employees: overview.locked_employees,
        is_manager: context.viewer.is_manager(),
        is_admin: context.viewer.is_admin(),
        page,
    })
}
