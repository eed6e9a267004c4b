//! The installation's secret key: where it comes from, and how it is replaced.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::config::checks::secret;
use crate::secrets::MasterKey;

const CURRENT: &str = "SECRET_KEY";
const PREVIOUS: &str = "SECRET_KEY_PREVIOUS";

/// A key replacement: the new key together with the previous one, and their files if the data folder holds them.
#[derive(Debug)]
pub struct KeyChange {
    /// The new key, which also knows the previous one.
    pub key: MasterKey,
    files: Option<(PathBuf, PathBuf)>,
}

impl KeyChange {
    /// Replaces the old key file with the new one, after everything is sealed with the new key. Returns its path.
    pub fn finish(&self) -> Result<Option<PathBuf>, String> {
        let Some((new, current)) = &self.files else { return Ok(None) };
        let moved = fs::rename(new, current).and_then(|()| sync_folder(current));
        moved.map_err(|error| format!("{}: {error}", new.display()))?;
        Ok(Some(current.clone()))
    }
}

impl Config {
    /// Creates the data folder (mode 0700) and reads the secret key: `SECRET_KEY`, the file that `SECRET_KEY_FILE` names, or
    /// `secret.key` in the folder; also `SECRET_KEY_PREVIOUS` during a key rotation. It creates the key file at the first
    /// start only. Errors: the file is missing although a database exists, because a new key could not decrypt its secrets.
    pub fn open_data(&self) -> Result<MasterKey, Vec<String>> {
        let key = self.find_key().map_err(|problem| vec![problem])?;
        match named(PREVIOUS).map_err(|problem| vec![problem])? {
            Some(previous) => Ok(key.replacing(previous)),
            None => Ok(key),
        }
    }

    /// The key that exists, for a command that creates neither the folder nor a key. Errors: there is none.
    pub fn read_key(&self) -> Result<MasterKey, String> {
        let key = match named(CURRENT)? {
            Some(key) => key,
            None if self.database.sqlite_file().is_none() => {
                return Err(format!("{CURRENT}: required with PostgreSQL, with the same key on every node"));
            }
            None => {
                let path = self.key_file();
                read_key(&path)?.ok_or_else(|| {
                    format!(
                        "{} is missing: put the key that belongs to the database there, or set it in {CURRENT}",
                        path.display()
                    )
                })?
            }
        };
        Ok(match named(PREVIOUS)? {
            Some(previous) => key.replacing(previous),
            None => key,
        })
    }

    /// The old and the new key of a rotation: `SECRET_KEY_PREVIOUS` and `SECRET_KEY` if set; otherwise the key file in the
    /// data folder and a new file beside it, which an interrupted rotation may have created already.
    pub fn change_key(&self) -> Result<KeyChange, String> {
        if let Some(previous) = named(PREVIOUS)? {
            return Ok(KeyChange { key: self.find_key()?.replacing(previous), files: None });
        }
        if named(CURRENT)?.is_some() || self.database.sqlite_file().is_none() {
            return Err(format!("{PREVIOUS}: required with {CURRENT}: the key that the new one replaces"));
        }
        let (new, current) = (self.new_key_file(), self.key_file());
        let previous = read_key(&current)?.ok_or_else(|| format!("{} is missing", current.display()))?;
        let key = match read_key(&new) {
            Ok(Some(key)) => key,
            // Incomplete, from an interrupted rotation: nothing was sealed with it yet.
            _ => {
                let _ = fs::remove_file(&new);
                create_key(&new)?
            }
        };
        Ok(KeyChange { key: key.replacing(previous), files: Some((new, current)) })
    }

    fn find_key(&self) -> Result<MasterKey, String> {
        if let Some(key) = named(CURRENT)? {
            self.create_data_dir()?;
            return Ok(key);
        }
        let Some(database) = self.database.sqlite_file() else {
            return Err(format!("{CURRENT}: required with PostgreSQL, with the same key on every node"));
        };
        self.create_data_dir()?;
        let (path, new) = (self.key_file(), self.new_key_file());
        if new.exists() {
            return Err(format!(
                "{}: a key rotation was interrupted; run rotate-key again to complete it",
                new.display()
            ));
        }
        match read_key(&path)? {
            Some(key) => Ok(key),
            None if database.exists() => Err(format!(
                "{} is missing, but {} exists; restore the key file, or set the key in {CURRENT}",
                path.display(),
                database.display()
            )),
            None => create_key(&path),
        }
    }

    fn key_file(&self) -> PathBuf {
        self.data_dir.join("secret.key")
    }

    fn new_key_file(&self) -> PathBuf {
        self.data_dir.join("secret.key.new")
    }

    fn create_data_dir(&self) -> Result<(), String> {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        let path = &self.data_dir;
        let outcome = match path.is_dir() {
            true => Ok(()),
            false => fs::DirBuilder::new().mode(0o700).create(path).and_then(|()| sync_folder(path)),
        };
        outcome.map_err(|error| format!("--data-dir / DATA_DIR: {}: {error}", path.display()))?;
        let mode = fs::metadata(path).map_or(0, |meta| meta.permissions().mode());
        if mode & 0o077 != 0 {
            log::warn!("other users of this machine can access {}: run chmod 700 on it", path.display());
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

// Sync the key file and its folder before anything is sealed with the key, so that a power failure cannot lose it.
fn create_key(path: &Path) -> Result<MasterKey, String> {
    let text = MasterKey::new_text();
    let written = write_private(path, &text).and_then(|()| sync_folder(path));
    written.map_err(|error| format!("{}: {error}", path.display()))?;
    parsed(&path.display().to_string(), &text)
}

// The file gets its name when it is complete: a process that is killed while it writes leaves no empty key behind, which
// every later start would refuse. Fails if a file of this name exists.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let part = path.with_extension(format!("part-{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let outcome = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let outcome = outcome.and_then(|()| fs::hard_link(&part, path));
    fs::remove_file(&part)?;
    outcome
}

// A new or renamed file survives a power failure only after its folder is synced too.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}
