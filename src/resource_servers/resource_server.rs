//! A resource server and its credentials. It may validate tokens (RFC 7662) but cannot request any: it is not a client.

use diesel::prelude::*;

use crate::activity::{Actor, Kind, NewActivity, Subject};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::ResourceServerKey;
use crate::schema::resource_servers;
use crate::secrets::{PlainToken, TokenHash, TokenKind, random_name};
use crate::time::Timestamp;

/// A row of `resource_servers`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = resource_servers)]
pub struct ResourceServer {
    /// The row's id.
    pub id: ResourceServerKey,
    /// The public id it authenticates with.
    pub resource_server_id: String,
    /// The name people see.
    pub name: String,
    hash: TokenHash,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its secret was created.
    pub secret_created_at: Timestamp,
    /// When it last authenticated, to within a few seconds; 0 for never.
    pub last_used_at: Timestamp,
}

impl ResourceServer {
    /// Inserts a resource server and returns its secret, which cannot be read again.
    pub fn create(conn: &mut DbConnection, name: &str, now: Timestamp) -> QueryResult<(ResourceServer, PlainToken)> {
        let secret = PlainToken::generate(TokenKind::ClientSecret);
        let id = diesel::insert_into(resource_servers::table)
            .values((
                resource_servers::resource_server_id.eq(format!("rs-{}", random_name(40))),
                resource_servers::name.eq(name),
                resource_servers::hash.eq(secret.hash()),
                resource_servers::created_at.eq(now),
                resource_servers::secret_created_at.eq(now),
            ))
            .returning(resource_servers::id)
            .get_result::<i64>(conn)?;
        Ok((Self::find(conn, ResourceServerKey(id))?, secret))
    }

    /// Finds a resource server by its id.
    pub fn find(conn: &mut DbConnection, id: ResourceServerKey) -> QueryResult<ResourceServer> {
        resource_servers::table.find(id).select(ResourceServer::as_select()).first(conn)
    }

    /// All resource servers, by name.
    pub fn all(conn: &mut DbConnection) -> QueryResult<Vec<ResourceServer>> {
        resource_servers::table
            .order((resource_servers::name, resource_servers::id))
            .select(ResourceServer::as_select())
            .load(conn)
    }

    /// The public id, if it can be one: ids consist of letters, digits and a hyphen, and PostgreSQL rejects a query with a NUL.
    pub fn well_formed(id: &str) -> Option<&str> {
        Some(id).filter(|id| id.len() <= 100 && id.bytes().all(|byte| byte.is_ascii_graphic()))
    }

    /// Finds the resource server with this public id, if this is the hash of its secret.
    pub fn authenticate(conn: &mut DbConnection, id: &str, secret: &TokenHash) -> QueryResult<Option<ResourceServer>> {
        let Some(id) = Self::well_formed(id) else {
            return Ok(None);
        };
        let row = resource_servers::table.filter(resource_servers::resource_server_id.eq(id));
        // Typed for each database, Diesel caches the prepared statement by type instead of building the SQL text first.
        let found: Option<ResourceServer> =
            crate::db::on_each!(conn, |conn| row.select(ResourceServer::as_select()).get_result(conn).optional())?;
        Ok(found.filter(|server| server.hash.matches(secret)))
    }

    fn replace_secret(conn: &mut DbConnection, id: ResourceServerKey, now: Timestamp) -> QueryResult<PlainToken> {
        let secret = PlainToken::generate(TokenKind::ClientSecret);
        let change = (resource_servers::hash.eq(secret.hash()), resource_servers::secret_created_at.eq(now));
        match diesel::update(resource_servers::table.find(id)).set(change).execute(conn)? {
            0 => Err(diesel::result::Error::NotFound),
            _ => Ok(secret),
        }
    }

    fn delete(conn: &mut DbConnection, id: ResourceServerKey) -> QueryResult<bool> {
        diesel::delete(resource_servers::table.find(id)).execute(conn).map(|n| n == 1)
    }

    /// Records that it authenticated.
    pub fn touch(conn: &mut DbConnection, id: ResourceServerKey, at: Timestamp) -> QueryResult<usize> {
        let older = resource_servers::table.find(id).filter(resource_servers::last_used_at.lt(at));
        diesel::update(older).set(resource_servers::last_used_at.eq(at)).execute(conn)
    }

    fn subject(&self) -> Subject {
        Subject::named("resource_server", self.id.0, &self.name)
    }
}

/// Adds a resource server and returns its secret, which cannot be read again.
pub fn add(
    conn: &mut DbConnection,
    name: &str,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<(ResourceServer, PlainToken)> {
    let (server, secret) = ResourceServer::create(conn, name, now)?;
    NewActivity::new(Kind::ResourceServerAdded, actor.clone(), server.subject()).from(client_ip).record(conn, now)?;
    Ok((server, secret))
}

/// Generates a new secret for a resource server; the previous one stops working at once.
pub fn regenerate_secret(
    conn: &mut DbConnection,
    id: ResourceServerKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<(ResourceServer, PlainToken)> {
    let server = ResourceServer::find(conn, id)?;
    let secret = ResourceServer::replace_secret(conn, id, now)?;
    NewActivity::new(Kind::ResourceServerChanged, actor.clone(), server.subject()).from(client_ip).record(conn, now)?;
    Ok((server, secret))
}

/// Removes a resource server. Errors: [`Error::NotFound`] when it was removed already.
pub fn remove(
    conn: &mut DbConnection,
    id: ResourceServerKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<ResourceServer> {
    let server = ResourceServer::find(conn, id)?;
    if !ResourceServer::delete(conn, id)? {
        return Err(Error::NotFound);
    }
    NewActivity::new(Kind::ResourceServerRemoved, actor.clone(), server.subject()).from(client_ip).record(conn, now)?;
    Ok(server)
}
