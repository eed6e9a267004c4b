//! A resource server and its credentials: not a client, it can ask for no token.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::ResourceServerKey;
use crate::schema::resource_servers;
use crate::secrets::{PlainToken, TokenHash, TokenKind, random_name};
use crate::time::Timestamp;

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = resource_servers)]
pub struct ResourceServer {
    /// Its id here.
    pub id: ResourceServerKey,
    /// What it authenticates as.
    pub resource_server_id: String,
    /// What people call it.
    pub name: String,
    hash: TokenHash,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its secret was made.
    pub secret_created_at: Timestamp,
    /// When it last asked, to within a few seconds; or 0.
    pub last_used_at: Timestamp,
}

impl ResourceServer {
    /// Adds one; its secret is returned once.
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

    /// The one with this id.
    pub fn find(conn: &mut DbConnection, id: ResourceServerKey) -> QueryResult<ResourceServer> {
        resource_servers::table.find(id).select(ResourceServer::as_select()).first(conn)
    }

    /// All of them, by name.
    pub fn all(conn: &mut DbConnection) -> QueryResult<Vec<ResourceServer>> {
        resource_servers::table
            .order((resource_servers::name, resource_servers::id))
            .select(ResourceServer::as_select())
            .load(conn)
    }

    /// The one with this id on the wire and this secret.
    pub fn authenticate(conn: &mut DbConnection, id: &str, secret: &str) -> QueryResult<Option<ResourceServer>> {
        // Ids of ours are letters and digits; PostgreSQL would not even look for a NUL.
        if id.len() > 100 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(None);
        }
        let row = resource_servers::table.filter(resource_servers::resource_server_id.eq(id));
        // Asked for with every introspection: typed against each database, so that its text is not built anew each time.
        let found: Option<ResourceServer> =
            crate::db::on_each!(conn, |conn| row.select(ResourceServer::as_select()).get_result(conn).optional())?;
        let shown = TokenHash::of(secret);
        Ok(found.filter(|server| server.hash.matches(&shown)))
    }

    /// Makes its secret anew; the earlier one stops at once.
    pub fn regenerate(conn: &mut DbConnection, id: ResourceServerKey, now: Timestamp) -> QueryResult<PlainToken> {
        let secret = PlainToken::generate(TokenKind::ClientSecret);
        let change = (resource_servers::hash.eq(secret.hash()), resource_servers::secret_created_at.eq(now));
        match diesel::update(resource_servers::table.find(id)).set(change).execute(conn)? {
            0 => Err(diesel::result::Error::NotFound),
            _ => Ok(secret),
        }
    }

    /// Removes it; false when it was gone already.
    pub fn delete(conn: &mut DbConnection, id: ResourceServerKey) -> QueryResult<bool> {
        diesel::delete(resource_servers::table.find(id)).execute(conn).map(|n| n == 1)
    }

    /// Notes that it asked.
    pub fn touch(conn: &mut DbConnection, id: ResourceServerKey, at: Timestamp) -> QueryResult<usize> {
        let older = resource_servers::table.find(id).filter(resource_servers::last_used_at.lt(at));
        diesel::update(older).set(resource_servers::last_used_at.eq(at)).execute(conn)
    }
}
