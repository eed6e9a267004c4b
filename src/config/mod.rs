//! Settings: flags and environment, read once before anything starts. Every wrong setting is named in one message.

mod keys;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use url::Url;

pub use keys::KeyChange;

use crate::connections::Hosts;
use crate::db::DatabaseUrl;
use crate::http::Outbound;
use crate::notices::{NoticeSecrets, NoticeSettings, Notices};
use crate::time::DAY;
use crate::tokens::issue::Lifetimes;

/// The command line.
#[derive(Parser, Debug)]
#[command(
    name = "client-api-access",
    version,
    about = "See every integration that can reach a shop's data, and stop it.",
    after_help = "Secrets come by environment only:\n  \
        SECRET_KEY        at least 32 characters; keys for cookies, forms and sealing are derived from it\n  \
        SECRET_KEY_FILE   a file that holds it; by default secret.key in the data folder, made at the very first start.\n                    \
        With PostgreSQL one of the two is required, the same on every node.\n  \
        SECRET_KEY_PREVIOUS\n                    \
        the key before, while rotate-key replaces it\n  \
        SMTP_URL          notices by e-mail, beside NOTICES_FROM and NOTICES_TO:\n                    \
        smtp://user:password@host:587 (STARTTLS), smtps://host:465 (TLS), or on this machine\n                    \
        smtp://localhost:25?tls=none\n  \
        WEBHOOK_SECRET    what notices to WEBHOOK_URL are signed with: whsec_ and base64, or at least\n                    \
        24 characters\n  \
        Of each, NAME_FILE may name a file that holds it."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Start the server on its own data; an empty database prints a link to set up the first admin
    Serve(Settings),
    /// Start the server on a made-up shop and print how to sign in; its data is made anew at every start
    Demo(Demo),
    /// Bring the database's schema up to date and stop
    Migrate(Settings),
    /// Check the hash chain over the activity log; exit code 1 when an entry was edited or is missing
    VerifyActivity(VerifyActivity),
    /// Seal every stored secret anew under a new key; the server has to be stopped, or started with both keys
    RotateKey(Settings),
    /// Print a link on which somebody who cannot sign in chooses a new password; their sign-ins end
    ResetLink(ResetLink),
}

/// Settings every command shares.
#[derive(Args, Debug, Default, Clone)]
pub struct Settings {
    /// Address and port to listen on
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// The address people type, when a proxy stands in front: https://…; http only on loopback
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Folder for the embedded database and the secret key
    #[arg(long, env = "DATA_DIR", default_value = "./data", value_name = "FOLDER")]
    pub data_dir: String,
    /// sqlite:FILE or postgres://USER@HOST/NAME; by default the SQLite file in the data folder
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Database connections, for reading on SQLite, for everything on PostgreSQL
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value = "8", value_name = "NUMBER")]
    pub database_connections: String,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "", value_name = "LIST")]
    pub trusted_proxies: String,
    /// How long expired tokens stay visible before they are deleted, in days
    #[arg(long, env = "KEEP_EXPIRED_DAYS", default_value = "30", value_name = "DAYS")]
    pub keep_expired_days: String,
    /// How long an access token lives, in seconds
    #[arg(long, env = "ACCESS_TOKEN_SECONDS", default_value = "3600", value_name = "SECONDS")]
    pub access_token_seconds: String,
    /// After how many days without a refresh a refresh token lapses
    #[arg(long, env = "REFRESH_TOKEN_DAYS", default_value = "30", value_name = "DAYS")]
    pub refresh_token_days: String,
    /// Whether anybody may register a client; it can do nothing until an admin admits it: on or off
    #[arg(long, env = "PUBLIC_REGISTRATION", default_value = "off", value_name = "on|off")]
    pub public_registration: String,
    /// Whether connections may lead to private addresses, and to plain http on this machine: on or off
    #[arg(long, env = "OUTBOUND_PRIVATE", default_value = "off", value_name = "on|off")]
    pub outbound_private: String,
    /// A file of certificates (PEM) whose authorities are trusted for connections, beside the system's own
    #[arg(long, env = "OUTBOUND_CA", value_name = "FILE")]
    pub outbound_ca: Option<String>,
    /// How notices leave.
    #[command(flatten)]
    pub notices: NoticeSettings,
    /// What our own modules log: error, warn, info, debug or trace; libraries never below warn
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
}

/// The demo's own settings.
#[derive(Args, Debug, Clone)]
pub struct Demo {
    /// The shared settings; the data folder is ./data/demo unless one is named.
    #[command(flatten)]
    pub settings: Settings,
    /// How many clients the shop has
    #[arg(long, default_value_t = 48)]
    pub clients: u32,
    /// How many access tokens and API keys there are, about
    #[arg(long, default_value_t = 3_000)]
    pub tokens: u32,
    /// The same seed makes the same shop (its tokens and passwords are always new)
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Make the data, print how to sign in, and stop
    #[arg(long)]
    pub only_make: bool,
}

/// The check's own settings.
#[derive(Args, Debug, Clone)]
pub struct VerifyActivity {
    /// The shared settings.
    #[command(flatten)]
    pub settings: Settings,
    /// A head printed earlier (NUMBER:SEAL): also proves that nothing was cut off since
    #[arg(long, value_name = "HEAD")]
    pub head: Option<String>,
}

/// Whose password is to be chosen anew.
#[derive(Args, Debug, Clone)]
pub struct ResetLink {
    /// The shared settings.
    #[command(flatten)]
    pub settings: Settings,
    /// The e-mail the person signs in with
    pub email: String,
}

/// The settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The address people type.
    pub public_url: PublicUrl,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseUrl,
    /// Connections of the pool.
    pub database_connections: u32,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Days an expired token stays visible.
    pub keep_expired_days: i64,
    /// How long tokens live.
    pub lifetimes: Lifetimes,
    /// Whether anybody may register a client.
    pub public_registration: bool,
    /// Which other servers may be called.
    pub outbound: Outbound,
    /// Where Lightspeed's servers are.
    pub hosts: Hosts,
    /// Where notices go.
    pub notices: Notices,
    /// Level of our own modules.
    pub log_level: log::LevelFilter,
}

/// The origin the pages are reached at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    https: bool,
    port: u16,
}

impl PublicUrl {
    /// Reads an origin: https anywhere, http on loopback only, no path.
    pub fn parse(text: &str) -> Result<PublicUrl, String> {
        let url = Url::parse(text).map_err(|error| format!("it is not a URL ({error})"))?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(format!("its scheme must be https, not {other}")),
        };
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => return Err("it names no host".into()),
        };
        if !https && !loopback {
            return Err(
                "plain http is served on loopback only; put a proxy with https in front and name its address".into()
            );
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err("it must be an origin only, like https://pos.example: no path, query or user".into());
        }
        let origin = url.origin().ascii_serialization();
        Ok(PublicUrl { origin, https, port: url.port_or_known_default().unwrap_or_default() })
    }

    /// The origin, as a browser writes it: no slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether people reach it by https.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The name of a cookie of ours: bound to this host on https, to this port on loopback, where hosts are shared.
    pub fn cookie_name(&self, name: &str) -> String {
        match self.https {
            true => format!("__Host-{name}"),
            false => format!("{name}-{}", self.port),
        }
    }
}

impl Config {
    /// Checks the settings; on failure, one line per wrong one.
    pub fn from_settings(settings: &Settings) -> Result<Config, Vec<String>> {
        let mut wrong = Vec::new();
        let mut note = |name: &str, problem: String| wrong.push(format!("{name}: {problem}"));

        let listen = settings.listen.parse::<SocketAddr>();
        let listen =
            listen.map_err(|_| note("--listen / LISTEN", format!("'{}' is not ADDRESS:PORT", settings.listen))).ok();
        let public_url = match (&settings.public_url, listen) {
            (Some(text), _) => PublicUrl::parse(text).map_err(|why| note("--public-url / PUBLIC_URL", why)).ok(),
            (None, Some(listen)) if listen.ip().is_loopback() => PublicUrl::parse(&format!("http://{listen}")).ok(),
            (None, Some(_)) => {
                let why = "needed when listening beyond loopback: the https address of the proxy in front";
                note("--public-url / PUBLIC_URL", why.into());
                None
            }
            (None, None) => None,
        };
        let data_dir = PathBuf::from(&settings.data_dir);
        if let Some(parent) = data_dir.parent().filter(|parent| !parent.as_os_str().is_empty())
            && !data_dir.is_dir()
            && !parent.is_dir()
        {
            note("--data-dir / DATA_DIR", format!("there is no folder {}", parent.display()));
        }
        let database = match &settings.database_url {
            None => Some(DatabaseUrl::Sqlite(data_dir.join("client-api-access.db"))),
            // The URL may hold a password: only the reason is repeated.
            Some(text) => DatabaseUrl::parse(text).map_err(|why| note("--database-url / DATABASE_URL", why)).ok(),
        };
        let connections = number(&settings.database_connections, 1, 500);
        let connections = connections.map_err(|why| note("--database-connections / DATABASE_CONNECTIONS", why)).ok();
        let keep = number(&settings.keep_expired_days, 0, 3650);
        let keep = keep.map_err(|why| note("--keep-expired-days / KEEP_EXPIRED_DAYS", why)).ok();
        let proxies = settings.trusted_proxies.split(',').map(str::trim).filter(|part| !part.is_empty());
        let proxies = proxies.map(|part| network(part).ok_or_else(|| part.to_string())).collect::<Result<Vec<_>, _>>();
        let proxies = proxies
            .map_err(|part| note("--trusted-proxies / TRUSTED_PROXIES", format!("'{part}' is no address or network")))
            .ok();
        let seconds = number(&settings.access_token_seconds, 60, 86_400);
        let seconds = seconds.map_err(|why| note("--access-token-seconds / ACCESS_TOKEN_SECONDS", why)).ok();
        let days = number(&settings.refresh_token_days, 1, 3650);
        let days = days.map_err(|why| note("--refresh-token-days / REFRESH_TOKEN_DAYS", why)).ok();
        let lifetimes = seconds.zip(days);
        let registration = switch(&settings.public_registration);
        let registration = registration.map_err(|why| note("--public-registration / PUBLIC_REGISTRATION", why)).ok();
        let private = switch(&settings.outbound_private);
        let private = private.map_err(|why| note("--outbound-private / OUTBOUND_PRIVATE", why)).ok();
        let authorities = match &settings.outbound_ca {
            None => Some(Vec::new()),
            Some(path) => std::fs::read(path)
                .map_err(|error| note("--outbound-ca / OUTBOUND_CA", format!("{path}: {error}")))
                .ok(),
        };
        let outbound = private.zip(authorities).map(|(private, authorities)| Outbound { private, authorities });
        let mut secret = |name: &str| secret(name).map_err(|why| note(&format!("{name}_FILE"), why)).ok().flatten();
        let secrets = NoticeSecrets { smtp_url: secret("SMTP_URL"), webhook_secret: secret("WEBHOOK_SECRET") };
        let private = outbound.as_ref().is_some_and(|outbound| outbound.private);
        let notices = Notices::from_settings(&settings.notices, &secrets, private)
            .map_err(|wrong| wrong.into_iter().for_each(|(name, why)| note(name, why)))
            .ok();
        let level = settings.log_level.parse::<log::LevelFilter>();
        let level =
            level.map_err(|_| note("--log-level / LOG_LEVEL", format!("'{}' is not a level", settings.log_level))).ok();

        match (
            listen,
            public_url,
            database,
            connections,
            keep,
            proxies,
            lifetimes,
            registration,
            outbound,
            notices,
            level,
        ) {
            (
                Some(listen),
                Some(public_url),
                Some(database),
                Some(connections),
                Some(keep),
                Some(proxies),
                Some((seconds, days)),
                Some(public_registration),
                Some(outbound),
                Some(notices),
                Some(level),
            ) if wrong.is_empty() => Ok(Config {
                listen,
                public_url,
                data_dir,
                database,
                database_connections: u32::try_from(connections).unwrap_or(8),
                trusted_proxies: proxies,
                keep_expired_days: keep,
                lifetimes: Lifetimes { access_token: seconds, refresh_token: days * DAY },
                public_registration,
                outbound,
                hosts: Hosts::default(),
                notices,
                log_level: level,
            }),
            _ => Err(wrong),
        }
    }
}

/// A secret out of the environment: `NAME`, or what is in the file that `NAME_FILE` names. Errors: that file.
pub fn secret(name: &str) -> Result<Option<String>, String> {
    if let Ok(text) = std::env::var(name) {
        return Ok(Some(text));
    }
    match std::env::var(format!("{name}_FILE")) {
        Ok(path) => std::fs::read_to_string(&path).map(Some).map_err(|error| format!("{path}: {error}")),
        Err(_) => Ok(None),
    }
}

fn number(text: &str, least: i64, most: i64) -> Result<i64, String> {
    match text.parse::<i64>() {
        Ok(n) if (least..=most).contains(&n) => Ok(n),
        _ => Err(format!("'{text}' is not a whole number from {least} to {most}")),
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("'{other}' is neither on nor off")),
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            listen: "127.0.0.1:8080".into(),
            data_dir: "./data".into(),
            database_connections: "8".into(),
            keep_expired_days: "30".into(),
            access_token_seconds: "3600".into(),
            refresh_token_days: "30".into(),
            public_registration: "off".into(),
            outbound_private: "off".into(),
            log_level: "info".into(),
            ..Settings::default()
        }
    }

    #[test]
    fn the_defaults_serve_plain_http_on_loopback_from_a_file_in_the_data_folder() {
        let config = Config::from_settings(&settings()).expect("good settings");

        assert_eq!(config.public_url.origin(), "http://127.0.0.1:8080");
        assert_eq!(config.public_url.cookie_name("session"), "session-8080");
        assert_eq!(config.database, DatabaseUrl::Sqlite("./data/client-api-access.db".into()));
    }

    #[test]
    fn every_wrong_setting_is_named_at_once() {
        let wrong = Settings {
            listen: "everywhere".into(),
            public_url: Some("http://pos.example".into()),
            data_dir: "/no/such/folder/data".into(),
            database_url: Some("mysql://root:hunter2@db/shop".into()),
            database_connections: "0".into(),
            trusted_proxies: "10.0.0.0/8, proxy".into(),
            keep_expired_days: "soon".into(),
            access_token_seconds: "soon".into(),
            refresh_token_days: "0".into(),
            public_registration: "maybe".into(),
            outbound_private: "perhaps".into(),
            outbound_ca: Some("/no/such/file.pem".into()),
            notices: NoticeSettings { notices_from: Some("nobody".into()), ..NoticeSettings::default() },
            log_level: "loud".into(),
        };

        let lines = Config::from_settings(&wrong).expect_err("all are wrong").join("\n");

        let names = "LISTEN PUBLIC_URL DATA_DIR DATABASE_URL CONNECTIONS PROXIES KEEP SECONDS REFRESH REGISTRATION PRIVATE \
             OUTBOUND_CA SMTP_URL NOTICES_FROM NOTICES_TO LOG_LEVEL";
        for name in names.split(' ') {
            assert!(lines.contains(name), "{name} is missing in {lines}");
        }
        assert!(!lines.contains("hunter2"));
    }

    #[test]
    fn beyond_loopback_an_https_address_is_needed() {
        let open = Settings { listen: "0.0.0.0:80".into(), ..settings() };
        assert!(Config::from_settings(&open).is_err());

        let proxied = Settings { public_url: Some("https://pos.example/".into()), ..open };
        let config = Config::from_settings(&proxied).expect("good settings");
        assert_eq!(config.public_url.origin(), "https://pos.example");
        assert_eq!(config.public_url.cookie_name("session"), "__Host-session");
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn postgresql_without_tls_beyond_this_machine_must_be_asked_for() {
        let with = |url: &str| Config::from_settings(&Settings { database_url: Some(url.into()), ..settings() });

        assert!(with("postgres://shop@localhost/shop").is_ok());
        assert!(with("postgres://shop@db.internal/shop").is_err());
        assert!(with("postgres://shop@db.internal/shop?sslmode=disable").is_ok());
        assert!(with("postgres://shop@db.internal/shop?sslmode=require").is_err());
    }
}
