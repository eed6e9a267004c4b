//! SQLite files as commands handle them: copied while the server runs, checked, and made self-contained.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

pub use crate::config::{beside, folder_of};
use crate::db::DbConnection;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Makes the names in the folder of `path` survive a power failure.
pub fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Copies the database of `conn` to `target`, a file that is empty or does not exist. The copy has every change that was
/// committed before the call, and nothing that is committed later. Others can read and write meanwhile.
pub fn copy_to(conn: &mut DbConnection, target: &Path) -> Result<(), String> {
    let target = target.to_str().ok_or("the path of the file must be UTF-8")?;
    // Diesel has no VACUUM.
    let copy = diesel::sql_query("VACUUM INTO $1").bind::<Text, _>(target);
    copy.execute(conn).map(drop).map_err(|error| error.to_string())
}

/// How many bytes a copy of the database takes at most.
pub fn size_of_copy(conn: &mut DbConnection) -> QueryResult<u64> {
    let pages = "SELECT (page_count - freelist_count) * page_size AS n \
                 FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()";
    let Number { n } = diesel::sql_query(pages).get_result(conn)?;
    Ok(u64::try_from(n).unwrap_or_default())
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The address with which SQLite opens a file without changing it or creating others beside it. Nobody else may have it open.
pub fn unchanged(path: &Path) -> Result<String, String> {
    let path = path.to_str().ok_or("the path of the file must be UTF-8")?;
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Ok(format!("file:{escaped}?immutable=1&mode=ro"))
}

/// Opens a file as [`unchanged`] says.
pub fn open_unchanged(path: &Path) -> Result<DbConnection, String> {
    let opened = SqliteConnection::establish(&unchanged(path)?);
    opened.map(DbConnection::Sqlite).map_err(|error| error.to_string())
}

#[derive(QueryableByName)]
struct Finding {
    #[diesel(sql_type = Text)]
    what: String,
}

/// Checks the pages of a database and, if `indexes`, its indexes and foreign keys. Errors: what is wrong.
pub fn check(conn: &mut DbConnection, indexes: bool) -> Result<(), String> {
    let pages = match indexes {
        true => "SELECT integrity_check AS what FROM pragma_integrity_check LIMIT 1",
        false => "SELECT quick_check AS what FROM pragma_quick_check LIMIT 1",
    };
    let found: Vec<Finding> = diesel::sql_query(pages).load(conn).map_err(|error| error.to_string())?;
    match found.first() {
        Some(first) if first.what == "ok" => {}
        Some(first) => return Err(first.what.clone()),
        None => return Err("the check found nothing".into()),
    }
    if !indexes {
        return Ok(());
    }
    let keys = "SELECT \"table\" AS what FROM pragma_foreign_key_check LIMIT 1";
    let broken: Vec<Finding> = diesel::sql_query(keys).load(conn).map_err(|error| error.to_string())?;
    match broken.first() {
        None => Ok(()),
        Some(table) => Err(format!("a row of {} refers to one that does not exist", table.what)),
    }
}

/// Checks that a file begins like a SQLite database and is not shorter than it says, without opening it with SQLite. A file
/// that does not exist is none. Errors: what is wrong.
pub fn check_header(path: &Path) -> Result<(), String> {
    let mut header = [0; 100];
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if file.read_exact(&mut header).is_err() || &header[..16] != MAGIC {
        return Err("it is not a SQLite database".into());
    }
    let number =
        |at: usize| u64::from(u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
    let page = match u64::from(u16::from_be_bytes([header[16], header[17]])) {
        1 => 65_536,
        size => size,
    };
    let expected = number(28) * page;
    match page.is_power_of_two() && page >= 512 {
        false => Err("its header is damaged".into()),
        true if length < expected => Err(format!("it was cut short: {length} bytes instead of {expected}")),
        true => Ok(()),
    }
}

/// Writes everything that is in the write-ahead log of a database into its file. When `conn` is closed, and nobody else has
/// it open, SQLite deletes the log. Errors: somebody else uses the database.
pub fn empty_log(conn: &mut DbConnection) -> Result<(), String> {
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").map_err(|error| error.to_string())
}

/// Removes a file, if it exists.
pub fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
