//! `/api/v1/tokens`: one refresh token, access token or API key by its id.

use actix_web::web;
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::named_token::{NamedToken, TokenName, find};
use crate::api::context::ApiContext;
use crate::api::json::{ClientRef, ok, some, time};
use crate::api::problem::Answer;
use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::Error;
use crate::id::{AccessTokenKey, RefreshTokenKey};
use crate::scopes::{EffectiveAccess, Scope};
use crate::secrets::Mask;
use crate::time::Timestamp;
use crate::tokens::listing::ListedToken;
use crate::tokens::{RefreshToken, TokenDates, TokenStatus};
use crate::web::state::State;

/// The employee a token acts for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokenOwner {
    /// Their id in paths.
    id: i64,
    /// Their name.
    name: String,
    /// Their role now: `staff`, `manager` or `admin`.
    role: &'static str,
}

/// A refresh token, access token or API key; never its value.
#[derive(Clone, Serialize, ToSchema)]
pub struct Token {
    /// Its id in paths.
    #[schema(example = "r12")]
    id: String,
    /// `refresh_token`, `access_token` or `api_key`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its first seven characters.
    #[schema(example = "Zk3f9aB *** REDACTED ***")]
    token: String,
    /// What an API key is for.
    label: Option<String>,
    /// The client it belongs to.
    client: ClientRef,
    /// The employee it acts for.
    employee: TokenOwner,
    /// The refresh token that an access token was issued with.
    #[schema(example = "r12")]
    refresh_token: Option<String>,
    /// Its scope, separated by spaces; empty for an access token that has expired.
    scope: String,
    /// The part of it that the role of its employee includes.
    effective_scope: String,
    /// The rest, in words; empty if there is none.
    beyond_role: String,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// When it was last used; null for never.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// When it expires; null for never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// `active`, `never_used`, `unused`, `expires_soon`, `expired`, `employee_locked`, `employee_archived`,
    /// `client_suspended` or `client_pending`: what matters most.
    status: &'static str,
    /// The IP address it was last used from, if it is known; for managers and admins, and not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_address: Option<String>,
}

struct Facts<'a> {
    name: TokenName,
    mask: &'a Mask,
    label: &'a str,
    parent: Option<RefreshTokenKey>,
    scope: &'a Scope,
    dates: TokenDates,
}

/// The word of a status.
pub fn status_word(status: TokenStatus) -> &'static str {
    match status {
        TokenStatus::Active => "active",
        TokenStatus::Expired => "expired",
        TokenStatus::EmployeeArchived => "employee_archived",
        TokenStatus::EmployeeLocked => "employee_locked",
        TokenStatus::ClientSuspended => "client_suspended",
        TokenStatus::ClientPending => "client_pending",
        TokenStatus::ExpiresIn(_) => "expires_soon",
        TokenStatus::Unused(_) => "unused",
        TokenStatus::NeverUsed => "never_used",
    }
}

impl Token {
    fn new(facts: &Facts<'_>, client: &Client, employee: &Employee, now: Timestamp) -> Token {
        Token {
            id: facts.name.to_string(),
            kind: match facts.name {
                TokenName::RefreshToken(_) => "refresh_token",
                TokenName::AccessToken(_) => "access_token",
                TokenName::ApiKey(_) => "api_key",
            },
            token: facts.mask.to_string(),
            label: some(facts.label),
            client: ClientRef::of(client),
            employee: TokenOwner { id: employee.id.0, name: employee.name.clone(), role: employee.role.word() },
            refresh_token: facts.parent.map(|id| TokenName::RefreshToken(id).to_string()),
            scope: facts.scope.as_str().into(),
            effective_scope: facts.scope.effective(employee.role).as_str().into(),
            beyond_role: EffectiveAccess::of(facts.scope, employee.role).missing(),
            created_at: time(facts.dates.created_at),
            last_used_at: time(facts.dates.last_used_at),
            expires_at: time(facts.dates.expires_at),
            status: status_word(TokenStatus::of(facts.dates, employee, client.state(), now)),
            last_used_address: None,
        }
    }

    fn of_row((list, row): (Listed, &ListedToken), client: &Client, employee: &Employee, now: Timestamp) -> Token {
        let name = match (row.refresh_token, list) {
            (None, _) => TokenName::ApiKey(AccessTokenKey(row.id)),
            (Some(id), Listed::Grants) => TokenName::RefreshToken(id),
            (Some(_), Listed::AccessTokens) => TokenName::AccessToken(AccessTokenKey(row.id)),
        };
        let parent = row.refresh_token.filter(|_| matches!(name, TokenName::AccessToken(_)));
        let facts = Facts { name, mask: &row.mask, label: &row.label, parent, scope: &row.scope, dates: row.dates() };
        Token::new(&facts, client, employee, now)
    }

    /// A token with everything about it.
    pub fn of_named(found: &NamedToken, last_used_address: &str, now: Timestamp) -> Token {
        let name = found.name();
        let (facts, client, employee) = match found {
            NamedToken::Refresh(client, token, employee) => {
                let (mask, scope, dates) = (&token.mask, &token.scope, token.dates());
                (Facts { name, mask, label: "", parent: None, scope, dates }, client, employee)
            }
            NamedToken::Access(client, token, employee) => {
                let (mask, scope, dates) = (&token.mask, &token.scope, token.dates());
                let parent = token.refresh_token_id;
                (Facts { name, mask, label: &token.label, parent, scope, dates }, client, employee)
            }
        };
        Token { last_used_address: some(last_used_address), ..Token::new(&facts, client, employee, now) }
    }
}

/// What the rows of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Refresh tokens and API keys.
    Grants,
    /// Access tokens.
    AccessTokens,
}

/// Rows of a list. A token whose client or employee was deleted since it was read is left out.
pub fn rows(
    conn: &mut DbConnection,
    (list, rows): (Listed, &[ListedToken]),
    now: Timestamp,
) -> QueryResult<Vec<Token>> {
    let people = Employee::by_id(conn, rows.iter().map(|row| row.employee))?;
    let clients = Client::by_id(conn, rows.iter().map(|row| row.client))?;
    let shown = |row: &ListedToken| {
        Some(Token::of_row((list, row), clients.get(&row.client)?, people.get(&row.employee)?, now))
    };
    Ok(rows.iter().filter_map(shown).collect())
}

/// The id in a path.
pub fn token_name(text: &str) -> Result<TokenName, Error> {
    TokenName::parse(text).ok_or(Error::NotFound)
}

/// Shows a refresh token, access token or API key.
#[utoipa::path(
    get, path = "/api/v1/tokens/{token}", tag = "tokens",
    params(("token" = String, Path, description = "`r12` for a refresh token, `a34` for an access token, `k56` for an API key")),
    responses((status = 200, description = "The token", body = Token)),
)]
pub async fn show(context: ApiContext, app: web::Data<State>, id: web::Path<String>) -> Answer {
    let (name, now, is_manager) = (token_name(&id)?, context.now, context.viewer.is_manager());
    let token = app.db.read(move |conn| {
        let found = find(conn, name)?;
        let address = match &found {
            // As on the pages: staff do not see where others are.
            _ if !is_manager => String::new(),
            NamedToken::Refresh(_, token, _) => RefreshToken::last_used_address(conn, token.id)?,
            NamedToken::Access(_, token, _) => token.last_used_address.clone(),
        };
        Ok(Token::of_named(&found, &address, now))
    });
    ok(&token.await?)
}
