//! A write-behind buffer for times such as "last used": collected in memory and written every few seconds, so that a
//! request needs no write.

use std::collections::BTreeMap;
use std::sync::Mutex;

use diesel::QueryResult;

use crate::db::{Db, DbConnection};
use crate::error::Result;
use crate::time::Timestamp;

// Rows per transaction: more would block other writes for too long.
const BATCH: usize = 500;

/// The latest time of each key that is not written yet; or another value `V`, such as a time and an address.
///
/// Rows are written in the order of their keys on every node, so that two nodes lock rows in the same order and cannot
/// deadlock.
#[derive(Debug)]
pub struct WriteBehindBuffer<K, V = Timestamp>(Mutex<BTreeMap<K, V>>);

impl<K, V> Default for WriteBehindBuffer<K, V> {
    fn default() -> WriteBehindBuffer<K, V> {
        WriteBehindBuffer(Mutex::default())
    }
}

impl<K: Copy + Ord + Send + 'static, V: Copy + Send + 'static> WriteBehindBuffer<K, V> {
    /// Notes `latest` for these keys.
    pub fn note(&self, keys: impl IntoIterator<Item = K>, latest: V) {
        if let Ok(mut noted) = self.0.lock() {
            noted.extend(keys.into_iter().map(|key| (key, latest)));
        }
    }

    /// What is noted for a key and not written yet.
    pub fn of(&self, key: K) -> Option<V> {
        self.0.lock().ok()?.get(&key).copied()
    }

    /// Writes all that is noted with `touch`, which must not overwrite a newer time. Errors: as [`Db::write`]; what could not
    /// be written stays in the buffer.
    pub async fn flush(&self, db: &Db, touch: fn(&mut DbConnection, K, V) -> QueryResult<usize>) -> Result<()> {
        let mut batch = match self.0.lock() {
            Ok(mut noted) => std::mem::take(&mut *noted),
            Err(_) => return Ok(()),
        };
        while !batch.is_empty() {
            let next = batch.keys().nth(BATCH).copied();
            let mut rest = next.map_or_else(BTreeMap::new, |next| batch.split_off(&next));
            let times = batch.clone();
            let written =
                db.write(move |conn| Ok(times.iter().try_for_each(|(key, at)| touch(conn, *key, *at).map(drop))?));
            if let Err(error) = written.await {
                if let Ok(mut noted) = self.0.lock() {
                    batch.append(&mut rest);
                    // Times noted in the meantime are newer and win.
                    batch.append(&mut noted);
                    *noted = batch;
                }
                return Err(error);
            }
            batch = rest;
        }
        Ok(())
    }
}
