//! Programs that others wrote, where `scripts/test` has installed them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The folder that a variable names. Tests that need it are ignored unless asked for, so without it they fail.
pub fn installed(variable: &str) -> PathBuf {
    let folder = std::env::var_os(variable).filter(|folder| !folder.is_empty());
    folder.unwrap_or_else(|| panic!("{variable} is not set: scripts/test installs the programs and sets it")).into()
}

/// Node, or the newer one that lies beside the packages in the folder.
pub fn node(folder: &Path) -> Command {
    let own = folder.join("node_modules/node/bin/node");
    Command::new(if own.exists() { own } else { "node".into() })
}

/// A program that is killed with the value.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
