//! The database's URL: SQLite or PostgreSQL.

use std::path::{Path, PathBuf};

#[cfg(feature = "postgres-any")]
use crate::config::postgres_url::PostgresUrl;

/// Which database to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server, or several of which one accepts changes.
    #[cfg(feature = "postgres-any")]
    Postgres(PostgresUrl),
}

impl DatabaseUrl {
    /// Parses `sqlite:PATH`, `postgres://…` or `postgresql://…`. Errors: what is wrong, without the URL itself.
    pub fn parse(text: &str) -> Result<DatabaseUrl, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err("sqlite: must be followed by the path of a file".into()),
                path => Ok(DatabaseUrl::Sqlite(path.into())),
            };
        }
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            #[cfg(feature = "postgres-any")]
            "postgres" | "postgresql" => PostgresUrl::parse(text).map(DatabaseUrl::Postgres),
            #[cfg(not(feature = "postgres-any"))]
            "postgres" | "postgresql" => Err("this program was built without PostgreSQL".into()),
            _ => Err("the scheme must be sqlite:, postgres:// or postgresql://".into()),
        }
    }

    /// The file of a SQLite database.
    pub fn sqlite_file(&self) -> Option<&Path> {
        match self {
            DatabaseUrl::Sqlite(path) => Some(path),
            #[cfg(feature = "postgres-any")]
            DatabaseUrl::Postgres(_) => None,
        }
    }

    /// The database for the log, without the password.
    pub fn describe(&self) -> String {
        match self {
            DatabaseUrl::Sqlite(path) => format!("SQLite file {}", path.display()),
            #[cfg(feature = "postgres-any")]
            DatabaseUrl::Postgres(url) => format!("PostgreSQL at {}", url.hosts()),
        }
    }
}
