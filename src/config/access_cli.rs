//! The commands that list and change what the pages show: clients, tokens, employees, connections, attention and activity.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::one_place::OnePlace;
use crate::config::{Settings, access_filters};

const TOKEN: &str = "CLIENT_API_ACCESS_TOKEN";

/// What the exit code says; in the help of each of these commands.
pub const EXIT_CODES: &str = "Exit codes:\n  \
    0    done; also if it was so already, and for a list without rows\n  \
    1    failed\n  \
    2    wrong use: an unknown flag or value, or a name that fits several\n  \
    3    what you named does not exist, or not any more\n  \
    4    not confirmed: nothing was changed\n  \
    130  stopped with Ctrl-C between two tokens; the message says how far it came";

/// Where the data is, and how to print it.
#[derive(Args, Clone)]
pub struct Place {
    // Before the others, because reading a flag removes it.
    #[command(flatten)]
    _one: OnePlace,
    /// Folder for the SQLite database and the secret key
    #[arg(long, env = "DATA_DIR", default_value = "./data", value_name = "FOLDER", help_heading = "Where the data is")]
    pub data_dir: String,
    /// sqlite:FILE or postgres://USER@HOST/NAME; by default a SQLite file in the data folder
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true, help_heading = "Where the data is")]
    pub database_url: Option<String>,
    /// Ask this server, through its admin API, instead of a database: https://…
    #[arg(long, env = "CLIENT_API_ACCESS_SERVER", value_name = "URL", help_heading = "Where the data is")]
    pub server: Option<String>,
    /// File with the API token for the server; without it, the token is in CLIENT_API_ACCESS_TOKEN
    #[arg(long, env = "CLIENT_API_ACCESS_TOKEN_FILE", value_name = "FILE", help_heading = "Where the data is")]
    pub token_file: Option<PathBuf>,
    /// Print JSON: an array for a list, otherwise one object
    #[arg(long)]
    pub json: bool,
}

// The settings of a server, as its environment has them.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct FromEnvironment {
    #[command(flatten)]
    settings: Settings,
}

impl Place {
    /// The settings of the server that uses the database: those of the flags, the others from the environment.
    pub fn settings(&self) -> Result<Settings, String> {
        let read = FromEnvironment::try_parse_from(std::iter::empty::<String>()).map_err(|error| error.to_string())?;
        let (data_dir, database_url) = (self.data_dir.clone(), self.database_url.clone());
        // Standard error is for the person at the terminal: what else happens is in the activity log.
        Ok(Settings { data_dir, database_url, log_level: "error".into(), ..read.settings })
    }
}

impl Place {
    /// The API token for the server. Errors: there is none, or its file cannot be read.
    pub fn api_token(&self) -> Result<String, String> {
        match &self.token_file {
            Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display())),
            None => {
                std::env::var(TOKEN).map_err(|_| format!("--server needs an API token: in {TOKEN}, or --token-file"))
            }
        }
    }
}

/// Arguments of a list.
#[derive(Args, Clone)]
#[command(after_help = EXIT_CODES)]
pub struct List<F: Args + Clone> {
    /// Which rows, and their order.
    #[command(flatten)]
    pub filter: F,
    /// The most rows
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Every row
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// Go on where an earlier list ended: the cursor that it printed
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<String>,
    /// Where the data is.
    #[command(flatten)]
    pub place: Place,
}

/// Arguments of `show`.
#[derive(Args, Clone)]
#[command(after_help = EXIT_CODES)]
pub struct Show<R: Args + Clone> {
    /// What is shown.
    #[command(flatten)]
    pub what: R,
    /// Where the data is.
    #[command(flatten)]
    pub place: Place,
}

/// How an act is confirmed.
#[derive(Args, Clone)]
pub struct Confirm {
    /// Do not ask; required when the command does not run on a terminal
    #[arg(long)]
    pub yes: bool,
    /// Say what would happen, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of an act.
#[derive(Args, Clone)]
#[command(after_help = EXIT_CODES)]
pub struct Act<R: Args + Clone> {
    /// What it changes.
    #[command(flatten)]
    pub what: R,
    /// How it is confirmed.
    #[command(flatten)]
    pub confirm: Confirm,
    /// Where the data is.
    #[command(flatten)]
    pub place: Place,
}

macro_rules! references {
    ($($(#[$doc:meta])* $name:ident($value:literal, $help:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Args, Clone)]
        pub struct $name {
            #[doc = $help]
            #[arg(value_name = $value)]
            pub name: String,
        }
    )*};
}

references! {
    /// One client.
    OneClient("CLIENT", "A client: its client ID, its name, or its number in the address of its page");
    /// One token.
    OneToken("TOKEN", "A token: its first seven characters, or its ID as the list prints it, such as r12. Never a whole token");
    /// One employee.
    OneEmployee("EMPLOYEE", "An employee: their e-mail address, name, or number in the address of their page");
    /// One connection.
    OneConnection("CONNECTION", "A connection: its name, or its number in the address of its page");
    /// One rule.
    OneRule("RULE", "A rule, as `attention list` prints it, such as unused");
}

/// A client, and why it is suspended.
#[derive(Args, Clone)]
pub struct ClientToSuspend {
    /// The client.
    #[command(flatten)]
    pub client: OneClient,
    /// Why, for the others who manage clients
    #[arg(long, default_value = "")]
    pub reason: String,
}

/// Tokens to revoke: some by name, or all that match filters.
#[derive(Args, Clone)]
pub struct TokensToRevoke<F: Args + Clone> {
    /// Tokens: their first seven characters, or their IDs as the list prints them. Never whole tokens
    #[arg(value_name = "TOKEN", required_unless_present = "all_matching")]
    pub names: Vec<String>,
    /// Revoke every token that matches the filters, of which at least one is required
    #[arg(long, conflicts_with = "names")]
    pub all_matching: bool,
    /// Which tokens.
    #[command(flatten)]
    pub filter: F,
}

/// `clients …`
#[derive(Subcommand, Clone)]
pub enum ClientsCommand {
    /// List clients
    List(List<access_filters::Clients>),
    /// Show one client
    Show(Show<OneClient>),
    /// Approve a pending client: employees can then authorize it
    Approve(Act<OneClient>),
    /// Suspend a client: its tokens stop working until it is resumed
    Suspend(Act<ClientToSuspend>),
    /// Resume a suspended client
    Resume(Act<OneClient>),
    /// Revoke a client with all its tokens and API keys; this cannot be undone
    Revoke(Act<OneClient>),
}

/// `tokens …`
#[derive(Subcommand, Clone)]
pub enum TokensCommand {
    /// List the refresh tokens and API keys of all clients
    List(List<access_filters::Tokens>),
    /// Show one refresh token, access token or API key
    Show(Show<OneToken>),
    /// Revoke refresh tokens with their access tokens, access tokens and API keys; this cannot be undone
    Revoke(Act<TokensToRevoke<access_filters::Tokens>>),
}

/// `keys …`
#[derive(Subcommand, Clone)]
pub enum KeysCommand {
    /// List the API keys of all clients
    List(List<access_filters::Keys>),
    /// Show one API key
    Show(Show<OneToken>),
    /// Revoke API keys; this cannot be undone
    Revoke(Act<TokensToRevoke<access_filters::Keys>>),
}

/// `employees …`
#[derive(Subcommand, Clone)]
pub enum EmployeesCommand {
    /// List employees
    List(List<access_filters::Employees>),
    /// Show one employee
    Show(Show<OneEmployee>),
    /// Offboard an employee: lock them, sign them out, and revoke all access they authorized; revoking cannot be undone
    Offboard(Act<OneEmployee>),
    /// Revoke all access that an employee authorized; they can still sign in. This cannot be undone
    RevokeAllAccess(Act<OneEmployee>),
    /// Lock an employee: they are signed out, and the access they authorized does not work until they are unlocked
    Lock(Act<OneEmployee>),
    /// Unlock an employee
    Unlock(Act<OneEmployee>),
}

/// `connections …`
#[derive(Subcommand, Clone)]
pub enum ConnectionsCommand {
    /// List the shop's connections to other servers
    List(List<access_filters::Connections>),
    /// Show one connection
    Show(Show<OneConnection>),
    /// Pause a connection: calls through it fail until it is resumed
    Pause(Act<OneConnection>),
    /// Resume a paused connection
    Resume(Act<OneConnection>),
    /// Disconnect a connection: delete it with its service keys, and revoke its tokens at the provider; this cannot be undone
    Disconnect(Act<OneConnection>),
}

/// `attention …`
#[derive(Subcommand, Clone)]
pub enum AttentionCommand {
    /// List what needs attention, the most serious first
    List(Box<AttentionList>),
    /// List the items that a rule finds
    Show(Show<OneRule>),
}

/// Arguments of `attention list`.
#[derive(Args, Clone)]
#[command(after_help = EXIT_CODES)]
pub struct AttentionList {
    /// Where the data is.
    #[command(flatten)]
    pub place: Place,
}
