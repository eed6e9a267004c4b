//! The command line: subcommands, flags and environment variables, as clap reads them. Without `Debug`, because
//! `DATABASE_URL` and `WEBHOOK_URL` may contain secrets.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::access_cli::{
    AttentionCommand, ClientsCommand, ConnectionsCommand, EmployeesCommand, KeysCommand, TokensCommand,
};
use crate::config::activity_cli::ActivityCommand;
use crate::config::{IdentitySettings, NoticeSettings};

/// The command line.
#[derive(Parser)]
#[command(
    name = "client-api-access",
    version,
    about = "OAuth 2.0 tokens for a shop's API: see which apps have access and revoke it.",
    after_help = "Secrets come from the environment only:\n  \
        SECRET_KEY        at least 32 characters; the keys for cookies, forms and encryption are derived from it\n  \
        SECRET_KEY_FILE   a file that contains it; by default secret.key in the data folder, created at the first start.\n                    \
        PostgreSQL requires one of the two, with the same key on every node.\n  \
        SECRET_KEY_PREVIOUS\n                    \
        the previous key, while rotate-key replaces it\n  \
        SMTP_URL          mail server for notices, used with NOTICES_FROM and NOTICES_TO:\n                    \
        smtp://user:password@host:587 (STARTTLS), smtps://host:465 (TLS), or on loopback\n                    \
        smtp://localhost:25?tls=none\n  \
        WEBHOOK_SECRET    signs the notices sent to WEBHOOK_URL: whsec_ and base64, or at least\n                    \
        24 characters\n  \
        OIDC_CLIENT_SECRET\n                    \
        the secret of OIDC_CLIENT_ID at the provider OIDC_ISSUER\n  \
        For each of them, NAME_FILE may name a file that contains the value."
)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Start the server; if nobody is set up yet, print a link to create the first admin
    Serve(Settings),
    /// Start the server with a made-up shop and print how to sign in; each start replaces its data
    #[cfg(feature = "demo")]
    Demo(Demo),
    /// Apply pending schema migrations, then exit
    Migrate(Settings),
    /// Copy the database to a file while the server runs, and check the copy; with PostgreSQL, print how to use pg_dump
    Backup(Backup),
    /// Replace the database with a backup; what was revoked after the backup stays revoked. Stop the server first
    Restore(Restore),
    /// Delete what is older than the retention settings now, as the server does every minute
    Purge(Purge),
    /// Check an installation: files, database, secret key, clock, encryption and disk; exits with 1 if something is wrong
    Doctor(Doctor),
    /// Check the hash chain of the activity log; exits with 1 if an entry was edited, deleted or added by somebody else
    VerifyActivity(VerifyActivity),
    /// List, show, approve, suspend, resume and revoke clients
    #[command(subcommand)]
    Clients(Box<ClientsCommand>),
    /// List, show and revoke refresh tokens, access tokens and API keys
    #[command(subcommand)]
    Tokens(Box<TokensCommand>),
    /// List, show and revoke API keys
    #[command(subcommand)]
    Keys(Box<KeysCommand>),
    /// List, show, lock, unlock and offboard employees, and revoke the access they authorized
    #[command(subcommand)]
    Employees(Box<EmployeesCommand>),
    /// List, show, pause, resume and disconnect the shop's connections to other servers
    #[command(subcommand)]
    Connections(Box<ConnectionsCommand>),
    /// List what needs attention
    #[command(subcommand)]
    Attention(Box<AttentionCommand>),
    /// List the activity log, move old entries of it to a file, or check such a file
    #[command(subcommand)]
    Activity(ActivityCommand),
    /// Encrypt every stored secret with a new key; stop the server first, or start it with both keys
    RotateKey(Settings),
    /// Print a one-time link to choose a new password; signs the employee out everywhere
    ResetLink(ResetLink),
    /// Print completions for a shell
    Completions(Completions),
    /// Write the manual pages, one for each command, to a folder
    Manual(Manual),
}

/// Settings that every subcommand shares.
#[derive(Args, Default, Clone)]
pub struct Settings {
    /// Address and port to listen on
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// URL that people open, if the server is behind a proxy: https://…; http on loopback only
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Address and port to serve metrics on, loopback or private; by default they are not served
    #[arg(long, env = "METRICS_LISTEN", value_name = "LISTEN")]
    pub metrics_listen: Option<String>,
    /// Folder for the SQLite database and the secret key
    #[arg(long, env = "DATA_DIR", default_value = "./data", value_name = "FOLDER")]
    pub data_dir: String,
    /// sqlite:FILE or postgres://USER@HOST/NAME; by default a SQLite file in the data folder
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Number of database connections: for reads on SQLite, for everything on PostgreSQL
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value = "8", value_name = "NUMBER")]
    pub database_connections: String,
    /// Proxies whose X-Forwarded-For header is trusted: addresses or networks, separated by commas
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "", value_name = "LIST")]
    pub trusted_proxies: String,
    /// Most open connections; an eighth of them is for networks in which somebody is signed in
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "900", value_name = "NUMBER")]
    pub max_connections: String,
    /// Most open connections of one IPv4 address or IPv6 /64; trusted proxies have no limit of their own
    #[arg(long, env = "MAX_CONNECTIONS_PER_NETWORK", default_value = "200", value_name = "NUMBER")]
    pub max_connections_per_network: String,
    /// Seconds within which the headers of a request must arrive
    #[arg(long, env = "HEADER_SECONDS", default_value = "5", value_name = "SECONDS")]
    pub header_seconds: String,
    /// Seconds within which the body of a request must arrive
    #[arg(long, env = "BODY_SECONDS", default_value = "10", value_name = "SECONDS")]
    pub body_seconds: String,
    /// Seconds within which the server answers a request; calls through connections have limits of their own
    #[arg(long, env = "HANDLER_SECONDS", default_value = "60", value_name = "SECONDS")]
    pub handler_seconds: String,
    /// Seconds after which a connection without a request is closed
    #[arg(long, env = "KEEP_ALIVE_SECONDS", default_value = "5", value_name = "SECONDS")]
    pub keep_alive_seconds: String,
    /// Days before expired tokens are deleted
    #[arg(long, env = "KEEP_EXPIRED_DAYS", default_value = "7", value_name = "DAYS")]
    pub keep_expired_days: String,
    /// Lifetime of access tokens, in seconds
    #[arg(long, env = "ACCESS_TOKEN_SECONDS", default_value = "3600", value_name = "SECONDS")]
    pub access_token_seconds: String,
    /// Days without use after which a refresh token expires
    #[arg(long, env = "REFRESH_TOKEN_DAYS", default_value = "30", value_name = "DAYS")]
    pub refresh_token_days: String,
    /// Whether anyone may register a client, which stays without access until an admin approves it: on or off
    #[arg(long, env = "PUBLIC_REGISTRATION", default_value = "off", value_name = "on|off")]
    pub public_registration: String,
    /// Whether connections may call private addresses, and plain http on loopback: on or off
    #[arg(long, env = "OUTBOUND_PRIVATE", default_value = "off", value_name = "on|off")]
    pub outbound_private: String,
    /// PEM file of certificate authorities to trust for connections, in addition to the system's
    #[arg(long, env = "OUTBOUND_CA", value_name = "FILE")]
    pub outbound_ca: Option<String>,
    /// Settings of notices.
    #[command(flatten)]
    pub notices: NoticeSettings,
    /// Settings of the OpenID Connect provider.
    #[command(flatten)]
    pub identity: IdentitySettings,
    /// Log level of this program: error, warn, info, debug or trace; libraries log at most warnings
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
    /// Format of the log: text, or json with one object a line
    #[arg(long, env = "LOG_FORMAT", default_value = "text", value_name = "text|json")]
    pub log_format: String,
}

/// Arguments of `demo`.
#[cfg(feature = "demo")]
#[derive(Args, Clone)]
pub struct Demo {
    /// The shared settings; the default data folder is ./data/demo.
    #[command(flatten)]
    pub settings: Settings,
    /// Number of clients
    #[arg(long, default_value_t = 48)]
    pub clients: u32,
    /// Approximate number of access tokens and API keys
    #[arg(long, default_value_t = 3_000)]
    pub tokens: u32,
    /// Seed of the made-up data: the same seed creates the same shop (tokens and passwords always differ)
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Create the data, print how to sign in, then exit
    #[arg(long)]
    pub only_make: bool,
}

/// Arguments of `backup`.
#[derive(Args, Clone)]
pub struct Backup {
    /// The shared settings.
    #[command(flatten)]
    pub settings: Settings,
    /// File to write, with a manifest beside it: FILE.manifest.json; neither may exist yet
    pub file: PathBuf,
}

/// Arguments of `restore`.
#[derive(Args, Clone)]
#[group(id = "choice", multiple = false, args = ["trust_backup", "revoke_everything_issued"])]
pub struct Restore {
    /// The shared settings.
    #[command(flatten)]
    pub settings: Settings,
    /// The backup; none with PostgreSQL, after you restored the database with pg_restore
    pub file: Option<PathBuf>,
    /// Keep everything as it is in the backup, if the database that it replaces cannot be read: what was revoked, locked or
    /// replaced after the backup works again
    #[arg(long)]
    pub trust_backup: bool,
    /// Revoke every token, API key, client secret and other secret that was issued, if the database that it replaces cannot
    /// be read
    #[arg(long)]
    pub revoke_everything_issued: bool,
}

/// Arguments of `purge`.
#[derive(Args, Clone)]
pub struct Purge {
    /// The shared settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `doctor`.
#[derive(Args, Clone)]
pub struct Doctor {
    /// The shared settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Megabytes that must be free on the disk of a SQLite database; at least as much as the database is always required
    #[arg(long, value_name = "MEGABYTES", default_value_t = 1024)]
    pub free_megabytes: u64,
}

/// Arguments of `verify-activity`.
#[derive(Args, Clone)]
pub struct VerifyActivity {
    /// The shared settings.
    #[command(flatten)]
    pub settings: Settings,
    /// A head printed earlier (NUMBER:SEAL): also proves that the entries up to it are unchanged. Entries after it may have
    /// been deleted together with their seals
    #[arg(long, value_name = "HEAD")]
    pub head: Option<String>,
}

/// Arguments of `completions`.
#[derive(Args, Clone)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `manual`.
#[derive(Args, Clone)]
pub struct Manual {
    /// Folder to write to; it must exist
    pub folder: PathBuf,
}

/// Arguments of `reset-link`.
#[derive(Args, Clone)]
pub struct ResetLink {
    /// The shared settings.
    #[command(flatten)]
    pub settings: Settings,
    /// The e-mail address the employee signs in with
    pub email: String,
    /// Also delete their second factors and recovery codes: for somebody who lost them
    #[arg(long)]
    pub reset_second_factor: bool,
}
