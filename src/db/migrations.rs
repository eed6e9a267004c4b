//! The schema migrations of both databases, compiled into the program.

use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::config::DatabaseUrl;
use crate::db::DbConnection;
use crate::db::manager::Manager;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
#[cfg(feature = "postgres")]
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Applies pending migrations and returns their names. On PostgreSQL an advisory lock makes nodes that start at the same
/// time wait for each other.
pub fn migrate(url: &DatabaseUrl) -> std::result::Result<Vec<String>, String> {
    let mut conn = Manager::new(url.clone()).open()?;
    let applied = match &mut conn {
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(pg) => {
            use diesel::connection::SimpleConnection;
            pg.batch_execute("SELECT pg_advisory_lock(7241001)").map_err(|error| error.to_string())?;
            pg.run_pending_migrations(POSTGRES_MIGRATIONS)
        }
        DbConnection::Sqlite(sqlite) => sqlite.run_pending_migrations(SQLITE_MIGRATIONS),
    };
    let applied = applied.map_err(|error| format!("the schema migration failed: {error}"))?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// Reverts all migrations, which deletes every table: for the demo on PostgreSQL and the tests.
pub fn revert_all(url: &DatabaseUrl) -> std::result::Result<(), String> {
    let mut conn = Manager::new(url.clone()).open()?;
    match &mut conn {
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(pg) => pg.revert_all_migrations(POSTGRES_MIGRATIONS).map(drop),
        DbConnection::Sqlite(sqlite) => sqlite.revert_all_migrations(SQLITE_MIGRATIONS).map(drop),
    }
    .map_err(|error| error.to_string())
}
