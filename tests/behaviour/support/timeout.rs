//! Waiting for what another thread or process does.

use std::time::{Duration, Instant};

// Longer than a lease, and a refresh behind it.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Waits until something has happened; panics with `what` when it never does.
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < TIMEOUT, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
