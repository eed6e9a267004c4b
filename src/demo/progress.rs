//! How far a larger world has come, on standard error.

use std::io::{IsTerminal, Write, stderr};

use crate::time::thousands;

// Up to here it takes a moment, and nothing is said.
const WORTH_SAYING: usize = 20_000;

/// Counts what is done and says so: in one line that changes at a terminal, otherwise in a line for every tenth.
pub struct Progress {
    total: usize,
    done: usize,
    percent: usize,
    step: usize,
}

impl Progress {
    /// Nothing of `total` is done yet.
    pub fn new(total: usize) -> Progress {
        let step = if stderr().is_terminal() { 1 } else { 10 };
        Progress { total, done: 0, percent: 0, step }
    }

    /// `n` more are done.
    pub fn add(&mut self, n: usize) {
        self.done += n;
        let percent = self.done * 100 / self.total;
        if self.total < WORTH_SAYING || percent < self.percent + self.step {
            return;
        }
        self.percent = percent - percent % self.step;
        let total = thousands(self.total as i64);
        let (before, after) = match self.step {
            1 => ("\r", if self.done == self.total { "\n" } else { "" }),
            _ => ("", "\n"),
        };
        // A standard error that is closed is no reason to stop.
        drop(write!(stderr(), "{before}Making {total} tokens: {} %{after}", self.percent));
    }
}
