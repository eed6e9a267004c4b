//! Service keys: a program of the shop uses one to call through a connection. Shown once, stored as a hash.

use diesel::prelude::*;

use crate::connections::connection::Connection;
use crate::db::DbConnection;
use crate::id::{ConnectionKey, ServiceKeyKey};
use crate::schema::service_keys;
use crate::secrets::{Mask, PlainToken, TokenHash, TokenKind};
use crate::time::Timestamp;

/// A row of `service_keys`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = service_keys, belongs_to(Connection))]
pub struct ServiceKey {
    /// Its id.
    pub id: ServiceKeyKey,
    /// The connection it may call through.
    pub connection_id: ConnectionKey,
    /// Its first characters, for pages.
    pub mask: Mask,
    /// The program that uses it.
    pub label: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The name of who created it, at that time.
    pub created_by: String,
    /// When it was last used, to within a few seconds, or 0.
    pub last_used_at: Timestamp,
}

impl ServiceKey {
    /// Creates a key for a connection; the plain key is returned only here.
    pub fn create(
        conn: &mut DbConnection,
        connection: ConnectionKey,
        (label, by): (&str, &str),
        now: Timestamp,
    ) -> QueryResult<PlainToken> {
        let key = PlainToken::generate(TokenKind::ServiceKey);
        diesel::insert_into(service_keys::table)
            .values((
                service_keys::connection_id.eq(connection),
                service_keys::hash.eq(key.hash()),
                service_keys::mask.eq(key.mask()),
                service_keys::label.eq(label),
                service_keys::created_at.eq(now),
                service_keys::created_by.eq(by),
            ))
            .execute(conn)?;
        Ok(key)
    }

    /// The keys of a connection, newest first.
    pub fn of_connection(conn: &mut DbConnection, connection: ConnectionKey) -> QueryResult<Vec<ServiceKey>> {
        service_keys::table
            .filter(service_keys::connection_id.eq(connection))
            .order(service_keys::id.desc())
            .select(ServiceKey::as_select())
            .load(conn)
    }

    /// Finds a key by its hash.
    pub fn find(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<ServiceKey>> {
        let row = service_keys::table.filter(service_keys::hash.eq(hash));
        crate::db::on_each!(conn, |conn| row.select(ServiceKey::as_select()).get_result(conn).optional())
    }

    /// Revokes a key of a connection; returns the key, or nothing if it did not exist.
    pub fn revoke(
        conn: &mut DbConnection,
        connection: ConnectionKey,
        id: ServiceKeyKey,
    ) -> QueryResult<Option<ServiceKey>> {
        let row = service_keys::table.find(id).filter(service_keys::connection_id.eq(connection));
        let found = row.select(ServiceKey::as_select()).first(conn).optional()?;
        match diesel::delete(row).execute(conn)? {
            0 => Ok(None),
            _ => Ok(found),
        }
    }

    /// Records when it was last used.
    pub fn touch(conn: &mut DbConnection, id: ServiceKeyKey, at: Timestamp) -> QueryResult<usize> {
        let older = service_keys::table.find(id).filter(service_keys::last_used_at.lt(at));
        diesel::update(older).set(service_keys::last_used_at.eq(at)).execute(conn)
    }
}
