//! Offboarding an employee: the confirmation with its impact, and the act.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::handover::Handover;
use crate::access::offboarding::{self, Offboarded, OffboardingImpact, apps_of, require_may_offboard};
use crate::connections::provider_revocation;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::pages::confirmation::{added_since_confirmation, seen, some_names};
use crate::pages::employees::revoke_all_access::{disconnected, revoked_api_tokens};
use crate::pages::employees::{HOME, path};
use crate::time::{DisplayTime, count};
use crate::tokens::revocation::RevocationImpact;
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "employees/offboard.html")]
struct Offboard {
    page: Page,
    name: String,
    back: String,
    impact: RevocationImpact,
    api_tokens: i64,
    connections: Vec<String>,
    apps: Vec<String>,
    sessions: i64,
    last_used: DisplayTime,
    is_admin: bool,
    // What can be handed over, in words; empty for nothing.
    handover: String,
}

/// `GET /settings/employees/{employee}/offboard`
pub async fn offboard_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
) -> Result<HttpResponse> {
    let (id, by, now) = (*id, (context.viewer.id, context.viewer.role), context.now());
    let (impact, apps, handover) = app
        .db
        .read(move |conn| {
            let impact = OffboardingImpact::of(conn, id, now)?;
            require_may_offboard(by, &impact.employee)?;
            Ok((impact, apps_of(conn, id, now)?, Handover::of(conn, id, now)?))
        })
        .await?;
    let OffboardingImpact { employee, tokens, api_tokens, connections, sessions } = impact;
    let what = [(handover.api_keys.len(), "API key"), (handover.connections.len(), "connection")];
    let what = what.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(*n as i64, noun));
    html(Offboard {
        page: context
            .page("Offboard", Section::Employees)
            .breadcrumb(HOME, "Employees")
            .breadcrumb(path(id), &employee.name),
        handover: what.collect::<Vec<_>>().join(" and "),
        is_admin: context.viewer.is_admin(),
        name: employee.name,
        back: path(id),
        last_used: context.times.ago(tokens.last_used_at),
        impact: tokens,
        api_tokens,
        connections,
        apps,
        sessions: sessions as i64,
    })
}

/// `POST /settings/employees/{employee}/offboard`
pub async fn offboard(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, seen, by) = (*id, seen(&form), (context.viewer.id, context.viewer.role));
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let act = app.db.write(move |conn| offboarding::offboard(conn, by, id, seen, (&actor, &client_ip), now));
    match act.await {
        Ok(done) => {
            let unconfirmed = provider_revocation::revoke_all(&app.connections, &done.connections).await;
            context.redirect(Tone::Good, message(&done, &unconfirmed), &path(id))
        }
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, &path(id)),
        Err(error) => Err(error),
    }
}

fn message(done: &Offboarded, unconfirmed: &[String]) -> String {
    let (name, counts) = (&done.employee.name, done.tokens.detail.counts());
    let mut text = format!("{name} is offboarded: locked and signed out.");
    if !counts.is_empty() {
        text.push_str(&format!(" Revoked: {counts}."));
    }
    if done.tokens.is_purging {
        text.push_str(" The records are being deleted.");
    }
    text.push_str(&added_since_confirmation(&done.tokens));
    text.push_str(&revoked_api_tokens(done));
    text.push_str(&disconnected(&done.connections, unconfirmed));
    if !done.kept.is_empty() {
        let names = some_names(&done.kept, false);
        text.push_str(&format!(" Still connected with their account, so ask an admin to reconnect: {names}."));
    }
    text
}
