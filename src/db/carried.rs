//! What a connection carries, so that the transaction of an act can authenticate what it writes and write notices about it.
//!
//! Why on the connection: a service takes a connection and plain arguments, and most of them record what they did. Handing
//! this through every one of them would put it into some fifty signatures. Diesel keeps one object per connection, its
//! instrumentation, and that object may have data of its own.

use std::sync::Arc;

use diesel::Connection;
use diesel::connection::{Instrumentation, InstrumentationEvent};

use crate::config::Channels;
use crate::db::DbConnection;
use crate::metrics::{Act, Metrics, Tally};
use crate::secrets::DerivedKey;

#[derive(Default)]
struct Carried {
    key: Option<DerivedKey>,
    channels: Arc<Channels>,
    metrics: Option<Arc<Metrics>>,
    // What the open transaction did so far.
    tally: Tally,
    watcher: Option<Box<dyn Instrumentation>>,
}

impl Instrumentation for Carried {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let Some(watcher) = &mut self.watcher {
            watcher.on_connection_event(event);
        }
    }
}

/// Gives the connection a key. It replaces an earlier one, and a watcher.
pub fn carry_key(conn: &mut DbConnection, key: &DerivedKey) {
    change(conn, |carried| (carried.key, carried.watcher) = (Some(key.clone()), None));
}

/// Gives the connection the channels of notices. It replaces earlier ones, and a watcher.
pub fn carry_channels(conn: &mut DbConnection, channels: &Arc<Channels>) {
    change(conn, |carried| (carried.channels, carried.watcher) = (channels.clone(), None));
}

/// Gives the connection what counts the acts of its transactions.
pub(crate) fn carry_metrics(conn: &mut DbConnection, metrics: &Arc<Metrics>) {
    change(conn, |carried| carried.metrics = Some(metrics.clone()));
}

/// Gives the connection an instrumentation that sees its statements. The connection keeps what it carries.
pub fn watch(conn: &mut DbConnection, watcher: impl Instrumentation) {
    change(conn, |carried| carried.watcher = Some(Box::new(watcher)));
}

/// The key that the connection carries.
pub(crate) fn carried_key(conn: &mut DbConnection) -> Option<DerivedKey> {
    conn.instrumentation().downcast_ref::<Carried>()?.key.clone()
}

/// The channels that the connection carries; by default none that the environment sets up, and no origin.
pub(crate) fn carried_channels(conn: &mut DbConnection) -> Arc<Channels> {
    conn.instrumentation().downcast_ref::<Carried>().map(|carried| carried.channels.clone()).unwrap_or_default()
}

/// Counts so many of an act, once the transaction is committed.
pub(crate) fn tally(conn: &mut DbConnection, act: Act, n: i64) {
    if let Some(carried) = conn.instrumentation().downcast_mut::<Carried>() {
        carried.tally.add(act, n);
    }
}

/// What the open transaction did so far.
pub(crate) fn tally_so_far(conn: &mut DbConnection) -> Tally {
    conn.instrumentation().downcast_ref::<Carried>().map(|carried| carried.tally).unwrap_or_default()
}

/// Goes back to an earlier tally: what came after it was rolled back.
pub(crate) fn go_back_to(conn: &mut DbConnection, earlier: Tally) {
    if let Some(carried) = conn.instrumentation().downcast_mut::<Carried>() {
        carried.tally = earlier;
    }
}

/// The transaction is committed: what it did counts.
pub(crate) fn count_tally(conn: &mut DbConnection) {
    if let Some(carried) = conn.instrumentation().downcast_mut::<Carried>() {
        let tally = std::mem::take(&mut carried.tally);
        if let Some(metrics) = &carried.metrics {
            metrics.committed(&tally);
        }
    }
}

fn change(conn: &mut DbConnection, change: impl FnOnce(&mut Carried)) {
    match conn.instrumentation().downcast_mut::<Carried>() {
        Some(carried) => change(carried),
        None => {
            let mut carried = Carried::default();
            change(&mut carried);
            conn.set_instrumentation(carried);
        }
    }
}
