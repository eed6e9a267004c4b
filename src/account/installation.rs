//! What commands need to know of the server that uses the database.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::schema::installation;

/// The address that people open, as the last server that started had it; none before the first start.
pub fn public_url(conn: &mut DbConnection) -> QueryResult<Option<String>> {
    let url: String = installation::table.select(installation::public_url).first(conn)?;
    Ok(Some(url).filter(|url| !url.is_empty()))
}

/// Records the address that people open, when a server starts.
pub fn record_public_url(conn: &mut DbConnection, origin: &str) -> QueryResult<()> {
    let other = installation::table.filter(installation::public_url.ne(origin));
    diesel::update(other).set(installation::public_url.eq(origin)).execute(conn).map(drop)
}
