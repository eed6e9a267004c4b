//! New API key: an admin creates a key for a client on behalf of an employee, without the employee's consent page. The
//! employee is chosen first, and the form then offers what their role includes.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::Client;
use crate::employees::{Employee, choice};
use crate::error::Result;
use crate::id::{ClientKey, EmployeeKey};
use crate::pages::clients::client_detail::{HOME, find_unrevoked, path};
use crate::pages::tokens::key_expiry::{self, KeyExpiry};
use crate::scopes::{EffectiveAccess, Right, Scope};
use crate::tokens::issue::IssuedKey;
use crate::tokens::{self, KeyRefusal, create_api_key};
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, html, unprocessable};
use crate::web::query::Query;
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;

const ALREADY_SHOWN: &str = "This form already created an API key, and its value is shown only once. If you lost it, revoke it and create a new one.";
// How many employees are listed at a time.
const MOST_LISTED: i64 = 10;

// The first step.
#[derive(Template)]
#[template(path = "tokens/choose_employee.html")]
struct ChooseEmployee {
    page: Page,
    client: String,
    back: String,
    name: String,
    employees: Vec<EmployeeOption>,
    total: i64,
    form_errors: FormErrors,
}

struct EmployeeOption {
    href: String,
    name: String,
    email: String,
    role: &'static str,
}

// The second step.
#[derive(Template)]
#[template(path = "tokens/new_api_key.html")]
struct NewApiKey {
    page: Page,
    client: String,
    back: String,
    nonce: String,
    employee: Employee,
    label: String,
    scope: Vec<String>,
    offered: EffectiveAccess,
    expiry: KeyExpiry,
    form_errors: FormErrors,
}

impl NewApiKey {
    fn is_checked(&self, right: &Right) -> bool {
        self.scope.contains(&right.scope)
    }

    fn is_full(&self, right: &Right) -> bool {
        right.scope == "employee:all"
    }
}

// The form as the admin submitted it.
struct Submitted {
    employee: Option<EmployeeKey>,
    label: String,
    scope: Vec<String>,
    expiry: KeyExpiry,
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
        let expires_at = form_errors.check("expires", key_expiry::read(form, &context.times));
        let valid = (|| {
            Some(tokens::NewApiKey { employee: employee?, label: label?, scope: scope?, expires_at: expires_at? })
        })();
        let expiry = KeyExpiry::sent(form, &context.times);
        (Submitted { employee, label: form.get("label").into(), scope: names, expiry, form_errors }, valid)
    }
}

/// `GET /settings/client-api-access/clients/{client}/api-keys/new`: with `employee`, the form; without, the employees to choose
/// from.
pub async fn form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    query: Query,
) -> Result<HttpResponse> {
    let employee = query.get("employee").and_then(|text| text.parse().ok()).map(EmployeeKey);
    let Some(employee) = employee else {
        let name = query.get("name").unwrap_or_default();
        return html(choose(&context, &app, *id, name, FormErrors::default()).await?);
    };
    let submitted = Submitted {
        employee: Some(employee),
        label: String::new(),
        scope: Vec::new(),
        expiry: KeyExpiry::suggested(&context.times),
        form_errors: FormErrors::default(),
    };
    match page(&context, &app, *id, submitted).await? {
        Ok(page) => html(page),
        Err(form_errors) => unprocessable(choose(&context, &app, *id, "", form_errors).await?),
    }
}

fn frame(context: &RequestContext, client: &Client) -> Page {
    let page = context.page("New API key", Section::Clients).breadcrumb(HOME, "Client API Access");
    page.breadcrumb(path(client.id), &client.name)
}

async fn choose(
    context: &RequestContext,
    app: &State,
    id: ClientKey,
    name: &str,
    form_errors: FormErrors,
) -> Result<ChooseEmployee> {
    let part = name.to_string();
    let found =
        app.db.read(move |conn| Ok((find_unrevoked(conn, id)?, choice::find_active(conn, &part, MOST_LISTED)?)));
    let (client, (employees, total)) = found.await?;
    let option = |employee: Employee| EmployeeOption {
        href: format!("{}/api-keys/new?employee={}", path(id), employee.id),
        name: employee.name,
        email: employee.email,
        role: employee.role.name(),
    };
    Ok(ChooseEmployee {
        page: frame(context, &client),
        client: client.name,
        back: path(id),
        name: name.into(),
        employees: employees.into_iter().map(option).collect(),
        total,
        form_errors,
    })
}

// The form with what was submitted; the errors if the employee cannot be chosen.
async fn page(
    context: &RequestContext,
    app: &State,
    id: ClientKey,
    submitted: Submitted,
) -> Result<std::result::Result<NewApiKey, FormErrors>> {
    let wanted = submitted.employee;
    let found = app.db.read(move |conn| Ok((find_unrevoked(conn, id)?, tokens::key_owner(conn, wanted)?)));
    let (client, owner) = found.await?;
    let mut form_errors = submitted.form_errors;
    let employee = match owner {
        Ok(employee) => employee,
        Err(sentence) => {
            if !form_errors.has("employee") {
                form_errors.add("employee", sentence);
            }
            return Ok(Err(form_errors.only("employee")));
        }
    };
    Ok(Ok(NewApiKey {
        page: frame(context, &client),
        client: client.name,
        back: path(id),
        nonce: nonce::fresh(),
        offered: EffectiveAccess::offered(employee.role),
        employee,
        label: submitted.label,
        scope: submitted.scope,
        expiry: submitted.expiry,
        form_errors,
    }))
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
        return refused(&context, &app, *id, submitted).await;
    };
    let (client, nonce, actor) = (*id, form.get("nonce").to_string(), context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let created = app
        .db
        .write(move |conn| {
            let client = find_unrevoked(conn, client)?;
            let created = create_api_key(conn, &client, &new, (&actor, &client_ip), now)?;
            if created.is_ok() {
                nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
            }
            Ok(created.map(|(key, employee)| (client, employee, key)))
        })
        .await?;
    match created {
        Ok((client, employee, key)) => return show(&context, &client, &employee, &key),
        Err(KeyRefusal::Employee(sentence)) => submitted.form_errors.add("employee", sentence),
        Err(KeyRefusal::Scope(sentence)) => submitted.form_errors.add("scope", sentence),
    }
    refused(&context, &app, *id, submitted).await
}

async fn refused(context: &RequestContext, app: &State, id: ClientKey, submitted: Submitted) -> Result<HttpResponse> {
    match page(context, app, id, submitted).await? {
        Ok(page) => unprocessable(page),
        Err(form_errors) => unprocessable(choose(context, app, id, "", form_errors).await?),
    }
}

fn show(context: &RequestContext, client: &Client, employee: &Employee, key: &IssuedKey) -> Result<HttpResponse> {
    let note = format!(
        "The key acts for {}. Anyone who has it can use it, without a client ID or client secret.",
        employee.name
    );
    ShownOnce::new(frame(context, client), format!("New API key for {}", client.name), "API Key", &key.value)
        .with_note(note)
        .back_to(path(client.id))
        .answer()
}
