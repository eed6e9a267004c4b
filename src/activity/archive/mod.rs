//! Archiving: the oldest entries go to a file that verifies by itself ([`mod@file`]), and are then deleted from the database.
//!
//! Only whole blocks of seals are archived, because the file has the keys of its blocks, and those of later ones stay secret.
//! The steps are: write the file; record its last seal in [`Chain`], in one transaction with an activity entry; delete what
//! lies before it, in batches. Interrupted before the second step, nothing has happened but a file; after it, [`delete_some`]
//! continues.

pub mod file;

use std::io::Write;

use diesel::dsl::{count_star, max};
use diesel::prelude::*;

use crate::activity::archive::file::{BlockLine, EntryLine, FORMAT, HeaderLine, Line, TrailerLine, VERSION, hex};
use crate::activity::seal::{Head, Seal};
use crate::activity::verify::{broken_seal, entries};
use crate::activity::{Actor, Chain, ChainKey, Detail, Kind, NewActivity, Subject};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::schema::{activity, activity_redactions, activity_seals};
use crate::time::{Timestamp, thousands};

/// What was written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The number of the first entry.
    pub first: i64,
    /// The seal of the last entry.
    pub last: Head,
}

impl Segment {
    /// How many entries it has.
    pub fn count(&self) -> i64 {
        self.last.number - self.first + 1
    }
}

/// The number of the last entry to archive: up to it, every block is whole and older than `before`. None if no block is.
pub fn due(conn: &mut DbConnection, chain: &Chain, before: Timestamp) -> Result<Option<i64>> {
    let archived = chain.archived().number;
    let mut through = archived;
    loop {
        let end = end_of_block(through + 1);
        let block = activity_seals::table
            .inner_join(activity::table.on(activity::id.eq(activity_seals::activity_id)))
            .filter(activity_seals::id.gt(through).and(activity_seals::id.le(end)));
        let (n, newest): (i64, Option<Timestamp>) = block.select((count_star(), max(activity::at))).first(conn)?;
        if n < end - through || newest.is_none_or(|newest| newest >= before) {
            return Ok((through > archived).then_some(through));
        }
        through = end;
    }
}

fn end_of_block(number: i64) -> i64 {
    (number / ChainKey::BLOCK + 1) * ChainKey::BLOCK - 1
}

/// Writes the entries up to the number `through`, which [`due`] returned, and verifies each. `tell` gets the number of each
/// block's last entry. Errors: [`Error::Invalid`] when the chain is broken; [`Error::Internal`] when the file cannot be written.
pub fn write(
    conn: &mut DbConnection,
    (chain, account): (&Chain, &str),
    through: i64,
    out: &mut dyn Write,
    tell: &mut dyn FnMut(i64),
) -> Result<Segment> {
    let mut at = chain.archived().clone();
    let first = at.number + 1;
    let header = HeaderLine {
        format: FORMAT.into(),
        version: VERSION,
        account: account.into(),
        first,
        previous: hex(&at.seal),
        without_key_through: chain.keyed_from.number,
    };
    line(out, &Line::Header(header))?;
    while at.number < through {
        let number = at.number + 1;
        let keys = chain.key.block(number);
        let block = BlockLine { first: number, key: hex(keys.seals.bytes()), redactions: hex(keys.redactions.bytes()) };
        line(out, &Line::Block(block))?;
        let seals: Vec<Seal> = activity_seals::table
            .filter(activity_seals::id.gt(at.number).and(activity_seals::id.le(end_of_block(number))))
            .order(activity_seals::id)
            .select(Seal::as_select())
            .load(conn)?;
        let ids: Vec<i64> = seals.iter().map(|seal| seal.activity_id).collect();
        let entries = entries(conn, &ids)?;
        for seal in seals {
            if let Some(broken) = broken_seal(Some(chain), &at, &seal, &entries) {
                return Err(Error::Invalid(format!("the chain is broken: {broken}")));
            }
            at = Head { number: seal.id, seal: seal.seal };
            let entry = entries.get(&seal.activity_id).ok_or_else(|| Error::internal("no entry"))?;
            line(out, &Line::Entry(Box::new(EntryLine::of(&at, entry))))?;
        }
        if at.number < number {
            return Err(Error::Invalid(format!("the chain is broken: seal {number} is missing")));
        }
        tell(at.number);
    }
    let trailer = TrailerLine { last: at.number, seal: hex(&at.seal), count: at.number - first + 1 };
    line(out, &Line::Trailer(trailer))?;
    Ok(Segment { first, last: at })
}

fn line(out: &mut dyn Write, line: &Line) -> Result<()> {
    let text = serde_json::to_string(line).map_err(Error::internal)?;
    writeln!(out, "{text}").map_err(Error::internal)
}

/// Records that a segment is archived, so that its entries may be deleted. Errors: [`Error::Conflict`] when something was
/// archived in the meantime.
pub fn record(conn: &mut DbConnection, chain: &Chain, segment: &Segment, now: Timestamp) -> Result<()> {
    if !chain.archive(conn, &segment.last)? {
        return Err(Error::Conflict("Another archive was written in the meantime. Delete this file.".into()));
    }
    let (first, last, count) = [segment.first, segment.last.number, segment.count()].map(thousands).into();
    let note = format!("entries {first} to {last}, {count} in all; last seal {}", segment.last);
    NewActivity::new(Kind::ActivityArchived, Actor::console(), Subject::named("activity", 1, "Activity log"))
        .with(Detail::note(note))
        .record(conn, now)
}

/// How many archived entries are still in the database.
pub fn left(conn: &mut DbConnection, chain: &Chain) -> Result<i64> {
    let archived = activity_seals::table.filter(activity_seals::id.le(chain.archived().number));
    Ok(archived.count().get_result(conn)?)
}

/// Deletes up to `limit` archived entries, the oldest first, with their seals. Returns how many.
pub fn delete_some(conn: &mut DbConnection, chain: &Chain, limit: i64) -> Result<i64> {
    let archived: Vec<(i64, i64)> = activity_seals::table
        .filter(activity_seals::id.le(chain.archived().number))
        .order(activity_seals::id)
        .limit(limit)
        .select((activity_seals::id, activity_seals::activity_id))
        .load(conn)?;
    let (numbers, ids): (Vec<i64>, Vec<i64>) = archived.into_iter().unzip();
    // The seals last: the table of entries asks them which entries are archived.
    diesel::delete(activity::table.filter(activity::id.eq_any(&ids))).execute(conn)?;
    diesel::delete(activity_redactions::table.filter(activity_redactions::activity_id.eq_any(&ids))).execute(conn)?;
    diesel::delete(activity_seals::table.filter(activity_seals::id.eq_any(&numbers))).execute(conn)?;
    Ok(numbers.len() as i64)
}
