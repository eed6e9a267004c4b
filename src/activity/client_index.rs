//! Which clients each entry is about: an index of the log, made of what the entries themselves say.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;

use crate::activity::{Activity, Subject};
use crate::db::DbConnection;
use crate::id::{ActivityKey, ClientKey};
use crate::schema::activity_clients;

impl Activity {
    /// The clients that the entry says it is about. Entries of earlier versions about tokens do not say it.
    pub fn clients(&self) -> BTreeSet<ClientKey> {
        match self.subject_kind == Subject::CLIENT {
            true => BTreeSet::from([ClientKey(self.subject_id)]),
            false => self.details().clients.into_iter().collect(),
        }
    }
}

/// Lists entries under their clients, if they are not yet.
pub(super) fn add(conn: &mut DbConnection, entries: &[&Activity]) -> QueryResult<()> {
    let of = |entry: &&Activity| {
        let id = entry.id.0;
        entry.clients().into_iter().map(move |client| (client.0, id)).collect::<Vec<_>>()
    };
    let rows: Vec<_> = entries.iter().flat_map(of).collect();
    for rows in rows.chunks(1_000) {
        let rows: Vec<_> = rows
            .iter()
            .map(|(client, id)| (activity_clients::client_id.eq(*client), activity_clients::activity_id.eq(*id)))
            .collect();
        crate::db::on_each!(conn, |inner| {
            diesel::insert_into(activity_clients::table).values(&rows).on_conflict_do_nothing().execute(inner)
        })?;
    }
    Ok(())
}

/// The clients under which some entries are listed.
pub(super) fn listed(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<HashMap<i64, BTreeSet<ClientKey>>> {
    let rows = activity_clients::table.filter(activity_clients::activity_id.eq_any(ids));
    let rows: Vec<(i64, i64)> = rows.select((activity_clients::activity_id, activity_clients::client_id)).load(conn)?;
    let mut listed: HashMap<i64, BTreeSet<ClientKey>> = HashMap::new();
    for (id, client) in rows {
        listed.entry(id).or_default().insert(ClientKey(client));
    }
    Ok(listed)
}

/// The first of some entries that is not listed under the clients that it says it is about.
pub(super) fn wrong<'a>(
    conn: &mut DbConnection,
    entries: impl Iterator<Item = &'a Activity>,
) -> QueryResult<Option<ActivityKey>> {
    let entries: Vec<&Activity> = entries.collect();
    let ids: Vec<i64> = entries.iter().map(|entry| entry.id.0).collect();
    let listed = listed(conn, &ids)?;
    let is_wrong = |entry: &&Activity| {
        let clients = entry.clients();
        !clients.is_empty() && listed.get(&entry.id.0) != Some(&clients)
    };
    Ok(entries.into_iter().filter(is_wrong).map(|entry| entry.id).min())
}
