//! Handing over the API keys and connections of an employee to another employee.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::handover::{self, Chosen, Handover};
use crate::access::offboarding::apps_of;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, ConnectionKey, EmployeeKey};
use crate::pages::employees::{HOME, path};
use crate::scopes::Role;
use crate::time::DisplayTime;
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "employees/hand_over.html")]
struct HandOver {
    page: Page,
    name: String,
    back: String,
    keys: Vec<KeyChoice>,
    // Id, name and whether it is checked.
    connections: Vec<(ConnectionKey, String, bool)>,
    employees: Vec<(EmployeeKey, String, Role, bool)>,
    apps: Vec<String>,
    reason: String,
}

struct KeyChoice {
    id: AccessTokenKey,
    label: String,
    mask: String,
    client: String,
    last_used: DisplayTime,
    is_checked: bool,
}

// What was sent, when the form is shown again.
struct Sent {
    to: Option<EmployeeKey>,
    keys: Vec<AccessTokenKey>,
    connections: Vec<ConnectionKey>,
    reason: String,
}

/// `GET /settings/employees/{employee}/hand-over`
pub async fn hand_over_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
) -> Result<HttpResponse> {
    html(form(&context, &app, *id, None).await?)
}

async fn form(context: &RequestContext, app: &State, id: EmployeeKey, sent: Option<&Sent>) -> Result<HandOver> {
    let now = context.now();
    let read = move |conn: &mut _| Ok((Handover::of(conn, id, now)?, Employee::active(conn)?, apps_of(conn, id, now)?));
    let (all, employees, apps) = app.db.read(read).await?;
    // At first everything is chosen.
    let key = |(key, client): (crate::tokens::AccessToken, String)| KeyChoice {
        id: key.id,
        is_checked: sent.is_none_or(|sent| sent.keys.contains(&key.id)),
        mask: key.mask.characters().to_string(),
        last_used: context.times.ago(key.last_used_at),
        label: key.label,
        client,
    };
    let is_chosen = |id| sent.is_none_or(|sent| sent.connections.contains(&id));
    let connections = all.connections.into_iter().map(|one| (one.id, one.name, is_chosen(one.id)));
    let others = employees.into_iter().filter(|(other, ..)| *other != id);
    let is_selected = |id| sent.is_some_and(|sent| sent.to == Some(id));
    Ok(HandOver {
        page: context
            .page("Hand over", Section::Employees)
            .breadcrumb(HOME, "Employees")
            .breadcrumb(path(id), &all.from.name),
        name: all.from.name,
        back: path(id),
        keys: all.api_keys.into_iter().map(key).collect(),
        connections: connections.collect(),
        employees: others.map(|(id, name, role)| (id, name, role, is_selected(id))).collect(),
        apps,
        reason: sent.map_or(String::new(), |sent| sent.reason.clone()),
    })
}

/// `POST /settings/employees/{employee}/hand-over`
pub async fn hand_over(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    fields: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let ids = |name| fields.all(name).filter_map(|id| id.parse().ok()).collect::<Vec<i64>>();
    let sent = Sent {
        to: fields.number("to").map(EmployeeKey),
        keys: ids("api-key").into_iter().map(AccessTokenKey).collect(),
        connections: ids("connection").into_iter().map(ConnectionKey).collect(),
        reason: fields.get("reason").into(),
    };
    let chosen = fields.line("reason", "The reason", 200).and_then(|reason| {
        let to = sent.to.ok_or_else(|| Error::Invalid("Choose who gets them.".into()))?;
        Ok(Chosen { to, api_keys: sent.keys.clone(), connections: sent.connections.clone(), reason })
    });
    let outcome = match chosen {
        Err(error) => Err(error),
        Ok(chosen) => {
            let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
            app.db.write(move |conn| handover::hand_over(conn, id, &chosen, (&actor, &client_ip), now)).await
        }
    };
    match outcome {
        Ok((from, to, what)) => {
            let text = format!("{what} of {} handed over to {}.", from.name, to.name);
            context.redirect(Tone::Good, text, &path(id))
        }
        Err(Error::Invalid(why) | Error::Conflict(why)) => {
            let mut page = form(&context, &app, id, Some(&sent)).await?;
            page.page = page.page.with_flash(Tone::Bad, why);
            unprocessable(page)
        }
        Err(error) => Err(error),
    }
}
