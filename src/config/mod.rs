//! The configuration: flags and environment, read and checked once at the start. One message names every invalid setting.

pub mod access_cli;
pub mod access_filters;
mod activity_cli;
mod checks;
mod cli;
mod data_folder;
mod database_url;
mod hosts;
mod identity;
mod identity_flags;
mod keys;
mod lifetimes;
mod notices;
mod one_place;
#[cfg(feature = "postgres-any")]
mod postgres_url;
mod public_url;
mod smtp;
mod webhook;

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::http::Outbound;
use crate::logging::LogFormat;
use crate::time::DAY;
use checks::{Checks, number, secret, switch};

pub use activity_cli::{ActivityCommand, ArchiveActivity, VerifyArchive};
#[cfg(feature = "demo")]
pub use cli::Demo;
pub use cli::{Backup, Cli, Command, Completions, Doctor, Manual, Purge, ResetLink, Restore, Settings, VerifyActivity};
pub use data_folder::{FreeSpace, beside, folder_of, free_bytes};
pub use database_url::DatabaseUrl;
pub use hosts::Hosts;
pub use identity::{DEFAULT_SCOPES, EMAIL_CLAIM, EnteredProvider, GROUPS_CLAIM, IdentityProvider};
pub use identity_flags::IdentitySettings;
pub use keys::KeyChange;
pub use lifetimes::Lifetimes;
pub use notices::{Channels, NoticeSecrets, NoticeSettings, Notices};
pub use public_url::PublicUrl;
pub(crate) use smtp::is_loopback;
pub use smtp::{Security, Smtp};
pub use webhook::Webhook;

/// Limits on callers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most open connections.
    pub connections: usize,
    /// The most open connections of one network.
    pub of_network: usize,
    /// Seconds within which the headers of a request must arrive.
    pub header_seconds: u64,
    /// Seconds within which a body must arrive.
    pub body_seconds: u64,
    /// Seconds within which a request must be answered.
    pub handler_seconds: u64,
    /// Seconds after which a connection without a request is closed.
    pub keep_alive_seconds: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 900,
            of_network: 200,
            header_seconds: 5,
            body_seconds: 10,
            handler_seconds: 60,
            keep_alive_seconds: 5,
        }
    }
}

/// How much work the Argon2id hash of a password is. Nobody can set it; tests of other things lower it.
#[derive(Clone, Copy, Debug)]
pub struct PasswordCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for PasswordCost {
    // OWASP's first choice; with one lane.
    fn default() -> PasswordCost {
        PasswordCost { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// The validated settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address the server listens on.
    pub listen: SocketAddr,
    /// The URL that people open.
    pub public_url: PublicUrl,
    /// The address that metrics are served on, if they are.
    pub metrics_listen: Option<SocketAddr>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseUrl,
    /// The size of the connection pool.
    pub database_connections: u32,
    /// Proxies whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// How many connections may be open, and how long a request may take.
    pub limits: Limits,
    /// How much work the hash of a password is.
    pub password_cost: PasswordCost,
    /// Days before expired tokens are deleted.
    pub keep_expired_days: i64,
    /// How long tokens are valid.
    pub lifetimes: Lifetimes,
    /// Whether anyone may register a client.
    pub public_registration: bool,
    /// Which other servers may be called.
    pub outbound: Outbound,
    /// The addresses of Lightspeed's servers.
    pub hosts: Hosts,
    /// Where notices are sent.
    pub notices: Notices,
    /// The OpenID Connect provider that employees sign in through, if the environment sets one.
    pub identity_provider: Option<IdentityProvider>,
    /// The log level of this program.
    pub log_level: log::LevelFilter,
    /// The format of the log.
    pub log_format: LogFormat,
}

impl Config {
    /// What transactions need in order to write notices.
    pub fn channels(&self) -> Channels {
        Channels {
            email: self.notices.smtp.is_some(),
            webhook: self.notices.webhook.is_some(),
            origin: self.public_url.origin().to_string(),
        }
    }

    /// Validates the settings. Errors: one line for each invalid setting.
    pub fn from_settings(settings: &Settings) -> Result<Config, Vec<String>> {
        let mut checks = Checks::default();
        let config = Config::checked(&mut checks, settings);
        checks.finish(config)
    }

    // Evaluates every setting before the first `?`, so that `checks` names all that are invalid.
    fn checked(checks: &mut Checks, settings: &Settings) -> Option<Config> {
        let listen = checks.take("--listen / LISTEN", checks::listen(&settings.listen));
        let public_url = checks.take("--public-url / PUBLIC_URL", checks::public_url(settings, listen)).flatten();
        let metrics = settings.metrics_listen.as_deref().map(checks::metrics_listen).transpose();
        let metrics = checks.take("--metrics-listen / METRICS_LISTEN", metrics);
        let data_dir = PathBuf::from(&settings.data_dir);
        let data_dir_exists = checks.take("--data-dir / DATA_DIR", checks::data_dir(&data_dir));
        let database = match &settings.database_url {
            None => Ok(DatabaseUrl::Sqlite(data_dir.join("client-api-access.db"))),
            // The URL may contain a password: the message repeats only the reason.
            Some(text) => DatabaseUrl::parse(text),
        };
        let database = checks.take("--database-url / DATABASE_URL", database);
        let connections = number(&settings.database_connections, 1, 500);
        let connections = checks.take("--database-connections / DATABASE_CONNECTIONS", connections);
        let keep = number(&settings.keep_expired_days, 0, 3650);
        let keep = checks.take("--keep-expired-days / KEEP_EXPIRED_DAYS", keep);
        let proxies = checks::proxies(&settings.trusted_proxies);
        let proxies = checks.take("--trusted-proxies / TRUSTED_PROXIES", proxies);
        let limits = limits(checks, settings);
        let lifetimes = lifetimes(checks, settings);
        let registration = switch(&settings.public_registration);
        let registration = checks.take("--public-registration / PUBLIC_REGISTRATION", registration);
        let outbound = checks::outbound(checks, settings);
        let notices = notices(checks, settings, outbound.as_ref().is_some_and(|outbound| outbound.private));
        let allows_private = outbound.as_ref().is_some_and(|outbound| outbound.private);
        let provider = identity_provider(checks, settings, allows_private);
        let level = settings.log_level.parse().map_err(|_| format!("'{}' is not a log level", settings.log_level));
        let level = checks.take("--log-level / LOG_LEVEL", level);
        let format = checks.take("--log-format / LOG_FORMAT", checks::log_format(&settings.log_format));
        data_dir_exists?;
        Some(Config {
            listen: listen?,
            public_url: public_url?,
            metrics_listen: metrics?,
            data_dir,
            database: database?,
            database_connections: u32::try_from(connections?).unwrap_or(8),
            trusted_proxies: proxies?,
            limits: limits?,
            password_cost: PasswordCost::default(),
            keep_expired_days: keep?,
            lifetimes: lifetimes?,
            public_registration: registration?,
            outbound: outbound?,
            hosts: Hosts::default(),
            notices: notices?,
            identity_provider: provider?,
            log_level: level?,
            log_format: format?,
        })
    }
}

fn limits(checks: &mut Checks, settings: &Settings) -> Option<Limits> {
    let most = checks.take("--max-connections / MAX_CONNECTIONS", number(&settings.max_connections, 8, 1_000_000));
    let own = number(&settings.max_connections_per_network, 1, 1_000_000);
    let own = checks.take("--max-connections-per-network / MAX_CONNECTIONS_PER_NETWORK", own);
    let mut seconds = |name: &str, text: &str| checks.take(name, number(text, 1, 3600));
    let header = seconds("--header-seconds / HEADER_SECONDS", &settings.header_seconds);
    let body = seconds("--body-seconds / BODY_SECONDS", &settings.body_seconds);
    let handler = seconds("--handler-seconds / HANDLER_SECONDS", &settings.handler_seconds);
    let keep_alive = seconds("--keep-alive-seconds / KEEP_ALIVE_SECONDS", &settings.keep_alive_seconds);
    Some(Limits {
        connections: most? as usize,
        of_network: own? as usize,
        header_seconds: header? as u64,
        body_seconds: body? as u64,
        handler_seconds: handler? as u64,
        keep_alive_seconds: keep_alive? as u64,
    })
}

fn lifetimes(checks: &mut Checks, settings: &Settings) -> Option<Lifetimes> {
    let seconds = number(&settings.access_token_seconds, 60, 86_400);
    let seconds = checks.take("--access-token-seconds / ACCESS_TOKEN_SECONDS", seconds);
    let days = number(&settings.refresh_token_days, 1, 3650);
    let days = checks.take("--refresh-token-days / REFRESH_TOKEN_DAYS", days);
    Some(Lifetimes { access_token: seconds?, refresh_token: days? * DAY })
}

fn notices(checks: &mut Checks, settings: &Settings, private: bool) -> Option<Notices> {
    let mut secret = |name: &str| checks.take(&format!("{name}_FILE"), secret(name)).flatten();
    let secrets = NoticeSecrets { smtp_url: secret("SMTP_URL"), webhook_secret: secret("WEBHOOK_SECRET") };
    let notices = Notices::from_settings(&settings.notices, &secrets, private);
    notices.map_err(|wrong| wrong.iter().for_each(|(name, why)| checks.note(name, why))).ok()
}

// None if a setting is invalid.
#[expect(clippy::option_option, reason = "an installation without a provider is valid")]
fn identity_provider(checks: &mut Checks, settings: &Settings, private: bool) -> Option<Option<IdentityProvider>> {
    let secret = checks.take("OIDC_CLIENT_SECRET_FILE", secret("OIDC_CLIENT_SECRET")).flatten();
    let provider = identity::provider(&settings.identity, secret, private);
    provider.map_err(|wrong| wrong.iter().for_each(|(name, why)| checks.note(name, why))).ok()
}

#[cfg(test)]
mod tests;
