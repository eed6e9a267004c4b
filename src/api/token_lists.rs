//! `/api/v1/clients/{client}/…`: the refresh tokens, access tokens and API keys of a client, and the access tokens of a refresh
//! token.

use actix_web::web;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::named_token::{NamedToken, TokenName, find};
use crate::api::context::ApiContext;
use crate::api::json::ok;
use crate::api::list::{Page, Sort, Wanted};
use crate::api::problem::Answer;
use crate::api::query::{Params, text, word};
use crate::api::tokens::{Listed, Token, rows, token_name};
use crate::clients::find_or_gone;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::time::Timestamp;
use crate::tokens::listing::{self, Limits, List, Request, SortBy, StatusFilter, TokenFilter, TokenPage, Within};
use crate::web::state::State;

const SORTS: &[Sort] = &[("created", true), ("used", true), ("expires", false)];

/// The filters of a list of tokens.
#[derive(Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct TokenQuery {
    /// The first characters of the token, at most seven.
    #[param(max_length = 7)]
    token: Option<String>,
    /// A part of the employee's name.
    employee: Option<String>,
    /// `employee-active`, `employee-inactive`, `never-used`, `unused` or `expiring-soon`; not for access tokens.
    status: Option<String>,
    /// `1` for expired tokens instead of valid ones. Expired access tokens are listed by refresh token only.
    expired: Option<String>,
    /// `created`, `used` or `expires`, with `-` in front for descending. A long list of access tokens is by creation.
    sort: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// The most entries of a page: 1 to 50.
    limit: Option<u32>,
}

struct Asked {
    list: List,
    filter: TokenFilter,
    wanted: Wanted,
}

impl TokenQuery {
    fn read(&self, list: List) -> std::result::Result<Asked, crate::api::problem::Failure> {
        let token = text(&self.token);
        if token.chars().count() > 7 {
            let why = "`token` can have at most 7 characters. To look up a whole token, use POST /api/v1/find-token.";
            return Err(Error::Invalid(why.into()).into());
        }
        let expired = word("expired", &self.expired, |word| (word == "1").then_some(()))?.is_some();
        let status = word("status", &self.status, StatusFilter::from_word)?;
        if status.is_some() && list == List::AccessTokens {
            return Err(Error::Invalid("Access tokens have no filter by status.".into()).into());
        }
        let default = if list == List::AccessTokens && expired { Some("-expires") } else { None };
        let sort = self.sort.as_deref().filter(|sort| !sort.is_empty()).or(default);
        let wanted = Wanted::read(SORTS, sort, self.cursor.as_deref(), self.limit)?;
        let filter = TokenFilter { token, employee: text(&self.employee), status, expired };
        Ok(Asked { list, filter, wanted })
    }
}

fn sort_by(wanted: &Wanted) -> SortBy {
    match wanted.sort {
        "used" => SortBy::LastUsed,
        "expires" => SortBy::Expires,
        _ => SortBy::Created,
    }
}

/// The cursor behind a page of tokens: behind its last row, or where the search stopped.
pub fn next(wanted: &Wanted, found: &TokenPage, last: Option<(i64, i64)>) -> Option<String> {
    let stopped = found.stopped.map(|place| (place.value, place.id));
    let place = stopped.or(last.filter(|_| found.rows.has_next));
    place.map(|(value, id)| wanted.cursor_after(&value.to_string(), id))
}

impl Asked {
    fn page(&self, conn: &mut crate::db::DbConnection, within: Within, now: Timestamp) -> Result<Page<Token>> {
        let cursor = self.wanted.place().map_err(|_| Error::Invalid("`cursor` is not one of this list.".into()))?;
        let request = Request {
            list: self.list,
            within,
            filter: &self.filter,
            sort: if self.list == List::EndedTokens { SortBy::Expires } else { sort_by(&self.wanted) },
            descending: self.wanted.descending,
            cursor,
            page: self.wanted.limit,
            now,
            limits: Limits::default(),
        };
        let found = listing::find(conn, &request)?;
        let last = found.rows.rows.last().map(|row| row.place(found.sort)).map(|place| (place.value, place.id));
        let list = match self.list {
            List::RefreshTokens | List::ApiKeys => Listed::Grants,
            List::AccessTokens | List::EndedTokens => Listed::AccessTokens,
        };
        Ok(Page { data: rows(conn, (list, &found.rows.rows), now)?, next_cursor: next(&self.wanted, &found, last) })
    }
}

async fn of_client(context: ApiContext, app: &State, client: ClientKey, asked: Asked) -> Answer {
    let now = context.now;
    let page = app.db.read(move |conn| {
        let client = find_or_gone(conn, client)?.require_unrevoked()?;
        asked.page(conn, Within::Client(client.id), now)
    });
    ok(&page.await?)
}

/// Lists the refresh tokens of a client.
#[utoipa::path(
    get, path = "/api/v1/clients/{client}/refresh-tokens", tag = "tokens",
    params(("client" = i64, Path, description = "The client's id"), TokenQuery),
    responses((status = 200, description = "Refresh tokens", body = Page<Token>)),
)]
pub async fn refresh_tokens(
    context: ApiContext,
    app: web::Data<State>,
    client: web::Path<ClientKey>,
    params: Params<TokenQuery>,
) -> Answer {
    of_client(context, &app, *client, params.0.read(List::RefreshTokens)?).await
}

/// Lists the API keys of a client.
#[utoipa::path(
    get, path = "/api/v1/clients/{client}/api-keys", tag = "tokens",
    params(("client" = i64, Path, description = "The client's id"), TokenQuery),
    responses((status = 200, description = "API keys", body = Page<Token>)),
)]
pub async fn api_keys(
    context: ApiContext,
    app: web::Data<State>,
    client: web::Path<ClientKey>,
    params: Params<TokenQuery>,
) -> Answer {
    of_client(context, &app, *client, params.0.read(List::ApiKeys)?).await
}

/// Lists the valid access tokens of a client.
#[utoipa::path(
    get, path = "/api/v1/clients/{client}/access-tokens", tag = "tokens",
    params(("client" = i64, Path, description = "The client's id"), TokenQuery),
    responses((status = 200, description = "Valid access tokens", body = Page<Token>)),
)]
pub async fn access_tokens(
    context: ApiContext,
    app: web::Data<State>,
    client: web::Path<ClientKey>,
    params: Params<TokenQuery>,
) -> Answer {
    let asked = params.0.read(List::AccessTokens)?;
    if asked.filter.expired {
        let why = "Expired access tokens are listed at /api/v1/tokens/{token}/access-tokens, by refresh token.";
        return Err(Error::Invalid(why.into()).into());
    }
    of_client(context, &app, *client, asked).await
}

/// Lists the access tokens issued with a refresh token.
#[utoipa::path(
    get, path = "/api/v1/tokens/{token}/access-tokens", tag = "tokens",
    params(("token" = String, Path, description = "The id of a refresh token: `r12`"), TokenQuery),
    responses((status = 200, description = "The access tokens issued with a refresh token", body = Page<Token>)),
)]
pub async fn access_tokens_of_refresh_token(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<String>,
    params: Params<TokenQuery>,
) -> Answer {
    let (name, now) = (token_name(&id)?, context.now);
    let TokenName::RefreshToken(_) = name else { return Err(Error::NotFound.into()) };
    let mut asked = params.0.read(List::AccessTokens)?;
    if asked.filter.expired {
        asked.list = List::EndedTokens;
    }
    let page = app.db.read(move |conn| match find(conn, name)? {
        NamedToken::Refresh(client, token, _) => asked.page(conn, Within::RefreshToken(client.id, token.id), now),
        NamedToken::Access(..) => Err(Error::NotFound),
    });
    ok(&page.await?)
}
