//! The program: reads the command line and runs the subcommand.

use std::process::ExitCode;

use clap::Parser;
use client_api_access::commands::{self, Failure};
use client_api_access::config::Cli;

fn main() -> ExitCode {
    match commands::run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, problems }) => {
            match problems.as_slice() {
                [problem] => eprintln!("Error: {problem}"),
                problems => {
                    eprintln!("{} errors:", problems.len());
                    problems.iter().for_each(|problem| eprintln!("  {problem}"));
                }
            }
            ExitCode::from(code)
        }
    }
}
