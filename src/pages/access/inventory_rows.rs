//! The rows of the inventory.

use diesel::QueryResult;

use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::id::{AccessTokenKey, RefreshTokenKey};
use crate::pages::clients::client_detail::path as client_path;
use crate::pages::tokens::scope_chips::ScopeChips;
use crate::pages::tokens::token_paths::{access_token_path, refresh_token_path};
use crate::time::{DisplayTime, TimeFormat};
use crate::tokens::TokenStatus;
use crate::tokens::listing::ListedToken;
use crate::web::badge::Badge;
use crate::web::page::Viewer;

/// A refresh token or API key in one row.
pub struct InventoryRow {
    /// Its id, as the form sends it; `None` if the viewer may not revoke it.
    pub id: Option<String>,
    /// Its page.
    pub href: String,
    /// Its first seven characters.
    pub mask: String,
    /// `Refresh token`, or `API key` with its label.
    pub what: String,
    /// The client's name and page.
    pub client: (String, String),
    /// The employee's name, role, and page if the viewer may see it.
    pub employee: (String, &'static str, Option<String>),
    /// What it can do now.
    pub scopes: ScopeChips,
    /// When it was created.
    pub created: DisplayTime,
    /// When it was last used.
    pub last_used: DisplayTime,
    /// When it expires.
    pub expires: DisplayTime,
    /// Its status.
    pub badge: Badge,
}

/// The rows of a page, with what they show of other records. A token whose client or employee was deleted since it was read
/// is left out.
pub fn rows(
    conn: &mut DbConnection,
    tokens: &[ListedToken],
    (viewer, times): (&Viewer, &TimeFormat),
) -> QueryResult<Vec<InventoryRow>> {
    let employees = Employee::by_id(conn, tokens.iter().map(|token| token.employee))?;
    let clients = Client::by_id(conn, tokens.iter().map(|token| token.client))?;
    let row = |token: &ListedToken| {
        let (client, employee) = (clients.get(&token.client)?, employees.get(&token.employee)?);
        Some(InventoryRow::of(token, (client, employee), (viewer, times)))
    };
    Ok(tokens.iter().filter_map(row).collect())
}

impl InventoryRow {
    fn of(
        token: &ListedToken,
        (client, employee): (&Client, &Employee),
        (viewer, times): (&Viewer, &TimeFormat),
    ) -> InventoryRow {
        let kind = if token.refresh_token.is_some() { 'r' } else { 'k' };
        InventoryRow {
            id: viewer.may_act_for(employee.id).then(|| format!("{kind}{}", token.id)),
            href: path(token),
            mask: token.mask.characters().to_string(),
            what: what(token),
            client: (client.name.clone(), client_path(client.id)),
            employee: (employee.name.clone(), employee.role.name(), viewer.employee_page(employee.id)),
            scopes: ScopeChips::of(&token.scope, employee.role),
            created: times.date(token.created_at),
            last_used: times.ago(token.last_used_at),
            expires: times.until(token.expires_at),
            badge: TokenStatus::of(token.dates(), employee, client.state(), times.now()).badge(),
        }
    }
}

/// The type of a token, and the label of an API key.
pub fn what(token: &ListedToken) -> String {
    match (token.refresh_token, token.label.as_str()) {
        (Some(_), _) => "Refresh token".into(),
        (None, "") => "API key".into(),
        (None, label) => format!("API key · {label}"),
    }
}

fn path(token: &ListedToken) -> String {
    match token.refresh_token {
        Some(_) => refresh_token_path(token.client, RefreshTokenKey(token.id)),
        None => access_token_path(token.client, None, AccessTokenKey(token.id)),
    }
}
