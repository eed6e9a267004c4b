//! The hash chain over the activity log.
//!
//! Seals have their own table, because many transactions on many nodes insert entries at once and must not wait for each
//! other. The transaction that inserts an entry also inserts its id into `activity_unsealed`, with an HMAC of the entry. A
//! background job, on one node at a time, seals the entries it finds there, in the order of their ids, and deletes those ids.
//! So it never walks through the log, however long that is, and an entry that commits late on PostgreSQL, with a lower id
//! than the last sealed one, is sealed by the next run. An entry without its HMAC was not recorded by a server and is never
//! sealed, whatever its id and time.
//!
//! A seal is an HMAC of the previous seal and the entry, so an edited or deleted entry invalidates every later seal, and only
//! who has the secret key can make a seal. Earlier versions sealed by SHA-256 without a key. Those seals are covered by the
//! keyed ones after them, and [`Chain`] records up to which number they go.

use diesel::prelude::*;

use crate::activity::Activity;
use crate::activity::chain;
use crate::activity::chain_key::ChainKey;
use crate::activity::client_index;
use crate::db::DbConnection;
use crate::error::Result;
use crate::schema::{activity, activity_seals, activity_unsealed};
use crate::time::Timestamp;

#[cfg(doc)]
use crate::activity::Chain;

pub(super) const BATCH: i64 = 500;

/// The newest seal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// How many entries are sealed.
    pub number: i64,
    /// The seal of the last of them.
    pub seal: Vec<u8>,
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.number)?;
        self.seal.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = activity_seals)]
pub(super) struct Seal {
    pub(super) id: i64,
    pub(super) activity_id: i64,
    pub(super) seal: Vec<u8>,
}

/// The newest seal; none if there is none, or all are archived.
pub(super) fn newest(conn: &mut DbConnection) -> QueryResult<Option<Head>> {
    let newest = activity_seals::table.order(activity_seals::id.desc()).select(Seal::as_select());
    Ok(newest.first(conn).optional()?.map(|seal| Head { number: seal.id, seal: seal.seal }))
}

/// The head of the chain: the newest seal, or the last that was archived. None before the first; none also in a database of an
/// earlier version that has archived nothing.
pub fn head(conn: &mut DbConnection) -> Result<Option<Head>> {
    match newest(conn)? {
        Some(head) => Ok(Some(head)),
        None => Ok(chain::archived(conn).ok().filter(|head| head.number > 0)),
    }
}

/// Whether the chain of this database has passed through `head`, or has archived it.
pub fn has_passed(conn: &mut DbConnection, head: &Head) -> Result<bool> {
    let archived = chain::archived(conn)?;
    if head.number <= archived.number {
        return Ok(head.number < archived.number || head.seal == archived.seal);
    }
    let same = activity_seals::table.find(head.number).filter(activity_seals::seal.eq(&head.seal));
    Ok(diesel::select(diesel::dsl::exists(same)).get_result(conn)?)
}

/// Whether entries wait for a seal. A read: no writer waits for it.
pub fn is_due(conn: &mut DbConnection) -> Result<bool> {
    let waiting = activity_unsealed::table.filter(activity_unsealed::refused_at.is_null());
    Ok(waiting.select(activity_unsealed::activity_id).first::<i64>(conn).optional()?.is_some())
}

/// How many entries wait for their seal; counting stops at `most`.
pub fn waiting(conn: &mut DbConnection, most: i64) -> Result<usize> {
    let waiting = activity_unsealed::table.filter(activity_unsealed::refused_at.is_null()).limit(most);
    Ok(waiting.select(activity_unsealed::activity_id).load::<i64>(conn)?.len())
}

/// Seals up to five hundred entries; returns the new head, or none when no entry waits for a seal. What waits and was not
/// recorded by a server is refused: it keeps waiting, and `verify-activity` names it.
pub fn advance(conn: &mut DbConnection, key: &ChainKey, now: Timestamp) -> Result<Option<Head>> {
    let waiting: Vec<(i64, Vec<u8>)> = activity_unsealed::table
        .filter(activity_unsealed::refused_at.is_null())
        .order(activity_unsealed::activity_id)
        .limit(BATCH)
        .select((activity_unsealed::activity_id, activity_unsealed::mac))
        .load(conn)?;
    if waiting.is_empty() {
        return Ok(None);
    }
    let ids: Vec<i64> = waiting.iter().map(|(id, _)| *id).collect();
    // Statements of their own: as a join, PostgreSQL could choose to walk through the whole log.
    let entries = entries(conn, &ids)?;
    let sealed: Vec<i64> = activity_seals::table
        .filter(activity_seals::activity_id.eq_any(&ids))
        .select(activity_seals::activity_id)
        .load(conn)?;
    let mut head = match newest(conn)? {
        Some(head) => head,
        None => chain::archived(conn)?,
    };
    let (mut seals, mut refused, mut recorded) = (Vec::with_capacity(ids.len()), Vec::new(), Vec::new());
    for (id, code) in &waiting {
        let entry = entries.binary_search_by_key(id, |entry| entry.id.0).ok().map(|at| &entries[at]);
        let Some(entry) = entry.filter(|entry| !sealed.contains(id) && key.has_recorded(entry, code)) else {
            refused.push(*id);
            continue;
        };
        recorded.push(entry);
        let number = head.number + 1;
        head = Head { number, seal: key.block(number).seal(&head.seal, number, entry) };
        seals.push((
            activity_seals::id.eq(number),
            activity_seals::activity_id.eq(id),
            activity_seals::seal.eq(head.seal.clone()),
        ));
    }
    let of = |ids: Vec<i64>| activity_unsealed::table.filter(activity_unsealed::activity_id.eq_any(ids));
    if !refused.is_empty() {
        diesel::update(of(refused.clone())).set(activity_unsealed::refused_at.eq(now)).execute(conn)?;
    }
    // A node of an earlier version, during an upgrade, does not do this when it records an entry.
    client_index::add(conn, &recorded)?;
    if !seals.is_empty() {
        crate::db::on_each!(conn, |inner| diesel::insert_into(activity_seals::table).values(&seals).execute(inner))?;
        let sealed = ids.into_iter().filter(|id| !refused.contains(id)).collect();
        diesel::delete(of(sealed)).execute(conn)?;
    }
    Ok(Some(head))
}

/// The lowest id that waits for a seal and was refused.
pub fn refused(conn: &mut DbConnection) -> Result<Option<i64>> {
    let refused = activity_unsealed::table.filter(activity_unsealed::refused_at.is_not_null());
    let first = refused.order(activity_unsealed::activity_id).select(activity_unsealed::activity_id);
    Ok(first.first(conn).optional()?)
}

// The entries with these ids, in the order of the ids.
fn entries(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Activity>> {
    let mut entries: Vec<Activity> =
        activity::table.filter(activity::id.eq_any(ids)).select(Activity::as_select()).load(conn)?;
    entries.sort_unstable_by_key(|entry| entry.id.0);
    Ok(entries)
}
