//! Erasing the personal data of an archived employee: the confirmation and the act.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::erasure;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::pages::employees::{HOME, path};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "employees/erase_employee.html")]
struct EraseEmployee {
    page: Page,
    name: String,
    email: String,
    erased_name: String,
    back: String,
}

/// `GET /settings/employees/{employee}/erase`
pub async fn form(context: RequestContext, app: web::Data<State>, id: web::Path<EmployeeKey>) -> Result<HttpResponse> {
    let id = *id;
    let employee = app.db.read(move |conn| Ok(Employee::find(conn, id)?)).await?;
    if employee.archived_at.is_none() || employee.erased_at.is_some() {
        let why = match employee.erased_at {
            Some(_) => "The personal data of this employee was already erased.".to_string(),
            None => format!("{} is not archived. Archive them first.", employee.name),
        };
        return context.redirect(Tone::Bad, why, &path(id));
    }
    html(EraseEmployee {
        page: context
            .page("Erase personal data", Section::Employees)
            .breadcrumb(HOME, "Employees")
            .breadcrumb(path(id), &employee.name),
        erased_name: Employee::erased_name(id),
        back: path(id),
        name: employee.name,
        email: employee.email,
    })
}

/// `POST /settings/employees/{employee}/erase`
pub async fn erase(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let erased = app.db.write(move |conn| erasure::erase(conn, id, (&actor, &client_ip), now)).await;
    match erased {
        Ok(_) => {
            let text = "Personal data erased. The server is now removing it from the activity log.";
            context.redirect(Tone::Good, text, &path(id))
        }
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, &path(id)),
        Err(error) => Err(error),
    }
}
