//! Which tokens a list covers: the table, and the client, refresh token or employee they belong to.

use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};

/// The table that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Refresh tokens.
    RefreshTokens,
    /// Access tokens and API keys.
    AccessTokens,
}

/// What the listed tokens belong to.
#[derive(Clone, Copy, Debug)]
pub enum Within {
    /// A client.
    Client(ClientKey),
    /// A refresh token of a client: the access tokens issued with it.
    RefreshToken(ClientKey, RefreshTokenKey),
    /// An employee.
    Employee(EmployeeKey),
}

impl Table {
    /// The table's name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Table::RefreshTokens => "refresh_tokens",
            Table::AccessTokens => "access_tokens",
        }
    }
}

impl Within {
    /// The SQL condition that selects these rows of `table`.
    pub fn condition(self, table: Table) -> String {
        match (self, table) {
            (Within::Client(client), _) => format!("client_id = {client}"),
            (Within::RefreshToken(_, id), Table::RefreshTokens) => format!("id = {id}"),
            (Within::RefreshToken(client, id), Table::AccessTokens) => {
                format!("refresh_token_id = {id} AND client_id = {client}")
            }
            (Within::Employee(employee), _) => format!("employee_id = {employee}"),
        }
    }
}
