//! What each subcommand of the program does.

pub mod rotate_key;
