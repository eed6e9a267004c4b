//! Marks of what a notice was sent about, so that none is sent again until a time: one for each API key, and one a day for
//! each client whose refreshes are refused.

use diesel::prelude::*;

use crate::db::{self, DbConnection};
use crate::notices::NoticeKind;
use crate::schema::notice_marks;
use crate::time::Timestamp;

/// A mark.
pub struct NoticeMark;

impl NoticeMark {
    /// Marks something until a time. False if it is marked already.
    pub fn set(
        conn: &mut DbConnection,
        (kind, subject): (NoticeKind, i64),
        until: Timestamp,
        now: Timestamp,
    ) -> QueryResult<bool> {
        let ended = notice_marks::table.find((kind, subject)).filter(notice_marks::marked_until.le(now));
        diesel::delete(ended).execute(conn)?;
        let row =
            (notice_marks::kind.eq(kind), notice_marks::subject_id.eq(subject), notice_marks::marked_until.eq(until));
        let inserted = db::on_each!(conn, |conn| {
            diesel::insert_into(notice_marks::table).values(row).on_conflict_do_nothing().execute(conn)
        });
        inserted.map(|n| n == 1)
    }

    /// Deletes at most `most` marks that have ended.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<usize> {
        let ended: Vec<(String, i64)> = notice_marks::table
            .filter(notice_marks::marked_until.le(now))
            .limit(most)
            .select((notice_marks::kind, notice_marks::subject_id))
            .load(conn)?;
        for (kind, subject) in &ended {
            diesel::delete(notice_marks::table.find((kind, subject))).execute(conn)?;
        }
        Ok(ended.len())
    }
}
