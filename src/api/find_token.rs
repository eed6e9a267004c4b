//! `/api/v1/find-token`: what a leaked or pasted value is. The value is in the body, and only hashes of it are used.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::find_token::{
    FoundToken, PastedText, TokenOwner, TokenSearch, find_tokens, read_pasted_text, tokens_beginning_with,
};
use crate::access::named_token::TokenName;
use crate::api::context::ApiContext;
use crate::api::json::{Body, ClientRef, EmployeeRef, ok, some};
use crate::api::problem::Answer;
use crate::api::tokens::status_word;
use crate::clients::ClientState;
use crate::error::Error;
use crate::time::Timestamp;
use crate::tokens::TokenStatus;
use crate::web::state::State;

/// A text with tokens.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindToken {
    /// Text that contains whole tokens or client secrets, or their SHA-256 hashes, at most 20; or seven characters that a token
    /// begins with.
    value: String,
}

/// A token or client secret that was found.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = FoundToken)]
pub struct FoundItem {
    /// `refresh_token`, `access_token`, `api_key`, `client_secret` or `api_token` (of this API).
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its id in paths; null for a client secret and for an API token.
    id: Option<String>,
    /// Its first seven characters; null for a client secret.
    token: Option<String>,
    /// Whether the value is the current one; false for an earlier value of a refresh token or API key.
    is_current: bool,
    /// The client it belongs to; null for an API token.
    client: Option<ClientRef>,
    /// What an API token is for.
    name: Option<String>,
    /// The employee it acts for; null for a client secret.
    employee: Option<EmployeeRef>,
    /// As in lists of tokens, or `revoked` for an API token; null for a client secret.
    status: Option<&'static str>,
}

/// What was found.
#[derive(Clone, Serialize, ToSchema)]
pub struct FoundTokens {
    /// What was found, in the order of the text.
    found: Vec<FoundItem>,
    /// How many values do not exist (any more).
    unknown: usize,
    /// The first seven characters of values with a wrong character, or that are not complete.
    mistyped: Vec<String>,
}

impl FoundItem {
    fn of(found: &FoundToken, now: Timestamp) -> FoundItem {
        let (kind, name, is_current) = match found.owner {
            TokenOwner::ApiKey(id) => ("api_key", Some(TokenName::ApiKey(id)), true),
            TokenOwner::PreviousApiKey(id) => ("api_key", Some(TokenName::ApiKey(id)), false),
            TokenOwner::AccessToken(id, _) => ("access_token", Some(TokenName::AccessToken(id)), true),
            TokenOwner::RefreshToken(id) => ("refresh_token", Some(TokenName::RefreshToken(id)), true),
            TokenOwner::ReplacedRefreshToken(id) => ("refresh_token", Some(TokenName::RefreshToken(id)), false),
            TokenOwner::ClientSecret => ("client_secret", None, true),
            TokenOwner::ApiToken(..) => ("api_token", None, true),
        };
        let details = found.token.as_ref();
        let client = found.client.as_ref().map_or(ClientState::Active, |client| client.state());
        let status = match found.owner {
            TokenOwner::ApiToken(_, true) => Some("revoked"),
            _ => details.map(|(_, employee, dates)| status_word(TokenStatus::of(*dates, employee, client, now))),
        };
        FoundItem {
            kind,
            id: name.map(|name| name.to_string()),
            token: details.map(|(mask, ..)| mask.to_string()),
            is_current,
            client: found.client.as_ref().map(ClientRef::of),
            name: some(&found.name),
            employee: details.map(|(_, employee, _)| EmployeeRef::of(employee)),
            status,
        }
    }
}

/// Looks up tokens and client secrets by their values. The activity log records what was found, and who looked it up.
#[utoipa::path(
    post, path = "/api/v1/find-token", tag = "tokens", request_body = FindToken,
    responses((status = 200, description = "What was found", body = FoundTokens)),
)]
pub async fn find(context: ApiContext, app: web::Data<State>, body: Body<FindToken>) -> Answer {
    let PastedText { tokens, mistyped, mask } = read_pasted_text(&body.value.value);
    let now = context.now;
    if let (true, true, Some(mask)) = (tokens.is_empty(), mistyped.is_empty(), mask) {
        let found = app.db.read(move |conn| tokens_beginning_with(conn, &mask)).await?;
        let found = found.iter().map(|token| FoundItem::of(token, now)).collect();
        return ok(&FoundTokens { found, unknown: 0, mistyped: Vec::new() });
    }
    let mistyped = mistyped.iter().map(ToString::to_string).collect();
    if tokens.is_empty() {
        return ok(&FoundTokens { found: Vec::new(), unknown: 0, mistyped });
    }
    let (viewer, (actor, client_ip)) = (context.viewer.id, context.by());
    let search = app.db.write(move |conn| find_tokens(conn, &tokens, (viewer, &actor), &client_ip, now));
    match search.await? {
        TokenSearch::Done(found, unknown) => {
            let found = found.iter().map(|token| FoundItem::of(token, now)).collect();
            ok(&FoundTokens { found, unknown, mistyped })
        }
        TokenSearch::TooMany(seconds) => Err(Error::TooManyRequests(seconds).into()),
    }
}
