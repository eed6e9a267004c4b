//! The files of a restore: the copy of the backup beside the database, and the rename that replaces the database.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::commands::backup::require_space;
use crate::commands::manifest::{Manifest, sha256};
use crate::commands::progress::Progress;
use crate::commands::restore::url;
use crate::config::DatabaseUrl;
use crate::db::sqlite_file::{self, beside, folder_of, sync_folder};
use crate::time::Timestamp;

// What SQLite keeps beside a database.
const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The files of one restore.
pub(super) struct Files<'a> {
    /// The database that is replaced.
    pub(super) database: &'a Path,
    backup: &'a Path,
    copy: PathBuf,
    /// A migrated copy of the database that is replaced, if its schema is older.
    pub(super) replaced_copy: PathBuf,
}

impl<'a> Files<'a> {
    pub(super) fn new(database: &'a Path, backup: &'a Path) -> Files<'a> {
        let (copy, replaced_copy) = (beside(database, ".restoring"), beside(database, ".comparing"));
        Files { database, backup, copy, replaced_copy }
    }

    /// Where the copy of the backup is.
    pub(super) fn copy_url(&self) -> DatabaseUrl {
        url(&self.copy)
    }

    /// Copies the backup beside the database, with its write-ahead log if it has one, and checks it against its manifest.
    /// Returns when it was made, in words.
    pub(super) fn copy_backup(&self) -> Result<String, String> {
        let cannot = |error: io::Error| format!("{}: {error}", self.backup.display());
        let found = fs::metadata(self.backup).map_err(cannot)?;
        let same =
            fs::metadata(self.database).is_ok_and(|other| (other.dev(), other.ino()) == (found.dev(), found.ino()));
        if same {
            return Err("the backup is the database itself".into());
        }
        let manifest = Manifest::read(self.backup)?;
        let log = beside(self.backup, "-wal");
        let has_log = manifest.is_none() && fs::metadata(&log).is_ok_and(|log| log.len() > 0);
        if !has_log {
            sqlite_file::check_header(self.backup).map_err(|why| format!("{}: {why}", self.backup.display()))?;
        }
        self.check(manifest.as_ref(), found.len())?;
        require_space(folder_of(self.database), found.len().saturating_mul(2))?;
        self.remove_copies();
        copy_private(self.backup, &self.copy).map_err(cannot)?;
        if has_log {
            copy_private(&log, &beside(&self.copy, "-wal")).map_err(cannot)?;
        }
        let changed = found.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let changed = Timestamp(changed.map_or(0, |since| since.as_secs().cast_signed()));
        Ok(manifest.map_or_else(|| format!("{} (time of the file)", changed.iso()), |manifest| manifest.created_at))
    }

    fn check(&self, manifest: Option<&Manifest>, bytes: u64) -> Result<(), String> {
        let Some(manifest) = manifest else { return Ok(()) };
        let mut progress = Progress::new();
        let hash = sha256(self.backup, &mut |read| progress.tell(|| format!("Checked {read} of {bytes} bytes.")));
        match hash {
            Err(error) => Err(format!("{}: {error}", self.backup.display())),
            Ok(hash) if hash == manifest.sha256 => Ok(()),
            Ok(_) => Err(format!("{} is not the file that its manifest describes", self.backup.display())),
        }
    }

    /// Removes what this restore, or one that was interrupted, copied.
    pub(super) fn remove_copies(&self) {
        for file in [&self.copy, &self.replaced_copy] {
            for path in SIDE_FILES.iter().map(|ending| beside(file, ending)).chain([file.clone()]) {
                // If it stays, the next step says why.
                let _ = sqlite_file::remove(&path);
            }
        }
    }

    /// Puts the copy in the place of the database, with one rename. Returns where the database that it replaced is kept.
    pub(super) fn replace(&self) -> Result<Option<PathBuf>, String> {
        let replace = || {
            File::open(&self.copy)?.sync_all()?;
            let kept = self.database.exists().then(|| self.keep()).transpose()?;
            fs::rename(&self.copy, self.database)?;
            sync_folder(self.database)?;
            self.remove_copies();
            Ok(kept)
        };
        replace().map_err(|error: io::Error| format!("{}: {error}", self.database.display()))
    }

    // A second name for the database that is replaced. What is left of its write-ahead log, if SQLite could not read it, moves
    // there: beside the restored database, SQLite would write it into that.
    fn keep(&self) -> io::Result<PathBuf> {
        let mut kept = beside(self.database, ".replaced");
        for n in 2.. {
            if kept.symlink_metadata().is_err() {
                break;
            }
            kept = beside(self.database, &format!(".replaced-{n}"));
        }
        // Not every file system has links.
        if fs::hard_link(self.database, &kept).is_err() {
            copy_private(self.database, &kept)?;
        }
        for ending in SIDE_FILES {
            match fs::rename(beside(self.database, ending), beside(&kept, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        sync_folder(self.database)?;
        Ok(kept)
    }
}

fn copy_private(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    target.sync_all()
}
