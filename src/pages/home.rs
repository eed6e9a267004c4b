//! The settings home page, which people see after they sign in: what needs attention, and the sections.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::attention::{self, Acknowledgement, Asked};
use crate::access::overview::Overview;
use crate::error::Result;
use crate::pages::attention::findings::FindingRow;
use crate::time::count;
use crate::web::page::{Page, RequestContext, Section, html, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
    findings: Vec<FindingRow>,
    // How many items are acknowledged, in words; empty for none.
    quiet: String,
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
    Ok(see_other("/settings"))
}

/// `GET /settings`
pub async fn home(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let asked = Asked { only: (!context.viewer.is_manager()).then_some(context.viewer.id), now: context.now() };
    let state = app.clone();
    let (overview, findings, quiet) = app
        .db
        .read(move |conn| {
            let quiet = if asked.only.is_none() { Acknowledgement::count(conn, asked.now)? } else { 0 };
            Ok((Overview::load(conn)?, attention::findings(conn, asked, &state.large_counts)?, quiet))
        })
        .await?;
    let mut page = context.page("Needs attention", Section::Settings);
    // The home page is the first step of every other page's breadcrumb, and has none itself.
    page.crumbs.clear();
    html(Home {
        findings: findings.iter().map(|finding| FindingRow::of(finding, &context.viewer, &context.times)).collect(),
        quiet: if quiet == 0 { String::new() } else { count(quiet, "acknowledged item") },
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
