//! Progress of creating a large demo shop, on standard error.

use std::io::{IsTerminal, Write, stderr};

use crate::time::thousands;

// Smaller shops take seconds and show no progress.
const SHOW_FROM: usize = 20_000;

/// Prints progress: one updating line on a terminal, otherwise one line for each 10 %.
pub struct Progress {
    total: usize,
    done: usize,
    percent: usize,
    step: usize,
}

impl Progress {
    /// Progress at 0 of `total`.
    pub fn new(total: usize) -> Progress {
        let step = if stderr().is_terminal() { 1 } else { 10 };
        Progress { total, done: 0, percent: 0, step }
    }

    /// Adds `n` finished tokens.
    pub fn add(&mut self, n: usize) {
        self.done += n;
        let percent = self.done * 100 / self.total;
        if self.total < SHOW_FROM || percent < self.percent + self.step {
            return;
        }
        self.percent = percent - percent % self.step;
        let total = thousands(self.total as i64);
        let (before, after) = match self.step {
            1 => ("\r", if self.done == self.total { "\n" } else { "" }),
            _ => ("", "\n"),
        };
        // Continue even if standard error is closed.
        drop(write!(stderr(), "{before}Creating {total} tokens: {} %{after}", self.percent));
    }
}
