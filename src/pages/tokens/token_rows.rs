//! The rows of a token table.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::clients::{Client, ClientState};
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{ClientKey, RefreshTokenKey};
use crate::pages::clients::client_detail::path as client_path;
use crate::pages::tokens::token_paths::{access_token_path, refresh_token_path};
use crate::schema::clients;
use crate::scopes::Scope;
use crate::time::{DisplayTime, TimeFormat};
use crate::tokens::listing::{Table, Within};
use crate::tokens::{AccessToken, RefreshToken, TokenDates, TokenStatus};
use crate::web::badge::Badge;
use crate::web::page::Viewer;

// How many scopes a row shows.
const SHOWN_SCOPES: usize = 2;

/// A row of a token table.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// The page of the token.
    pub href: String,
    /// The first seven characters of the token.
    pub mask: String,
    /// The label of an API key.
    pub label: String,
    /// `API Key` or `Access Token`; empty for a refresh token.
    pub type_name: &'static str,
    /// The client with its page, in tables with tokens of several clients.
    pub client: Option<(String, String)>,
    /// The employee's name, role, and page if the viewer may see it.
    pub employee: (String, &'static str, Option<String>),
    /// The descriptions of the first scopes.
    pub scopes: Vec<String>,
    /// How many more scopes there are.
    pub more_scopes: usize,
    /// When the token was created.
    pub created: DisplayTime,
    /// When it was last used.
    pub last_used: DisplayTime,
    /// When it expires.
    pub expires: DisplayTime,
    /// Its status.
    pub badge: Badge,
}

/// A token of either table, as a row shows it.
pub struct ListedToken {
    id: i64,
    href: String,
    mask: String,
    label: String,
    type_name: &'static str,
    client: ClientKey,
    scope: Scope,
    dates: TokenDates,
    employee: Employee,
}

impl ListedToken {
    /// Loads the tokens with these ids, in the same order.
    pub fn load(conn: &mut DbConnection, table: Table, within: Within, ids: &[i64]) -> Result<Vec<ListedToken>> {
        let via = match within {
            Within::RefreshToken(_, id) => Some(id),
            Within::Client(_) | Within::Employee(_) => None,
        };
        Ok(match table {
            Table::RefreshTokens => {
                RefreshToken::with_employees(conn, ids)?.into_iter().map(Self::of_refresh_token).collect()
            }
            Table::AccessTokens => AccessToken::with_employees(conn, ids)?
                .into_iter()
                .map(|found| Self::of_access_token(found, via))
                .collect(),
        })
    }

    fn of_refresh_token((token, employee): (RefreshToken, Employee)) -> ListedToken {
        ListedToken {
            id: token.id.0,
            href: refresh_token_path(token.client_id, token.id),
            mask: token.mask.characters().to_string(),
            label: String::new(),
            type_name: "",
            client: token.client_id,
            dates: token.dates(),
            scope: token.scope,
            employee,
        }
    }

    fn of_access_token((token, employee): (AccessToken, Employee), via: Option<RefreshTokenKey>) -> ListedToken {
        ListedToken {
            id: token.id.0,
            href: access_token_path(token.client_id, via, token.id),
            mask: token.mask.characters().to_string(),
            type_name: token.type_name(),
            client: token.client_id,
            dates: token.dates(),
            label: token.label,
            scope: token.scope,
            employee,
        }
    }

    /// The position of the row in a list that is sorted by `column`.
    pub fn position(&self, column: &str) -> (i64, i64) {
        match column {
            "last_used_at" => (self.dates.last_used_at.0, self.id),
            "expires_at" => (self.dates.expires_at.0, self.id),
            _ => (self.id, self.id),
        }
    }

    /// The client it belongs to.
    pub fn client(&self) -> ClientKey {
        self.client
    }

    /// The row. `client` is set in tables with tokens of several clients.
    pub fn row(self, client: Option<&Client>, state: ClientState, (viewer, times): (&Viewer, &TimeFormat)) -> TokenRow {
        let mut scopes = self.scope.in_words();
        let more_scopes = scopes.len().saturating_sub(SHOWN_SCOPES);
        scopes.truncate(SHOWN_SCOPES);
        TokenRow {
            href: self.href,
            mask: self.mask,
            label: self.label,
            type_name: self.type_name,
            client: client.map(|client| (client.name.clone(), client_path(client.id))),
            employee: (self.employee.name.clone(), self.employee.role.name(), viewer.employee_page(self.employee.id)),
            scopes,
            more_scopes,
            created: times.date(self.dates.created_at),
            last_used: times.ago(self.dates.last_used_at),
            expires: times.until(self.dates.expires_at),
            badge: TokenStatus::of(self.dates, &self.employee, state, times.now()).badge(),
        }
    }
}

/// Loads the clients with these ids.
pub fn clients_by_id(
    conn: &mut DbConnection,
    ids: impl Iterator<Item = ClientKey>,
) -> QueryResult<HashMap<ClientKey, Client>> {
    let mut ids: Vec<ClientKey> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<Client> = clients::table.filter(clients::id.eq_any(ids)).select(Client::as_select()).load(conn)?;
    Ok(rows.into_iter().map(|client| (client.id, client)).collect())
}
