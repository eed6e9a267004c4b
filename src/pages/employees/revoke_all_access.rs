//! Ending everything a person granted, with one button.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::connections::{ApiType, Connection, OAuthClient, provider_revocation};
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::pages::clients::client_detail::{added_since_confirmation, seen, some_names};
use crate::pages::employees::employee_detail::{HOME, path};
use crate::time::DisplayTime;
use crate::tokens::revocation;
use crate::tokens::revocation::{RevocationImpact, Target};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "employees/revoke_all_access.html")]
struct RevokeAllAccess {
    page: Page,
    name: String,
    back: String,
    impact: RevocationImpact,
    connections: Vec<String>,
    last_used: DisplayTime,
}

fn own_only() -> String {
    "You can end what you granted yourself. Ask a store manager or an admin for somebody else's.".into()
}

/// `GET /settings/employees/{employee}/revoke-all-access`
pub async fn revoke_all_access_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
) -> Result<HttpResponse> {
    let id = *id;
    if !context.viewer.may_act_for(id) {
        return Err(Error::Forbidden(own_only()));
    }
    let (employee, impact, connections) = app
        .db
        .read(move |conn| {
            let employee = Employee::find(conn, id)?;
            let impact = RevocationImpact::of(conn, &Target::Grants(employee.clone()))?;
            Ok((employee, impact, Connection::authorized_by(conn, id)?))
        })
        .await?;
    html(RevokeAllAccess {
        page: context
            .page("End everything granted", Section::Employees)
            .breadcrumb(HOME, "Employees")
            .breadcrumb(path(id), &employee.name),
        name: employee.name,
        back: path(id),
        last_used: context.words.ago(impact.last_used_at),
        connections: held(connections),
        impact,
    })
}

// The names of those that hold anything.
fn held(connections: Vec<(Connection, ApiType)>) -> Vec<String> {
    let holding = connections.into_iter().filter(|(connection, _)| connection.holds_a_token());
    holding.map(|(connection, _)| connection.name).collect()
}

/// `POST /settings/employees/{employee}/revoke-all-access`: tokens given out end, and so do the connections the person authorized.
pub async fn revoke_all_access(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, seen) = (*id, seen(&form));
    if !context.viewer.may_act_for(id) {
        return Err(Error::Forbidden(own_only()));
    }
    let (viewer, client_ip, now) = (context.viewer.clone(), context.client_ip.clone(), context.now());
    let (employee, revoked, ended) = app
        .db
        .write(move |conn| {
            let employee = Employee::find(conn, id)?;
            let revoked =
                revocation::revoke(conn, &Target::Grants(employee.clone()), seen, (&viewer.actor(), &client_ip), now)?;
            let reason = format!("Everything {} granted was ended.", employee.name);
            let ended = provider_revocation::end_authorized_by(conn, (id, &reason), (&viewer, &client_ip), now)?;
            Ok((employee, revoked, ended))
        })
        .await?;
    let counts = revoked.detail.counts();
    let mut text = match (revoked.is_purging, counts.is_empty()) {
        (true, _) => format!("Everything {} granted has ended. The records are being deleted.", employee.name),
        (false, true) if !ended.is_empty() => format!("Everything {} granted has ended.", employee.name),
        (false, true) => format!("{} had granted nothing that was still there.", employee.name),
        (false, false) => format!("Everything {} granted has ended: {counts} deleted.", employee.name),
    };
    text.push_str(&added_since_confirmation(&revoked));
    text.push_str(&disconnected(&ended, &provider_revocation::revoke_all(&app.connections, &ended).await));
    context.redirect(Tone::Good, text, &path(id))
}

fn disconnected(ended: &[(Connection, OAuthClient)], unconfirmed: &[String]) -> String {
    if ended.is_empty() {
        return String::new();
    }
    let names: Vec<String> = ended.iter().map(|(connection, _)| connection.name.clone()).collect();
    let verb = if names.len() == 1 { "has" } else { "have" };
    let mut text = format!(" {} {verb} to be authorized by somebody else.", some_names(&names));
    if !unconfirmed.is_empty() {
        let names = some_names(unconfirmed);
        text.push_str(&format!(" Not confirmed by the provider, so remove the access there too: {names}."));
    }
    text
}
