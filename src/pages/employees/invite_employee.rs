//! Inviting people, and the one-time links on which they choose a password: each shown once, in the answer to its form.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::account::{Business, Location};
use crate::activity::{Detail, Kind, NewActivity};
use crate::employees::link_address as address;
use crate::employees::{Employee, NewEmployee, OneTimeLink, Purpose};
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, LocationKey};
use crate::pages::employees::employee_detail::{BusinessChoice, HOME, path};
use crate::pages::sign_in::sign_in_page::email_address;
use crate::scopes::Role;
use crate::secrets::RandomSecret;
use crate::time::{DisplayTime, count};
use crate::web::form::ProtectedForm;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::session_store::Session;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "employees/link.html")]
struct LinkShown {
    page: Page,
    name: String,
    back: String,
    link: String,
    is_invitation: bool,
    until: DisplayTime,
}

const SHOWN: &str = "The link of this form was shown already, and is shown only once. If it was lost, make a new one on \
                     the person's page.";

#[derive(Template)]
#[template(path = "employees/invite.html")]
struct Invite {
    page: Page,
    nonce: String,
    name: String,
    email: String,
    role: Role,
    businesses: Vec<BusinessChoice>,
}

/// `GET /settings/employees/invite`
pub async fn invite_form(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    show_invite(context, app, None, (String::new(), String::new(), Role::Staff)).await
}

async fn show_invite(
    context: RequestContext,
    app: web::Data<State>,
    problem: Option<String>,
    (name, email, role): (String, String, Role),
) -> Result<HttpResponse> {
    let businesses = app.db.read(|conn| Ok(Business::all(conn)?)).await?;
    let choice = |(business, locations): (Business, Vec<Location>)| BusinessChoice {
        name: business.name,
        locations: locations.into_iter().map(|at| (at.id, at.name, false)).collect(),
    };
    let mut page = context.page("Invite an employee", Section::Employees).breadcrumb(HOME, "Employees");
    let failed = problem.is_some();
    if let Some(problem) = problem {
        page = page.with_flash(Tone::Bad, problem);
    }
    let businesses = businesses.into_iter().map(choice).collect();
    let mut response = html(Invite { page, nonce: nonce::fresh(), name, email, role, businesses })?;
    if failed {
        *response.status_mut() = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// `POST /settings/employees/invite`: answers with the link itself, the one time it is shown.
pub async fn invite(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let role = Role::from_word(form.get("role")).unwrap_or(Role::Staff);
    let kept = (form.get("name").to_string(), form.get("email").to_string(), role);
    let checked = form.line("name", "The name", 100).and_then(|name| Ok((name, email_address(&form)?)));
    let (name, email) = match checked {
        Ok(checked) => checked,
        Err(Error::Invalid(problem)) => return show_invite(context, app, Some(problem), kept).await,
        Err(error) => return Err(error),
    };
    let locations: Vec<LocationKey> = form.all("location").filter_map(|id| id.parse().ok()).map(LocationKey).collect();
    let (secret, nonce) = (RandomSecret::generate(), form.get("nonce").to_string());
    let (hash, actor, client_ip, now) =
        (secret.hash(), context.viewer.actor(), context.client_ip.clone(), context.now());
    let made = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, SHOWN, now)?;
            let new = NewEmployee { name: &name, email: &email, role, password_hash: None };
            let id = Employee::create(conn, &new, now)?;
            Location::set_for_employee(conn, id, &locations)?;
            OneTimeLink::issue(conn, Purpose::Invite, Some(id), &hash, now)?;
            let employee = Employee::find(conn, id)?;
            NewActivity::new(Kind::EmployeeInvited, actor.clone(), employee.subject())
                .from(&client_ip)
                .with(Detail::note(format!("as {}", role.name())))
                .record(conn, now)?;
            Ok(employee)
        })
        .await;
    match made {
        Ok(employee) => show_link(&context, &app, &employee, Purpose::Invite, &secret),
        Err(Error::Invalid(problem)) => show_invite(context, app, Some(problem), kept).await,
        Err(error) => Err(error),
    }
}

/// `POST /settings/employees/{employee}/link`: a new invitation, or a link to choose a new password.
pub async fn make_link(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, secret, nonce) = (*id, RandomSecret::generate(), form.get("nonce").to_string());
    let (hash, actor, client_ip, now) =
        (secret.hash(), context.viewer.actor(), context.client_ip.clone(), context.now());
    let (employee, purpose) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, SHOWN, now)?;
            let employee = Employee::find(conn, id)?;
            let purpose = if employee.password_hash().is_none() { Purpose::Invite } else { Purpose::Reset };
            OneTimeLink::issue(conn, purpose, Some(id), &hash, now)?;
            // A reset ends the person's sign-ins at once: whoever knows the old password is out.
            let ended = if purpose == Purpose::Reset { Session::end_all(conn, id, None)? } else { 0 };
            let kind = if purpose == Purpose::Reset { Kind::ResetLinkCreated } else { Kind::EmployeeInvited };
            let note = if ended > 0 { format!("{} ended", count(ended as i64, "sign-in")) } else { String::new() };
            NewActivity::new(kind, actor.clone(), employee.subject())
                .from(&client_ip)
                .with(Detail::note(note))
                .record(conn, now)?;
            Ok((employee, purpose))
        })
        .await?;
    show_link(&context, &app, &employee, purpose, &secret)
}

fn show_link(
    context: &RequestContext,
    app: &State,
    employee: &Employee,
    purpose: Purpose,
    secret: &RandomSecret,
) -> Result<HttpResponse> {
    let title = if purpose == Purpose::Invite { "Invitation" } else { "New password" };
    html(LinkShown {
        page: context
            .page(title, Section::Employees)
            .breadcrumb(HOME, "Employees")
            .breadcrumb(path(employee.id), &employee.name),
        name: employee.name.clone(),
        back: path(employee.id),
        link: address(app.config.public_url.origin(), purpose, secret),
        is_invitation: purpose == Purpose::Invite,
        until: context.words.until(context.now().plus(purpose.lifetime())),
    })
}
