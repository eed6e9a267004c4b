//! The subcommands of the program, one file each, and what they share.

mod access;
mod activity_archive;
mod backup;
mod data_lock;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod manifest;
mod manual;
mod migrate;
mod progress;
mod purge;
mod reset_link;
mod restore;
pub mod rotate_key;
mod serve;
mod verify_activity;

use crate::config::{ActivityCommand, Command, Config, Settings};
use crate::error::Error;
use crate::logging;

/// Success, or one line for each problem.
pub type Outcome = Result<(), Vec<String>>;

pub use access::Failure;

/// Runs a subcommand.
pub fn run(command: Command) -> Result<(), Failure> {
    let outcome = match command {
        Command::Clients(command) => return access::answer((*command).into()),
        Command::Tokens(command) => return access::answer((*command).into()),
        Command::Keys(command) => return access::answer((*command).into()),
        Command::Employees(command) => return access::answer((*command).into()),
        Command::Connections(command) => return access::answer((*command).into()),
        Command::Attention(command) => return access::answer((*command).into()),
        Command::Activity(ActivityCommand::List(arguments)) => return access::answer((*arguments).into()),
        Command::Serve(settings) => serve::run(start(&settings)?),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => demo::run(start(&crate::demo::settings(&arguments.settings))?, &arguments),
        Command::Migrate(settings) => migrate::run(&start(&settings)?),
        Command::Backup(arguments) => backup::run(&start(&arguments.settings)?, &arguments),
        Command::Restore(arguments) => restore::run(&start(&arguments.settings)?, &arguments),
        Command::Purge(arguments) => purge::run(&start(&arguments.settings)?, &arguments),
        Command::Doctor(arguments) => doctor::run(&start(&arguments.settings)?, &arguments),
        Command::VerifyActivity(arguments) => verify_activity::run(&start(&arguments.settings)?, &arguments),
        Command::Activity(ActivityCommand::Archive(arguments)) => {
            activity_archive::archive(&start(&arguments.settings)?, &arguments)
        }
        Command::Activity(ActivityCommand::Verify(arguments)) => activity_archive::verify(&arguments.file),
        Command::RotateKey(settings) => rotate_key::run(&start(&settings)?),
        Command::ResetLink(arguments) => reset_link::run(&start(&arguments.settings)?, &arguments),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Manual(arguments) => manual::write(&arguments),
    };
    outcome.map_err(Failure::from)
}

fn start(settings: &Settings) -> Result<Config, Vec<String>> {
    let config = Config::from_settings(settings)?;
    logging::start(config.log_level, config.log_format);
    Ok(config)
}

fn one(problem: impl ToString) -> Vec<String> {
    vec![problem.to_string()]
}

// An error as a line for the console: why something is refused is said in full.
fn refusal(error: Error) -> Vec<String> {
    match error {
        Error::Invalid(why) | Error::Conflict(why) => one(why),
        error => one(error),
    }
}

// Opening a SQLite file that does not exist would create an empty one. Call it before the database is opened.
fn require_database(config: &Config) -> Outcome {
    match config.database.sqlite_file() {
        Some(path) if !path.exists() => Err(one(format!("the database {} does not exist", path.display()))),
        _ => {
            data_lock::note_log_may_go(config);
            Ok(())
        }
    }
}
