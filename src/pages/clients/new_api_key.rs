//! New API key: an admin creates a key for a client on behalf of an employee, without the employee's consent page.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::Client;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{ClientKey, EmployeeKey};
use crate::pages::clients::client_detail::{HOME, find_unrevoked, path};
use crate::scopes::{Role, Scope};
use crate::time::Timestamp;
use crate::tokens::issue::IssuedKey;
use crate::tokens::{self, create_api_key};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;

const ALREADY_SHOWN: &str = "This form already created an API key, and its value is shown only once. If you lost it, revoke it and create a new one.";

#[derive(Template)]
#[template(path = "tokens/new_api_key.html")]
struct NewApiKey {
    page: Page,
    client: String,
    back: String,
    nonce: String,
    employees: Vec<EmployeeOption>,
    label: String,
    groups: Vec<(&'static str, Vec<ScopeChoice>)>,
    expires: String,
    form_errors: FormErrors,
}

struct EmployeeOption {
    id: EmployeeKey,
    name: String,
    role: Role,
    is_selected: bool,
}

struct ScopeChoice {
    name: &'static str,
    description: &'static str,
    is_checked: bool,
}

/// The form as the admin submitted it.
#[derive(Clone, Debug, Default)]
struct Submitted {
    employee: Option<EmployeeKey>,
    label: String,
    scope: Vec<String>,
    expires: String,
    form_errors: FormErrors,
}

impl Submitted {
    fn read(form: &ProtectedForm, context: &RequestContext) -> (Submitted, Option<tokens::NewApiKey>) {
        let employee = form.number("employee").map(EmployeeKey);
        let names: Vec<String> = form.all("scope").map(str::to_string).collect();
        let mut form_errors = FormErrors::default();
        if employee.is_none() {
            form_errors.add("employee", "Choose the employee the key acts for.");
        }
        let label = form_errors.check("label", form.line("label", "The label", 100));
        let scope = Scope::parse(&names.join(" "));
        if scope.is_none() {
            form_errors.add("scope", "Select at least one scope.");
        }
        let expires_at = form_errors.check("expires", expires_at(form.get("expires"), context));
        let valid = (|| {
            Some(tokens::NewApiKey { employee: employee?, label: label?, scope: scope?, expires_at: expires_at? })
        })();
        let submitted = Submitted {
            employee,
            label: form.get("label").into(),
            scope: names,
            expires: form.get("expires").into(),
            form_errors,
        };
        (submitted, valid)
    }
}

fn expires_at(text: &str, context: &RequestContext) -> Result<Timestamp> {
    match text.trim() {
        "" => Ok(Timestamp::NO_END),
        text => match context.times.end_of_day(text) {
            Some(at) if at > context.now() => Ok(at),
            Some(_) => Err(Error::Invalid("Choose a date in the future, or leave it empty.".into())),
            None => Err(Error::Invalid("Enter a date like 2027-01-31.".into())),
        },
    }
}

/// `GET /settings/client-api-access/clients/{client}/api-keys/new`
pub async fn form(context: RequestContext, app: web::Data<State>, id: web::Path<ClientKey>) -> Result<HttpResponse> {
    html(page(&context, &app, *id, Submitted::default()).await?)
}

async fn page(context: &RequestContext, app: &State, id: ClientKey, submitted: Submitted) -> Result<NewApiKey> {
    let (client, employees) = app.db.read(move |conn| Ok((find_unrevoked(conn, id)?, Employee::active(conn)?))).await?;
    let choice = |(name, description): &(&'static str, &'static str)| ScopeChoice {
        name,
        description,
        is_checked: submitted.scope.iter().any(|checked| checked == name),
    };
    let groups = Scope::by_group().into_iter().map(|(group, parts)| (group, parts.iter().map(choice).collect()));
    let option = |(id, name, role)| EmployeeOption { id, name, role, is_selected: submitted.employee == Some(id) };
    Ok(NewApiKey {
        page: context
            .page("New API key", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(path(id), &client.name),
        client: client.name,
        back: path(id),
        nonce: nonce::fresh(),
        employees: employees.into_iter().map(option).collect(),
        groups: groups.collect(),
        label: submitted.label,
        expires: submitted.expires,
        form_errors: submitted.form_errors,
    })
}

/// `POST /settings/client-api-access/clients/{client}/api-keys/new`: the response shows the key, once.
pub async fn create(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (mut submitted, valid) = Submitted::read(&form, &context);
    let Some(new) = valid else {
        return unprocessable(page(&context, &app, *id, submitted).await?);
    };
    let (id, nonce, actor) = (*id, form.get("nonce").to_string(), context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let created = app
        .db
        .write(move |conn| {
            let client = find_unrevoked(conn, id)?;
            nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
            let (key, employee) = create_api_key(conn, &client, &new, (&actor, &client_ip), now)?;
            Ok((client, employee, key))
        })
        .await;
    match created {
        Ok((client, employee, key)) => show(&context, &client, &employee, &key),
        Err(Error::Invalid(problem)) => {
            submitted.form_errors.add("employee", problem);
            unprocessable(page(&context, &app, id, submitted).await?)
        }
        Err(error) => Err(error),
    }
}

fn show(context: &RequestContext, client: &Client, employee: &Employee, key: &IssuedKey) -> Result<HttpResponse> {
    let back = path(client.id);
    let page = context
        .page("New API key", Section::Clients)
        .breadcrumb(HOME, "Client API Access")
        .breadcrumb(&back, &client.name);
    let note = format!(
        "The key acts for {}. Anyone who has it can use it, without a client ID or client secret.",
        employee.name
    );
    ShownOnce::new(page, format!("New API key for {}", client.name), "API Key", &key.value)
        .with_note(note)
        .back_to(back)
        .answer()
}
