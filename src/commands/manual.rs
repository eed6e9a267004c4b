//! `completions` and `manual`: the command line as completions of a shell and as manual pages, for packages.

use std::io;

use clap::CommandFactory;

use crate::commands::{Outcome, one};
use crate::config::{Cli, Completions, Manual};

pub(super) fn completions(arguments: &Completions) -> Outcome {
    let mut command = Cli::command();
    let name = command.get_name().to_string();
    clap_complete::generate(arguments.shell, &mut command, name, &mut io::stdout());
    Ok(())
}

pub(super) fn write(arguments: &Manual) -> Outcome {
    let folder = &arguments.folder;
    clap_mangen::generate_to(Cli::command(), folder).map_err(|error| one(format!("{}: {error}", folder.display())))
}
