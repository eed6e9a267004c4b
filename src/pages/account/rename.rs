//! Renaming a business or a location.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::account::{self, AccountChange, Business};
use crate::error::{Error, Result};
use crate::id::{BusinessKey, LocationKey};
use crate::pages::account::account_page::HOME;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "account/rename.html")]
struct Rename {
    page: Page,
    // The present name.
    before: String,
    // What it is, and who reads the name.
    hint: &'static str,
    name: String,
    action: String,
    back: &'static str,
    form_errors: FormErrors,
}

// What is renamed.
#[derive(Clone, Copy)]
enum Target {
    Business(BusinessKey),
    Location(BusinessKey, LocationKey),
}

/// `GET /settings/account/businesses/{business}/rename`
pub async fn business_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<BusinessKey>,
) -> Result<HttpResponse> {
    form(&context, &app, Target::Business(*id)).await
}

/// `POST /settings/account/businesses/{business}/rename`
pub async fn business(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<BusinessKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    rename(&context, &app, Target::Business(*id), &form).await
}

/// `GET /settings/account/businesses/{business}/locations/{location}/rename`
pub async fn location_form(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(BusinessKey, LocationKey)>,
) -> Result<HttpResponse> {
    let (business, location) = ids.into_inner();
    form(&context, &app, Target::Location(business, location)).await
}

/// `POST /settings/account/businesses/{business}/locations/{location}/rename`
pub async fn location(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(BusinessKey, LocationKey)>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (business, location) = ids.into_inner();
    rename(&context, &app, Target::Location(business, location), &form).await
}

async fn form(context: &RequestContext, app: &State, target: Target) -> Result<HttpResponse> {
    let before = present_name(app, target).await?;
    html(page(context, target, before.clone(), before, FormErrors::default()))
}

async fn present_name(app: &State, target: Target) -> Result<String> {
    let all = app.db.read(|conn| Ok(Business::all(conn)?)).await?;
    let (Target::Business(id) | Target::Location(id, _)) = target;
    let found = all.into_iter().find(|(business, _)| business.id == id);
    match (target, found) {
        (Target::Business(_), Some((business, _))) => Some(business.name),
        (Target::Location(_, id), Some((_, locations))) => {
            locations.into_iter().find(|location| location.id == id).map(|location| location.name)
        }
        (_, None) => None,
    }
    .ok_or(Error::NotFound)
}

fn page(context: &RequestContext, target: Target, before: String, name: String, form_errors: FormErrors) -> Rename {
    let (title, hint, path) = match target {
        Target::Business(id) => (
            "Rename business",
            "The legal name. Apps that read the businesses see the new name.",
            format!("{HOME}/businesses/{id}"),
        ),
        Target::Location(business, id) => (
            "Rename location",
            "Employees keep their locations. Apps that read the businesses see the new name.",
            format!("{HOME}/businesses/{business}/locations/{id}"),
        ),
    };
    let page = context.page(title, Section::Account).breadcrumb(HOME, "Account");
    Rename { page, before, hint, name, action: format!("{path}/rename"), back: HOME, form_errors }
}

async fn rename(context: &RequestContext, app: &State, target: Target, form: &ProtectedForm) -> Result<HttpResponse> {
    let before = present_name(app, target).await?;
    let mut form_errors = FormErrors::default();
    if let Some(name) = form_errors.check("name", form.line("name", "The name", 100)) {
        if name == before {
            return context.redirect(Tone::Info, "No changes to save.", HOME);
        }
        let message = format!("{before} is called {name} now.");
        let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
        let change = match target {
            Target::Business(id) => AccountChange::RenameBusiness(id, name),
            Target::Location(business, id) => AccountChange::RenameLocation(business, id, name),
        };
        let changed = app.db.write(move |conn| account::change_account(conn, &change, (&actor, &client_ip), now)).await;
        if form_errors.stored("name", changed)?.is_some() {
            return context.redirect(Tone::Good, message, HOME);
        }
    }
    unprocessable(page(context, target, before, form.get("name").into(), form_errors))
}
