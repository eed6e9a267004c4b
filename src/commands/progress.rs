//! How far long work is, on the console.

use std::io::Write;
use std::time::{Duration, Instant};

/// Prints how far long work is, at most once a second.
pub(super) struct Progress(Instant);

impl Progress {
    /// Nothing is printed in the first second.
    pub(super) fn new() -> Progress {
        Progress(Instant::now())
    }

    /// Prints a line, unless one was printed within a second.
    pub(super) fn tell(&mut self, text: impl FnOnce() -> String) {
        if self.0.elapsed() >= Duration::from_secs(1) {
            println!("{}", text());
            let _ = std::io::stdout().flush();
            self.0 = Instant::now();
        }
    }
}
