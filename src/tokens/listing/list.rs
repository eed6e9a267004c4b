//! One page of a token list, with the number of matching tokens.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::keyset::{Count, Keyset, Slice};
use crate::time::Timestamp;
use crate::tokens::listing::conditions::{all_of, not_revoked, without_index};
use crate::tokens::listing::count::count;
use crate::tokens::listing::filter::FilterConditions;
use crate::tokens::listing::segments::ListQuery;
use crate::tokens::listing::{Table, TokenFilter, Within};

// The number in "Show expired (…)" is counted up to here.
const OTHERS_CAP: i64 = 1_000;

/// The ids on one page, and counts for the text around them.
#[derive(Debug)]
pub struct TokenPage {
    /// The ids on the page.
    pub ids: Slice<i64>,
    /// How many tokens match the filter.
    pub total: Count,
    /// How many expired tokens there are when live ones are listed, or live ones when expired are; without filters.
    pub others: Count,
}

/// Reads the page that `keyset` names.
pub fn find(
    conn: &mut DbConnection,
    (table, within): (Table, Within),
    filter: &TokenFilter,
    keyset: &Keyset,
    now: Timestamp,
) -> QueryResult<TokenPage> {
    let not_revoked = not_revoked(conn, table, within)?;
    let expiry = |expired: bool| {
        if expired { format!("expires_at <= {now}", now = now.0) } else { format!("expires_at > {}", now.0) }
    };
    let (base, other) = (within.condition(table), expiry(!filter.expired));
    let other = if matches!(within, Within::Client(_)) { other } else { without_index(&other) };
    let others = count(conn, table, &all_of(&[&[base, other], &not_revoked[..]].concat()), OTHERS_CAP)?;
    let Some(filter_conditions) = FilterConditions::of(conn, (table, filter), now)? else {
        let none = Slice { rows: Vec::new(), has_previous: false, has_next: false };
        return Ok(TokenPage { ids: none, total: Count::default(), others });
    };
    let FilterConditions { conditions, has_common_employees } = filter_conditions;
    let expiry = expiry(filter.expired);
    let list = ListQuery { table, within, expiry, conditions, not_revoked, filter, has_common_employees };
    let total = list.count(conn)?;
    let ids = list.page(conn, keyset)?.into_iter().map(|row| row.id).collect();
    Ok(TokenPage { ids: Slice::from_scan(ids, keyset.cursor), total, others })
}
