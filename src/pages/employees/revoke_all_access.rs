//! Revoking all access that an employee authorized: the confirmation with its impact, and the act.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::offboarding::{self, Offboarded, OffboardingImpact};
use crate::connections::{Connection, OAuthClient, provider_revocation};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::pages::confirmation::{added_since_confirmation, seen, some_names};
use crate::pages::employees::{HOME, path};
use crate::time::{DisplayTime, count};
use crate::tokens::revocation::RevocationImpact;
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "employees/revoke_all_access.html")]
struct RevokeAllAccess {
    page: Page,
    name: String,
    back: String,
    is_viewer: bool,
    impact: RevocationImpact,
    api_tokens: i64,
    connections: Vec<String>,
    last_used: DisplayTime,
}

fn require_right(context: &RequestContext, id: EmployeeKey) -> Result<()> {
    match context.viewer.may_act_for(id) {
        true => Ok(()),
        false => Err(Error::Forbidden(
            "You can revoke only your own access. Ask a store manager or an admin to revoke somebody else's.".into(),
        )),
    }
}

/// `GET /settings/employees/{employee}/revoke-all-access`
pub async fn revoke_all_access_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
) -> Result<HttpResponse> {
    let id = *id;
    require_right(&context, id)?;
    let now = context.now();
    let impact = app.db.read(move |conn| OffboardingImpact::of(conn, id, now)).await?;
    let OffboardingImpact { employee, tokens, api_tokens, connections, .. } = impact;
    html(RevokeAllAccess {
        page: context
            .page("Revoke all access", Section::Employees)
            .breadcrumb(HOME, "Employees")
            .breadcrumb(path(id), &employee.name),
        name: employee.name,
        back: path(id),
        is_viewer: context.viewer.id == id,
        last_used: context.times.ago(tokens.last_used_at),
        api_tokens,
        connections,
        impact: tokens,
    })
}

/// `POST /settings/employees/{employee}/revoke-all-access`
pub async fn revoke_all_access(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, seen) = (*id, seen(&form));
    require_right(&context, id)?;
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let act = app.db.write(move |conn| offboarding::revoke_all_access(conn, id, seen, (&actor, &client_ip), now));
    let done = act.await?;
    let unconfirmed = provider_revocation::revoke_all(&app.connections, &done.connections).await;
    context.redirect(Tone::Good, message(&done, &unconfirmed), &path(id))
}

fn message(done: &Offboarded, unconfirmed: &[String]) -> String {
    let (name, counts) = (&done.employee.name, done.tokens.detail.counts());
    let mut text = match (done.tokens.is_purging, counts.is_empty()) {
        (true, _) => format!("All access of {name} is revoked: {counts}. The records are being deleted."),
        (false, true) if !done.connections.is_empty() || done.api_tokens > 0 => {
            format!("All access of {name} is revoked.")
        }
        (false, true) => format!("{name} had no access left to revoke."),
        (false, false) => format!("All access of {name} is revoked: {counts}."),
    };
    text.push_str(&added_since_confirmation(&done.tokens));
    text.push_str(&revoked_api_tokens(done));
    text.push_str(&disconnected(&done.connections, unconfirmed));
    text
}

/// A sentence about the API tokens that were revoked; empty for none.
pub fn revoked_api_tokens(done: &Offboarded) -> String {
    match done.api_tokens {
        0 => String::new(),
        n => format!(" Also revoked: {}.", count(n, "API token")),
    }
}

/// Sentences about the connections that lost their tokens; empty for none.
pub fn disconnected(connections: &[(Connection, OAuthClient)], unconfirmed: &[String]) -> String {
    if connections.is_empty() {
        return String::new();
    }
    let names: Vec<String> = connections.iter().map(|(connection, _)| connection.name.clone()).collect();
    let mut text = format!(" Somebody else must authorize {}.", some_names(&names, false));
    if !unconfirmed.is_empty() {
        let names = some_names(unconfirmed, false);
        text.push_str(&format!(" Not confirmed by the provider, so also remove the access there: {names}."));
    }
    text
}
