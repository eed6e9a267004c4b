//! When things were last seen or used: collected in memory and written every few seconds, so that a request costs no write.

use std::collections::BTreeMap;
use std::sync::Mutex;

use diesel::QueryResult;

use crate::db::{Db, DbConnection};
use crate::error::Result;
use crate::time::Timestamp;

// Written in one transaction: more would make others wait.
const BATCH: usize = 500;

/// The latest moment of each key that is on its way to the database.
///
/// Moments are written in the order of their keys, the same on every node: two that write at once lock the same rows in
/// the same order and do not wait for each other in a circle.
#[derive(Debug)]
pub struct WriteBehindBuffer<K>(Mutex<BTreeMap<K, Timestamp>>);

impl<K> Default for WriteBehindBuffer<K> {
    fn default() -> WriteBehindBuffer<K> {
        WriteBehindBuffer(Mutex::default())
    }
}

impl<K: Copy + Ord + Send + 'static> WriteBehindBuffer<K> {
    /// Notes that something happened with these.
    pub fn note(&self, keys: impl IntoIterator<Item = K>, now: Timestamp) {
        if let Ok(mut noted) = self.0.lock() {
            noted.extend(keys.into_iter().map(|key| (key, now)));
        }
    }

    /// What is noted of a key and not written yet.
    pub fn of(&self, key: K) -> Option<Timestamp> {
        self.0.lock().ok()?.get(&key).copied()
    }

    /// Writes what was collected with `touch`, which leaves alone what is newer. Errors: as [`Db::write`]; what could not
    /// be written waits for the next time.
    pub async fn flush(&self, db: &Db, touch: fn(&mut DbConnection, K, Timestamp) -> QueryResult<usize>) -> Result<()> {
        let mut batch = match self.0.lock() {
            Ok(mut noted) => std::mem::take(&mut *noted),
            Err(_) => return Ok(()),
        };
        while !batch.is_empty() {
            let next = batch.keys().nth(BATCH).copied();
            let mut rest = next.map_or_else(BTreeMap::new, |next| batch.split_off(&next));
            let moments = batch.clone();
            let written =
                db.write(move |conn| Ok(moments.iter().try_for_each(|(key, at)| touch(conn, *key, *at).map(drop))?));
            if let Err(error) = written.await {
                if let Ok(mut noted) = self.0.lock() {
                    batch.append(&mut rest);
                    // What was noted again meanwhile is newer.
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
