//! Deletes API tokens that expired or were revoked long ago, and what they say of people whose personal data is erased.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::EmployeeKey;
use crate::schema::api_tokens;
use crate::text::{exact_like_pattern, fold};
use crate::time::Timestamp;

/// Up to `most` API tokens that expired or were revoked before `cutoff`.
pub fn ended(conn: &mut DbConnection, cutoff: Timestamp, most: i64) -> QueryResult<Vec<i64>> {
    let is_ended = api_tokens::expires_at.lt(cutoff).or(api_tokens::revoked_at.lt(cutoff).assume_not_null());
    api_tokens::table.filter(is_ended).order(api_tokens::id).limit(most).select(api_tokens::id).load(conn)
}

/// Deletes an API token that expired or was revoked before `cutoff`.
pub fn delete_ended(conn: &mut DbConnection, id: i64, cutoff: Timestamp) -> QueryResult<usize> {
    let is_ended = api_tokens::expires_at.lt(cutoff).or(api_tokens::revoked_at.lt(cutoff).assume_not_null());
    diesel::delete(api_tokens::table.find(id).filter(is_ended)).execute(conn)
}

/// Deletes the API tokens of an employee whose personal data is erased, and rewrites names of others in which one of `words`
/// occurs with `without`.
pub fn erase(
    conn: &mut DbConnection,
    employee: EmployeeKey,
    words: [&str; 2],
    without: impl Fn(&str) -> String,
) -> QueryResult<()> {
    diesel::delete(api_tokens::table.filter(api_tokens::employee_id.eq(employee))).execute(conn)?;
    for word in words {
        let pattern = exact_like_pattern(word);
        let found = api_tokens::table
            .filter(
                api_tokens::name.like(pattern.clone()).escape('\\').or(api_tokens::service.like(pattern).escape('\\')),
            )
            .select((api_tokens::id, api_tokens::name, api_tokens::service));
        for (id, name, service) in found.load::<(i64, String, String)>(conn)? {
            let (name, service) = (without(&name), without(&service));
            let change =
                (api_tokens::name_fold.eq(fold(&name)), api_tokens::name.eq(name), api_tokens::service.eq(service));
            diesel::update(api_tokens::table.find(id)).set(change).execute(conn)?;
        }
    }
    Ok(())
}
