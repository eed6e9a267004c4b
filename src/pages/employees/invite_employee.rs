//! Inviting an employee, and creating the one-time links by which they choose a password. A link is shown once, in the
//! answer to the form; an invitation is also sent by e-mail, where e-mail is set up.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::offboarding;
use crate::account::Business;
use crate::connections::provider_revocation;
use crate::employees::{self, Employee, NewEmployee, Purpose, link_address};
use crate::error::{Error, Result};
use crate::id::{EmployeeKey, LocationKey};
use crate::notices::{self, Channel};
use crate::pages::employees::{BusinessChoice, HOME, path};
use crate::scopes::Role;
use crate::secrets::RandomSecret;
use crate::time::DisplayTime;
use crate::web::email_address::email_address;
use crate::web::form::ProtectedForm;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::state::State;

const ALREADY_SHOWN: &str = "This form was already sent, and its link is shown only once. To get another, create a new link on the employee's page.";

#[derive(Template)]
#[template(path = "employees/one_time_link.html")]
struct LinkShown {
    page: Page,
    name: String,
    back: String,
    link: String,
    is_invitation: bool,
    // The address the link was also sent to.
    sent_to: Option<String>,
    until: DisplayTime,
}

#[derive(Template)]
#[template(path = "employees/invite_employee.html")]
struct InviteEmployee {
    page: Page,
    nonce: String,
    typed: Typed,
    businesses: Vec<BusinessChoice>,
    // Whether the server sends the link too.
    is_mailed: bool,
}

// The form as it was typed.
struct Typed {
    name: String,
    email: String,
    role: Role,
}

/// `GET /settings/employees/invite`
pub async fn invite_form(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    show_form(context, app, None, Typed { name: String::new(), email: String::new(), role: Role::Staff }).await
}

async fn show_form(
    context: RequestContext,
    app: web::Data<State>,
    problem: Option<String>,
    typed: Typed,
) -> Result<HttpResponse> {
    let found = app.db.read(|conn| Ok((Business::all(conn)?, notices::is_set_up(conn, Channel::Email)?)));
    let (businesses, is_mailed) = found.await?;
    let page = context.page("Invite employee", Section::Employees).breadcrumb(HOME, "Employees");
    let (nonce, businesses) = (nonce::fresh(), BusinessChoice::all(businesses, &[]));
    let content = InviteEmployee { page, nonce, typed, businesses, is_mailed };
    match problem {
        None => html(content),
        Some(text) => unprocessable(InviteEmployee { page: content.page.with_flash(Tone::Bad, text), ..content }),
    }
}

/// `POST /settings/employees/invite`: answers with the link, the only time it is shown.
pub async fn invite(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let role = Role::from_word(form.get("role")).unwrap_or(Role::Staff);
    let typed = Typed { name: form.get("name").into(), email: form.get("email").into(), role };
    let checked = form.line("name", "The name", 100).and_then(|name| Ok((name, email_address(&form)?)));
    let (name, email) = match checked {
        Ok(checked) => checked,
        Err(Error::Invalid(problem)) => return show_form(context, app, Some(problem), typed).await,
        Err(error) => return Err(error),
    };
    let locations: Vec<LocationKey> = form.all("location").filter_map(|id| id.parse().ok()).map(LocationKey).collect();
    let (secret, nonce) = (Arc::new(RandomSecret::generate()), form.get("nonce").to_string());
    let (link, vault) = (secret.clone(), app.connections.vault.clone());
    let (hash, actor, client_ip, now) =
        (secret.hash(), context.viewer.actor(), context.client_ip.clone(), context.now());
    let invited = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
            let new = NewEmployee { name: &name, email: &email, role, password_hash: None };
            let employee = employees::invite(conn, (&new, &locations), &hash, (&actor, &client_ip), now)?;
            let is_sent = employees::send_invitation(conn, &employee, (&link, &vault), &actor, now)?;
            Ok((employee, is_sent))
        })
        .await;
    match invited {
        Ok((employee, is_sent)) => show_link(&context, &app, (&employee, Purpose::Invite), &secret, is_sent),
        Err(Error::Invalid(problem)) => show_form(context, app, Some(problem), typed).await,
        Err(error) => Err(error),
    }
}

/// `POST /settings/employees/{employee}/link`: another invitation, or a password reset.
pub async fn create_link(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, secret, nonce) = (*id, Arc::new(RandomSecret::generate()), form.get("nonce").to_string());
    let (link, vault) = (secret.clone(), app.connections.vault.clone());
    let revokes = form.get("revoke") == "yes";
    let (hash, actor, client_ip, now) =
        (secret.hash(), context.viewer.actor(), context.client_ip.clone(), context.now());
    let (employee, purpose, is_sent, revoked) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
            let by = (&actor, client_ip.as_str());
            let (employee, purpose) = employees::create_link(conn, id, &hash, by, now)?;
            let revoked = match revokes {
                true => offboarding::revoke_all_access(conn, id, None, by, now)?.connections,
                false => Vec::new(),
            };
            let is_sent = purpose == Purpose::Invite
                && employees::send_invitation(conn, &employee, (&link, &vault), &actor, now)?;
            Ok((employee, purpose, is_sent, revoked))
        })
        .await?;
    provider_revocation::revoke_all(&app.connections, &revoked).await;
    show_link(&context, &app, (&employee, purpose), &secret, is_sent)
}

fn show_link(
    context: &RequestContext,
    app: &State,
    (employee, purpose): (&Employee, Purpose),
    secret: &RandomSecret,
    is_sent: bool,
) -> Result<HttpResponse> {
    let title = if purpose == Purpose::Invite { "Invitation" } else { "New password" };
    html(LinkShown {
        page: context
            .page(title, Section::Employees)
            .breadcrumb(HOME, "Employees")
            .breadcrumb(path(employee.id), &employee.name),
        name: employee.name.clone(),
        back: path(employee.id),
        link: link_address(app.config.public_url.origin(), purpose, secret),
        is_invitation: purpose == Purpose::Invite,
        sent_to: is_sent.then(|| employee.email.clone()),
        until: context.times.until(context.now().plus(purpose.lifetime())),
    })
}
