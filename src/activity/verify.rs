//! What `verify-activity` checks: that no sealed entry was edited or deleted, and that every other one was recorded by a
//! server and waits for its seal.

use std::collections::HashMap;

use diesel::dsl::{exists, min, not};
use diesel::prelude::*;

use crate::activity::chain_key::seal_without_key;
use crate::activity::client_index;
use crate::activity::seal::{BATCH, Head, Seal};
use crate::activity::{Activity, Chain, ChainKey, chain};
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
    /// Entries up to this number are archived and still in the database: their deletion was interrupted.
    NotYetDeleted(i64),
    /// The chain is broken; the text says where and how.
    Broken(String),
}

/// Verifies the chain from what is archived on. `chain` is none as long as no server has created its key. `known` is an earlier
/// head, which the chain must still contain.
pub fn verify(conn: &mut DbConnection, chain: Option<&Chain>, known: Option<&str>) -> Result<Verdict> {
    let Some(chain) = chain else { return verify_once(conn, None, known) };
    let mut archived = chain.archived().clone();
    loop {
        let chain = Chain::load(conn, &chain.key)?;
        let verdict = verify_once(conn, Some(&chain), known)?;
        // Entries may have been archived and deleted in the meantime.
        let now = chain::archived(conn)?;
        if now == archived && now == *chain.archived() {
            return Ok(verdict);
        }
        archived = now;
    }
}

fn verify_once(conn: &mut DbConnection, chain: Option<&Chain>, known: Option<&str>) -> Result<Verdict> {
    if chain.is_some_and(|chain| !chain.is_authentic()) {
        let what = "the number up to which an earlier version sealed was changed, or what is archived";
        return Ok(Verdict::Broken(what.into()));
    }
    let mut at = chain.map(|chain| chain.archived().clone()).unwrap_or_default();
    let archived = at.number;
    if archived > 0 && is_left(conn, archived)? {
        return Ok(Verdict::NotYetDeleted(archived));
    }
    if let Some(number) = known.and_then(number_of).filter(|number| *number < archived) {
        let why = format!("the head {number} lies before what is archived, up to {at}: verify the file of the archive");
        return Ok(Verdict::Broken(why));
    }
    // From the lowest number, so that no seal is overlooked that somebody put before the first.
    let mut after = i64::MIN;
    let mut known_seen = known.is_none_or(|known| known == at.to_string());
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
        let entries = entries(conn, &seals.iter().map(|seal| seal.activity_id).collect::<Vec<_>>())?;
        for seal in seals {
            if let Some(broken) = broken_seal(chain, &at, &seal, &entries) {
                return Ok(Verdict::Broken(broken));
            }
            after = seal.id;
            at = Head { number: seal.id, seal: seal.seal };
            known_seen = known_seen || known == Some(at.to_string().as_str());
        }
        if let Some(id) = client_index::wrong(conn, entries.values().map(|(entry, _)| entry))? {
            return Ok(Verdict::Broken(format!("entry {id} is not listed under the client that it is about")));
        }
    }
    if !known_seen {
        return Ok(Verdict::Broken(format!("the chain does not pass through the head {}", known.unwrap_or_default())));
    }
    // Those that an earlier version sealed and that are not archived lie before this number.
    let keyed_from = chain.map_or(at.number, |chain| chain.keyed_from.number);
    if at.number < keyed_from {
        return Ok(Verdict::Broken(format!("seal {} is missing", at.number + 1)));
    }
    if let Some(broken) = broken_before_the_seal(conn, chain.map(|chain| &chain.key))? {
        return Ok(Verdict::Broken(broken));
    }
    let unsealed = activity_unsealed::table.count().get_result(conn)?;
    let erased = activity_redactions::table.count().get_result(conn)?;
    Ok(Verdict::Intact {
        head: (at.number > 0).then_some(at),
        unsealed,
        without_key: (keyed_from - archived).max(0),
        erased,
    })
}

// Whether archived entries are still in the database.
fn is_left(conn: &mut DbConnection, archived: i64) -> QueryResult<bool> {
    diesel::select(exists(activity_seals::table.filter(activity_seals::id.le(archived)))).get_result(conn)
}

fn number_of(head: &str) -> Option<i64> {
    head.split_once(':')?.0.parse().ok()
}

/// Entries by id, with the code of those from which something was erased.
pub(super) type Entries = HashMap<i64, (Activity, Option<Vec<u8>>)>;

/// The entries with these ids. One statement, because the server may be erasing.
pub(super) fn entries(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Entries> {
    let found: Vec<(Activity, Option<Vec<u8>>)> = activity::table
        .left_join(activity_redactions::table.on(activity_redactions::activity_id.eq(activity::id)))
        .filter(activity::id.eq_any(ids))
        .select((Activity::as_select(), activity_redactions::mac.nullable()))
        .load(conn)?;
    Ok(found.into_iter().map(|(entry, code)| (entry.id.0, (entry, code))).collect())
}

/// What is wrong with the seal after `before`.
pub(super) fn broken_seal(chain: Option<&Chain>, before: &Head, found: &Seal, entries: &Entries) -> Option<String> {
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
