//! `reset-link`: prints a one-time link on which an employee chooses a new password.

use crate::account::Account;
use crate::commands::{Outcome, one, refusal};
use crate::config::Config;
use crate::db;
use crate::employees::{OneTimeLink, Purpose, link_address};
use crate::error::Error;
use crate::secrets::RandomSecret;
use crate::time::Clock;

// Printed to standard output and not logged: the link contains a secret.
pub(super) fn run(config: &Config, email: &str) -> Outcome {
    let master = config.open_data()?;
    let mut conn = db::connect(&config.database).map_err(one)?;
    let (secret, now) = (RandomSecret::generate(), Clock::System.now());
    let opened = db::in_transaction(&mut conn, &|conn| Account::open(conn, &master, now)).map_err(refusal)?;
    db::carry_key(&mut conn, opened.chain.key.of_entries());
    let hash = secret.hash();
    let name = db::in_transaction(&mut conn, &|conn| OneTimeLink::reset_from_console(conn, email, &hash, now));
    let name = name.map_err(|error| match error {
        Error::NotFound => one(format!("no employee signs in with {email}")),
        error => refusal(error),
    })?;
    println!("Give this link to {name} only. It works once, within 24 hours:\n");
    println!("  {}", link_address(config.public_url.origin(), Purpose::Reset, &secret));
    Ok(())
}
