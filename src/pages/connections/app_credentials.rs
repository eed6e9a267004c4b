//! Settings › Connections › OAuth 2.0 clients: what the shop is at its providers.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Detail, Kind, NewActivity, Subject};
use crate::connections::{ApiType, OAuthClient, callback_path};
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, OAuthClientKey};
use crate::pages::connections::app_credential_form::{OAuthClientForm, ValidatedOAuthClient};
use crate::pages::connections::{HOME, path};
use crate::time::{DisplayTime, count};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::query::Query;
use crate::web::state::State;

const CLIENTS: &str = "/settings/connections/clients";

#[derive(Template)]
#[template(path = "connections/clients.html")]
struct OAuthClientList {
    page: Page,
    rows: Vec<OAuthClientRow>,
}

struct OAuthClientRow {
    href: String,
    name: String,
    api_type: String,
    client_id: String,
    users: i64,
    secret_changed: DisplayTime,
}

/// `GET /settings/connections/clients`
pub async fn list(context: RequestContext, app: web::Data<State>) -> Result<HttpResponse> {
    let clients = app.db.read(|conn| Ok(OAuthClient::all(conn)?)).await?;
    let row = |(client, users): (OAuthClient, i64)| OAuthClientRow {
        href: format!("{CLIENTS}/{}", client.id),
        name: client.name,
        api_type: client.api_type.full_name(),
        client_id: client.client_id,
        users,
        secret_changed: context.words.date(client.secret_changed_at),
    };
    html(OAuthClientList {
        rows: clients.into_iter().map(row).collect(),
        page: context.page("OAuth 2.0 clients", Section::Connections).breadcrumb(HOME, "Connections"),
    })
}

#[derive(Template)]
#[template(path = "connections/client.html")]
struct OAuthClientPage {
    page: Page,
    heading: String,
    action: String,
    back: String,
    return_to: String,
    form: OAuthClientForm,
    redirect_uris: Vec<(&'static str, String)>,
    users: Vec<(String, String)>,
}

// The form of a connection that sent somebody here, and where it stands.
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
) -> OAuthClientPage {
    let origin = app.config.public_url.origin();
    let callback = |kind: &ApiType| match kind {
        ApiType::Other => form.callback.clone(),
        lightspeed => lightspeed.word().to_string(),
    };
    let shown = ApiType::ALL.iter().filter(|kind| form.is_new || **kind == form.api_type);
    let redirect_uris =
        shown.map(|kind| (kind.word(), format!("{origin}{}", callback_path(&callback(kind))))).collect();
    let (return_to, back) = return_to(from).unwrap_or((String::new(), CLIENTS.into()));
    let title = before.as_ref().map_or("New client".to_string(), |(client, _)| client.name.clone());
    let page = context
        .page(&title, Section::Connections)
        .breadcrumb(HOME, "Connections")
        .breadcrumb(CLIENTS, "OAuth 2.0 clients");
    OAuthClientPage {
        page,
        heading: before.as_ref().map_or("New OAuth 2.0 client".into(), |(client, _)| format!("Edit {}", client.name)),
        action: before.as_ref().map_or(format!("{CLIENTS}/new"), |(client, _)| format!("{CLIENTS}/{}", client.id)),
        users: before.map(|(_, users)| users).unwrap_or_default().into_iter().map(user).collect(),
        back,
        return_to,
        redirect_uris,
        form,
    }
}

fn user((id, name): (ConnectionKey, String)) -> (String, String) {
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
    let (mut typed, told) = OAuthClientForm::read(&form, None, app.config.outbound.private);
    let Some(told) = told else {
        return unprocessable(page(&context, &app, None, typed, form.get("for")));
    };
    let (actor, client_ip, now, vault) =
        (context.viewer.actor(), context.client_ip.clone(), context.now(), app.connections.vault.clone());
    let made = app
        .db
        .write(move |conn| {
            let client = told.create(conn, &vault, now)?;
            NewActivity::new(Kind::OAuthClientAdded, actor.clone(), subject(&client))
                .from(&client_ip)
                .record(conn, now)?;
            Ok(client)
        })
        .await;
    match typed.form_errors.stored("name", made)? {
        Some(client) => go_on(&context, &form, &client, (Tone::Good, format!("{} is saved.", client.name))),
        None => unprocessable(page(&context, &app, None, typed, form.get("for"))),
    }
}

fn subject(client: &OAuthClient) -> Subject {
    Subject::named("oauth_client", client.id.0, &client.name)
}

// Back to the form of the connection it is for, or to the list.
fn go_on(
    context: &RequestContext,
    form: &ProtectedForm,
    client: &OAuthClient,
    said: (Tone, String),
) -> Result<HttpResponse> {
    match return_to(form.get("for")) {
        Some((_, place)) => context.redirect(said.0, said.1, &format!("{place}?client={}", client.id)),
        None => context.redirect(said.0, said.1, CLIENTS),
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

async fn find(app: &State, id: OAuthClientKey) -> Result<(OAuthClient, Vec<(ConnectionKey, String)>)> {
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
    let (mut typed, told) = OAuthClientForm::read(&form, Some(&client), app.config.outbound.private);
    let Some(told) = told else {
        return unprocessable(page(&context, &app, Some((&client, users)), typed, form.get("for")));
    };
    let Some(ended) = typed.form_errors.stored("name", change(&context, &app, *id, told).await)? else {
        return unprocessable(page(&context, &app, Some((&client, users)), typed, form.get("for")));
    };
    let said = match ended {
        0 => (Tone::Good, "The OAuth 2.0 client is saved.".to_string()),
        n => (Tone::Warn, format!("It is saved. Its server has moved: {} to authorize.", count(n, "connection"))),
    };
    go_on(&context, &form, &client, said)
}

async fn change(context: &RequestContext, app: &State, id: OAuthClientKey, told: ValidatedOAuthClient) -> Result<i64> {
    let (viewer, client_ip, now, vault) =
        (context.viewer.clone(), context.client_ip.clone(), context.now(), app.connections.vault.clone());
    app.db
        .write(move |conn| {
            let before = OAuthClient::find(conn, id)?;
            let ended = told.change(conn, &vault, &before, &viewer.name, now)?;
            let note = if told.secret.is_some() { "with a new secret" } else { "" };
            NewActivity::new(Kind::OAuthClientChanged, viewer.actor(), subject(&before))
                .from(&client_ip)
                .with(Detail::note(note))
                .record(conn, now)?;
            Ok(ended)
        })
        .await
}

#[derive(Template)]
#[template(path = "connections/delete_client.html")]
struct DeleteOAuthClient {
    page: Page,
    name: String,
    action: String,
    back: String,
    users: Vec<(String, String)>,
}

/// `GET /settings/connections/clients/{oauth_client}/delete`
pub async fn delete_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<OAuthClientKey>,
) -> Result<HttpResponse> {
    let (client, users) = find(&app, *id).await?;
    let back = format!("{CLIENTS}/{}", *id);
    html(DeleteOAuthClient {
        page: context
            .page("Delete", Section::Connections)
            .breadcrumb(HOME, "Connections")
            .breadcrumb(CLIENTS, "OAuth 2.0 clients")
            .breadcrumb(&back, &client.name),
        name: client.name,
        action: format!("{back}/delete"),
        back,
        users: users.into_iter().map(user).collect(),
    })
}

/// `POST /settings/connections/clients/{oauth_client}/delete`
pub async fn delete(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<OAuthClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, actor, client_ip, now) = (*id, context.viewer.actor(), context.client_ip.clone(), context.now());
    let deleted = app
        .db
        .write(move |conn| {
            let client = OAuthClient::find(conn, id)?;
            OAuthClient::delete(conn, id)?;
            NewActivity::new(Kind::OAuthClientDeleted, actor.clone(), subject(&client))
                .from(&client_ip)
                .record(conn, now)?;
            Ok(client.name)
        })
        .await;
    match deleted {
        Ok(name) => context.redirect(Tone::Good, format!("{name} is deleted."), CLIENTS),
        Err(Error::NotFound) => context.redirect(Tone::Info, "It was deleted already.", CLIENTS),
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, &format!("{CLIENTS}/{id}/delete")),
        Err(error) => Err(error),
    }
}
