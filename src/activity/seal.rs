//! The hash chain over the activity log.
//!
//! Seals have their own table, because many transactions on many nodes insert entries at once and must not wait for each
//! other. A background job, on one node at a time, seals the committed entries in the order in which it reads them. A
//! seal is SHA-256 over the previous seal and the entry, so an edited or deleted entry invalidates every later seal.
//! Somebody who rewrites all seals is detected by comparing with an earlier head, which the server log and
//! `verify-activity` print.

use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::activity::Activity;
use crate::db::DbConnection;
use crate::error::Result;
use crate::schema::{activity, activity_seals};

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
    /// Every sealed entry is unchanged.
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

/// Seals up to five hundred entries; returns the new head, or none when every entry is sealed.
pub fn advance(conn: &mut DbConnection) -> Result<Option<Head>> {
    let newest = head(conn)?;
    // PostgreSQL can commit ids out of order, so an unsealed entry may have a lower id than the last sealed one.
    let unsealed = activity::table
        .left_join(activity_seals::table.on(activity_seals::activity_id.eq(activity::id)))
        .filter(activity_seals::id.is_null())
        .order(activity::id)
        .limit(BATCH)
        .select(Activity::as_select())
        .load(conn)?;
    let Some(_) = unsealed.first() else {
        return Ok(None);
    };
    let mut head = newest.unwrap_or(Head { number: 0, seal: Vec::new() });
    for entry in unsealed {
        head = Head { number: head.number + 1, seal: sealed(&head.seal, &entry) };
        diesel::insert_into(activity_seals::table)
            .values((
                activity_seals::id.eq(head.number),
                activity_seals::activity_id.eq(entry.id),
                activity_seals::seal.eq(&head.seal),
            ))
            .execute(conn)?;
    }
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
    let entries: i64 = activity::table.count().get_result(conn)?;
    Ok(Verdict::Intact { head: (at.number > 0).then(|| at.clone()), unsealed: entries - at.number })
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
