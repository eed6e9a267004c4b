//! What `verify-activity` checks: that no sealed entry was edited or deleted, and that every other one was recorded by a
//! server and waits for its seal.

use std::collections::HashMap;

use diesel::dsl::{exists, min, not};
use diesel::prelude::*;

use crate::activity::chain_key::seal_without_key;
use crate::activity::seal::{BATCH, Head, Seal};
use crate::activity::{Activity, Chain, ChainKey};
use crate::db::DbConnection;
use crate::error::Result;
use crate::schema::{activity, activity_redactions, activity_seals, activity_unsealed};
use crate::time::Timestamp;

/// What the check found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every sealed entry is unchanged, and every other entry waits for its seal.
    Intact {
        /// The newest seal.
        head: Option<Head>,
        /// How many entries are not sealed yet.
        unsealed: i64,
        /// How many entries an earlier version sealed without a key.
        without_key: i64,
        /// From how many entries personal data was erased.
        erased: i64,
    },
    /// The chain is broken; the text says where and how.
    Broken(String),
}

/// Verifies the whole chain. `chain` is none as long as no server has created its key. `known` is an earlier head, which the
/// chain must still contain.
pub fn verify(conn: &mut DbConnection, chain: Option<&Chain>, known: Option<&str>) -> Result<Verdict> {
    if chain.is_some_and(|chain| !chain.is_authentic()) {
        let what = "the number up to which an earlier version sealed was changed, or what is archived";
        return Ok(Verdict::Broken(what.into()));
    }
    let mut at = Head::default();
    // From the lowest number, so that no seal is overlooked that somebody put before the first.
    let mut after = i64::MIN;
    let mut known_seen = known.is_none();
    loop {
        let seals: Vec<Seal> = activity_seals::table
            .filter(activity_seals::id.gt(after))
            .order(activity_seals::id)
            .limit(BATCH)
            .select(Seal::as_select())
            .load(conn)?;
        if seals.is_empty() {
            break;
        }
        let ids: Vec<i64> = seals.iter().map(|seal| seal.activity_id).collect();
        let entries = entries(conn, &ids)?;
        for seal in seals {
            if let Some(broken) = broken_seal(chain, &at, &seal, &entries) {
                return Ok(Verdict::Broken(broken));
            }
            after = seal.id;
            at = Head { number: seal.id, seal: seal.seal };
            known_seen = known_seen || known == Some(at.to_string().as_str());
        }
    }
    if !known_seen {
        return Ok(Verdict::Broken(format!("the chain does not pass through the head {}", known.unwrap_or_default())));
    }
    let keyed_from = chain.map_or(at.number, |chain| chain.keyed_from.number);
    if at.number < keyed_from {
        return Ok(Verdict::Broken(format!("seal {} is missing", at.number + 1)));
    }
    if let Some(broken) = broken_before_the_seal(conn, chain.map(|chain| &chain.key))? {
        return Ok(Verdict::Broken(broken));
    }
    let unsealed = activity_unsealed::table.count().get_result(conn)?;
    let erased = activity_redactions::table.count().get_result(conn)?;
    Ok(Verdict::Intact { head: (at.number > 0).then_some(at), unsealed, without_key: keyed_from, erased })
}

// Entries by id, with the code of those from which something was erased.
type Entries = HashMap<i64, (Activity, Option<Vec<u8>>)>;

// One statement, because the server may be erasing.
fn entries(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Entries> {
    let found: Vec<(Activity, Option<Vec<u8>>)> = activity::table
        .left_join(activity_redactions::table.on(activity_redactions::activity_id.eq(activity::id)))
        .filter(activity::id.eq_any(ids))
        .select((Activity::as_select(), activity_redactions::mac.nullable()))
        .load(conn)?;
    Ok(found.into_iter().map(|(entry, code)| (entry.id.0, (entry, code))).collect())
}

// What is wrong with the seal after `before`.
fn broken_seal(chain: Option<&Chain>, before: &Head, found: &Seal, entries: &Entries) -> Option<String> {
    let number = before.number + 1;
    if found.id < number {
        return Some(format!("seal {} does not belong to the chain", found.id));
    }
    if found.id > number {
        return Some(format!("seal {number} is missing"));
    }
    let Some((entry, code)) = entries.get(&found.activity_id) else {
        return Some(format!("entry {} (seal {number}) was deleted", found.activity_id));
    };
    let seal = Head { number, seal: found.seal.clone() };
    let is_right = match chain {
        // At the boundary it must be the very seal that was recorded.
        Some(chain) if number == chain.keyed_from.number && seal != chain.keyed_from => false,
        Some(chain) => chain.vouches_for(before, &seal, entry, code.as_ref()),
        None => seal_without_key(&before.seal, entry) == seal.seal,
    };
    (!is_right).then(|| format!("entry {} (seal {number}, {}) was edited, or its seal was", entry.id, entry.kind))
}

// Checks that every entry has a seal or waits for one, and that every entry that waits for one exists and was recorded by a
// server. One statement for each check, because the server may be running and sealing.
fn broken_before_the_seal(conn: &mut DbConnection, key: Option<&ChainKey>) -> Result<Option<String>> {
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
    if let Some(id) = missing {
        return Ok(Some(format!("entry {id} was deleted before it was sealed")));
    }
    let Some(key) = key else { return Ok(None) };
    let mut after = i64::MIN;
    loop {
        let waiting: Vec<(Activity, Vec<u8>, Option<Timestamp>)> = activity_unsealed::table
            .inner_join(activity::table.on(activity::id.eq(activity_unsealed::activity_id)))
            .filter(activity_unsealed::activity_id.gt(after))
            .order(activity_unsealed::activity_id)
            .limit(BATCH)
            .select((Activity::as_select(), activity_unsealed::mac, activity_unsealed::refused_at))
            .load(conn)?;
        let Some((last, ..)) = waiting.last() else { return Ok(None) };
        after = last.id.0;
        let is_foreign = |(entry, code, refused_at): &&(Activity, Vec<u8>, Option<Timestamp>)| {
            refused_at.is_some() || !key.has_recorded(entry, code)
        };
        if let Some((entry, ..)) = waiting.iter().find(is_foreign) {
            return Ok(Some(format!("entry {} ({}) was not recorded by the server", entry.id, entry.kind)));
        }
    }
}
