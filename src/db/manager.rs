//! How a connection is opened and set up, by the URL's scheme.

use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::db::DbConnection;

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server; the URL may hold a password and is never shown.
    #[cfg(feature = "postgres")]
    Postgres(PostgresUrl),
}

/// The URL of a PostgreSQL server. It cannot be printed.
#[cfg(feature = "postgres")]
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

#[cfg(feature = "postgres")]
impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresUrl")
    }
}

impl DatabaseUrl {
    /// Reads `sqlite:PATH`, `postgres://…` or `postgresql://…`; anything else is refused, in words for the person who set it.
    pub fn parse(text: &str) -> Result<DatabaseUrl, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err("sqlite: needs the path of a file behind it".into()),
                path => Ok(DatabaseUrl::Sqlite(path.into())),
            };
        }
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Self::postgres(text),
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => Err("this program was built without PostgreSQL".into()),
            _ => Err("the scheme must be sqlite:, postgres:// or postgresql://".into()),
        }
    }

    #[cfg(feature = "postgres")]
    fn postgres(text: &str) -> Result<DatabaseUrl, String> {
        let url = url::Url::parse(text).map_err(|error| format!("it is not a URL: {error}"))?;
        let option = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let host = option("host").or_else(|| url.host_str().map(str::to_string)).unwrap_or_default();
        let local = host.is_empty()
            || host.starts_with('/')
            || host.starts_with("%2F")
            || matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
        match option("sslmode").as_deref() {
            Some("disable") => {}
            Some("require" | "verify-ca" | "verify-full") => {
                return Err(
                    "this build speaks to PostgreSQL without TLS; reach the server over a private network or a \
                     tunnel and write sslmode=disable"
                        .into(),
                );
            }
            _ if local => {}
            _ => {
                return Err(
                    "the connection to another host would not be encrypted; if its network is trusted, say so with \
                     ?sslmode=disable"
                        .into(),
                );
            }
        }
        Ok(DatabaseUrl::Postgres(PostgresUrl(text.to_string())))
    }

    /// What may be said about it in a log: never a password.
    pub fn describe(&self) -> String {
        match self {
            DatabaseUrl::Sqlite(path) => format!("SQLite file {}", path.display()),
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(url) => {
                let url = url::Url::parse(&url.0).ok();
                let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or("local socket").to_string();
                format!("PostgreSQL at {host}")
            }
        }
    }
}

/// Opens connections for the pool.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    url: DatabaseUrl,
}

/// A pooled connection, and whether it was found dead.
pub(crate) struct Pooled {
    pub(crate) inner: DbConnection,
    pub(crate) broken: bool,
}

impl Manager {
    pub(crate) fn new(url: DatabaseUrl) -> Manager {
        Manager { url }
    }

    /// The file of an embedded database.
    pub(crate) fn file(&self) -> Option<&std::path::Path> {
        match &self.url {
            DatabaseUrl::Sqlite(path) => Some(path),
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(_) => None,
        }
    }

    pub(crate) fn open(&self) -> Result<DbConnection, String> {
        match &self.url {
            DatabaseUrl::Sqlite(path) => open_sqlite(path),
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(url) => open_postgres(&url.0),
        }
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

fn open_sqlite(path: &std::path::Path) -> Result<DbConnection, String> {
    // Created here so that the file, and with it -wal and -shm, is the owner's alone from its first byte.
    private_file(path).map_err(|error| format!("{} cannot be opened: {error}", path.display()))?;
    let url = path.to_str().ok_or("the path of the database must be UTF-8")?;
    let mut conn = SqliteConnection::establish(url).map_err(|error| format!("{}: {error}", path.display()))?;
    // busy_timeout first: the others may have to wait for a lock themselves. FULL, because with NORMAL a power cut loses
    // acknowledged commits, which here is a revocation that un-happens. Checkpoints run beside the writer.
    conn.batch_execute(
        "PRAGMA busy_timeout = 3500;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA recursive_triggers = ON;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -2000;
         PRAGMA temp_store = MEMORY;",
    )
    .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(DbConnection::Sqlite(conn))
}

// Only makes the file, and never opens one that is there: closing it again would drop every lock that this process holds on
// it (fcntl locks belong to the process, not to the descriptor), and the next program to leave the database would take the
// log away under the server.
fn private_file(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome.map(drop),
    }
}

#[cfg(feature = "postgres")]
fn open_postgres(url: &str) -> Result<DbConnection, String> {
    let with_timeout = match url.contains("connect_timeout=") {
        true => url.to_string(),
        false => format!("{url}{}connect_timeout=3", if url.contains('?') { '&' } else { '?' }),
    };
    let mut conn = diesel::PgConnection::establish(&with_timeout).map_err(|error| {
        // libpq's message names host, port and user, never the password.
        format!("PostgreSQL cannot be reached: {}", error.to_string().trim())
    })?;
    conn.batch_execute(
        "SET statement_timeout = '60s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '60s';",
    )
    .map_err(|error| error.to_string())?;
    Ok(DbConnection::Postgres(conn))
}
