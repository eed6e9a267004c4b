//! The URL of PostgreSQL: one server, or several of which one accepts changes.

use std::borrow::Cow;

/// Whether the PostgreSQL client of this build can use TLS.
const HAS_TLS: bool = cfg!(feature = "postgres-tls");

/// The URL of a PostgreSQL server or of several. It may contain a password, so it has no `Display` and an empty `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    text: String,
    hosts: Vec<String>,
}

impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresUrl")
    }
}

impl PostgresUrl {
    /// Parses `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME?OPTION=VALUE`. Errors: what is wrong, without the URL itself.
    pub(super) fn parse(text: &str) -> Result<PostgresUrl, String> {
        let hosts = hosts(text)?;
        let are_local = hosts.iter().all(|host| is_local(host));
        let mode = option(text, "sslmode");
        match mode.as_deref() {
            Some("disable") => {}
            Some("require" | "verify-ca" | "verify-full") if HAS_TLS => {}
            Some("require" | "verify-ca" | "verify-full") => {
                return Err("this build connects to PostgreSQL without TLS; build with --no-default-features \
                            --features postgres-tls, or connect over a private network or a tunnel and set sslmode=disable"
                    .into());
            }
            _ if are_local => {}
            _ if HAS_TLS => {
                return Err("the connection to another host might not be encrypted; add ?sslmode=verify-full and the \
                            certificate authority as sslrootcert, or sslmode=disable if you trust the network"
                    .into());
            }
            _ => {
                return Err("the connection to another host would not be encrypted; if you trust the network, add \
                            ?sslmode=disable"
                    .into());
            }
        }
        Ok(PostgresUrl { text: text.to_string(), hosts })
    }

    /// The URL to connect with, which contains the password. What it leaves out is set so that the server notices within
    /// seconds that a host is gone, and among several hosts finds the one that accepts changes.
    pub fn expose(&self) -> String {
        let has_several = self.hosts.len() > 1;
        let defaults = [
            // It counts for each host, and a request waits four seconds.
            ("connect_timeout", if has_several { "2" } else { "3" }),
            ("tcp_user_timeout", "5000"),
            ("keepalives_idle", "3"),
            ("keepalives_interval", "1"),
            ("keepalives_count", "3"),
            ("target_session_attrs", if has_several { "read-write" } else { "any" }),
        ];
        let mut url = self.text.clone();
        for (name, value) in defaults {
            if option(&self.text, name).is_none() {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&format!("{name}={value}"));
            }
        }
        url
    }

    /// The names of the hosts, for the log.
    pub(super) fn hosts(&self) -> String {
        match self.hosts.iter().all(String::is_empty) {
            true => "local socket".into(),
            false => self.hosts.join(", "),
        }
    }
}

fn option(text: &str, name: &str) -> Option<String> {
    let (_, query) = text.split_once('?')?;
    let found = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name).last();
    found.map(|(_, value)| value.into_owned())
}

// The hosts that libpq connects to: options replace those before the path, as in libpq.
fn hosts(text: &str) -> Result<Vec<String>, String> {
    const NO_URL: &str = "it is not a URL: postgres://USER:PASSWORD@HOST/NAME";
    let (_, rest) = text.split_once("://").ok_or(NO_URL)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if let Some(named) = option(text, "hostaddr").or_else(|| option(text, "host")) {
        return Ok(named.split(',').map(str::to_string).collect());
    }
    let listed = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let host = |text: &str| {
        let (host, port) = match text.strip_prefix('[') {
            Some(address) => address.split_once(']').ok_or(NO_URL)?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = port.strip_prefix(':').unwrap_or(port);
        if !port.is_empty() && port.parse::<u16>().is_err() {
            return Err(
                "a port must be a number up to 65535; in a password, write / ? : @ as %2F %3F %3A %40".to_string()
            );
        }
        let host = percent_encoding::percent_decode_str(host).decode_utf8().unwrap_or(Cow::Borrowed(host));
        Ok(host.into_owned())
    };
    listed.split(',').map(host).collect()
}

fn is_local(host: &str) -> bool {
    host.is_empty() || host.starts_with('/') || matches!(host, "localhost" | "127.0.0.1" | "::1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> PostgresUrl {
        PostgresUrl::parse(text).expect("a valid URL")
    }

    #[test]
    fn a_url_has_one_host_or_several() {
        let hosts = |text: &str| parse(text).hosts;

        assert_eq!(hosts("postgres://shop:a%2Fb@localhost/shop"), ["localhost"]);
        assert_eq!(hosts("postgres:///shop"), [""]);
        assert_eq!(hosts("postgres://shop@%2Frun%2Fpostgresql:5433/shop"), ["/run/postgresql"]);
        assert_eq!(hosts("postgresql://shop:x@db1:5432,db2:5433/shop?sslmode=disable"), ["db1", "db2"]);
        assert_eq!(hosts("postgres://shop@[::1]:5432,127.0.0.1/shop"), ["::1", "127.0.0.1"]);
        assert_eq!(hosts("postgres://shop@elsewhere/shop?host=/run/postgresql"), ["/run/postgresql"]);
    }

    #[test]
    fn every_host_must_be_encrypted_or_confirmed() {
        for text in [
            "postgres://localhost,db2/shop",
            "postgres://localhost/shop?host=db2",
            "postgres://localhost/shop?hostaddr=10.0.0.1",
        ] {
            assert!(PostgresUrl::parse(text).is_err(), "{text}");
        }
        assert!(PostgresUrl::parse("postgres://shop:hunter2/3@db/shop").is_err_and(|error| !error.contains("hunter2")));
        assert_eq!(PostgresUrl::parse("postgres://db/shop?sslmode=verify-full").is_ok(), HAS_TLS);
    }

    #[test]
    fn among_several_hosts_the_one_that_accepts_changes_is_used_unless_the_url_says_otherwise() {
        let one = parse("postgres://localhost/shop").expose();
        assert!(one.starts_with("postgres://localhost/shop?connect_timeout=3&") && one.contains("=any"), "{one}");

        let several = parse("postgres://localhost,localhost:1/shop").expose();
        assert!(
            several.contains("&target_session_attrs=read-write") && several.contains("connect_timeout=2"),
            "{several}"
        );

        let chosen =
            parse("postgres://localhost,localhost:1/shop?target_session_attrs=primary&connect_timeout=9").expose();
        assert!(
            chosen.contains("=primary") && !chosen.contains("read-write") && chosen.contains("_timeout=9&"),
            "{chosen}"
        );
        assert!(!chosen.contains("connect_timeout=2"), "{chosen}");
    }
}
