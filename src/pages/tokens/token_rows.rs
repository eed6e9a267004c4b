//! The rows of a token table.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::clients::{Client, ClientState};
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::id::{AccessTokenKey, RefreshTokenKey};
use crate::pages::clients::client_detail::path as client_path;
use crate::pages::tokens::scope_chips::ScopeChips;
use crate::pages::tokens::token_paths::{access_token_path, refresh_token_path};
use crate::time::{DisplayTime, TimeFormat};
use crate::tokens::TokenStatus;
use crate::tokens::listing::{List, ListedToken, Within};
use crate::web::badge::Badge;
use crate::web::page::Viewer;

/// A row of a token table.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// The page of the token.
    pub href: String,
    /// The first seven characters of the token.
    pub mask: String,
    /// The label of an API key.
    pub label: String,
    /// The client with its page, in tables with tokens of several clients.
    pub client: Option<(String, String)>,
    /// The employee's name, role, and page if the viewer may see it.
    pub employee: (String, &'static str, Option<String>),
    /// What the token can do now.
    pub scopes: ScopeChips,
    /// When the token was created.
    pub created: DisplayTime,
    /// When it was last used.
    pub last_used: DisplayTime,
    /// When it expires.
    pub expires: DisplayTime,
    /// Its status.
    pub badge: Badge,
}

/// The rows of a table, with what they show of other records.
pub fn rows(
    conn: &mut DbConnection,
    (list, within): (List, Within),
    tokens: &[ListedToken],
    client: ClientState,
    (viewer, times): (&Viewer, &TimeFormat),
) -> QueryResult<Vec<TokenRow>> {
    let employees = Employee::by_id(conn, tokens.iter().map(|token| token.employee))?;
    let clients = match within {
        Within::Employee(_) => Client::by_id(conn, tokens.iter().map(|token| token.client))?,
        Within::Client(_) | Within::RefreshToken(..) => HashMap::new(),
    };
    // Someone may have deleted an employee or a client since the tokens were read.
    let row = |token: &ListedToken| {
        let employee = employees.get(&token.employee)?;
        let owner = clients.get(&token.client);
        let state = owner.map_or(client, Client::state);
        Some(TokenRow {
            client: owner.map(|client| (client.name.clone(), client_path(client.id))),
            employee: (employee.name.clone(), employee.role.name(), viewer.employee_page(employee.id)),
            badge: TokenStatus::of(token.dates(), employee, state, times.now()).badge(),
            scopes: ScopeChips::of(&token.scope, employee.role),
            ..TokenRow::of((list, within), token, times)
        })
    };
    Ok(tokens.iter().filter_map(row).collect())
}

impl TokenRow {
    fn of((list, within): (List, Within), token: &ListedToken, times: &TimeFormat) -> TokenRow {
        let via = match within {
            Within::RefreshToken(_, id) => Some(id),
            Within::Client(_) | Within::Employee(_) => None,
        };
        TokenRow {
            href: match list {
                List::RefreshTokens => refresh_token_path(token.client, RefreshTokenKey(token.id)),
                _ => access_token_path(token.client, via, AccessTokenKey(token.id)),
            },
            mask: token.mask.characters().to_string(),
            label: token.label.clone(),
            client: None,
            employee: (String::new(), "", None),
            scopes: ScopeChips::default(),
            created: times.date(token.created_at),
            last_used: times.ago(token.last_used_at),
            expires: times.until(token.expires_at),
            badge: TokenStatus::Active.badge(),
        }
    }
}
