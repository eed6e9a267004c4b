//! Resetting the second factors of somebody who lost them.

use actix_web::{HttpResponse, web};

use crate::employees::Employee;
use crate::employees::second_factor::{self, SecondFactors};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::pages::confirmation::Confirmation;
use crate::pages::employees::{HOME, path};
use crate::pages::profile::second_factor::summary;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Section, Tone, html};
use crate::web::state::State;

/// `GET /settings/employees/{employee}/second-factor`
pub async fn form(context: RequestContext, app: web::Data<State>, id: web::Path<EmployeeKey>) -> Result<HttpResponse> {
    let id = *id;
    let read = app.db.read(move |conn| Ok((Employee::find(conn, id)?, SecondFactors::of(conn, id)?)));
    let (Employee { name, .. }, factors) = read.await?;
    let page = context.page("Reset second factor", Section::Employees).breadcrumb(HOME, "Employees");
    html(Confirmation {
        page: page.breadcrumb(path(id), &name),
        heading: format!("Reset the second factor of {name}?"),
        text: format!(
            "{name} is signed out everywhere, and signs in with the password alone until they set up another second factor. Do \
             this only for somebody of whom you are sure that it is them, and not because of a message."
        ),
        lines: vec![("Second factor", summary(&factors))],
        hidden: Vec::new(),
        option: None,
        action: format!("{}/second-factor", path(id)),
        back: path(id),
        button: "Reset second factor".into(),
    })
}

/// `POST /settings/employees/{employee}/second-factor`
pub async fn reset(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, actor, client_ip, now) = (*id, context.viewer.actor(), context.client_ip.clone(), context.now());
    match app.db.write(move |conn| second_factor::reset(conn, id, (&actor, &client_ip), now)).await {
        Ok(employee) => {
            let text = format!("The second factor of {} is reset, and they are signed out.", employee.name);
            context.redirect(Tone::Good, text, &path(id))
        }
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, &path(id)),
        Err(error) => Err(error),
    }
}
