//! `rotate-key`: encrypts every stored secret with a new key.
//!
//! It re-encrypts in small batches. When nothing is left under the old key, one transaction checks that and assigns the
//! database to the new key. If interrupted anywhere, it can be run again. Nodes that run meanwhile must have both keys:
//! what they write is encrypted with the new one.

use crate::account::Account;
use crate::activity::{self, Actor, Detail, Kind, NewActivity, Subject};
use crate::api::idempotency;
use crate::commands::data_lock::DataLock;
use crate::commands::{Outcome, one, require_database};
use crate::config::Config;
use crate::connections;
use crate::db::sealed_columns::{Resealed, SealedColumn};
use crate::db::{self, DbConnection, in_transaction};
use crate::employees::{self, second_factor};
use crate::error::{Error, Result};
use crate::identity;
use crate::notices;
use crate::secrets::MasterKey;
use crate::secrets::sealed::Vault;
use crate::time::{Clock, Timestamp, count};

/// Every column that holds sealed values, by module.
pub const SEALED_COLUMNS: &[&[SealedColumn]] = &[
    activity::SEALED_COLUMNS,
    connections::SEALED_COLUMNS,
    employees::SEALED_COLUMNS,
    second_factor::SEALED_COLUMNS,
    notices::SEALED_COLUMNS,
    idempotency::SEALED_COLUMNS,
    identity::SEALED_COLUMNS,
];

pub(super) fn run(config: &Config) -> Outcome {
    require_database(config)?;
    let _lock = DataLock::take(config)?;
    let change = config.change_key().map_err(one)?;
    let mut conn = db::connect(&config.database).map_err(one)?;
    let result = rotate(&mut conn, &change.key, Clock::System.now()).map_err(|error| match error {
        Error::Invalid(why) => one(why),
        error => one(format!("interrupted, run rotate-key again: {error}")),
    })?;
    let key_file = change.finish().map_err(one)?;
    let resealed = count(result.resealed, "stored secret");
    println!("Encrypted {resealed} with the new key; {} already used it.", result.current);
    if result.unreadable > 0 {
        let unreadable = count(result.unreadable, "stored secret");
        println!(
            "Left {unreadable} unchanged because neither key decrypts it: authorize its connection, or enter it, again."
        );
    }
    match key_file {
        Some(path) => println!("The new key is in {}. Back it up with the database.", path.display()),
        None => println!("From now on, start every node with SECRET_KEY only."),
    }
    println!("Everyone has to sign in again, and open forms have to be reloaded.");
    Ok(())
}

/// Re-encrypts every stored secret with `master`, which replaces another key. Errors: [`Error::Invalid`] if the database
/// was created with neither of the two.
pub fn rotate(conn: &mut DbConnection, master: &MasterKey, now: Timestamp) -> Result<Resealed> {
    let opened = in_transaction(conn, &|conn| Account::open(conn, master, now))?;
    db::carry_key(conn, opened.chain.key.of_entries());
    let vault = Vault::new(master, master.previous());
    let mut first = Resealed::default();
    for column in SEALED_COLUMNS.iter().copied().flatten() {
        let mut after = Some(0);
        while let Some(id) = after {
            let (last, batch) = in_transaction(conn, &|conn| {
                let mut batch = Resealed::default();
                Ok(((column.reseal)(conn, &vault, id, &mut batch)?, batch))
            })?;
            after = last;
            first.resealed += batch.resealed;
            first.current += batch.current;
        }
    }
    in_transaction(conn, &|conn| {
        let rest = reseal_all(conn, &vault)?;
        let result =
            Resealed { resealed: first.resealed + rest.resealed, current: first.current, unreadable: rest.unreadable };
        if !opened.uses_previous {
            return Ok(result);
        }
        Account::change_key_check(conn, master)?;
        NewActivity::new(Kind::KeyRotated, Actor::console(), Subject::named("account", 1, "Secret key"))
            .with(Detail::note(format!("{} encrypted with the new key", count(result.resealed, "stored secret"))))
            .record(conn, now)?;
        Ok(result)
    })
}

// What a node that had only the old key wrote since the batches above.
fn reseal_all(conn: &mut DbConnection, vault: &Vault) -> Result<Resealed> {
    let mut result = Resealed::default();
    for column in SEALED_COLUMNS.iter().copied().flatten() {
        let mut after = Some(0);
        while let Some(id) = after {
            after = (column.reseal)(conn, vault, id, &mut result)?;
        }
    }
    Ok(result)
}
