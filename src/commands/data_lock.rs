//! The lock on the data folder, and what the lock file says of the last server: whether its write-ahead log must exist.
//!
//! A SQLite database that lost its log, or the file itself, looks like an older or an empty one. So a server notes in
//! `server.lock` that it runs and that it has ended, and the next one refuses to start when a file is missing that must exist.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::commands::{Outcome, one};
use crate::config::Config;
use crate::db;
use crate::db::sqlite_file::{self, beside};

const RUNNING: &str = "running";
const ENDED: &str = "ended";

// 800 MB take more than two seconds, and longer from a slow disk. `backup` checks every page of a larger database.
const LARGEST_CHECKED: u64 = 200_000_000;

/// The lock of a server or command that needs the database for itself. The operating system releases it when the process ends.
pub(super) struct DataLock {
    // None with PostgreSQL.
    file: Option<File>,
    path: PathBuf,
}

impl DataLock {
    /// Locks the data folder. Errors: a server runs on it.
    pub(super) fn take(config: &Config) -> Result<DataLock, Vec<String>> {
        let path = config.data_dir.join("server.lock");
        if config.database.sqlite_file().is_none() {
            return Ok(DataLock { file: None, path });
        }
        let file = File::options().create(true).truncate(false).read(true).write(true).mode(0o600).open(&path);
        let file = file.map_err(|error| one(format!("{}: {error}", path.display())))?;
        match file.try_lock() {
            Ok(()) => Ok(DataLock { file: Some(file), path }),
            Err(_) => Err(one(format!("another server is running on the data folder {}", config.data_dir.display()))),
        }
    }

    /// Notes that the database exists and its write-ahead log will.
    pub(super) fn note_running(&self) {
        self.note(RUNNING);
    }

    /// Notes that the write-ahead log may be gone, because everything in it is in the database.
    pub(super) fn note_ended(&self) {
        self.note(ENDED);
    }

    // Only the check of the next start depends on it.
    fn note(&self, state: &str) {
        let Some(mut file) = self.file.as_ref() else { return };
        let written = file.rewind().and_then(|()| file.set_len(0)).and_then(|()| file.write_all(state.as_bytes()));
        if let Err(error) = written.and_then(|()| file.sync_all()) {
            log::warn!("could not write {}: {error}", self.path.display());
        }
    }

    fn state(&self) -> String {
        let mut text = String::new();
        if let Some(mut file) = self.file.as_ref() {
            // A file that cannot be read says nothing.
            let _ = file.rewind().and_then(|()| file.read_to_string(&mut text));
        }
        text
    }

    /// Checks that the database is the one that the last server used, and not damaged. Errors: what is missing or damaged, and
    /// what to do.
    pub(super) fn require_intact(&self, config: &Config) -> Outcome {
        let Some(database) = config.database.sqlite_file() else { return Ok(()) };
        let (log, state, name) = (beside(database, "-wal"), self.state(), database.display());
        let lock = self.path.display();
        let length = std::fs::metadata(database).map_or(0, |file| file.len());
        if length == 0 && (!state.is_empty() || log.exists()) {
            return Err(one(format!(
                "{name} is missing or empty, although a server has used it: put it back, or restore a backup. \
                 To begin with an empty database, move {lock} and the files beside it away"
            )));
        }
        if state == RUNNING && !log.exists() {
            return Err(one(format!(
                "{} is missing, although the last server did not stop by itself: changes are lost without it. Put it back, \
                 or restore a backup. If another program, such as sqlite3, has opened the database since, nothing is lost: \
                 delete {lock} and start again",
                log.display()
            )));
        }
        match length {
            0 => Ok(()),
            _ => {
                check(database, &log, length).map_err(|why| one(format!("{name} is damaged: {why}. Restore a backup")))
            }
        }
    }
}

fn check(database: &Path, log: &Path, length: u64) -> Result<(), String> {
    // What the header says may be older than the log.
    if !log.exists() {
        sqlite_file::check_header(database)?;
    }
    if length > LARGEST_CHECKED {
        log::info!("the database is too large to check every page at the start");
        return Ok(());
    }
    let mut conn = db::connect(&db::DatabaseUrl::Sqlite(database.to_path_buf()))?;
    sqlite_file::check(&mut conn, false)
}

/// For a command beside a server, or without one: it may be the last that closes the database, and SQLite then deletes the log.
pub(super) fn note_log_may_go(config: &Config) {
    let Some(database) = config.database.sqlite_file() else { return };
    if !beside(database, "-wal").exists() || !config.data_dir.is_dir() {
        return;
    }
    if let Ok(lock) = DataLock::take(config)
        && lock.state() == RUNNING
    {
        lock.note_ended();
    }
}
