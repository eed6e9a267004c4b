//! The data folder and the files with secrets, as `doctor` finds them: who can access them, and how much space is left.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use crate::config::Config;

// Environment variables that name a file with a secret.
const SECRET_FILES: [&str; 4] = ["SECRET_KEY_FILE", "SECRET_KEY_PREVIOUS_FILE", "SMTP_URL_FILE", "WEBHOOK_SECRET_FILE"];

/// How much space the disk of a SQLite database has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// What is left for the user of this process.
    pub free: u64,
    /// The size of the database. An upgrade may need as much again.
    pub database: u64,
}

impl Config {
    /// What is wrong with the permissions of the data folder, of its files, and of the files that the environment names for
    /// secrets: each is a sentence with what to do. Nothing is wrong if only the user of the server can access the folder.
    pub fn permission_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.database.sqlite_file().is_some() {
            match fs::metadata(&self.data_dir) {
                Ok(folder) => self.check_folder(&folder, &mut problems),
                Err(error) => problems
                    .push(format!("{}: {error}; start the server once, or check DATA_DIR", self.data_dir.display())),
            }
        }
        for path in SECRET_FILES.iter().filter_map(std::env::var_os).map(PathBuf::from) {
            // A group may read it: often it belongs to root, and to the group of the server.
            match fs::metadata(&path) {
                Ok(file) if mode(&file) & 0o027 != 0 => problems.push(too_open(&path, &file, "640")),
                Ok(_) => {}
                Err(error) => problems.push(format!("{}: {error}", path.display())),
            }
        }
        problems
    }

    fn check_folder(&self, folder: &Metadata, problems: &mut Vec<String>) {
        let path = &self.data_dir;
        let own = rustix::process::geteuid().as_raw();
        if own != 0 && folder.uid() != own {
            problems.push(format!(
                "{} belongs to the user with the number {}, and doctor runs as {own}: run it as the user of the server",
                path.display(),
                folder.uid()
            ));
        }
        if mode(folder) & 0o077 != 0 {
            problems.push(too_open(path, folder, "700"));
        }
        if let Err(error) = access(path, Access::WRITE_OK | Access::EXEC_OK) {
            problems.push(format!("{} cannot be written to: {error}", path.display()));
        }
        for path in self.data_files() {
            let Ok(file) = fs::metadata(&path) else { continue };
            if mode(&file) & 0o077 != 0 {
                problems.push(too_open(&path, &file, "600"));
            }
            if file.uid() != folder.uid() {
                let (of, folder) = (file.uid(), folder.uid());
                problems.push(format!(
                    "{} belongs to the user with the number {of}, and its folder to {folder}: chown {folder} {}",
                    path.display(),
                    path.display()
                ));
            }
        }
    }

    fn data_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            ["secret.key", "secret.key.new", "server.lock"].map(|name| self.data_dir.join(name)).into();
        if let Some(database) = self.database.sqlite_file() {
            files.extend(["", "-wal", "-shm"].map(|ending| beside(database, ending)));
        }
        files
    }

    /// The space on the disk of a SQLite database; none with PostgreSQL. Errors: the disk cannot be asked.
    pub fn free_space(&self) -> Result<Option<FreeSpace>, String> {
        let Some(database) = self.database.sqlite_file() else { return Ok(None) };
        let size = fs::metadata(database).map_or(0, |file| file.len());
        Ok(Some(FreeSpace { free: free_bytes(folder_of(database))?, database: size }))
    }
}

/// The file with `ending` appended to its name.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(ending);
    name.into()
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What the disk of a folder has left for the user of this process, in bytes. Errors: the disk cannot be asked.
pub fn free_bytes(folder: &Path) -> Result<u64, String> {
    let disk = statvfs(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn mode(file: &Metadata) -> u32 {
    file.permissions().mode() & 0o7777
}

fn too_open(path: &Path, file: &Metadata, should_be: &str) -> String {
    let path = path.display();
    format!("other users can access {path} (mode {:04o}): chmod {should_be} {path}", mode(file))
}
