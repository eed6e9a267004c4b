//! The hash chain over the activity log.
//!
//! Seals have their own table, because many transactions on many nodes insert entries at once and must not wait for each
//! other. The transaction that inserts an entry also inserts its id into `activity_unsealed`. A background job, on one node
//! at a time, seals the entries it finds there, in the order of their ids, and deletes those ids. So it never walks through
//! the log, however long that is, and an entry that commits late on PostgreSQL, with a lower id than the last sealed one, is
//! sealed by the next run. A seal is SHA-256 over the previous seal and the entry, so an edited or deleted entry invalidates
//! every later seal. Somebody who rewrites all seals is detected by comparing with an earlier head, which the server log and
//! `verify-activity` print.

use diesel::dsl::{exists, min, not};
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::activity::Activity;
use crate::db::DbConnection;
use crate::error::Result;
use crate::schema::{activity, activity_seals, activity_unsealed};

const BATCH: i64 = 500;

/// The newest seal.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// What the check found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every sealed entry is unchanged, and every other entry waits for its seal.
    Intact {
        /// The newest seal.
        head: Option<Head>,
        /// How many entries are not sealed yet.
        unsealed: i64,
    },
    /// The chain is broken; the text says where and how.
    Broken(String),
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = activity_seals)]
struct Seal {
    id: i64,
    activity_id: i64,
    seal: Vec<u8>,
}

fn head(conn: &mut DbConnection) -> QueryResult<Option<Head>> {
    let newest = activity_seals::table.order(activity_seals::id.desc()).select(Seal::as_select());
    Ok(newest.first(conn).optional()?.map(|seal| Head { number: seal.id, seal: seal.seal }))
}

/// Whether entries wait for a seal. A read: no writer waits for it.
pub fn is_due(conn: &mut DbConnection) -> Result<bool> {
    let waiting = activity_unsealed::table.select(activity_unsealed::activity_id);
    Ok(waiting.first::<i64>(conn).optional()?.is_some())
}

/// Seals up to five hundred entries; returns the new head, or none when no entry waits for a seal.
pub fn advance(conn: &mut DbConnection) -> Result<Option<Head>> {
    let waiting: Vec<i64> = activity_unsealed::table
        .order(activity_unsealed::activity_id)
        .limit(BATCH)
        .select(activity_unsealed::activity_id)
        .load(conn)?;
    // A statement of its own: as a join, PostgreSQL could choose to walk through the whole log.
    let mut entries: Vec<Activity> =
        activity::table.filter(activity::id.eq_any(&waiting)).select(Activity::as_select()).load(conn)?;
    if entries.is_empty() {
        return Ok(None);
    }
    entries.sort_unstable_by_key(|entry| entry.id.0);
    let mut head = head(conn)?.unwrap_or(Head { number: 0, seal: Vec::new() });
    let mut seals = Vec::with_capacity(entries.len());
    for entry in &entries {
        head = Head { number: head.number + 1, seal: sealed(&head.seal, entry) };
        seals.push((
            activity_seals::id.eq(head.number),
            activity_seals::activity_id.eq(entry.id.0),
            activity_seals::seal.eq(head.seal.clone()),
        ));
    }
    crate::db::on_each!(conn, |inner| diesel::insert_into(activity_seals::table).values(&seals).execute(inner))?;
    let ids: Vec<i64> = entries.iter().map(|entry| entry.id.0).collect();
    diesel::delete(activity_unsealed::table.filter(activity_unsealed::activity_id.eq_any(ids))).execute(conn)?;
    Ok(Some(head))
}

/// Verifies the whole chain. `known` is an earlier head, which the chain must still contain.
pub fn verify(conn: &mut DbConnection, known: Option<&str>) -> Result<Verdict> {
    let mut at = Head { number: 0, seal: Vec::new() };
    let mut known_seen = known.is_none();
    loop {
        let seals: Vec<Seal> = activity_seals::table
            .filter(activity_seals::id.gt(at.number))
            .order(activity_seals::id)
            .limit(BATCH)
            .select(Seal::as_select())
            .load(conn)?;
        if seals.is_empty() {
            break;
        }
        let ids: Vec<i64> = seals.iter().map(|seal| seal.activity_id).collect();
        let entries: Vec<Activity> =
            activity::table.filter(activity::id.eq_any(&ids)).select(Activity::as_select()).load(conn)?;
        for seal in seals {
            if seal.id != at.number + 1 {
                return Ok(Verdict::Broken(format!("seal {} is missing", at.number + 1)));
            }
            let Some(entry) = entries.iter().find(|entry| entry.id.0 == seal.activity_id) else {
                return Ok(Verdict::Broken(format!("entry {} (seal {}) was deleted", seal.activity_id, seal.id)));
            };
            if sealed(&at.seal, entry) != seal.seal {
                return Ok(Verdict::Broken(format!(
                    "entry {} (seal {}, {}) was edited, or its seal was",
                    entry.id, seal.id, entry.kind
                )));
            }
            at = Head { number: seal.id, seal: seal.seal };
            known_seen = known_seen || known == Some(at.to_string().as_str());
        }
    }
    if !known_seen {
        return Ok(Verdict::Broken(format!("the chain does not pass through the head {}", known.unwrap_or_default())));
    }
    if let Some(broken) = broken_before_the_seal(conn)? {
        return Ok(Verdict::Broken(broken));
    }
    let unsealed = activity_unsealed::table.count().get_result(conn)?;
    Ok(Verdict::Intact { head: (at.number > 0).then_some(at), unsealed })
}

// Checks that every entry has a seal or waits for one, and that every entry that waits for one exists. One statement for each
// check, because the server may be running and sealing.
fn broken_before_the_seal(conn: &mut DbConnection) -> Result<Option<String>> {
    let has_seal = exists(activity_seals::table.filter(activity_seals::activity_id.eq(activity::id)));
    let waits = exists(activity_unsealed::table.filter(activity_unsealed::activity_id.eq(activity::id)));
    let forgotten: Option<i64> =
        activity::table.filter(not(has_seal)).filter(not(waits)).select(min(activity::id)).get_result(conn)?;
    if let Some(id) = forgotten {
        return Ok(Some(format!("entry {id} has no seal and does not wait for one")));
    }
    let is_there = exists(activity::table.filter(activity::id.eq(activity_unsealed::activity_id)));
    let missing: Option<i64> =
        activity_unsealed::table.filter(not(is_there)).select(min(activity_unsealed::activity_id)).get_result(conn)?;
    Ok(missing.map(|id| format!("entry {id} was deleted before it was sealed")))
}

// Hashes every column with its length before it, so that two different entries never give the same input.
fn sealed(before: &[u8], entry: &Activity) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(before);
    let optional = |id: Option<crate::id::EmployeeKey>| id.map_or(String::new(), |id| id.to_string());
    let fields = [
        entry.id.to_string(),
        entry.at.0.to_string(),
        entry.kind.clone(),
        optional(entry.actor_id),
        entry.actor_name.clone(),
        entry.subject_kind.clone(),
        entry.subject_id.to_string(),
        entry.subject_name.clone(),
        optional(entry.employee_id),
        entry.detail.clone(),
        entry.client_ip.clone(),
    ];
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    hash.finalize().to_vec()
}
