//! Making an API key: an admin lets a client in for an employee, without the client's own way through consent.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Detail, Kind, NewActivity, Subject};
use crate::clients::Client;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{ClientKey, EmployeeKey};
use crate::pages::clients::client_detail::{HOME, find_unrevoked, path};
use crate::scopes::{Role, Scope};
use crate::time::Timestamp;
use crate::tokens::issue;
use crate::tokens::issue::IssuedKey;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;

const SHOWN: &str = "The API key of this form was shown already, and is shown only once. If it was lost, revoke it and \
                     make a new one.";

#[derive(Template)]
#[template(path = "tokens/new_api_key.html")]
struct NewApiKey {
    page: Page,
    client: String,
    back: String,
    nonce: String,
    employees: Vec<(EmployeeKey, String, Role, bool)>,
    label: String,
    groups: Vec<(&'static str, Vec<ScopeChoice>)>,
    expires: String,
    form_errors: FormErrors,
}

/// A part of the scope to tick.
struct ScopeChoice {
    name: &'static str,
    words: &'static str,
    ticked: bool,
}

/// The form as it was typed.
#[derive(Clone, Debug, Default)]
struct Typed {
    employee: Option<EmployeeKey>,
    label: String,
    scope: Vec<String>,
    expires: String,
    form_errors: FormErrors,
}

struct Wanted {
    employee: EmployeeKey,
    label: String,
    scope: Scope,
    expires_at: Timestamp,
}

impl Typed {
    fn read(form: &ProtectedForm, context: &RequestContext) -> (Typed, Option<Wanted>) {
        let employee = form.number("employee").map(EmployeeKey);
        let scope: Vec<String> = form.all("scope").map(str::to_string).collect();
        let mut form_errors = FormErrors::default();
        if employee.is_none() {
            form_errors.add("employee", "Choose the employee the key acts for.");
        }
        let label = form_errors.check("label", form.line("label", "The label", 100));
        let chosen = Scope::parse(&scope.join(" "));
        if chosen.is_none() {
            form_errors.add("scope", "Tick at least one thing the key may reach.");
        }
        let expires_at = form_errors.check("expires", expires_at(form.get("expires"), context));
        let wanted =
            (|| Some(Wanted { employee: employee?, label: label?, scope: chosen?, expires_at: expires_at? }))();
        let typed = Typed {
            employee,
            label: form.get("label").into(),
            scope,
            expires: form.get("expires").into(),
            form_errors,
        };
        (typed, wanted)
    }
}

fn expires_at(text: &str, context: &RequestContext) -> Result<Timestamp> {
    match text.trim() {
        "" => Ok(Timestamp::NO_END),
        text => match context.words.end_of_day(text) {
            Some(at) if at > context.now() => Ok(at),
            Some(_) => Err(Error::Invalid("That day is over. Choose one to come, or none.".into())),
            None => Err(Error::Invalid("A date is written like 2027-01-31.".into())),
        },
    }
}

/// `GET /settings/client-api-access/clients/{client}/api-keys/new`
pub async fn form(context: RequestContext, app: web::Data<State>, id: web::Path<ClientKey>) -> Result<HttpResponse> {
    html(page(&context, &app, *id, Typed::default()).await?)
}

async fn page(context: &RequestContext, app: &State, id: ClientKey, typed: Typed) -> Result<NewApiKey> {
    let (client, employees) = app.db.read(move |conn| Ok((find_unrevoked(conn, id)?, Employee::active(conn)?))).await?;
    let choice = |(name, words): &(&'static str, &'static str)| ScopeChoice {
        name,
        words,
        ticked: typed.scope.iter().any(|ticked| ticked == name),
    };
    let groups = Scope::by_group().into_iter().map(|(group, parts)| (group, parts.iter().map(choice).collect()));
    let chosen = typed.employee;
    Ok(NewApiKey {
        page: context
            .page("New API key", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(path(id), &client.name),
        client: client.name,
        back: path(id),
        nonce: nonce::fresh(),
        employees: employees.into_iter().map(|(id, name, role)| (id, name, role, chosen == Some(id))).collect(),
        groups: groups.collect(),
        label: typed.label,
        expires: typed.expires,
        form_errors: typed.form_errors,
    })
}

/// `POST /settings/client-api-access/clients/{client}/api-keys/new`: answers with the key, the one time it is shown.
pub async fn create(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (mut typed, wanted) = Typed::read(&form, &context);
    let Some(wanted) = wanted else {
        return unprocessable(page(&context, &app, *id, typed).await?);
    };
    let (id, nonce, actor) = (*id, form.get("nonce").to_string(), context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let made = app
        .db
        .write(move |conn| {
            let client = find_unrevoked(conn, id)?;
            let employee = active(Employee::find(conn, wanted.employee))?;
            nonce::spend(conn, &nonce, SHOWN, now)?;
            let grant = issue::Grant { client: id, employee: employee.id, scope: &wanted.scope };
            let key = issue::api_key(conn, &grant, &wanted.label, wanted.expires_at, now)?;
            let subject = Subject::token("access_token", key.id.0, &key.value.mask(), &client.name, employee.id);
            NewActivity::new(Kind::ApiKeyCreated, actor.clone(), subject)
                .from(&client_ip)
                .with(Detail::note(format!("“{}” for {}", wanted.label, employee.name)))
                .record(conn, now)?;
            Ok((client, employee, key))
        })
        .await;
    match made {
        Ok((client, employee, key)) => show(&context, &client, &employee, &key),
        Err(Error::Invalid(problem)) => {
            typed.form_errors.add("employee", problem);
            unprocessable(page(&context, &app, id, typed).await?)
        }
        Err(error) => Err(error),
    }
}

// Somebody may have been locked while the form was open.
fn active(employee: diesel::QueryResult<Employee>) -> Result<Employee> {
    match employee {
        Ok(employee) if employee.is_active() => Ok(employee),
        Ok(employee) => {
            let sentence =
                format!("{} is locked or archived, so the key could do nothing. Choose somebody else.", employee.name);
            Err(Error::Invalid(sentence))
        }
        Err(diesel::result::Error::NotFound) => Err(Error::Invalid("Choose one of the employees.".into())),
        Err(error) => Err(error.into()),
    }
}

fn show(context: &RequestContext, client: &Client, employee: &Employee, key: &IssuedKey) -> Result<HttpResponse> {
    let back = path(client.id);
    let page = context
        .page("New API key", Section::Clients)
        .breadcrumb(HOME, "Client API Access")
        .breadcrumb(&back, &client.name);
    ShownOnce::new(page, format!("New API key of {}", client.name), "API Key", &key.value)
        .with_note(format!(
            "It acts for {}. Whoever has it can use it, without a client ID or a secret.",
            employee.name
        ))
        .back_to(back)
        .answer()
}
