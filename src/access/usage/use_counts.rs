//! Counts uses in memory and adds them to the database every few seconds. A request costs no query, and several nodes add up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::access::usage::Counts;
use crate::db::{Db, DbConnection};
use crate::error::Result;
use crate::id::{AccessTokenKey, ClientKey};
use crate::schema::{api_key_days, client_days, clients};
use crate::time::Timestamp;

// Rows per transaction, which are one statement.
const BATCH: usize = 500;

/// Uses that are not yet added to the database. At most one entry for each client and each API key, and two at midnight.
#[derive(Default)]
pub struct UseCounts(Mutex<Pending>);

type OfClients = BTreeMap<(ClientKey, Timestamp), Counts>;
type OfApiKeys = BTreeMap<(AccessTokenKey, Timestamp), i64>;

// Rows are written in the order of their keys on every node, so that two nodes cannot deadlock.
#[derive(Default)]
struct Pending {
    clients: OfClients,
    api_keys: OfApiKeys,
}

impl UseCounts {
    /// Counts a call of a client, and of the API key it was made with, if it was one.
    pub fn call(&self, client: ClientKey, api_key: Option<AccessTokenKey>, now: Timestamp) {
        let Ok(mut pending) = self.0.lock() else { return };
        let day = now.start_of_utc_day();
        pending.clients.entry((client, day)).or_default().calls += 1;
        if let Some(key) = api_key {
            *pending.api_keys.entry((key, day)).or_default() += 1;
        }
    }

    /// Counts a refresh of a client.
    pub fn refresh(&self, client: ClientKey, now: Timestamp) {
        if let Ok(mut pending) = self.0.lock() {
            pending.clients.entry((client, now.start_of_utc_day())).or_default().refreshes += 1;
        }
    }

    /// Counts a refusal of a client.
    pub fn refusal(&self, client: ClientKey, now: Timestamp) {
        if let Ok(mut pending) = self.0.lock() {
            pending.clients.entry((client, now.start_of_utc_day())).or_default().refusals += 1;
        }
    }

    /// Adds what was counted to the database. Errors: as [`Db::write`]; what could not be added is added by the next call.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        let Pending { mut clients, mut api_keys } = match self.0.lock() {
            Ok(mut pending) => std::mem::take(&mut *pending),
            Err(_) => return Ok(()),
        };
        let mut outcome = Ok(());
        while outcome.is_ok() && (!clients.is_empty() || !api_keys.is_empty()) {
            let (of_clients, of_api_keys) = (first(&mut clients), first(&mut api_keys));
            let rows = (of_clients.clone(), of_api_keys.clone());
            let write = db.write(move |conn| {
                add_clients(conn, &rows.0)?;
                add_api_keys(conn, &rows.1)?;
                Ok(())
            });
            outcome = write.await;
            if outcome.is_err() {
                // A write that failed is never committed later, so nothing is counted twice.
                clients.extend(of_clients);
                api_keys.extend(of_api_keys);
            }
        }
        self.put_back(clients, api_keys);
        outcome
    }

    // Adds what was not written to what was counted in the meantime.
    fn put_back(&self, clients: OfClients, api_keys: OfApiKeys) {
        if let Ok(mut pending) = self.0.lock() {
            for (key, counts) in clients {
                *pending.clients.entry(key).or_default() += counts;
            }
            for (key, calls) in api_keys {
                *pending.api_keys.entry(key).or_default() += calls;
            }
        }
    }
}

// Takes the first rows out of a map.
fn first<K: Ord + Copy, V>(rows: &mut BTreeMap<K, V>) -> Vec<(K, V)> {
    let rest = rows.keys().nth(BATCH).copied().map(|key| rows.split_off(&key));
    std::mem::replace(rows, rest.unwrap_or_default()).into_iter().collect()
}

#[derive(Insertable)]
#[diesel(table_name = client_days, treat_none_as_default_value = false)]
struct ClientDay {
    client_id: ClientKey,
    day: Timestamp,
    calls: i64,
    refreshes: i64,
    refusals: i64,
}

/// Adds counts of clients to their days. Each client and day occurs once. Clients that were deleted meanwhile are left out.
pub fn add_clients(conn: &mut DbConnection, counts: &[((ClientKey, Timestamp), Counts)]) -> QueryResult<usize> {
    let ids = counts.iter().map(|((client, _), _)| *client).collect::<BTreeSet<ClientKey>>();
    let known: Vec<ClientKey> = clients::table.filter(clients::id.eq_any(ids)).select(clients::id).load(conn)?;
    let known: BTreeSet<ClientKey> = known.into_iter().collect();
    let rows: Vec<ClientDay> = counts
        .iter()
        .filter(|((client, _), _)| known.contains(client))
        .map(|((client_id, day), Counts { calls, refreshes, refusals })| ClientDay {
            client_id: *client_id,
            day: *day,
            calls: *calls,
            refreshes: *refreshes,
            refusals: *refusals,
        })
        .collect();
    if rows.is_empty() {
        return Ok(0);
    }
    crate::db::on_each!(conn, |conn| {
        diesel::insert_into(client_days::table)
            .values(&rows)
            .on_conflict((client_days::client_id, client_days::day))
            .do_update()
            .set((
                client_days::calls.eq(client_days::calls + excluded(client_days::calls)),
                client_days::refreshes.eq(client_days::refreshes + excluded(client_days::refreshes)),
                client_days::refusals.eq(client_days::refusals + excluded(client_days::refusals)),
            ))
            .execute(conn)
    })
}

#[derive(Insertable)]
#[diesel(table_name = api_key_days, treat_none_as_default_value = false)]
struct ApiKeyDay {
    api_key_id: AccessTokenKey,
    day: Timestamp,
    calls: i64,
}

/// Adds calls of API keys to their days. Each key and day occurs once.
pub fn add_api_keys(conn: &mut DbConnection, calls: &[((AccessTokenKey, Timestamp), i64)]) -> QueryResult<usize> {
    if calls.is_empty() {
        return Ok(0);
    }
    let row = |((api_key_id, day), calls): &((AccessTokenKey, Timestamp), i64)| ApiKeyDay {
        api_key_id: *api_key_id,
        day: *day,
        calls: *calls,
    };
    let rows: Vec<ApiKeyDay> = calls.iter().map(row).collect();
    crate::db::on_each!(conn, |conn| {
        diesel::insert_into(api_key_days::table)
            .values(&rows)
            .on_conflict((api_key_days::api_key_id, api_key_days::day))
            .do_update()
            .set(api_key_days::calls.eq(api_key_days::calls + excluded(api_key_days::calls)))
            .execute(conn)
    })
}
