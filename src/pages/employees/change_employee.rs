//! What an admin changes about an employee: role, locations, lock and archive.

use actix_web::{HttpResponse, web};

use crate::access::change_employee::change_employee;
use crate::employees::{Employee, EmployeeChange};
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, LocationKey};
use crate::pages::employees::path;
use crate::scopes::Role;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone};
use crate::web::state::State;

// Makes the change and returns to the employee's page with a message.
async fn change(
    context: RequestContext,
    (app, id): (web::Data<State>, EmployeeKey),
    change: EmployeeChange,
    message: impl Fn(&Employee) -> String,
) -> Result<HttpResponse> {
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let changed = app.db.write(move |conn| change_employee(conn, id, &change, (&actor, &client_ip), now)).await;
    match changed {
        Ok(employee) => context.redirect(Tone::Good, message(&employee), &path(id)),
        Err(Error::Conflict(why) | Error::Invalid(why)) => context.redirect(Tone::Bad, why, &path(id)),
        Err(error) => Err(error),
    }
}

/// `POST /settings/employees/{employee}/role`
pub async fn change_role(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let role = Role::from_word(form.get("role")).ok_or_else(|| Error::Invalid("Choose a role.".into()))?;
    let message = |employee: &Employee| format!("{} is now {}. Takes effect immediately.", employee.name, role.name());
    change(context, (app, *id), EmployeeChange::Role(role), message).await
}

/// `POST /settings/employees/{employee}/locations`
pub async fn change_locations(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let chosen = form.all("location").filter_map(|id| id.parse().ok()).map(LocationKey).collect();
    let message = |employee: &Employee| format!("Locations of {} saved.", employee.name);
    change(context, (app, *id), EmployeeChange::Locations(chosen), message).await
}

/// `POST /settings/employees/{employee}/lock`
pub async fn lock(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let message =
        |employee: &Employee| format!("{} is locked. The access they authorized has stopped working.", employee.name);
    change(context, (app, *id), EmployeeChange::Lock, message).await
}

/// `POST /settings/employees/{employee}/unlock`
pub async fn unlock(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let message =
        |employee: &Employee| format!("{} is unlocked. The access they authorized works again.", employee.name);
    change(context, (app, *id), EmployeeChange::Unlock, message).await
}

/// `POST /settings/employees/{employee}/archive`
pub async fn archive(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let message =
        |employee: &Employee| format!("{} is archived. The access they authorized has stopped working.", employee.name);
    change(context, (app, *id), EmployeeChange::Archive, message).await
}

/// `POST /settings/employees/{employee}/restore`
pub async fn restore(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let message = |employee: &Employee| format!("{} is restored.", employee.name);
    change(context, (app, *id), EmployeeChange::Restore, message).await
}
