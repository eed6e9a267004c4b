//! Programs that others wrote, where `scripts/test` has installed them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The folder that a variable names; without it the test is left out, and says so.
pub fn installed(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).filter(|folder| !folder.is_empty());
    if folder.is_none() {
        println!("left out: scripts/test installs what others wrote and sets {variable}");
    }
    folder.map(PathBuf::from)
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
