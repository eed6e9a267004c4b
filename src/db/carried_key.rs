//! The key that a connection carries, so that the transaction of an act can authenticate what it writes.
//!
//! Why on the connection: a service takes a connection and plain arguments, and most of them record what they did. Handing the
//! key through every one of them would put it into some fifty signatures. Diesel keeps one object per connection, its
//! instrumentation, and that object may have data of its own.

use diesel::Connection;
use diesel::connection::{Instrumentation, InstrumentationEvent};

use crate::db::DbConnection;
use crate::secrets::DerivedKey;

struct Carried {
    key: Option<DerivedKey>,
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
    conn.set_instrumentation(Carried { key: Some(key.clone()), watcher: None });
}

/// Gives the connection an instrumentation that sees its statements. The connection keeps its key.
pub fn watch(conn: &mut DbConnection, watcher: impl Instrumentation) {
    let key = carried_key(conn);
    conn.set_instrumentation(Carried { key, watcher: Some(Box::new(watcher)) });
}

/// The key that the connection carries.
pub(crate) fn carried_key(conn: &mut DbConnection) -> Option<DerivedKey> {
    conn.instrumentation().downcast_ref::<Carried>()?.key.clone()
}
