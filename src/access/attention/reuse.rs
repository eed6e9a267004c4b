//! Token reuse that was detected lately. The grant is gone; the activity log says what happened.

use diesel::prelude::*;

use crate::access::attention::{Asked, Found, Item, LOOKED_AT, Moment, Subject};
use crate::activity::{Activity, Kind};
use crate::db::DbConnection;
use crate::time::DAY;

// How far back.
const DAYS: i64 = 30;
const KINDS: [Kind; 2] = [Kind::RefreshTokenReuseDetected, Kind::CodeReuseDetected];

/// Entries of the last 30 days, newest first.
pub fn detected(conn: &mut DbConnection, asked: Asked, is_quiet: &dyn Fn(Subject) -> bool) -> QueryResult<Found> {
    let mut entries = Vec::new();
    let mut is_end = true;
    // Of one person, all their entries are read, through the index of the person; of everybody, each kind through its own.
    let kinds = if asked.only.is_some() { &KINDS[..1] } else { &KINDS[..] };
    for kind in kinds {
        let found = match asked.only {
            Some(employee) => Activity::newest_concerning(conn, employee, LOOKED_AT)?,
            None => Activity::newest_of(conn, *kind, LOOKED_AT)?,
        };
        let oldest = asked.now.plus(-DAYS * DAY);
        is_end &= (found.len() as i64) < LOOKED_AT || found.last().is_some_and(|entry| entry.at < oldest);
        entries.extend(found.into_iter().take_while(|entry| entry.at >= oldest));
    }
    entries.retain(|entry| KINDS.iter().any(|kind| kind.word() == entry.kind));
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.id));
    let item = |entry: Activity| Item {
        subject: Subject::Entry(entry.id),
        name: entry.subject_name,
        label: Kind::from_word(&entry.kind).map_or("", Kind::label).into(),
        client: None,
        employee: None,
        moment: Moment::Happened(entry.at),
    };
    Ok(Found::new(entries.into_iter().map(item).filter(|item| !is_quiet(item.subject)).collect(), is_end))
}
