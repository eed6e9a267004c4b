//! `backup`: copies the database while the server runs, checks the copy, and writes a manifest beside it.
//!
//! The copy gets its name last, when it is complete, checked and on the disk. An interrupted backup leaves a file that ends in
//! `.partial`, which the next one with the same name replaces.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::prelude::*;

use crate::activity::seal;
use crate::commands::manifest::{Manifest, sha256};
use crate::commands::progress::Progress;
use crate::commands::{Outcome, one, require_database};
use crate::config::{Backup, Config, free_bytes};
use crate::db::sqlite_file::{self, beside, folder_of};
use crate::db::{self, DbConnection};
use crate::schema::{access_tokens, activity, clients, connections, employees, refresh_tokens};
use crate::time::{Clock, thousands};

// What stays free on the disk, for others.
const SPARE: u64 = 16 << 20;

pub(super) fn run(config: &Config, arguments: &Backup) -> Outcome {
    require_database(config)?;
    let path = &arguments.file;
    for path in [path, &Manifest::path(path)] {
        if path.symlink_metadata().is_ok() {
            return Err(one(format!("{} exists already: choose another name", path.display())));
        }
    }
    let mut conn = db::connect(&config.database).map_err(one)?;
    let schema = db::known_schema(&mut conn).map_err(one)?;
    let newest = schema.newest.ok_or_else(|| one("the database is empty"))?;
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").into(),
        schema: newest,
        created_at: Clock::System.now().iso(),
        activity_head: head(&mut conn)?,
        ..Manifest::default()
    };
    match config.database.sqlite_file() {
        Some(_) => copy(&mut conn, path, manifest).map_err(one),
        None => explain(path, &manifest).map_err(one),
    }
}

fn head(conn: &mut DbConnection) -> Result<String, Vec<String>> {
    Ok(seal::head(conn).map_err(one)?.map(|head| head.to_string()).unwrap_or_default())
}

// PostgreSQL has its own tool, which also knows users, rights and replicas.
fn explain(path: &Path, manifest: &Manifest) -> Result<(), String> {
    manifest.write(path)?;
    println!("This command does not copy PostgreSQL databases. Now make the backup with pg_dump:\n");
    println!("  (umask 077; pg_dump --format=custom --file={} \"$DATABASE_URL\")\n", path.display());
    println!("Keep it with the SECRET_KEY and with {}, which has", Manifest::path(path).display());
    println!("the head of the activity log before the backup: {}.", or_none(&manifest.activity_head));
    Ok(())
}

fn or_none(head: &str) -> &str {
    if head.is_empty() { "none yet" } else { head }
}

fn copy(conn: &mut DbConnection, path: &Path, manifest: Manifest) -> Result<(), String> {
    let size = sqlite_file::size_of_copy(conn).map_err(|error| error.to_string())?;
    require_space(folder_of(path), size)?;
    let partial = beside(path, ".partial");
    let file = private_file(&partial)?;
    let manifest = write(conn, (&partial, size), &file, manifest).inspect_err(|_| {
        let _ = sqlite_file::remove(&partial);
    })?;
    // Unlike a rename, a link never replaces a file that somebody created meanwhile.
    let named = fs::hard_link(&partial, path).and_then(|()| fs::remove_file(&partial));
    named.and_then(|()| sqlite_file::sync_folder(path)).map_err(|error| format!("{}: {error}", path.display()))?;
    manifest.write(path)?;
    println!("Wrote {} ({}) and {}.", path.display(), megabytes(manifest.bytes), Manifest::path(path).display());
    println!("Head of the activity log: {}.", or_none(&manifest.activity_head));
    println!("Keep the secret key with it: without the key, the backup cannot be restored.");
    Ok(())
}

// An earlier backup that was interrupted may have left the file. One that still runs holds the lock.
fn private_file(partial: &Path) -> Result<File, String> {
    let cannot = |error: std::io::Error| format!("{}: {error}", partial.display());
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(partial).map_err(cannot)?;
    file.try_lock().map_err(|_| format!("another backup writes {}", partial.display()))?;
    file.set_len(0).map_err(cannot)?;
    Ok(file)
}

fn write(
    conn: &mut DbConnection,
    (partial, size): (&Path, u64),
    file: &File,
    manifest: Manifest,
) -> Result<Manifest, String> {
    let cannot = |error: &dyn std::fmt::Display| format!("{}: {error}", partial.display());
    watching(partial, size, || sqlite_file::copy_to(conn, partial)).map_err(|error| cannot(&error))?;
    // VACUUM INTO leaves it to the operating system when the file reaches the disk.
    file.sync_all().map_err(|error| cannot(&error))?;
    println!("Copied. Checking the copy.");
    let mut copied = sqlite_file::open_unchanged(partial).map_err(|error| cannot(&error))?;
    sqlite_file::check(&mut copied, true).map_err(|why| format!("the database is damaged: {why}"))?;
    let sealed = seal::head(&mut copied).map_err(|error| cannot(&error))?;
    let mut progress = Progress::new();
    let sha256 = sha256(partial, &mut |read| progress.tell(|| format!("Hashed {}.", megabytes(read))));
    Ok(Manifest {
        activity_head: sealed.map(|head| head.to_string()).unwrap_or_default(),
        bytes: file.metadata().map_err(|error| cannot(&error))?.size(),
        sha256: sha256.map_err(|error| cannot(&error))?,
        rows: rows(&mut copied).map_err(|error| cannot(&error))?,
        ..manifest
    })
}

fn rows(conn: &mut DbConnection) -> QueryResult<BTreeMap<String, i64>> {
    let counts = [
        ("activity", activity::table.count().get_result(conn)?),
        ("clients", clients::table.count().get_result(conn)?),
        ("connections", connections::table.count().get_result(conn)?),
        ("employees", employees::table.count().get_result(conn)?),
        ("refresh_tokens", refresh_tokens::table.count().get_result(conn)?),
        ("access_tokens", access_tokens::table.count().get_result(conn)?),
    ];
    Ok(counts.into_iter().map(|(table, n)| (table.into(), n)).collect())
}

// Prints how large the file is, while another thread writes it: SQLite does not say how far it is.
fn watching<T>(path: &Path, expected: u64, work: impl FnOnce() -> T) -> T {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut progress = Progress::new();
            while !is_done.load(Ordering::Relaxed) {
                std::thread::park_timeout(Duration::from_millis(250));
                let size = fs::metadata(path).map_or(0, |file| file.len());
                progress.tell(|| format!("Copied {} of at most {}.", megabytes(size), megabytes(expected)));
            }
        });
        let outcome = work();
        is_done.store(true, Ordering::Relaxed);
        watcher.thread().unpark();
        outcome
    })
}

/// Refuses to begin when the disk of `folder` has not enough room for `size` more bytes.
pub(super) fn require_space(folder: &Path, size: u64) -> Result<(), String> {
    let free = free_bytes(folder)?;
    match free >= size.saturating_add(SPARE) {
        true => Ok(()),
        false => Err(format!(
            "the disk of {} has {} free, and {} are needed",
            folder.display(),
            megabytes(free),
            megabytes(size.saturating_add(SPARE))
        )),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", thousands(i64::try_from(bytes.div_ceil(1_000_000)).unwrap_or(i64::MAX)))
}
