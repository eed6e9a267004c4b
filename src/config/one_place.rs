//! A command asks a database or a server, never one in place of the other.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

/// Has no flag of its own: refuses a server together with a database that the command line names. A database in the environment
/// is that of the machine, so a server goes before it.
#[derive(Clone)]
pub struct OnePlace;

impl FromArgMatches for OnePlace {
    fn from_arg_matches(matches: &ArgMatches) -> Result<OnePlace, clap::Error> {
        let is_typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let server = match matches.value_source("server") {
            Some(ValueSource::CommandLine) => "--server",
            Some(ValueSource::EnvVariable) => "CLIENT_API_ACCESS_SERVER",
            _ => return Ok(OnePlace),
        };
        let flags = [("database_url", "--database-url"), ("data_dir", "--data-dir")];
        match flags.into_iter().find(|(id, _)| is_typed(id)) {
            None => Ok(OnePlace),
            Some((_, flag)) => {
                let why = format!("{flag} and {server} contradict each other: give a database or a server");
                Err(clap::Error::raw(ErrorKind::ArgumentConflict, why))
            }
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = OnePlace::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for OnePlace {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}
