//! The commands on the activity log.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::Settings;
use crate::config::access_cli::List;
use crate::config::access_filters::Entries;

/// The subcommands of `activity`.
#[derive(Subcommand)]
pub enum ActivityCommand {
    /// List entries of the activity log, newest first
    List(Box<List<Entries>>),
    /// Write old entries of the activity log to a file, then delete them from the database; the server can keep running
    Archive(Box<ArchiveActivity>),
    /// Check a file that `activity archive` wrote, without a database; exits with 1 if it was changed or cut short
    Verify(VerifyArchive),
}

/// Arguments of `activity archive`.
#[derive(Args, Clone)]
#[group(id = "age", required = true, multiple = false, args = ["before", "keep_days"])]
pub struct ArchiveActivity {
    /// The shared settings.
    #[command(flatten)]
    pub settings: Settings,
    /// File to write; it must not exist yet
    pub file: PathBuf,
    /// Archive entries before this day in the shop's time zone, such as 2026-01-01, in whole blocks of 1,000
    #[arg(long, value_name = "DATE")]
    pub before: Option<String>,
    /// Archive entries older than this many days, in whole blocks of 1,000
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=36_500))]
    pub keep_days: Option<i64>,
}

/// Arguments of `activity verify`.
#[derive(Args, Clone)]
pub struct VerifyArchive {
    /// File to check
    pub file: PathBuf,
}
