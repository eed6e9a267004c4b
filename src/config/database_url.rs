//! The database's URL: SQLite or PostgreSQL.

use std::path::{Path, PathBuf};

/// Which database to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    #[cfg(feature = "postgres")]
    Postgres(PostgresUrl),
}

/// The URL of a PostgreSQL server. It may contain a password, so it has no `Display` and an empty `Debug`.
#[cfg(feature = "postgres")]
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

#[cfg(feature = "postgres")]
impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresUrl")
    }
}

#[cfg(feature = "postgres")]
impl PostgresUrl {
    /// The URL itself, to connect with.
    pub fn expose(&self) -> &str {
        &self.0
    }
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
                    "this build connects to PostgreSQL without TLS; connect over a private network or a tunnel, and \
                     set sslmode=disable"
                        .into(),
                );
            }
            _ if local => {}
            _ => {
                return Err("the connection to another host would not be encrypted; if you trust the network, add \
                     ?sslmode=disable"
                    .into());
            }
        }
        Ok(DatabaseUrl::Postgres(PostgresUrl(text.to_string())))
    }

    /// The file of a SQLite database.
    pub fn sqlite_file(&self) -> Option<&Path> {
        match self {
            DatabaseUrl::Sqlite(path) => Some(path),
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(_) => None,
        }
    }

    /// The database for the log, without the password.
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
