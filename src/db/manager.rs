//! Opens connections and applies their settings, for SQLite and PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::config::{Channels, DatabaseUrl};
use crate::db::carried::carry_metrics;
use crate::db::{DbConnection, carry_channels, carry_key};
use crate::metrics::Metrics;
use crate::secrets::DerivedKey;

/// What a connection is for, which decides its memory and its time limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Commands, migrations, and on PostgreSQL tokens, sessions and all changes.
    Requests,
    /// SQLite: finding a few rows by key, in the caller's thread.
    Lookups,
    /// Pages and lists.
    Pages,
    /// What background jobs read.
    Jobs,
    /// SQLite: the single writer.
    Writer,
}

impl Purpose {
    // SQLite's page cache in KiB; it is filled as needed. The writer's changes touch pages all over the indexes. Lookups
    // keep the upper levels of the indexes of a million tokens. There is no mmap_size: measured with a million tokens and
    // seven connections, it saves a quarter of a page's CPU time, but every connection maps the file for itself, and the
    // process then shows 957 MB instead of 47.
    fn cache(self) -> u32 {
        match self {
            Purpose::Writer => 16_000,
            Purpose::Lookups => 8_000,
            Purpose::Pages => 4_000,
            Purpose::Requests | Purpose::Jobs => 2_000,
        }
    }

    // PostgreSQL's limit for one statement. A page that needs more would keep others waiting.
    pub(crate) fn statement_limit(self) -> Duration {
        match self {
            Purpose::Pages => Duration::from_millis(500),
            _ => Duration::from_secs(60),
        }
    }
}

/// Opens connections for the pool.
#[derive(Clone)]
pub(crate) struct Manager {
    url: DatabaseUrl,
    purpose: Purpose,
    carried: Option<(DerivedKey, Arc<Channels>)>,
    metrics: Arc<Metrics>,
}

/// A pooled connection, and whether it turned out to be dead.
pub(crate) struct Pooled {
    pub(crate) inner: DbConnection,
    pub(crate) broken: bool,
}

impl Manager {
    pub(crate) fn new(url: DatabaseUrl) -> Manager {
        Manager { url, purpose: Purpose::Requests, carried: None, metrics: Metrics::new() }
    }

    /// The same for connections that carry `key` and `channels`.
    pub(crate) fn carrying(self, key: &DerivedKey, channels: Channels) -> Manager {
        Manager { carried: Some((key.clone(), Arc::new(channels))), ..self }
    }

    /// The same for connections whose acts are counted in `metrics`.
    pub(crate) fn counting(self, metrics: Arc<Metrics>) -> Manager {
        Manager { metrics, ..self }
    }

    /// What counts the acts of its connections.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    pub(crate) fn for_purpose(self, purpose: Purpose) -> Manager {
        Manager { purpose, ..self }
    }

    /// The file of an embedded database.
    pub(crate) fn file(&self) -> Option<&std::path::Path> {
        self.url.sqlite_file()
    }

    pub(crate) fn open(&self) -> Result<DbConnection, String> {
        let mut conn = match &self.url {
            DatabaseUrl::Sqlite(path) => open_sqlite(path, self.purpose),
            #[cfg(feature = "postgres-any")]
            DatabaseUrl::Postgres(url) => open_postgres(&url.expose(), self.purpose),
        }?;
        carry_metrics(&mut conn, &self.metrics);
        if let Some((key, channels)) = &self.carried {
            carry_key(&mut conn, key);
            carry_channels(&mut conn, channels);
        }
        Ok(conn)
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = std::io::Error;

    fn connect(&self) -> Result<Pooled, std::io::Error> {
        self.open().map(|inner| Pooled { inner, broken: false }).map_err(std::io::Error::other)
    }

    fn is_valid(&self, _: &mut Pooled) -> Result<(), std::io::Error> {
        Ok(())
    }

    fn has_broken(&self, conn: &mut Pooled) -> bool {
        conn.broken
    }
}

fn open_sqlite(path: &std::path::Path, purpose: Purpose) -> Result<DbConnection, String> {
    // Create the file with mode 0600 before SQLite does; -wal and -shm inherit the mode.
    private_file(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let url = path.to_str().ok_or("the path of the database must be UTF-8")?;
    let mut conn = SqliteConnection::establish(url).map_err(|error| format!("{}: {error}", path.display()))?;
    // busy_timeout comes first, because the other pragmas may wait for a lock. synchronous = FULL, because with NORMAL a
    // power failure can lose acknowledged commits, and with them a revocation. The checkpoint thread replaces
    // wal_autocheckpoint.
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = 3500;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA recursive_triggers = ON;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -{};
         PRAGMA temp_store = MEMORY;",
        purpose.cache()
    ))
    .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(DbConnection::Sqlite(conn))
}

// Creates the file but never opens an existing one: closing it again would drop every lock that this process holds on it
// (fcntl locks belong to the process, not to the descriptor), and the next program to close the database would then delete
// the write-ahead log that the server still uses.
fn private_file(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome.map(drop),
    }
}

#[cfg(feature = "postgres-any")]
fn open_postgres(url: &str, purpose: Purpose) -> Result<DbConnection, String> {
    let mut conn = diesel::PgConnection::establish(url).map_err(|error| {
        // libpq's message names host, port and user, never the password.
        format!("PostgreSQL cannot be reached: {}", error.to_string().trim())
    })?;
    // Errors in English are classified best; only superusers may ask for them. Others keep their language.
    conn.batch_execute(&format!(
        "DO $$ BEGIN SET lc_messages = 'C'; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$; \
         SET statement_timeout = {}; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '60s';",
        purpose.statement_limit().as_millis()
    ))
    .map_err(|error| error.to_string())?;
    Ok(DbConnection::Postgres(conn))
}
