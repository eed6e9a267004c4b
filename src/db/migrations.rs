//! The schema migrations of both databases, compiled into the program.

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::config::DatabaseUrl;
use crate::db::DbConnection;
use crate::db::manager::Manager;
use crate::db::sqlite_file;
use crate::error::{Error, Result};
use crate::schema::installation;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
#[cfg(feature = "postgres-any")]
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Applies pending migrations, logs each before it begins, and returns their names. Errors: as [`migrate_and_tell`].
pub fn migrate(url: &DatabaseUrl) -> std::result::Result<Vec<String>, String> {
    migrate_and_tell(url, &mut |step| log::info!("{step}"))
}

/// Applies pending migrations one at a time and returns their names. Before each, `tell` gets a line that names it and those
/// that are left.
///
/// Each migration is a transaction of its own. When one fails or the process is killed, the migrations before it are kept,
/// and the next call continues with it. On PostgreSQL an advisory lock makes nodes that start at the same time wait for each
/// other.
pub fn migrate_and_tell(url: &DatabaseUrl, tell: &mut dyn FnMut(&str)) -> std::result::Result<Vec<String>, String> {
    let mut conn = Manager::new(url.clone()).open()?;
    prepare(&mut conn).map_err(|error| error.to_string())?;
    known_schema(&mut conn)?;
    let applied = match &mut conn {
        #[cfg(feature = "postgres-any")]
        DbConnection::Postgres(pg) => apply(pg, POSTGRES_MIGRATIONS, tell, |_| Ok(())),
        // Otherwise the write-ahead log would hold the pages of all migrations.
        DbConnection::Sqlite(sqlite) => {
            apply(sqlite, SQLITE_MIGRATIONS, tell, |sqlite| sqlite.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)"))
        }
    }?;
    if !applied.is_empty() {
        let version = installation::schema_version.eq(env!("CARGO_PKG_VERSION"));
        diesel::update(installation::table).set(version).execute(&mut conn).map_err(|error| error.to_string())?;
        if matches!(conn, DbConnection::Sqlite(_)) {
            sqlite_file::empty_log(&mut conn)?;
        }
    }
    Ok(applied)
}

fn prepare(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        // A migration of a large database takes minutes, and nodes that start meanwhile wait for it. The migration itself
        // does not wait long for a lock, because requests would wait behind it.
        #[cfg(feature = "postgres-any")]
        DbConnection::Postgres(pg) => pg.batch_execute(
            "SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock(7241001); SET lock_timeout = '5s'",
        ),
        // CREATE INDEX sorts the rows in temporary storage: those of a large table do not fit in memory.
        DbConnection::Sqlite(sqlite) => sqlite.batch_execute("PRAGMA temp_store = FILE"),
    }
}

mod list {
    // Diesel's own list of the migrations that were applied.
    diesel::table! {
        #[sql_name = "__diesel_schema_migrations"]
        applied_migrations (version) {
            version -> Text,
        }
    }
}
use list::applied_migrations;

/// The schema of a database, compared with the migrations of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The version of the newest migration that was applied; none in an empty database.
    pub newest: Option<String>,
    /// Versions that the next start applies.
    pub pending: Vec<String>,
    /// Versions that this program does not know: a newer one applied them.
    pub unknown: Vec<String>,
}

impl SchemaVersion {
    /// Reads it, and changes nothing. Errors: nothing was ever applied.
    pub fn of(conn: &mut DbConnection) -> Result<SchemaVersion> {
        let applied: Vec<String> = applied_migrations::table
            .select(applied_migrations::version)
            .order(applied_migrations::version)
            .load(conn)?;
        let known = match conn {
            #[cfg(feature = "postgres-any")]
            DbConnection::Postgres(_) => versions::<diesel::pg::Pg>(POSTGRES_MIGRATIONS)?,
            DbConnection::Sqlite(_) => versions::<diesel::sqlite::Sqlite>(SQLITE_MIGRATIONS)?,
        };
        let missing =
            |from: &[String], other: &[String]| from.iter().filter(|it| !other.contains(it)).cloned().collect();
        let (pending, unknown) = (missing(&known, &applied), missing(&applied, &known));
        Ok(SchemaVersion { newest: applied.into_iter().next_back(), pending, unknown })
    }

    /// Whether migrations of this program are pending.
    pub fn is_older(&self) -> bool {
        !self.pending.is_empty()
    }
}

fn versions<DB: Backend>(migrations: impl MigrationSource<DB>) -> Result<Vec<String>> {
    let migrations = migrations.migrations().map_err(Error::internal)?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// The schema of a database, which may be empty. Errors: a newer version of the program changed it. A program must not use a
/// schema that it does not know, because it could ignore a column that revokes a token. The text names the version that fits.
pub fn known_schema(conn: &mut DbConnection) -> std::result::Result<SchemaVersion, String> {
    // Creates the list in an empty database.
    let list = match conn {
        #[cfg(feature = "postgres-any")]
        DbConnection::Postgres(pg) => pg.applied_migrations(),
        DbConnection::Sqlite(sqlite) => sqlite.applied_migrations(),
    };
    list.map_err(|error| format!("cannot read the schema: {error}"))?;
    let schema = SchemaVersion::of(conn).map_err(|error| format!("cannot read the schema: {error}"))?;
    let Some(unknown) = schema.unknown.last() else { return Ok(schema) };
    // A still newer version could have renamed it.
    let version: QueryResult<String> = installation::table.select(installation::schema_version).first(conn);
    Err(format!(
        "the database has a newer schema ({unknown}) than this program, version {}, knows: use version {} or newer",
        env!("CARGO_PKG_VERSION"),
        version.ok().filter(|version| !version.is_empty()).unwrap_or_else(|| "that last used it".into()),
    ))
}

fn apply<DB: Backend, C: MigrationHarness<DB>>(
    conn: &mut C,
    migrations: impl MigrationSource<DB>,
    tell: &mut dyn FnMut(&str),
    after_each: impl Fn(&mut C) -> QueryResult<()>,
) -> std::result::Result<Vec<String>, String> {
    let pending = conn.pending_migrations(migrations).map_err(|error| format!("cannot read the schema: {error}"))?;
    let names: Vec<String> = pending.iter().map(|migration| migration.name().to_string()).collect();
    for (n, (migration, name)) in pending.iter().zip(&names).enumerate() {
        let left = match &names[n + 1..] {
            [] => String::new(),
            left => format!("; left: {}", left.join(", ")),
        };
        tell(&format!("Applying migration {} of {}: {name}{left}", n + 1, names.len()));
        conn.run_migration(migration).map_err(|error| format!("the schema migration {name} failed: {error}"))?;
        after_each(conn).map_err(|error| format!("after the schema migration {name}: {error}"))?;
    }
    Ok(names)
}

/// Reverts all migrations, which deletes every table: for the demo on PostgreSQL and the tests.
pub fn revert_all(url: &DatabaseUrl) -> std::result::Result<(), String> {
    let mut conn = Manager::new(url.clone()).open()?;
    match &mut conn {
        #[cfg(feature = "postgres-any")]
        DbConnection::Postgres(pg) => pg.revert_all_migrations(POSTGRES_MIGRATIONS).map(drop),
        DbConnection::Sqlite(sqlite) => sqlite.revert_all_migrations(SQLITE_MIGRATIONS).map(drop),
    }
    .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::connect;

    #[test]
    fn the_write_ahead_log_is_empty_after_the_migrations() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = DatabaseUrl::Sqlite(folder.path().join("data.db"));
        // The log is kept as long as another connection is open.
        let mut other = connect(&url).expect("a connection");
        other.batch_execute("CREATE TABLE earlier (id INTEGER)").expect("a table");

        assert!(!migrate(&url).expect("the migrations").is_empty());

        let log = std::fs::metadata(folder.path().join("data.db-wal")).expect("the log");
        assert_eq!(log.len(), 0);
    }
}
