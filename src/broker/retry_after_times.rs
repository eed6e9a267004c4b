//! When connections may be called again after their provider answered 429.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::id::ConnectionKey;
use crate::time::Timestamp;

/// The rate limits that providers have set, by connection; each node keeps its own.
#[derive(Debug, Default)]
pub struct RetryAfterTimes(Mutex<HashMap<ConnectionKey, Timestamp>>);

impl RetryAfterTimes {
    /// Seconds until the connection may be called again, if it has to wait.
    pub(super) fn remaining(&self, id: ConnectionKey, now: Timestamp) -> Option<i64> {
        let mut retry_after_times = self.0.lock().ok()?;
        match retry_after_times.get(&id) {
            Some(until) if *until > now => Some(until.since(now)),
            Some(_) => {
                retry_after_times.remove(&id);
                None
            }
            None => None,
        }
    }

    /// Records when a connection may be called again.
    pub(super) fn record(&self, id: ConnectionKey, until: Timestamp) {
        if let Ok(mut retry_after_times) = self.0.lock() {
            retry_after_times.insert(id, until);
        }
    }
}
