//! Counts of a token list, up to a cap.

use diesel::prelude::*;

use crate::db::keyset::Count;
use crate::db::{Counted, DbConnection};
use crate::tokens::listing::Table;

/// Counts the rows that match, up to a cap.
pub fn count(conn: &mut DbConnection, table: Table, conditions: &str, cap: i64) -> QueryResult<Count> {
    let matching = format!("FROM {} WHERE {conditions}", table.name());
    // Skipping that many rows takes half the time of counting them.
    let beyond = format!("SELECT CAST(1 AS BIGINT) AS n {matching} LIMIT 1 OFFSET {cap}");
    if diesel::sql_query(beyond).get_result::<Counted>(conn).optional()?.is_some() {
        return Ok(Count { n: cap, capped: true });
    }
    let counted = diesel::sql_query(format!("SELECT COUNT(*) AS n {matching}")).get_result::<Counted>(conn)?;
    Ok(Count::capped_at(counted.n, cap))
}
