//! `reset-link`: prints a one-time link on which an employee chooses a new password.

use crate::account::{Account, installation};
use crate::commands::{Outcome, one, refusal, require_database};
use crate::config::{Config, ResetLink};
use crate::db;
use crate::employees::{OneTimeLink, Purpose, link_address};
use crate::error::{Error, Result};
use crate::secrets::RandomSecret;
use crate::time::Clock;

const NO_ADDRESS: &str = "--public-url / PUBLIC_URL: required, because no server has started on this database yet";

// Printed to standard output and not logged: the link contains a secret.
pub(super) fn run(config: &Config, arguments: &ResetLink) -> Outcome {
    require_database(config)?;
    let master = config.open_data()?;
    let mut conn = db::connect(&config.database).map_err(one)?;
    db::known_schema(&mut conn).map_err(one)?;
    let (secret, now) = (RandomSecret::generate(), Clock::System.now());
    let opened = db::in_transaction(&mut conn, &|conn| Account::open(conn, &master, now)).map_err(refusal)?;
    db::carry_key(&mut conn, opened.chain.key.of_entries());
    // Before anything changes: the address that the server recorded, because this command may run without its settings.
    let origin = match arguments.settings.public_url {
        Some(_) => Ok(config.public_url.origin().to_string()),
        None => recorded_address(&mut conn),
    };
    let origin = origin.map_err(refusal)?;
    let hash = secret.hash();
    let email = &arguments.email;
    let resets = arguments.reset_second_factor;
    let made =
        db::in_transaction(&mut conn, &|conn| OneTimeLink::reset_from_console(conn, email, (&hash, resets), now));
    let (name, had_factors) = made.map_err(|error| match error {
        Error::NotFound => one(format!("no employee signs in with {email}")),
        error => refusal(error),
    })?;
    println!("Give this link to {name} only. It works once, within 24 hours:\n");
    println!("  {}", link_address(&origin, Purpose::Reset, &secret));
    match (had_factors, resets) {
        (true, true) => {
            println!("\nTheir second factor was deleted. The link signs them in with the new password alone.")
        }
        (true, false) => println!(
            "\nThey have a second factor, and need it after they chose the password. If it is lost, run this again with \
             --reset-second-factor."
        ),
        (false, _) => {}
    }
    Ok(())
}

fn recorded_address(conn: &mut db::DbConnection) -> Result<String> {
    installation::public_url(conn)?.ok_or_else(|| Error::Invalid(NO_ADDRESS.into()))
}
