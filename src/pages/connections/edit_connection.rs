//! Creates and edits a connection.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::connections::{ApiType, Connection, ConnectionChange, OAuthClient, callback_path, or_gone};
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::pages::connections::connection_form::{Choices, ConnectionForm, ScopePicker};
use crate::pages::connections::connection_summary::allow_form_redirects;
use crate::pages::connections::{APP_CREDENTIALS, HOME, authorize_connection, path, requester, revocation_message};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::query::Query;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "connections/edit_connection.html")]
struct EditConnection {
    page: Page,
    heading: String,
    action: String,
    back: String,
    // The parameter that leads back here from the pages of app credentials.
    return_to: String,
    form: ConnectionForm,
    choices: Choices,
    pickers: Vec<ScopePicker>,
    redirect_uris: Vec<(&'static str, String)>,
    was_authorized: bool,
}

impl EditConnection {
    // The page that edits the chosen app credentials, or the list if none are chosen.
    fn edit_credentials(&self) -> String {
        match self.form.client.as_str() {
            "" => APP_CREDENTIALS.to_string(),
            client => format!("{APP_CREDENTIALS}/{client}?for={}", self.return_to),
        }
    }
}

fn redirect_uris(app: &State, choices: &Choices, form: &ConnectionForm) -> Vec<(&'static str, String)> {
    let origin = app.config.public_url.origin();
    let uri = |callback: &str| format!("{origin}{}", callback_path(callback));
    let lightspeed = ApiType::ALL.iter().filter(|api_type| **api_type != ApiType::Other);
    let mut uris: Vec<_> = lightspeed.map(|api_type| (api_type.word(), uri(api_type.word()))).collect();
    // Each other server has its own redirect URI, which belongs to its app credentials.
    let chosen = choices.clients.iter().find(|client| client.id.to_string() == form.client);
    uris.extend(chosen.filter(|client| client.api_type == ApiType::Other).map(|one| ("other", uri(&one.callback))));
    uris
}

fn page(
    context: &RequestContext,
    app: &State,
    before: Option<&Connection>,
    form: ConnectionForm,
    choices: Choices,
) -> EditConnection {
    let page = context.page(if before.is_some() { "Edit" } else { "New connection" }, Section::Connections);
    let page = page.breadcrumb(HOME, "Connections");
    let back = before.map_or(HOME.to_string(), |connection| path(connection.id));
    EditConnection {
        heading: before.map_or("New connection".into(), |connection| format!("Edit {}", connection.name)),
        action: before.map_or(format!("{HOME}/new"), |_| format!("{back}/edit")),
        return_to: before.map_or("new".into(), |connection| connection.id.to_string()),
        page: match before {
            Some(connection) => page.breadcrumb(&back, &connection.name),
            None => page,
        },
        was_authorized: before.is_some_and(Connection::has_token),
        back,
        redirect_uris: redirect_uris(app, &choices, &form),
        pickers: ScopePicker::all(),
        form,
        choices,
    }
}

// The app credentials that were just added for this form.
fn added(query: &Query, choices: &Choices) -> Option<OAuthClient> {
    let id = query.get("client")?;
    choices.clients.iter().find(|client| client.id.to_string() == id).cloned()
}

/// `GET /settings/connections/new`
pub async fn new_form(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let choices = app.db.read(Choices::load).await?;
    let form = ConnectionForm::blank(added(&query, &choices).as_ref());
    allow_form_redirects(&app, &context.viewer, html(page(&context, &app, None, form, choices))?)
}

/// `POST /settings/connections/new`
pub async fn create(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let choices = app.db.read(Choices::load).await?;
    let (mut typed, validated) = ConnectionForm::read(&form, &choices);
    let Some(validated) = validated else {
        return again(&context, &app, None, typed, choices);
    };
    let created = app.connections.create(validated.client, validated.fields, requester(&context)).await;
    let Some(connection) = typed.form_errors.stored("name", created)? else {
        return again(&context, &app, None, typed, choices);
    };
    let text = format!("{} saved. Authorize it before programs can call through it.", connection.name);
    redirect_after_save(&context, &app, &form, connection.id, (Tone::Good, text)).await
}

fn again(
    context: &RequestContext,
    app: &State,
    before: Option<&Connection>,
    typed: ConnectionForm,
    choices: Choices,
) -> Result<HttpResponse> {
    allow_form_redirects(app, &context.viewer, unprocessable(page(context, app, before, typed, choices))?)
}

// To the page of the connection, or to its provider for "Save & authorize".
async fn redirect_after_save(
    context: &RequestContext,
    app: &State,
    form: &ProtectedForm,
    id: ConnectionKey,
    (tone, text): (Tone, String),
) -> Result<HttpResponse> {
    if form.get("then") != "authorize" {
        return context.redirect(tone, text, &path(id));
    }
    match authorize_connection::redirect_to_provider(app, context, id).await {
        Err(Error::Invalid(why)) => context.redirect(Tone::Bad, format!("Connection saved. {why}"), &path(id)),
        outcome => outcome,
    }
}

/// `GET /settings/connections/{connection}/edit`
pub async fn edit_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    query: Query,
) -> Result<HttpResponse> {
    let id = *id;
    let ((connection, client), choices) = app
        .db
        .read(move |conn| Ok((or_gone(Connection::with_client(conn, id), conn, id)?, Choices::load(conn)?)))
        .await?;
    let mut form = ConnectionForm::of(&connection, &client);
    if let Some(added) = added(&query, &choices) {
        form = ConnectionForm { client: added.id.to_string(), api_type: added.api_type, ..form };
    }
    allow_form_redirects(&app, &context.viewer, html(page(&context, &app, Some(&connection), form, choices))?)
}

/// `POST /settings/connections/{connection}/edit`
pub async fn edit(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let (before, choices) =
        app.db.read(move |conn| Ok((or_gone(Connection::find(conn, id), conn, id)?, Choices::load(conn)?))).await?;
    let (mut typed, validated) = ConnectionForm::read(&form, &choices);
    let Some(validated) = validated else {
        return again(&context, &app, Some(&before), typed, choices);
    };
    let updated = app.connections.update(id, validated.client, validated.fields, requester(&context)).await;
    let Some(change) = typed.form_errors.stored("name", updated)? else {
        return again(&context, &app, Some(&before), typed, choices);
    };
    let message = match change {
        ConnectionChange::Nothing => (Tone::Info, "No changes to save.".to_string()),
        ConnectionChange::Scope => {
            (Tone::Warn, "Connection saved. Authorize it again to use the new scope.".to_string())
        }
        ConnectionChange::OtherFields => (Tone::Good, "Connection saved.".to_string()),
        ConnectionChange::Server(revocation) => {
            let text = format!(
                "Connection saved. Its server has changed: authorize it again. {}",
                revocation_message::message(revocation)
            );
            (Tone::Warn, text)
        }
    };
    redirect_after_save(&context, &app, &form, id, message).await
}
