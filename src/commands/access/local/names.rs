//! Finds what a command names: by its id in the addresses of pages, by another name that is unique, or by its name.

use diesel::prelude::*;

use crate::access::find_token::{FoundToken, TokenOwner, tokens_beginning_with};
use crate::access::named_token::{self, NamedToken, TokenName};
use crate::clients::{Client, find_or_gone};
use crate::commands::access::failure::{Failure, Result};
use crate::commands::access::items;
use crate::connections::{Connection, or_gone};
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::id::{ClientKey, ConnectionKey, EmployeeKey};
use crate::schema::{clients, connections, employees};
use crate::secrets::Mask;
use crate::text::{fold, one_line};

// Names that several have are listed up to this many.
const LISTED: i64 = 10;

fn number(name: &str) -> Option<i64> {
    name.parse().ok().filter(|_| name.bytes().all(|byte| byte.is_ascii_digit()))
}

// The only one of several that have this name, each with its id.
fn only(noun: &str, name: &str, ids: &[i64]) -> Result<i64> {
    match ids {
        [] => Err(Failure::not_found(format!("there is no {noun} {}", one_line(name)))),
        [id] => Ok(*id),
        several => {
            let ids: Vec<String> = several.iter().map(i64::to_string).collect();
            let name = one_line(name);
            Err(Failure::wrong_use(format!(
                "several have the name {name}: name the {noun} by its ID: {}",
                ids.join(", ")
            )))
        }
    }
}

/// A client, also one whose rows are being deleted.
pub(super) fn client(conn: &mut DbConnection, name: &str) -> Result<Client> {
    let name = name.trim();
    if let Some(client) = Client::find_by_client_id(conn, name)? {
        return Ok(client);
    }
    let named = clients::table.filter(clients::name_fold.eq(fold(name))).filter(clients::revoked_at.is_null());
    let ids: Vec<i64> = named.order(clients::id).limit(LISTED).select(clients::id).load(conn)?;
    match (ids.is_empty(), number(name)) {
        (true, Some(id)) => Ok(find_or_gone(conn, ClientKey(id))?),
        _ => Ok(Client::find(conn, ClientKey(only("client", name, &ids)?))?),
    }
}

/// An employee.
pub(super) fn employee(conn: &mut DbConnection, name: &str) -> Result<Employee> {
    let name = name.trim();
    if let Some(employee) = Employee::find_by_email(conn, name)? {
        return Ok(employee);
    }
    let named = employees::table.filter(employees::name_fold.eq(fold(name)));
    let ids: Vec<i64> = named.order(employees::id).limit(LISTED).select(employees::id).load(conn)?;
    match (ids.is_empty(), number(name)) {
        (true, Some(id)) => {
            let found = Employee::find(conn, EmployeeKey(id)).optional()?;
            found.ok_or_else(|| Failure::not_found(format!("there is no employee {id}")))
        }
        _ => Ok(Employee::find(conn, EmployeeKey(only("employee", name, &ids)?))?),
    }
}

/// A connection.
pub(super) fn connection(conn: &mut DbConnection, name: &str) -> Result<Connection> {
    let name = name.trim();
    let named = connections::table.filter(connections::name_fold.eq(fold(name)));
    let ids: Vec<i64> = named.order(connections::id).limit(LISTED).select(connections::id).load(conn)?;
    match (ids.is_empty(), number(name)) {
        (true, Some(id)) => {
            let id = ConnectionKey(id);
            Ok(or_gone(Connection::find(conn, id), conn, id)?)
        }
        _ => Ok(Connection::find(conn, ConnectionKey(only("connection", name, &ids)?))?),
    }
}

/// A token that is not revoked.
pub(super) fn token(conn: &mut DbConnection, name: &str) -> Result<NamedToken> {
    let name = name.trim();
    let by_id = TokenName::parse(name);
    let Some(mask) = Mask::parse(name) else {
        return match by_id {
            Some(id) => named_token::find(conn, id).map_err(Failure::gone),
            // Never repeated: it may be a whole token.
            None => Err(Failure::wrong_use(
                "name a token by its first seven characters or by its ID, such as r12. Other users of this machine can \
                 read a command line, so do not put a whole token there: if you did, revoke it",
            )),
        };
    };
    let found = tokens_beginning_with(conn, &mask)?;
    let found: Vec<(TokenName, &FoundToken)> = found.iter().filter_map(|one| Some((id_of(one.owner)?, one))).collect();
    match (found.as_slice(), by_id) {
        ([(id, _)], _) => named_token::find(conn, *id).map_err(Failure::gone),
        ([], Some(id)) => named_token::find(conn, id).map_err(Failure::gone),
        ([], None) => Err(Failure::not_found(format!("there is no token that begins with {}", mask.characters()))),
        (several, _) => {
            let ids: Vec<String> = several.iter().map(|(id, one)| items::alike(*id, one)).collect();
            let mask = mask.characters();
            Err(Failure::wrong_use(format!("several tokens begin with {mask}: name one by its ID: {}", ids.join("; "))))
        }
    }
}

fn id_of(owner: TokenOwner) -> Option<TokenName> {
    match owner {
        TokenOwner::ApiKey(id) | TokenOwner::PreviousApiKey(id) => Some(TokenName::ApiKey(id)),
        TokenOwner::AccessToken(id, _) => Some(TokenName::AccessToken(id)),
        TokenOwner::RefreshToken(id) | TokenOwner::ReplacedRefreshToken(id) => Some(TokenName::RefreshToken(id)),
        TokenOwner::ClientSecret | TokenOwner::ApiToken(..) => None,
    }
}
