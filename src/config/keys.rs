//! Where the installation's secret key comes from, and how another one takes its place.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::config::{Config, secret};
use crate::db::DatabaseUrl;
use crate::secrets::MasterKey;

const PRESENT: &str = "SECRET_KEY";
const PREVIOUS: &str = "SECRET_KEY_PREVIOUS";

/// What replaces what: the new key with the one before, and the files they are kept in if they are kept here.
#[derive(Debug)]
pub struct KeyChange {
    /// The new key, replacing the one before.
    pub key: MasterKey,
    files: Option<(PathBuf, PathBuf)>,
}

impl KeyChange {
    /// Once everything is sealed under the new key: puts its file in the place of the old one, which it names.
    pub fn finish(&self) -> Result<Option<PathBuf>, String> {
        let Some((new, present)) = &self.files else { return Ok(None) };
        let moved = fs::rename(new, present).and_then(|()| keep_entries(present));
        moved.map_err(|error| format!("{}: {error}", new.display()))?;
        Ok(Some(present.clone()))
    }
}

impl Config {
    /// Makes the data folder (0700) and finds the secret key: `SECRET_KEY`, the file `SECRET_KEY_FILE` names, or
    /// `secret.key` in the folder; with it comes `SECRET_KEY_PREVIOUS` while keys are changed. The file is made at the very
    /// first start only: when it is missing beside a database that exists, a new key would silently orphan what the old
    /// one sealed, so that is refused.
    pub fn open_data(&self) -> Result<MasterKey, Vec<String>> {
        let key = self.find_key().map_err(|problem| vec![problem])?;
        match named(PREVIOUS).map_err(|problem| vec![problem])? {
            Some(previous) => Ok(key.replacing(previous)),
            None => Ok(key),
        }
    }

    /// The keys to change from and to: `SECRET_KEY_PREVIOUS` and `SECRET_KEY` where those are set, else the file in the data
    /// folder and a new one that is made beside it, or was made by a change that was cut off.
    pub fn change_key(&self) -> Result<KeyChange, String> {
        if let Some(previous) = named(PREVIOUS)? {
            return Ok(KeyChange { key: self.find_key()?.replacing(previous), files: None });
        }
        if named(PRESENT)?.is_some() || !matches!(self.database, DatabaseUrl::Sqlite(_)) {
            return Err(format!("{PREVIOUS}: needed beside {PRESENT}: the key that the new one replaces"));
        }
        let (new, present) = (self.new_key_file(), self.key_file());
        let previous = read_key(&present)?.ok_or_else(|| format!("{} is missing", present.display()))?;
        let key = match read_key(&new) {
            Ok(Some(key)) => key,
            // Cut off while it was written: nothing was sealed under it yet.
            _ => {
                let _ = fs::remove_file(&new);
                make_key(&new)?
            }
        };
        Ok(KeyChange { key: key.replacing(previous), files: Some((new, present)) })
    }

    fn find_key(&self) -> Result<MasterKey, String> {
        if let Some(key) = named(PRESENT)? {
            self.make_data_dir()?;
            return Ok(key);
        }
        let DatabaseUrl::Sqlite(database) = &self.database else {
            return Err(format!("{PRESENT}: required with PostgreSQL, and the same on every node"));
        };
        self.make_data_dir()?;
        let (path, new) = (self.key_file(), self.new_key_file());
        if new.exists() {
            return Err(format!("{}: a change of keys was cut off; run rotate-key once more to end it", new.display()));
        }
        match read_key(&path)? {
            Some(key) => Ok(key),
            None if database.exists() => Err(format!(
                "{} is missing, but {} is there; put the key file back, or name the key in {PRESENT}",
                path.display(),
                database.display()
            )),
            None => make_key(&path),
        }
    }

    fn key_file(&self) -> PathBuf {
        self.data_dir.join("secret.key")
    }

    fn new_key_file(&self) -> PathBuf {
        self.data_dir.join("secret.key.new")
    }

    fn make_data_dir(&self) -> Result<(), String> {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        let path = &self.data_dir;
        let outcome = match path.is_dir() {
            true => Ok(()),
            false => fs::DirBuilder::new().mode(0o700).create(path),
        };
        outcome.map_err(|error| format!("--data-dir / DATA_DIR: {}: {error}", path.display()))?;
        let mode = fs::metadata(path).map_or(0, |meta| meta.permissions().mode());
        if mode & 0o077 != 0 {
            log::warn!("others on this machine may open {}: chmod 700 would end that", path.display());
        }
        Ok(())
    }
}

fn parsed(name: &str, text: &str) -> Result<MasterKey, String> {
    let short = || format!("{name}: the key must be at least {} characters long", MasterKey::SHORTEST);
    MasterKey::from_text(text).ok_or_else(short)
}

fn named(name: &str) -> Result<Option<MasterKey>, String> {
    let text = secret(name).map_err(|why| format!("{name}_FILE: {why}"))?;
    text.map(|text| parsed(name, &text)).transpose()
}

fn read_key(path: &Path) -> Result<Option<MasterKey>, String> {
    match fs::read_to_string(path) {
        Ok(text) => parsed(&path.display().to_string(), &text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

// Nothing is sealed under a key before a power cut cannot take it away any more.
fn make_key(path: &Path) -> Result<MasterKey, String> {
    let text = MasterKey::new_text();
    let written = write_private(path, &text).and_then(|()| keep_entries(path));
    written.map_err(|error| format!("{}: {error}", path.display()))?;
    parsed(&path.display().to_string(), &text)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

// The folder's own entries reach the disk, not only what is in its files.
fn keep_entries(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}
