//! The subcommands of the program, one file each, and what they share.

mod activity_archive;
#[cfg(feature = "demo")]
mod demo;
mod migrate;
mod reset_link;
pub mod rotate_key;
mod serve;
mod verify_activity;

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;

use crate::config::{ActivityCommand, Command, Config, Settings};
use crate::error::Error;
use crate::logging;

/// Success, or one line for each problem.
pub type Outcome = Result<(), Vec<String>>;

/// Runs a subcommand.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(settings) => serve::run(start(&settings)?),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => demo::run(start(&crate::demo::settings(&arguments.settings))?, &arguments),
        Command::Migrate(settings) => migrate::run(&start(&settings)?),
        Command::VerifyActivity(arguments) => verify_activity::run(&start(&arguments.settings)?, &arguments),
        Command::Activity(ActivityCommand::Archive(arguments)) => {
            activity_archive::archive(&start(&arguments.settings)?, &arguments)
        }
        Command::Activity(ActivityCommand::Verify(arguments)) => activity_archive::verify(&arguments.file),
        Command::RotateKey(settings) => rotate_key::run(&start(&settings)?),
        Command::ResetLink(arguments) => reset_link::run(&start(&arguments.settings)?, &arguments.email),
    }
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

// A SQLite database belongs to one server process. The operating system releases the lock when the process ends.
fn lock_data(config: &Config) -> Result<Option<File>, Vec<String>> {
    if config.database.sqlite_file().is_none() {
        return Ok(None);
    }
    let path = config.data_dir.join("server.lock");
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(|error| one(format!("{}: {error}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(_) => Err(one(format!("another server is running on the data folder {}", config.data_dir.display()))),
    }
}

// Opening a SQLite file that does not exist would create an empty one.
fn require_database(config: &Config) -> Outcome {
    match config.database.sqlite_file() {
        Some(path) if !path.exists() => Err(one(format!("the database {} does not exist", path.display()))),
        _ => Ok(()),
    }
}
