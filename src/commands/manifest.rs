//! The manifest of a backup: a small file beside it that says what it is.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::db::sqlite_file::{beside, sync_folder};

/// What a backup is. Written as JSON, so that scripts can read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Manifest {
    /// The version of the program that made it.
    pub version: String,
    /// The version of the newest schema migration.
    pub schema: String,
    /// When it was begun, in UTC.
    pub created_at: String,
    /// The head of the activity log, as `verify-activity` prints it; empty if nothing was sealed yet.
    pub activity_head: String,
    /// Size of the file in bytes; 0 for PostgreSQL.
    pub bytes: u64,
    /// SHA-256 of the file in hexadecimal; empty for PostgreSQL.
    pub sha256: String,
    /// How many rows some tables have.
    pub rows: std::collections::BTreeMap<String, i64>,
}

impl Manifest {
    /// The manifest's path, for a backup at `backup`.
    pub(super) fn path(backup: &Path) -> PathBuf {
        beside(backup, ".manifest.json")
    }

    /// Writes it beside the backup, readable by this user only. Errors: it exists, or cannot be written.
    pub(super) fn write(&self, backup: &Path) -> Result<(), String> {
        let path = Manifest::path(backup);
        let write = || {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
            let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
            writeln!(file, "{text}")?;
            file.sync_all()?;
            sync_folder(&path)
        };
        write().map_err(|error: std::io::Error| format!("{}: {error}", path.display()))
    }

    /// The manifest of a backup; none if there is no file, as beside a copy that another program made.
    pub(super) fn read(backup: &Path) -> Result<Option<Manifest>, String> {
        let path = Manifest::path(backup);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|error| format!("{}: {error}", path.display()))?,
        };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| format!("{} is not the manifest of a backup: {error}", path.display()))
    }
}

/// SHA-256 of a file in hexadecimal. `tell` gets the bytes read so far.
pub(super) fn sha256(path: &Path, tell: &mut dyn FnMut(u64)) -> std::io::Result<String> {
    let (mut file, mut hash, mut read) = (File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&buffer[..n]);
        read += n as u64;
        tell(read);
    }
}
