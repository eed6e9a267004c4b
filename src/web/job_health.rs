//! The health of the background jobs of this process. The supervisor writes it; `/readyz` reads it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::time::{MINUTE, Timestamp, count};

// `/readyz` reports a run that takes longer than this.
const LONG: i64 = 15 * MINUTE;

/// The health of every job that has been started, by name.
#[derive(Default)]
pub struct JobHealth(Mutex<BTreeMap<&'static str, JobReport>>);

/// The health of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobReport {
    /// When its last run started.
    pub started_at: Option<Timestamp>,
    /// When its last successful run ended.
    pub succeeded_at: Option<Timestamp>,
    /// When the current run started; `None` between two runs.
    pub running_since: Option<Timestamp>,
    /// How many runs in a row have failed.
    pub failures: u32,
    /// Why the last of them failed, for `/readyz`, which anybody can read.
    pub last_error: &'static str,
}

impl JobHealth {
    /// A run of the job has started.
    pub fn started(&self, name: &'static str, now: Timestamp) {
        let mut jobs = self.lock();
        let report = jobs.entry(name).or_default();
        (report.started_at, report.running_since) = (Some(now), Some(now));
    }

    /// The run has succeeded. Returns how many runs in a row had failed before it.
    pub fn succeeded(&self, name: &'static str, now: Timestamp) -> u32 {
        let mut jobs = self.lock();
        let report = jobs.entry(name).or_default();
        (report.succeeded_at, report.running_since) = (Some(now), None);
        std::mem::take(&mut report.failures)
    }

    /// The run has failed; anybody can read `why`. Returns how many runs in a row have failed.
    pub fn failed(&self, name: &'static str, why: &'static str) -> u32 {
        let mut jobs = self.lock();
        let report = jobs.entry(name).or_default();
        report.running_since = None;
        report.failures = report.failures.saturating_add(1);
        report.last_error = why;
        report.failures
    }

    /// Every job's name and health.
    pub fn reports(&self) -> Vec<(&'static str, JobReport)> {
        self.lock().iter().map(|(name, report)| (*name, report.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, JobReport>> {
        // A panic while the lock was held leaves at most one field out of date.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobReport {
    /// What is wrong with the job, for `/readyz`, which anybody can read.
    pub fn trouble(&self, now: Timestamp) -> Option<String> {
        if self.failures > 0 {
            return Some(format!("failed {}, last: {}", count(i64::from(self.failures), "time"), self.last_error));
        }
        let minutes = now.since(self.running_since?) / MINUTE;
        (minutes * MINUTE >= LONG).then(|| format!("has been running for {}", count(minutes, "minute")))
    }
}
