//! Ending everything a person granted, with one button.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::connections::{ApiType, Connection, OAuthClient, provider_revocation};
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::pages::clients::client_detail::{newcomers, seen, some_names};
use crate::pages::employees::employee_detail::{HOME, path};
use crate::time::Moment;
use crate::tokens::revocation;
use crate::tokens::revocation::{Falls, Target};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, Section, Tone, Visit, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "employees/end_grants.html")]
struct EndGrants {
    page: Page,
    name: String,
    back: String,
    falls: Falls,
    connections: Vec<String>,
    last_used: Moment,
}

fn own_only() -> String {
    "You can end what you granted yourself. Ask a store manager or an admin for somebody else's.".into()
}

/// `GET /settings/employees/{employee}/end-grants`
pub async fn end_grants_form(visit: Visit, app: web::Data<State>, id: web::Path<EmployeeKey>) -> Result<HttpResponse> {
    let id = *id;
    if !visit.viewer.may_act_for(id) {
        return Err(Error::Forbidden(own_only()));
    }
    let (employee, falls, connections) = app
        .db
        .read(move |conn| {
            let employee = Employee::find(conn, id)?;
            let falls = Falls::of(conn, &Target::Grants(employee.clone()))?;
            Ok((employee, falls, Connection::authorized_by(conn, id)?))
        })
        .await?;
    html(EndGrants {
        page: visit
            .page("End everything granted", Section::Employees)
            .below(HOME, "Employees")
            .below(path(id), &employee.name),
        name: employee.name,
        back: path(id),
        last_used: visit.words.ago(falls.last_used_at),
        connections: held(connections),
        falls,
    })
}

// The names of those that hold anything.
fn held(connections: Vec<(Connection, ApiType)>) -> Vec<String> {
    let holding = connections.into_iter().filter(|(connection, _)| connection.holds_a_token());
    holding.map(|(connection, _)| connection.name).collect()
}

/// `POST /settings/employees/{employee}/end-grants`: tokens given out end, and so do the connections the person authorized.
pub async fn end_grants(
    visit: Visit,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, seen) = (*id, seen(&form));
    if !visit.viewer.may_act_for(id) {
        return Err(Error::Forbidden(own_only()));
    }
    let (viewer, peer, now) = (visit.viewer.clone(), visit.peer.clone(), visit.now());
    let (employee, revoked, ended) = app
        .db
        .write(move |conn| {
            let employee = Employee::find(conn, id)?;
            let revoked =
                revocation::revoke(conn, &Target::Grants(employee.clone()), seen, (&viewer.actor(), &peer), now)?;
            let reason = format!("Everything {} granted was ended.", employee.name);
            let ended = provider_revocation::end_authorized_by(conn, (id, &reason), (&viewer, &peer), now)?;
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
    text.push_str(&newcomers(&revoked));
    text.push_str(&disconnected(&ended, &provider_revocation::revoke_all(&app.connections, &ended).await));
    visit.redirect(Tone::Good, text, &path(id))
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
