//! One page of a token list, with the number of matching tokens.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::index_order::in_index_order;
use crate::db::keyset::Count;
use crate::tokens::listing::criteria::Criteria;
use crate::tokens::listing::reader::{Gathered, Reader};
use crate::tokens::listing::{Limits, Request, TokenFilter, TokenPage, revoked};

/// Reads a page.
pub fn find(conn: &mut DbConnection, request: &Request<'_>) -> QueryResult<TokenPage> {
    in_index_order(conn, |conn| page(conn, request))
}

fn page(conn: &mut DbConnection, request: &Request<'_>) -> QueryResult<TokenPage> {
    let takes_out = revoked::are_being_deleted(conn)?;
    let mut reader = Reader { conn, request, takes_out };
    let totals = reader.totals()?;
    let expired = request.expired();
    let both = (totals.valid, totals.expired);
    let (own, others) = if expired { (both.1, both.0) } else { both };
    let filter = TokenFilter { expired, ..request.filter.clone() };
    let Some(criteria) = Criteria::of(reader.conn, reader.scope(), &filter, request.now)? else {
        return Ok(request.whole(Vec::new(), both));
    };
    if let Some(mut rows) = totals.everything {
        rows.retain(|row| criteria.accept(row));
        return Ok(request.whole(rows, both));
    }
    let is_sparse = !own.capped && others.seen() > own.n;
    let mut matching = 0;
    for reads in reader.narrow_reads(&criteria, is_sparse) {
        match reader.gathered(&reads, &criteria)? {
            Gathered::Complete(rows) => return Ok(request.whole(rows, both)),
            Gathered::Partial(n) => matching = matching.max(n),
        }
    }
    let mut page = reader.searched(&criteria)?;
    (page.valid, page.expired) = both;
    let known = if criteria.is_empty() { own } else { Count { n: matching, capped: true } };
    page.total = match known.capped {
        false => known,
        true => Count { n: page.total.n.max(known.n), ..page.total }.up_to(request.limits.counted),
    };
    Ok(page)
}

/// Counts the valid tokens of a list that has at most `limit` rows; `None` for a longer one.
pub fn count_few(conn: &mut DbConnection, request: &Request<'_>, limit: i64) -> QueryResult<Option<i64>> {
    let few = Request { limits: Limits { gathered: limit, ..request.limits }, ..*request };
    in_index_order(conn, |conn| {
        let takes_out = revoked::are_being_deleted(conn)?;
        let mut reader = Reader { conn, request: &few, takes_out };
        let criteria = Criteria::all(reader.scope(), false, request.now);
        Ok(match reader.gathered(&[reader.newest(request.list)], &criteria)? {
            Gathered::Complete(rows) => Some(rows.len() as i64),
            Gathered::Partial(_) => None,
        })
    })
}
