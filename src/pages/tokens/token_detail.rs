//! The pages of one refresh token and of one access token or API key, and their revocation.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Detail, Kind, revoked_error};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, ClientKey, RefreshTokenKey};
use crate::pages::clients::client_detail::{
    ClientFacts, HOME, added_since_confirmation, find as find_client, path as client_path, revoking, seen,
};
use crate::pages::tokens::token_table::{Panel, access_token_panel, access_token_path, refresh_token_path};
use crate::scopes::Scope;
use crate::time::DisplayTime;
use crate::tokens::revocation::{Purge, RevocationImpact, Revoked, Target};
use crate::tokens::token_list::Within;
use crate::tokens::{AccessToken, Life, RefreshToken, TokenStatus, revocation};
use crate::web::badge::Badge;
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, see_other};
use crate::web::query::Query;
use crate::web::state::State;

/// What is shown of any token.
struct TokenFacts {
    mask: String,
    label: String,
    employee: String,
    employee_role: &'static str,
    employee_href: Option<String>,
    reach: Vec<(String, String)>,
    created: DisplayTime,
    last_used: DisplayTime,
    expires: DisplayTime,
    badge: Badge,
}

impl TokenFacts {
    fn of(
        context: &RequestContext,
        (mask, label, scope): (&str, &str, &Scope),
        life: Life,
        (employee, client, is_refresh_token): (&Employee, &Client, bool),
    ) -> TokenFacts {
        let words = &context.words;
        TokenFacts {
            mask: mask.into(),
            label: label.into(),
            employee: employee.name.clone(),
            employee_role: employee.role.name(),
            employee_href: context.viewer.employee_page(employee.id),
            reach: scope.parts(),
            created: words.exact(life.created_at),
            last_used: words.ago(life.last_used_at),
            expires: words.until(life.expires_at),
            badge: TokenStatus::of(life, employee, client.state(), words.now()).badge(is_refresh_token),
        }
    }

    fn of_refresh_token(
        context: &RequestContext,
        client: &Client,
        token: &RefreshToken,
        employee: &Employee,
    ) -> TokenFacts {
        let life =
            Life { created_at: token.created_at, last_used_at: token.last_used_at, expires_at: token.expires_at };
        Self::of(context, (token.mask.characters(), "", &token.scope), life, (employee, client, true))
    }

    fn of_access_token(
        context: &RequestContext,
        client: &Client,
        token: &AccessToken,
        employee: &Employee,
    ) -> TokenFacts {
        let life =
            Life { created_at: token.created_at, last_used_at: token.last_used_at, expires_at: token.expires_at };
        Self::of(context, (token.mask.characters(), &token.label, &token.scope), life, (employee, client, false))
    }
}

fn own_only() -> String {
    "You can revoke what you granted yourself. Ask a store manager or an admin for this one.".into()
}

// ---- One refresh token

#[derive(Template)]
#[template(path = "tokens/refresh_token.html")]
struct RefreshTokenPage {
    page: Page,
    client: ClientFacts,
    token: TokenFacts,
    generation: i64,
    rotated: DisplayTime,
    access_tokens: Panel,
    path: String,
    may_revoke: bool,
}

fn find_refresh_token(
    conn: &mut DbConnection,
    client: ClientKey,
    id: RefreshTokenKey,
) -> Result<(Client, RefreshToken)> {
    let client = find_client(conn, client)?;
    if client.revoked_at.is_some() {
        return Err(Error::Gone(format!("{} was revoked, and everything below it.", client.name)));
    }
    match RefreshToken::find(conn, client.id, id).map_err(Error::from) {
        Ok(token) => {
            let employee = Employee::find(conn, token.employee_id)?;
            if employee.revoked_refresh_tokens_through >= id.0 {
                return Err(ended_with_all(&employee));
            }
            Ok((client, token))
        }
        Err(Error::NotFound) => Err(ended_below(conn, &client, &[Kind::RefreshTokenRevoked], "refresh_token", id.0)?),
        Err(error) => Err(error),
    }
}

// How a token ended that is not below its client any more. An id of another client's token must not tell how that one did.
fn ended_below(conn: &mut DbConnection, client: &Client, kinds: &[Kind], subject: &str, id: i64) -> Result<Error> {
    // On PostgreSQL the client itself can go between being looked up and being looked below.
    find_client(conn, client.id)?;
    Ok(match revoked_error(conn, kinds, subject, id)? {
        Error::Gone(how) if how.contains(&format!(" of {} ", client.name)) => Error::Gone(how),
        _ => Error::NotFound,
    })
}

// The rows of what a person granted may outlive it for a while.
fn ended_with_all(employee: &Employee) -> Error {
    Error::Gone(format!("It ended with everything {} had granted.", employee.name))
}

// One that is being deleted has a page, which shows how far that is; nothing else may be done to it.
fn standing_refresh_token(
    conn: &mut DbConnection,
    client: ClientKey,
    id: RefreshTokenKey,
) -> Result<(Client, RefreshToken)> {
    let (client, token) = find_refresh_token(conn, client, id)?;
    match token.revoked_at {
        None => Ok((client, token)),
        Some(_) => {
            Err(Error::Conflict(format!("{} of {} has been revoked and is being deleted.", token.mask, client.name)))
        }
    }
}

/// `GET …/clients/{client}/refresh-tokens/{refresh_token}`
pub async fn refresh_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey)>,
    query: Query,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    let panel = access_token_panel(&query, "at-")?;
    if let Some(cut) = panel.cut(&query) {
        return Ok(see_other(&format!("{}{cut}", refresh_token_path(client, id))));
    }
    let (words, viewer) = (context.words.clone(), context.viewer.clone());
    let (client, token, employee, panel, purge) = app
        .db
        .read(move |conn| {
            let (client, token) = find_refresh_token(conn, client, id)?;
            let employee = Employee::find(conn, token.employee_id)?;
            let panel =
                panel.load(conn, Within::RefreshToken(client.id, token.id), client.state(), (&viewer, &words))?;
            let purge = Purge::of(conn, "refresh_token", token.id.0)?;
            Ok((client, token, employee, panel, purge))
        })
        .await?;
    let page = context
        .page(token.mask.to_string(), Section::Clients)
        .breadcrumb(HOME, "Client API Access")
        .breadcrumb(client_path(client.id), &client.name);
    if let Some(ended) = token.revoked_at {
        return revoking(page, &token.mask.to_string(), context.words.ago(ended), purge.as_ref());
    }
    html(RefreshTokenPage {
        page,
        client: ClientFacts::of(&client),
        generation: token.generation,
        rotated: context.words.ago(token.rotated_at),
        access_tokens: panel,
        path: refresh_token_path(client.id, token.id),
        may_revoke: context.viewer.may_act_for(token.employee_id),
        token: TokenFacts::of_refresh_token(&context, &client, &token, &employee),
    })
}

#[derive(Template)]
#[template(path = "tokens/revoke_refresh_token.html")]
struct RevokeRefreshToken {
    page: Page,
    client: String,
    mask: String,
    employee: String,
    back: String,
    impact: RevocationImpact,
    last_used: DisplayTime,
}

/// `GET …/refresh-tokens/{refresh_token}/revoke`
pub async fn revoke_refresh_token_form(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey)>,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    let (client, token, employee, impact) = app
        .db
        .read(move |conn| {
            let (client, token) = standing_refresh_token(conn, client, id)?;
            let employee = Employee::find(conn, token.employee_id)?;
            let impact = RevocationImpact::of(conn, &Target::RefreshToken(client.clone(), token.clone()))?;
            Ok((client, token, employee, impact))
        })
        .await?;
    if !context.viewer.may_act_for(token.employee_id) {
        return Err(Error::Forbidden(own_only()));
    }
    let back = refresh_token_path(client.id, token.id);
    html(RevokeRefreshToken {
        page: context
            .page("Revoke Refresh Token", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(client_path(client.id), &client.name)
            .breadcrumb(&back, token.mask.to_string()),
        client: client.name,
        mask: token.mask.characters().into(),
        employee: employee.name,
        back,
        last_used: context.words.ago(impact.last_used_at),
        impact,
    })
}

enum Outcome<T> {
    Done(T),
    Already(String),
}

// Somebody else was faster, or the button was pressed twice: that is no error.
fn unless_gone<T>(outcome: Result<T>) -> Result<Outcome<T>> {
    match outcome {
        Ok(done) => Ok(Outcome::Done(done)),
        Err(Error::Gone(how) | Error::Conflict(how)) => Ok(Outcome::Already(how)),
        Err(error) => Err(error),
    }
}

/// `POST …/refresh-tokens/{refresh_token}/revoke`
pub async fn revoke_refresh_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey)>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    let (seen, viewer, client_ip, now) =
        (seen(&form), context.viewer.clone(), context.client_ip.clone(), context.now());
    let outcome = app.db.write(move |conn| {
        unless_gone(standing_refresh_token(conn, client, id).and_then(|(client, token)| {
            if !viewer.may_act_for(token.employee_id) {
                return Err(Error::Forbidden(own_only()));
            }
            let target = Target::RefreshToken(client, token.clone());
            let revoked = revocation::revoke(conn, &target, seen, (&viewer.actor(), &client_ip), now)?;
            Ok((token, revoked))
        }))
    });
    match outcome.await? {
        Outcome::Done((token, revoked)) => {
            let to = if revoked.is_purging { refresh_token_path(client, id) } else { client_path(client) };
            context.redirect(Tone::Good, told(&token, &revoked), &to)
        }
        Outcome::Already(how) => context.redirect(Tone::Info, how, &client_path(client)),
    }
}

fn told(token: &RefreshToken, revoked: &Revoked) -> String {
    let with_it = Detail { refresh_tokens: 0, ..revoked.detail.clone() }.counts();
    let mut text = match (revoked.is_purging, with_it.is_empty()) {
        (true, _) => {
            format!("{} is revoked: all its access has ended. Its access tokens are being deleted.", token.mask)
        }
        (false, true) => format!("{} is revoked. It held no access tokens.", token.mask),
        (false, false) => format!("{} is revoked, and with it {with_it}.", token.mask),
    };
    text.push_str(&added_since_confirmation(revoked));
    text
}

// ---- One access token or API key, below its client or below its refresh token

#[derive(Template)]
#[template(path = "tokens/access_token.html")]
struct AccessTokenPage {
    page: Page,
    client: ClientFacts,
    token: TokenFacts,
    type_name: &'static str,
    made_by: Option<(String, String)>,
    revoke: String,
    may_revoke: bool,
}

type Parents = (ClientKey, Option<RefreshTokenKey>, AccessTokenKey);

fn find_access_token(conn: &mut DbConnection, (client, via, id): Parents) -> Result<(Client, AccessToken)> {
    let client = match via {
        None => find_client(conn, client)?,
        Some(refresh_token) => standing_refresh_token(conn, client, refresh_token)?.0,
    };
    if client.revoked_at.is_some() {
        return Err(Error::Gone(format!("{} was revoked, and everything below it.", client.name)));
    }
    let found = AccessToken::find(conn, client.id, id).map_err(Error::from);
    let found = found.and_then(|token| match via {
        Some(_) if token.refresh_token_id != via => Err(Error::NotFound),
        _ => Ok(token),
    });
    match found {
        Ok(token) => {
            let employee = Employee::find(conn, token.employee_id)?;
            if employee.revoked_access_tokens_through >= id.0 {
                return Err(ended_with_all(&employee));
            }
            if let Some(parent) = token.refresh_token_id {
                standing_refresh_token(conn, client.id, parent)?;
            }
            Ok((client, token))
        }
        Err(Error::NotFound) => {
            let kinds = [Kind::AccessTokenRevoked, Kind::ApiKeyRevoked];
            Err(ended_below(conn, &client, &kinds, "access_token", id.0)?)
        }
        Err(error) => Err(error),
    }
}

/// `GET …/clients/{client}/access-tokens/{access_token}`
pub async fn access_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, AccessTokenKey)>,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    show_access_token(context, app, (client, None, id)).await
}

/// `GET …/clients/{client}/refresh-tokens/{refresh_token}/access-tokens/{access_token}`
pub async fn access_token_of_refresh_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey, AccessTokenKey)>,
) -> Result<HttpResponse> {
    let (client, via, id) = ids.into_inner();
    show_access_token(context, app, (client, Some(via), id)).await
}

async fn show_access_token(context: RequestContext, app: web::Data<State>, ids: Parents) -> Result<HttpResponse> {
    let (client, token, employee, parent) = app
        .db
        .read(move |conn| {
            let (client, token) = find_access_token(conn, ids)?;
            let employee = Employee::find(conn, token.employee_id)?;
            let parent = match token.refresh_token_id {
                Some(id) => Some(RefreshToken::find(conn, client.id, id)?),
                None => None,
            };
            Ok((client, token, employee, parent))
        })
        .await?;
    html(AccessTokenPage {
        page: breadcrumbs(&context, &token.mask.to_string(), &client, ids.1.and(parent.as_ref())),
        client: ClientFacts::of(&client),
        type_name: token.type_name(),
        made_by: parent.map(|parent| (parent.mask.to_string(), refresh_token_path(client.id, parent.id))),
        revoke: format!("{}/revoke", access_token_path(client.id, ids.1, token.id)),
        may_revoke: context.viewer.may_act_for(token.employee_id),
        token: TokenFacts::of_access_token(&context, &client, &token, &employee),
    })
}

fn breadcrumbs(context: &RequestContext, title: &str, client: &Client, via: Option<&RefreshToken>) -> Page {
    let page = context
        .page(title, Section::Clients)
        .breadcrumb(HOME, "Client API Access")
        .breadcrumb(client_path(client.id), &client.name);
    match via {
        None => page,
        Some(parent) => page.breadcrumb(refresh_token_path(client.id, parent.id), parent.mask.to_string()),
    }
}

#[derive(Template)]
#[template(path = "tokens/revoke_access_token.html")]
struct RevokeAccessToken {
    page: Page,
    client: String,
    token: TokenFacts,
    type_name: &'static str,
    back: String,
    minter: Option<String>,
}

/// `GET …/clients/{client}/access-tokens/{access_token}/revoke`
pub async fn revoke_access_token_form(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, AccessTokenKey)>,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    confirm_access_token(context, app, (client, None, id)).await
}

/// `GET …/refresh-tokens/{refresh_token}/access-tokens/{access_token}/revoke`
pub async fn revoke_access_token_of_refresh_token_form(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey, AccessTokenKey)>,
) -> Result<HttpResponse> {
    let (client, via, id) = ids.into_inner();
    confirm_access_token(context, app, (client, Some(via), id)).await
}

async fn confirm_access_token(context: RequestContext, app: web::Data<State>, ids: Parents) -> Result<HttpResponse> {
    let (client, token, employee, via) = app
        .db
        .read(move |conn| {
            let (client, token) = find_access_token(conn, ids)?;
            let employee = Employee::find(conn, token.employee_id)?;
            let via = match ids.1 {
                Some(id) => Some(RefreshToken::find(conn, client.id, id)?),
                None => None,
            };
            Ok((client, token, employee, via))
        })
        .await?;
    if !context.viewer.may_act_for(token.employee_id) {
        return Err(Error::Forbidden(own_only()));
    }
    let back = access_token_path(client.id, ids.1, token.id);
    html(RevokeAccessToken {
        page: breadcrumbs(&context, "Revoke", &client, via.as_ref()).breadcrumb(&back, token.mask.to_string()),
        token: TokenFacts::of_access_token(&context, &client, &token, &employee),
        type_name: token.type_name(),
        minter: token.refresh_token_id.map(|id| refresh_token_path(client.id, id)),
        client: client.name,
        back,
    })
}

/// `POST …/clients/{client}/access-tokens/{access_token}/revoke`
pub async fn revoke_access_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, AccessTokenKey)>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    end_access_token(context, app, (client, None, id), form).await
}

/// `POST …/refresh-tokens/{refresh_token}/access-tokens/{access_token}/revoke`
pub async fn revoke_access_token_of_refresh_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey, AccessTokenKey)>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (client, via, id) = ids.into_inner();
    end_access_token(context, app, (client, Some(via), id), form).await
}

// One that is nowhere any more went with its refresh token, or expired and was deleted: to stop it, nothing is left to do.
fn find_to_revoke(conn: &mut DbConnection, ids: Parents) -> Result<(Client, AccessToken)> {
    match find_access_token(conn, ids) {
        Err(Error::NotFound) if !AccessToken::exists(conn, ids.2)? => {
            Err(Error::Gone("That token is not there any more: nothing can be reached with it.".into()))
        }
        found => found,
    }
}

async fn end_access_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: Parents,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (viewer, client_ip, now) = (context.viewer.clone(), context.client_ip.clone(), context.now());
    let outcome = app.db.write(move |conn| {
        unless_gone(find_to_revoke(conn, ids).and_then(|(client, token)| {
            if !viewer.may_act_for(token.employee_id) {
                return Err(Error::Forbidden(own_only()));
            }
            revocation::revoke_access_token(conn, (&client, &token), (&viewer.actor(), &client_ip), now)?;
            Ok((client, token))
        }))
    });
    let to = match ids {
        (client, None, _) => client_path(client),
        (client, Some(via), _) => refresh_token_path(client, via),
    };
    match outcome.await? {
        Outcome::Done((client, token)) => {
            let text = format!("{} {} of {} is revoked.", token.type_name(), token.mask, client.name);
            context.redirect(Tone::Good, text, &to)
        }
        Outcome::Already(how) => context.redirect(Tone::Info, how, &to),
    }
}
