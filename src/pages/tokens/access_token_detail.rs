//! The page of one access token or API key, under its client or under its refresh token.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::usage::Usage;
use crate::clients::Client;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{AccessTokenKey, ClientKey, RefreshTokenKey};
use crate::pages::clients::client_detail::{ClientFacts, HOME, path as client_path};
use crate::pages::tokens::token_facts::TokenFacts;
use crate::pages::tokens::token_lookup::{AccessTokenPath, FoundAccessToken, find_current_or_ended};
use crate::pages::tokens::token_paths::{access_token_path, refresh_token_path};
use crate::pages::usage_chart::UsageChart;
use crate::time::{DisplayTime, Timestamp};
use crate::tokens::{AccessToken, RefreshToken};
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
    /// Only for an API key: an access token lives for an hour.
    usage: Option<UsageChart>,
    /// The values of an API key.
    values: Option<KeyValues>,
}

/// The values of an API key, and where an admin replaces them.
struct KeyValues {
    /// When the current value was created.
    created: DisplayTime,
    /// When the previous value stops working or stopped, if there is one.
    previous: Option<DisplayTime>,
    /// Whether it works.
    previous_works: bool,
    /// The form for a new value; none for somebody who is no admin.
    href: Option<String>,
}

impl KeyValues {
    fn of(context: &RequestContext, key: &AccessToken) -> KeyValues {
        let (times, is_rotated) = (&context.times, key.rotated_at > Timestamp::NEVER_YET);
        let href = || format!("{}/value", access_token_path(key.client_id, None, key.id));
        KeyValues {
            created: times.exact(if is_rotated { key.rotated_at } else { key.created_at }),
            previous: is_rotated.then(|| times.exact(key.previous_expires_at)),
            previous_works: key.has_two_values(context.now()),
            href: context.viewer.is_admin().then(href),
        }
    }
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
    let now = context.now();
    let (client, found, employee, refresh_token, usage) = app
        .db
        .read(move |conn| {
            let (client, found) = find_current_or_ended(conn, ids)?;
            let (employee, parent) = match &found {
                FoundAccessToken::Current(token) => (token.employee_id, token.refresh_token_id),
                FoundAccessToken::Ended(token) => (token.employee_id, Some(token.refresh_token_id)),
            };
            let employee = Employee::find(conn, employee)?;
            let refresh_token = match parent {
                Some(id) => Some(RefreshToken::find(conn, client.id, id)?),
                None => None,
            };
            let usage = match &found {
                FoundAccessToken::Current(token) if token.is_api_key() => {
                    let usage = Usage::of_api_key(conn, token.id, now)?;
                    Some(UsageChart::of_api_key(&usage, token.last_used_at))
                }
                _ => None,
            };
            Ok((client, found, employee, refresh_token, usage))
        })
        .await?;
    let (token, (type_name, type_noun), may_revoke) = match &found {
        FoundAccessToken::Current(token) => {
            let facts = TokenFacts::of_access_token(&context, &client, token, &employee);
            // An expired access token is moved soon.
            let is_over = !token.is_api_key() && token.expires_at <= context.times.now();
            let may_revoke = !is_over && context.viewer.may_act_for(employee.id);
            (facts, (token.type_name(), token.type_noun()), may_revoke)
        }
        // It has expired: there is nothing to revoke.
        FoundAccessToken::Ended(token) => {
            let facts = TokenFacts::of_ended_token(&context, &client, token, &employee);
            (facts, ("Access Token", "access token"), false)
        }
    };
    let values = match &found {
        FoundAccessToken::Current(key) if key.is_api_key() => Some(KeyValues::of(&context, key)),
        FoundAccessToken::Current(_) | FoundAccessToken::Ended(_) => None,
    };
    let title = format!("{} *** REDACTED ***", token.mask);
    html(AccessTokenDetail {
        page: breadcrumbs(&context, &title, &client, ids.1.and(refresh_token.as_ref())),
        client: ClientFacts::of(&client),
        type_name,
        type_noun,
        refresh_token: refresh_token.map(|token| (token.mask.to_string(), refresh_token_path(client.id, token.id))),
        revoke_path: format!("{}/revoke", access_token_path(client.id, ids.1, ids.2)),
        may_revoke,
        values,
        token,
        usage,
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
