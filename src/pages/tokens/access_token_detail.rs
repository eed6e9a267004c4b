//! The page of one access token or API key, under its client or under its refresh token.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::Client;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{AccessTokenKey, ClientKey, RefreshTokenKey};
use crate::pages::clients::client_detail::{ClientFacts, HOME, path as client_path};
use crate::pages::tokens::token_facts::TokenFacts;
use crate::pages::tokens::token_lookup::{AccessTokenPath, find_access_token};
use crate::pages::tokens::token_paths::{access_token_path, refresh_token_path};
use crate::tokens::RefreshToken;
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "tokens/access_token_detail.html")]
struct AccessTokenDetail {
    page: Page,
    client: ClientFacts,
    token: TokenFacts,
    type_name: &'static str,
    /// The refresh token the access token was issued with: its mask and its page.
    refresh_token: Option<(String, String)>,
    /// The type within a sentence.
    type_noun: &'static str,
    revoke_path: String,
    may_revoke: bool,
}

/// `GET …/clients/{client}/access-tokens/{access_token}`
pub async fn access_token_detail(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, AccessTokenKey)>,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    show(context, app, (client, None, id)).await
}

/// `GET …/clients/{client}/refresh-tokens/{refresh_token}/access-tokens/{access_token}`
pub async fn access_token_detail_via_refresh_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey, AccessTokenKey)>,
) -> Result<HttpResponse> {
    let (client, via, id) = ids.into_inner();
    show(context, app, (client, Some(via), id)).await
}

async fn show(context: RequestContext, app: web::Data<State>, ids: AccessTokenPath) -> Result<HttpResponse> {
    let (client, token, employee, refresh_token) = app
        .db
        .read(move |conn| {
            let (client, token) = find_access_token(conn, ids)?;
            let employee = Employee::find(conn, token.employee_id)?;
            let refresh_token = match token.refresh_token_id {
                Some(id) => Some(RefreshToken::find(conn, client.id, id)?),
                None => None,
            };
            Ok((client, token, employee, refresh_token))
        })
        .await?;
    html(AccessTokenDetail {
        page: breadcrumbs(&context, &token.mask.to_string(), &client, ids.1.and(refresh_token.as_ref())),
        client: ClientFacts::of(&client),
        type_name: token.type_name(),
        type_noun: token.type_noun(),
        refresh_token: refresh_token.map(|token| (token.mask.to_string(), refresh_token_path(client.id, token.id))),
        revoke_path: format!("{}/revoke", access_token_path(client.id, ids.1, token.id)),
        may_revoke: context.viewer.may_act_for(token.employee_id),
        token: TokenFacts::of_access_token(&context, &client, &token, &employee),
    })
}

/// A page with breadcrumbs to the client, and to the refresh token when the URL contains it.
pub fn breadcrumbs(context: &RequestContext, title: &str, client: &Client, via: Option<&RefreshToken>) -> Page {
    let page = context
        .page(title, Section::Clients)
        .breadcrumb(HOME, "Client API Access")
        .breadcrumb(client_path(client.id), &client.name);
    match via {
        None => page,
        Some(parent) => page.breadcrumb(refresh_token_path(client.id, parent.id), parent.mask.to_string()),
    }
}
