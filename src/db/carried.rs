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
use crate::secrets::DerivedKey;

#[derive(Default)]
struct Carried {
    key: Option<DerivedKey>,
    channels: Arc<Channels>,
    watcher: Option<Box<dyn Instrumentation>>,
}

impl Instrumentation for Carried {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let Some(watcher) = &mut self.watcher {
            watcher.on_connection_event(event);
        }
    }
}

/// Gives the connection a key. It replaces an earlier one, and the instrumentation of the connection.
pub fn carry_key(conn: &mut DbConnection, key: &DerivedKey) {
    let channels = carried_channels(conn);
    conn.set_instrumentation(Carried { key: Some(key.clone()), channels, watcher: None });
}

/// Gives the connection the channels of notices. It replaces the instrumentation of the connection, which keeps its key.
pub fn carry_channels(conn: &mut DbConnection, channels: &Arc<Channels>) {
    let key = carried_key(conn);
    conn.set_instrumentation(Carried { key, channels: channels.clone(), watcher: None });
}

/// Gives the connection an instrumentation that sees its statements. The connection keeps what it carries.
pub fn watch(conn: &mut DbConnection, watcher: impl Instrumentation) {
    let (key, channels) = (carried_key(conn), carried_channels(conn));
    conn.set_instrumentation(Carried { key, channels, watcher: Some(Box::new(watcher)) });
}

/// The key that the connection carries.
pub(crate) fn carried_key(conn: &mut DbConnection) -> Option<DerivedKey> {
    conn.instrumentation().downcast_ref::<Carried>()?.key.clone()
}

/// The channels that the connection carries; by default none that the environment sets up, and no origin.
pub(crate) fn carried_channels(conn: &mut DbConnection) -> Arc<Channels> {
    conn.instrumentation().downcast_ref::<Carried>().map(|carried| carried.channels.clone()).unwrap_or_default()
}
