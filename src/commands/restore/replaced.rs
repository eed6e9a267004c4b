//! The database that a restore replaces: whether it can say what happened after the backup.

use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::activity::seal::{self, Head};
use crate::commands::refusal;
use crate::commands::restore::files::Files;
use crate::commands::restore::url;
use crate::db::sqlite_file::{self, beside};
use crate::db::{self, DbConnection};
use crate::error::{Error, Result};
use crate::secrets::MasterKey;

/// A database that can be compared.
pub(super) struct Replaced {
    /// Its file, or that of a copy with the schema of this program.
    pub(super) path: PathBuf,
    /// The head of its activity log.
    pub(super) head: Option<Head>,
}

/// Opens the database that is replaced and writes its log into its file. `conn` is the backup, whose head is `head`. The inner
/// error says why it cannot be compared. Errors: another program uses it.
pub(super) fn open(
    files: &Files<'_>,
    key: &MasterKey,
    conn: &mut DbConnection,
    head: Option<&Head>,
) -> std::result::Result<std::result::Result<Replaced, String>, String> {
    let path = files.database;
    let name = path.display();
    if !path.exists() {
        return Ok(Err(format!("{name}, the database to replace, does not exist")));
    }
    let log = beside(path, "-wal");
    if !log.exists()
        && let Err(why) = sqlite_file::check_header(path)
    {
        return Ok(Err(format!("{name}, the database to replace, cannot be read: {why}")));
    }
    let replaced = read(files, key, conn, head);
    if replaced.is_ok() && log.exists() {
        return Err(format!("another program uses {name}: stop it first"));
    }
    Ok(replaced.map_err(|error| {
        format!("{name}, the database to replace, cannot be compared with the backup: {}", refusal(error).join(", "))
    }))
}

fn read(files: &Files<'_>, key: &MasterKey, conn: &mut DbConnection, head: Option<&Head>) -> Result<Replaced> {
    let invalid = Error::Invalid;
    let mut replaced = db::connect(&url(files.database)).map_err(invalid)?;
    sqlite_file::check(&mut replaced, true).map_err(invalid)?;
    sqlite_file::empty_log(&mut replaced).map_err(invalid)?;
    let schema = db::known_schema(&mut replaced).map_err(invalid)?;
    if schema.newest.is_none() {
        return Err(Error::Invalid("it is empty".into()));
    }
    Account::require_key(&mut replaced, key)?;
    if !schema.is_older() {
        return compared(files.database, &mut replaced, (key, conn, head));
    }
    // The file itself is not migrated: whoever goes back to the earlier version needs it as it is.
    sqlite_file::copy_to(&mut replaced, &files.replaced_copy).map_err(invalid)?;
    drop(replaced);
    db::migrate_and_tell(&url(&files.replaced_copy), &mut |_| ()).map_err(invalid)?;
    let mut copy = db::connect(&url(&files.replaced_copy)).map_err(invalid)?;
    sqlite_file::empty_log(&mut copy).map_err(invalid)?;
    compared(&files.replaced_copy, &mut copy, (key, conn, head))
}

// It must continue from the backup: what an unrelated or an older database lacks was not revoked.
fn compared(
    path: &Path,
    replaced: &mut DbConnection,
    (key, conn, head): (&MasterKey, &mut DbConnection, Option<&Head>),
) -> Result<Replaced> {
    if Account::created_at(replaced)? != Account::created_at(conn)? {
        return Err(Error::Invalid("it belongs to another installation".into()));
    }
    if Account::chain(replaced, key)?.is_some_and(|chain| !chain.is_authentic()) {
        return Err(Error::Invalid("the hash chain of its activity log is broken: run verify-activity".into()));
    }
    if let Some(head) = head
        && !seal::has_passed(replaced, head)?
    {
        return Err(Error::Invalid(format!("it does not continue from the backup, whose head is {head}")));
    }
    Ok(Replaced { path: path.to_path_buf(), head: seal::head(replaced)? })
}
