//! `activity archive` and `activity verify`: move old entries of the activity log to a file, and check such a file.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::access::erasure::Erasure;
use crate::account::Account;
use crate::activity::archive::file::VerifiedFile;
use crate::activity::archive::{self, Segment, file};
use crate::activity::{Chain, ChainKey};
use crate::commands::progress::Progress;
use crate::commands::{Outcome, one, refusal, require_database};
use crate::config::{ArchiveActivity, Config};
use crate::db::{self, DbConnection, in_transaction};
use crate::error::{Error, Result};
use crate::time::{Clock, DAY, Timestamp, start_of_day, thousands};

// A deletion that takes longer than this gets fewer rows, so that the server does not wait long.
const BATCH_TIME: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(5);
const LARGEST_BATCH: i64 = 2_000;

pub(super) fn archive(config: &Config, arguments: &ArchiveActivity) -> Outcome {
    require_database(config)?;
    let master = config.open_data()?;
    let mut conn = db::connect(&config.database).map_err(one)?;
    let now = Clock::System.now();
    let opened = in_transaction(&mut conn, &|conn| Account::open(conn, &master, now)).map_err(refusal)?;
    let key = opened.chain.key;
    db::carry_key(&mut conn, key.of_entries());
    run(&mut conn, &key, arguments, now).map_err(refusal)
}

fn run(conn: &mut DbConnection, key: &ChainKey, arguments: &ArchiveActivity, now: Timestamp) -> Result<()> {
    let account = Account::get(conn)?;
    let before = before(arguments, &account.time_zone, now)?;
    let chain = Chain::load(conn, key)?;
    if !chain.is_authentic() {
        return Err(Error::Invalid("the hash chain of the activity log is broken: run verify-activity".into()));
    }
    if archive::left(conn, &chain)? > 0 {
        println!("Entries of an earlier archive are still in the database.");
        delete(conn, key)?;
    }
    require_no_erasure(conn)?;
    let Some(through) = archive::due(conn, &chain, before)? else {
        println!(
            "Nothing to archive. Only whole blocks of {} entries that are older than the date are archived.",
            thousands(ChainKey::BLOCK)
        );
        return Ok(());
    };
    let path = &arguments.file;
    let segment = write_file(conn, (&chain, &account.name), through, path)?;
    let recorded = in_transaction(conn, &|conn| {
        require_no_erasure(conn)?;
        archive::record(conn, &chain, &segment, now)
    });
    if recorded.is_err() {
        // Nothing may be deleted, so the file is of no use.
        let _ = fs::remove_file(path);
    }
    recorded?;
    delete(conn, key)?;
    let (n, last) = (thousands(segment.count()), &segment.last);
    println!("Archived {n} entries to {}, from {} to {last}.", path.display(), segment.first);
    Ok(())
}

fn before(arguments: &ArchiveActivity, zone: &str, now: Timestamp) -> Result<Timestamp> {
    let before = match (&arguments.before, arguments.keep_days) {
        (Some(text), _) => start_of_day(text, zone, 0),
        (None, days) => days.map(|days| now.plus(-days * DAY)),
    };
    match before {
        Some(before) if before <= now => Ok(before),
        Some(_) => Err(Error::Invalid("--before: the date must not be in the future".into())),
        None => Err(Error::Invalid("--before: enter a date like 2026-11-20".into())),
    }
}

// What is erased from the database would stay in the file.
fn require_no_erasure(conn: &mut DbConnection) -> Result<()> {
    match Erasure::next(conn)? {
        None => Ok(()),
        Some(_) => Err(Error::Conflict("Personal data is being erased from the activity log. Try again later.".into())),
    }
}

fn write_file(conn: &mut DbConnection, (chain, account): (&Chain, &str), through: i64, path: &Path) -> Result<Segment> {
    let cannot = |error: &dyn std::fmt::Display| Error::Invalid(format!("{}: {error}", path.display()));
    // A file that exists is never changed, not even one that an interrupted run left.
    let file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| cannot(&error))?;
    let written = write_and_check(conn, (chain, account), through, (file, path));
    written.map_err(|error| {
        let _ = fs::remove_file(path);
        match error {
            Error::Internal(cause) => cannot(&cause),
            error => error,
        }
    })
}

fn write_and_check(
    conn: &mut DbConnection,
    of: (&Chain, &str),
    through: i64,
    (file, path): (File, &Path),
) -> Result<Segment> {
    let (mut out, mut progress) = (BufWriter::new(file), Progress::new());
    let tell = &mut |number| progress.tell(|| format!("Written up to entry {}.", thousands(number)));
    let segment = archive::write(conn, of, through, &mut out, tell)?;
    let file = out.into_inner().map_err(Error::internal)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A power failure must not lose the file after its entries are deleted.
    let synced = file.sync_all().and_then(|()| File::open(folder)?.sync_all());
    synced.map_err(Error::internal)?;
    let VerifiedFile { last, .. } = read(path).map_err(Error::internal)?;
    match last == segment.last {
        true => Ok(segment),
        false => Err(Error::internal("the file does not have what was written to it")),
    }
}

fn read(path: &Path) -> std::result::Result<VerifiedFile, String> {
    file::verify(BufReader::new(File::open(path).map_err(|error| error.to_string())?))
}

// Deletes archived entries in batches, while the server may be running.
fn delete(conn: &mut DbConnection, key: &ChainKey) -> Result<()> {
    let chain = Chain::load(conn, key)?;
    let total = archive::left(conn, &chain)?;
    let (mut deleted, mut batch, mut progress) = (0, 200, Progress::new());
    while deleted < total {
        let started = Instant::now();
        let n = in_transaction(conn, &|conn| archive::delete_some(conn, &chain, batch))?;
        if n == 0 {
            break;
        }
        deleted += n;
        batch = if started.elapsed() > BATCH_TIME { (batch / 2).max(50) } else { (batch * 2).min(LARGEST_BATCH) };
        progress.tell(|| format!("Deleted {} of {} entries.", thousands(deleted), thousands(total)));
        std::thread::sleep(PAUSE);
    }
    println!("Deleted {} archived entries from the database.", thousands(deleted));
    Ok(())
}

pub(super) fn verify(path: &Path) -> Outcome {
    let VerifiedFile { account, previous, last } =
        read(path).map_err(|why| one(format!("{}: {why}", path.display())))?;
    let n = last.number - previous.number;
    println!("{} is whole and unchanged: {} entries of {account}.", path.display(), thousands(n));
    match previous.number {
        0 => println!("It begins with the first entry."),
        _ => println!("It follows the file that ends with {previous}."),
    }
    println!("It ends with {last}. Compare that with the entry \"Activity archived\", or with verify-activity.");
    Ok(())
}
