//! What this process counts for operators, in Prometheus' text format. No label grows with clients, people or addresses.
//!
//! Counting is an atomic addition. What can be read at any time, such as the length of a queue, is not counted: it is read
//! when somebody asks, into a [`Reading`].

mod acts;
mod reading;
mod requests;

use std::sync::Arc;

use prometheus::{Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

pub use acts::{Act, Tally};
pub use reading::Reading;
pub use requests::Area;

// What the names of all metrics begin with.
const PREFIX: &str = "client_api_access";
/// The content type of the text format.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
const GROUP_SIZES: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// The counters and histograms of one server.
pub struct Metrics {
    registry: Registry,
    requests: requests::Requests,
    acts: acts::Acts,
    refusals: IntCounterVec,
    sign_ins: IntCounterVec,
    connections_refused: IntCounterVec,
    pool_waits: HistogramVec,
    pool_timeouts: IntCounterVec,
    writes: Histogram,
    writes_failed: prometheus::IntCounter,
    groups: Histogram,
}

/// How an attempt to sign in with a password ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Signed in.
    Accepted,
    /// Wrong password, unknown e-mail address, or a locked or archived employee.
    Wrong,
    /// Not checked: too many attempts.
    TooMany,
}

impl Metrics {
    /// New counters, all zero.
    pub fn new() -> Arc<Metrics> {
        let registry = Registry::new_custom(Some(PREFIX.into()), None).unwrap_or_default();
        let refusals = counters("refusals_total", "Requests that were refused, by the reason.", &["area", "reason"]);
        let sign_ins = counters("sign_ins_total", "Attempts to sign in with a password.", &["outcome"]);
        for outcome in [SignIn::Accepted, SignIn::Wrong, SignIn::TooMany] {
            sign_ins.with_label_values(&[outcome.label()]);
        }
        let connections_refused =
            counters("connections_refused_total", "Connections that were closed without an answer.", &["limit"]);
        for limit in ["server", "network"] {
            connections_refused.with_label_values(&[limit]);
        }
        let pool_waits = histograms("database_pool_wait_seconds", "Waiting for a free database connection.", "pool");
        let pool_timeouts =
            counters("database_pool_timeouts_total", "Waits in which no connection became free.", &["pool"]);
        let writes = histogram("database_write_seconds", "Changes, from the queue to the commit.", &SECONDS);
        let writes_failed = counters("database_writes_failed_total", "Changes that could not be made.", &[]);
        let groups = histogram("writer_group_size", "Changes that SQLite's writer committed together.", &GROUP_SIZES);
        let metrics = Metrics {
            requests: requests::Requests::new(&registry),
            acts: acts::Acts::new(&registry),
            registry,
            refusals,
            sign_ins,
            connections_refused,
            pool_waits,
            pool_timeouts,
            writes,
            writes_failed: writes_failed.with_label_values::<&str>(&[]),
            groups,
        };
        let all: [Box<dyn prometheus::core::Collector>; 8] = [
            Box::new(metrics.refusals.clone()),
            Box::new(metrics.sign_ins.clone()),
            Box::new(metrics.connections_refused.clone()),
            Box::new(metrics.pool_waits.clone()),
            Box::new(metrics.pool_timeouts.clone()),
            Box::new(metrics.writes.clone()),
            Box::new(writes_failed),
            Box::new(metrics.groups.clone()),
        ];
        all.into_iter().for_each(|collector| register(&metrics.registry, collector));
        Arc::new(metrics)
    }

    /// A request to `area` was answered.
    pub fn request(&self, area: Area, status: u16, seconds: f64) {
        self.requests.answered(area, status, seconds);
    }

    /// A request to `area` was refused. `reason` is one of few texts of this program, never what somebody sent.
    pub fn refused(&self, area: Area, reason: &'static str) {
        self.refusals.with_label_values(&[area.label(), reason]).inc();
    }

    /// Somebody tried to sign in with a password.
    pub fn sign_in(&self, outcome: SignIn) {
        self.sign_ins.with_label_values(&[outcome.label()]).inc();
    }

    /// A connection was refused: too many are open, of the `server` or of one `network`.
    pub fn connection_refused(&self, limit: &'static str) {
        self.connections_refused.with_label_values(&[limit]).inc();
    }

    /// What was done in a transaction that is committed now.
    pub fn committed(&self, tally: &Tally) {
        self.acts.add(tally);
    }

    /// A change was made or failed after so many seconds.
    pub fn write(&self, seconds: f64, is_made: bool) {
        self.writes.observe(seconds);
        if !is_made {
            self.writes_failed.inc();
        }
    }

    /// SQLite's writer committed so many changes together.
    pub fn group(&self, changes: usize) {
        self.groups.observe(changes as f64);
    }

    /// How long something waited for a connection of a pool.
    pub fn pool_wait(&self, pool: &'static str) -> Histogram {
        self.pool_timeouts.with_label_values(&[pool]);
        self.pool_waits.with_label_values(&[pool])
    }

    /// No connection of a pool became free in time.
    pub fn pool_timeout(&self, pool: &'static str) {
        self.pool_timeouts.with_label_values(&[pool]).inc();
    }

    /// Everything counted so far, and what was just read, in the text format.
    pub fn text(&self, reading: &Reading) -> String {
        let mut text = Vec::new();
        for registry in [&self.registry, reading.registry()] {
            // Fails only where a family has no value, and the registry leaves those out.
            if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut text) {
                log::error!("metrics cannot be written: {error}");
            }
        }
        String::from_utf8(text).unwrap_or_default()
    }
}

impl SignIn {
    fn label(self) -> &'static str {
        match self {
            SignIn::Accepted => "accepted",
            SignIn::Wrong => "wrong",
            SignIn::TooMany => "too_many",
        }
    }
}

fn register(registry: &Registry, collector: Box<dyn prometheus::core::Collector>) {
    // Only a name that is registered twice fails: the tests would see that a metric is missing.
    if let Err(error) = registry.register(collector) {
        log::error!("a metric is missing: {error}");
    }
}

// The names and labels are constants that the tests read back, so none of these can be invalid.
#[expect(clippy::expect_used, reason = "the names are constants")]
fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("a valid name")
}

#[expect(clippy::expect_used, reason = "the names are constants")]
fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())).expect("a valid name")
}

#[expect(clippy::expect_used, reason = "the names are constants")]
fn histograms(name: &str, help: &str, label: &str) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
    HistogramVec::new(options, &[label]).expect("a valid name")
}
