//! New API token: for the admin who creates it, or for a service with a responsible person. Its value is shown once.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::api_tokens::{self, Area, Areas, IssueRefusal};
use crate::employees::Employee;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::pages::api_tokens::{HOME, path};
use crate::pages::tokens::key_expiry::{self, KeyExpiry};
use crate::scopes::Role;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;

const ALREADY_SHOWN: &str = "This form already created an API token, and its value is shown only once. If you lost it, \
                             revoke it and create a new one.";

#[derive(Template)]
#[template(path = "api_tokens/new_api_token.html")]
struct NewApiToken {
    page: Page,
    nonce: String,
    submitted: Submitted,
    me: String,
    my_role: &'static str,
    // Id, name, role, and whether they are selected.
    people: Vec<(EmployeeKey, String, Role, bool)>,
}

impl NewApiToken {
    fn areas(&self) -> &'static [Area] {
        Area::ALL
    }

    fn is_checked(&self, area: &Area, access: &str) -> bool {
        self.submitted.areas.contains(&format!("{}:{access}", area.word()))
    }
}

// The form as the admin submitted it.
struct Submitted {
    name: String,
    is_service: bool,
    service: String,
    employee: Option<EmployeeKey>,
    role: Role,
    areas: Vec<String>,
    expiry: KeyExpiry,
    form_errors: FormErrors,
}

impl Submitted {
    fn read(form: &ProtectedForm, context: &RequestContext) -> (Submitted, Option<api_tokens::NewApiToken>) {
        let mut form_errors = FormErrors::default();
        let is_service = form.get("for") == "service";
        let name = form_errors.check("name", form.line("name", "The name", 100));
        if !matches!(form.get("for"), "me" | "service") {
            form_errors.add("for", "Choose who uses the token.");
        }
        let (service, employee) = match is_service {
            false => (Some(None), Some(context.viewer.id)),
            true => {
                let service = form_errors.check("service", form.line("service", "The name of the service", 100));
                let employee = form.number("employee").map(EmployeeKey);
                if employee.is_none() {
                    form_errors.add("employee", "Choose the responsible person.");
                }
                (service.map(Some), employee)
            }
        };
        let role = Role::from_word(form.get("role"));
        if role.is_none() {
            form_errors.add("role", "Choose a role.");
        }
        let words: Vec<String> = form.all("area").map(str::to_string).collect();
        let areas = Areas::parse(words.iter().map(String::as_str));
        if areas.is_none() {
            form_errors.add("area", "Select at least one area.");
        }
        let expires_at = form_errors.check("expires", key_expiry::read(form, &context.times));
        let valid = (|| {
            Some(api_tokens::NewApiToken {
                name: name?,
                employee: employee?,
                service: service?,
                role: role?,
                areas: areas?,
                expires_at: expires_at?,
            })
        })();
        let submitted = Submitted {
            name: form.get("name").into(),
            is_service,
            service: form.get("service").into(),
            employee,
            role: role.unwrap_or(Role::Staff),
            areas: words,
            expiry: KeyExpiry::sent(form, &context.times).without_never(),
            form_errors,
        };
        let valid = valid.filter(|_| submitted.form_errors.is_empty());
        (submitted, valid)
    }
}

/// `GET /settings/api-tokens/new`
pub async fn form(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let submitted = Submitted {
        name: String::new(),
        is_service: false,
        service: String::new(),
        employee: None,
        role: Role::Staff,
        areas: Vec::new(),
        expiry: KeyExpiry::suggested(&context.times).without_never(),
        form_errors: FormErrors::default(),
    };
    html(page(&context, &app, submitted).await?)
}

fn frame(context: &RequestContext) -> Page {
    context.page("New API token", Section::ApiTokens).breadcrumb(HOME, "API tokens")
}

async fn page(context: &RequestContext, app: &State, submitted: Submitted) -> Result<NewApiToken> {
    let people = app.db.read(|conn| Ok(Employee::active(conn)?)).await?;
    let selected = submitted.employee.unwrap_or(context.viewer.id);
    Ok(NewApiToken {
        page: frame(context),
        nonce: nonce::fresh(),
        me: context.viewer.name.clone(),
        my_role: context.viewer.role.name(),
        people: people.into_iter().map(|(id, name, role)| (id, name, role, id == selected)).collect(),
        submitted,
    })
}

/// `POST /settings/api-tokens/new`: the response shows the value, once.
pub async fn create(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let (mut submitted, valid) = Submitted::read(&form, &context);
    let Some(new) = valid else {
        return unprocessable(page(&context, &app, submitted).await?);
    };
    let (nonce, actor) = (form.get("nonce").to_string(), context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let act = app.db.write(move |conn| {
        let issued = api_tokens::issue(conn, &new, (&actor, &client_ip), now)?;
        if issued.is_ok() {
            nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
        }
        Ok(issued)
    });
    let (field, sentence) = match act.await? {
        Ok((token, value)) => {
            return ShownOnce::new(frame(&context), format!("New API token “{}”", token.name), "API token", &value)
                .with_note("Send it in the header Authorization: Bearer. Anyone who has it can use it.")
                .back_to(path(token.id))
                .answer();
        }
        // One's own token has no field for the person.
        Err(IssueRefusal::Employee(sentence)) if !submitted.is_service => ("for", sentence),
        Err(IssueRefusal::Employee(sentence)) => ("employee", sentence),
        Err(IssueRefusal::Role(sentence)) => ("role", sentence),
        Err(IssueRefusal::End(sentence)) => ("expires", sentence),
    };
    submitted.form_errors.add(field, sentence);
    unprocessable(page(&context, &app, submitted).await?)
}
