//! Counts of a token list, up to a cap, and a client's first live access token.

use diesel::prelude::*;

use crate::db::keyset::Count;
use crate::db::{Counted, DbConnection};
use crate::id::ClientKey;
use crate::time::Timestamp;
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

/// The lowest id of a client's live access tokens, or 0; API keys are left out.
///
/// Ids ascend with time and an expired token stays expired, so the stored number never skips a live token. It becomes less
/// useful as more tokens after it expire.
pub fn first_live_access_token(conn: &mut DbConnection, client: ClientKey, now: Timestamp) -> QueryResult<i64> {
    // A list of the few API keys takes less time than a check of every row.
    let keys = format!("SELECT id FROM access_tokens WHERE client_id = {client} AND refresh_token_id IS NULL");
    let sql = format!(
        "SELECT COALESCE(MIN(id), 0) AS n FROM access_tokens \
         WHERE client_id = {client} AND expires_at > {} AND id NOT IN ({keys})",
        now.0
    );
    Ok(diesel::sql_query(sql).get_result::<Counted>(conn)?.n)
}
