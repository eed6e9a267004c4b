//! Adds and edits app credentials.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::connections::{ApiType, OAuthClient, callback_path};
use crate::error::Result;
use crate::id::{ConnectionKey, OAuthClientKey};
use crate::pages::connections::app_credential_form::OAuthClientForm;
use crate::pages::connections::{APP_CREDENTIALS, HOME, path, requester};
use crate::time::count;
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::query::Query;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "connections/edit_app_credential.html")]
struct EditAppCredential {
    page: Page,
    heading: String,
    action: String,
    back: String,
    return_to: String,
    form: OAuthClientForm,
    redirect_uris: Vec<(&'static str, String)>,
    users: Vec<(String, String)>,
}

// The connection form that linked here, as its parameter and its path.
fn return_to(text: &str) -> Option<(String, String)> {
    match text {
        "new" => Some((text.into(), format!("{HOME}/new"))),
        id => id.parse().ok().map(|id: i64| (id.to_string(), format!("{}/edit", path(ConnectionKey(id))))),
    }
}

fn page(
    context: &RequestContext,
    app: &State,
    before: Option<(&OAuthClient, Vec<(ConnectionKey, String)>)>,
    form: OAuthClientForm,
    from: &str,
) -> EditAppCredential {
    let origin = app.config.public_url.origin();
    let callback = |kind: &ApiType| match kind {
        ApiType::Other => form.callback.clone(),
        lightspeed => lightspeed.word().to_string(),
    };
    let shown = ApiType::ALL.iter().filter(|kind| form.is_new || **kind == form.api_type);
    let redirect_uris =
        shown.map(|kind| (kind.word(), format!("{origin}{}", callback_path(&callback(kind))))).collect();
    let (return_to, back) = return_to(from).unwrap_or((String::new(), APP_CREDENTIALS.into()));
    let title = before.as_ref().map_or("Add app credentials".to_string(), |(client, _)| client.name.clone());
    let page = context
        .page(&title, Section::Connections)
        .breadcrumb(HOME, "Connections")
        .breadcrumb(APP_CREDENTIALS, "App credentials");
    EditAppCredential {
        page,
        heading: before.as_ref().map_or("Add app credentials".into(), |(client, _)| format!("Edit {}", client.name)),
        action: before
            .as_ref()
            .map_or(format!("{APP_CREDENTIALS}/new"), |(client, _)| format!("{APP_CREDENTIALS}/{}", client.id)),
        users: before.map(|(_, users)| users).unwrap_or_default().into_iter().map(user_link).collect(),
        back,
        return_to,
        redirect_uris,
        form,
    }
}

fn user_link((id, name): (ConnectionKey, String)) -> (String, String) {
    (path(id), name)
}

/// `GET /settings/connections/clients/new`
pub async fn new_form(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let get = |name: &str| query.get(name).unwrap_or_default();
    let form = OAuthClientForm::blank(ApiType::from_word(get("type")).unwrap_or(ApiType::RSeries));
    html(page(&context, &app, None, form, get("for")))
}

/// `POST /settings/connections/clients/new`
pub async fn create(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let (mut typed, validated) = OAuthClientForm::read(&form, None, app.config.outbound.private);
    let Some(validated) = validated else {
        return unprocessable(page(&context, &app, None, typed, form.get("for")));
    };
    let created = app.connections.add_app_credentials(validated, requester(&context)).await;
    match typed.form_errors.stored("name", created)? {
        Some(client) => redirect_back(&context, &form, &client, (Tone::Good, format!("{} saved.", client.name))),
        None => unprocessable(page(&context, &app, None, typed, form.get("for"))),
    }
}

// Back to the connection form that linked here, or to the list.
fn redirect_back(
    context: &RequestContext,
    form: &ProtectedForm,
    client: &OAuthClient,
    message: (Tone, String),
) -> Result<HttpResponse> {
    match return_to(form.get("for")) {
        Some((_, place)) => context.redirect(message.0, message.1, &format!("{place}?client={}", client.id)),
        None => context.redirect(message.0, message.1, APP_CREDENTIALS),
    }
}

/// `GET /settings/connections/clients/{oauth_client}`
pub async fn edit_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<OAuthClientKey>,
    query: Query,
) -> Result<HttpResponse> {
    let (client, users) = find(&app, *id).await?;
    let form = OAuthClientForm::of(&client);
    html(page(&context, &app, Some((&client, users)), form, query.get("for").unwrap_or_default()))
}

pub(super) async fn find(app: &State, id: OAuthClientKey) -> Result<(OAuthClient, Vec<(ConnectionKey, String)>)> {
    app.db.read(move |conn| Ok((OAuthClient::find(conn, id)?, OAuthClient::users(conn, id)?))).await
}

/// `POST /settings/connections/clients/{oauth_client}`
pub async fn edit(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<OAuthClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (client, users) = find(&app, *id).await?;
    let (mut typed, validated) = OAuthClientForm::read(&form, Some(&client), app.config.outbound.private);
    let Some(validated) = validated else {
        return unprocessable(page(&context, &app, Some((&client, users)), typed, form.get("for")));
    };
    let changed = app.connections.change_app_credentials(*id, validated, requester(&context)).await;
    let Some(reset_connections) = typed.form_errors.stored("name", changed)? else {
        return unprocessable(page(&context, &app, Some((&client, users)), typed, form.get("for")));
    };
    let message = match reset_connections {
        0 => (Tone::Good, "App credentials saved.".to_string()),
        n => (
            Tone::Warn,
            format!("App credentials saved. The server has changed: authorize {} again.", count(n, "connection")),
        ),
    };
    redirect_back(&context, &form, &client, message)
}
