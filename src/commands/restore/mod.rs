//! `restore`: replaces the database with a backup, without bringing back what was revoked since.
//!
//! The backup is copied beside the database, checked, migrated and compared there. Only then one rename replaces the database,
//! so it is either the old one or the restored one at any moment. An interrupted restore is started again from the beginning.

mod files;
mod postgres;
mod replaced;

use std::path::Path;

use crate::access::restore::{self, Basis, Changes, Origin};
use crate::account::Account;
use crate::activity::seal::{self, Head};
use crate::commands::data_lock::DataLock;
use crate::commands::{Outcome, one, refusal};
use crate::config::{Config, DatabaseUrl, Restore};
use crate::db::{self, DbConnection, in_transaction, sqlite_file};
use crate::secrets::MasterKey;
use crate::time::{Clock, Timestamp};
use files::Files;
use replaced::Replaced;

const CHOOSE: &str = "So nothing says what was revoked, locked or replaced after the backup. Choose one:\n  \
    --revoke-everything-issued   revokes every token, API key and secret; passwords, roles and locks are those of the backup\n  \
    --trust-backup               what was revoked after the backup works again";

pub(super) fn run(config: &Config, arguments: &Restore) -> Outcome {
    let Some(database) = config.database.sqlite_file() else { return postgres::run(config, arguments) };
    let Some(backup) = &arguments.file else {
        return Err(one("name the file of the backup: client-api-access restore FILE"));
    };
    let key = config.read_key().map_err(one)?;
    let lock = DataLock::take(config)?;
    let files = Files::new(database, backup);
    let head = files.copy_backup().and_then(|made| open_copy(&files, &key).map(|head| (made, head)));
    let outcome =
        head.map_err(one).and_then(|(made, head)| restore_from(&files, (&key, &lock), arguments, (made, head)));
    if outcome.is_err() {
        files.remove_copies();
    }
    outcome
}

// Checks the copy of the backup, and returns the head of its activity log.
fn open_copy(files: &Files<'_>, key: &MasterKey) -> Result<Option<Head>, String> {
    let mut conn = db::connect(&files.copy_url())?;
    sqlite_file::check(&mut conn, true).map_err(|why| format!("the backup is damaged: {why}"))?;
    let schema = db::known_schema(&mut conn)?;
    if schema.newest.is_none() {
        return Err("the file is not a backup of this program".into());
    }
    Account::require_key(&mut conn, key).map_err(|error| refusal(error).join(", "))?;
    let head = seal::head(&mut conn).map_err(|error| error.to_string())?;
    drop(conn);
    db::migrate_and_tell(&files.copy_url(), &mut |step| println!("{step}"))?;
    Ok(head)
}

fn restore_from(
    files: &Files<'_>,
    (key, lock): (&MasterKey, &DataLock),
    arguments: &Restore,
    (made, head): (String, Option<Head>),
) -> Outcome {
    let mut conn = db::connect(&files.copy_url()).map_err(one)?;
    let replaced = replaced::open(files, key, &mut conn, head.as_ref()).map_err(one)?;
    if replaced.is_ok() {
        // Its log was written into it.
        lock.note_ended();
    }
    let basis = basis(arguments, &replaced)?;
    let origin = Origin { made, head: words(head.as_ref()), replaced_head: head_of(&replaced) };
    if let (Basis::Replaced, Ok(Replaced { path, .. })) = (basis, &replaced) {
        restore::attach(&mut conn, path).map_err(one)?;
    }
    println!("Comparing, and ending sessions.");
    let changes = apply(&mut conn, key, basis, &origin, Clock::System.now())?;
    sqlite_file::empty_log(&mut conn).map_err(one)?;
    drop(conn);
    let kept = files.replace().map_err(one)?;
    lock.note_ended();
    println!("Restored the backup of {} to {}.", origin.made, files.database.display());
    if let Some(kept) = kept {
        println!("The database that it replaced is kept as {}: delete it when you no longer need it.", kept.display());
    }
    tell(basis, &origin, &changes);
    Ok(())
}

fn basis(arguments: &Restore, replaced: &Result<Replaced, String>) -> Result<Basis, Vec<String>> {
    match (arguments.trust_backup, arguments.revoke_everything_issued, replaced) {
        (true, ..) => Ok(Basis::TrustBackup),
        (_, true, _) => Ok(Basis::RevokeEverythingIssued),
        (.., Ok(_)) => Ok(Basis::Replaced),
        (.., Err(why)) => Err(one(format!("{why}. {CHOOSE}"))),
    }
}

fn head_of(replaced: &Result<Replaced, String>) -> String {
    replaced.as_ref().map(|replaced| words(replaced.head.as_ref())).unwrap_or_default()
}

fn words(head: Option<&Head>) -> String {
    head.map_or_else(|| "none".to_string(), Head::to_string)
}

/// Makes the restored data safe, in one transaction.
fn apply(
    conn: &mut DbConnection,
    key: &MasterKey,
    basis: Basis,
    origin: &Origin,
    now: Timestamp,
) -> Result<Changes, Vec<String>> {
    let opened = in_transaction(conn, &|conn| Account::open(conn, key, now)).map_err(refusal)?;
    db::carry_key(conn, opened.chain.key.of_entries());
    if opened.uses_previous {
        println!("The backup belongs to SECRET_KEY_PREVIOUS: run rotate-key afterwards.");
    }
    in_transaction(conn, &|conn| restore::apply(conn, basis, origin, now)).map_err(refusal)
}

/// Prints what was revoked.
fn tell(basis: Basis, origin: &Origin, changes: &Changes) {
    match basis {
        Basis::Replaced => println!("Compared with the database that it replaced, head {}.", origin.replaced_head),
        Basis::TrustBackup => println!("What was revoked after the backup works again (--trust-backup)."),
        Basis::RevokeEverythingIssued => {
            println!("Everything issued was revoked, client secrets included (--revoke-everything-issued).");
        }
    }
    let counts = changes.detail().counts();
    if !counts.is_empty() {
        println!("Revoked: {counts}.");
    }
    changes.lines().iter().for_each(|line| println!("  {line}"));
    println!("Everybody has to sign in again. One-time links no longer work.");
}

fn url(path: &Path) -> DatabaseUrl {
    DatabaseUrl::Sqlite(path.to_path_buf())
}
