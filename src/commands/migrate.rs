//! `migrate`: applies pending schema migrations.

use crate::commands::{Outcome, data_lock, one};
use crate::config::Config;
use crate::db;

pub(super) fn run(config: &Config) -> Outcome {
    // A new SQLite database needs its key file first: without it, the next start would refuse the database.
    config.open_data()?;
    data_lock::note_log_may_go(config);
    let applied = db::migrate_and_tell(&config.database, &mut |step| println!("{step}")).map_err(one)?;
    match applied.as_slice() {
        [] => println!("The schema is up to date."),
        applied => println!("Applied: {}.", applied.join(", ")),
    }
    Ok(())
}
