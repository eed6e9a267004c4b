//! The list of refresh tokens and API keys: the access inventory.

use crate::api::tokens::{Listed, rows};
use crate::commands::access::failure::{Failure, Result};
use crate::commands::access::items::json;
use crate::commands::access::local::Local;
use crate::commands::access::local::lists::{Filters, cursor, edge};
use crate::commands::access::source::Rows;
use crate::db::DbConnection;
use crate::db::keyset::{Cursor, PAGE, Place};
use crate::tokens::listing::inventory::{
    CreatedWithin, Expiry, InventoryFilter, InventoryRequest, Owner, Reach, Scoped, TokenType, Usage, find, place_of,
};
use crate::tokens::listing::{Limits, SortBy};

/// The filter of the access inventory.
pub(super) fn filter(filters: &Filters<'_>) -> Result<InventoryFilter> {
    Ok(InventoryFilter {
        client: filters.text("client").into(),
        employee: filters.text("employee").into(),
        scope: filters.text("scope").into(),
        token_type: filters.word("type", TokenType::from_word)?,
        usage: filters.word("usage", Usage::from_word)?,
        reach: filters.word("access", Reach::from_word)?,
        owner: filters.word("owner", Owner::from_word)?,
        expiry: filters.word("expires", Expiry::from_word)?,
        created: filters.word("created", CreatedWithin::from_word)?,
    })
}

fn sort_by(word: &str) -> Option<SortBy> {
    match word {
        "created" => Some(SortBy::Created),
        "used" => Some(SortBy::LastUsed),
        "expires" => Some(SortBy::Expires),
        _ => None,
    }
}

pub(super) fn list(conn: &mut DbConnection, filters: &Filters<'_>, after: Option<&str>, most: usize) -> Result<Rows> {
    let (filter, now) = (filter(filters)?, Local::now());
    let (sort, descending) = filters.sort(sort_by, (SortBy::Created, true))?;
    let place = |(value, id): (String, i64)| {
        let value = value.parse().map_err(|_| Failure::wrong_use("--after: this is not a cursor that a list printed"));
        Ok::<_, Failure>(Cursor::After(Place { value: value?, id }))
    };
    let request = InventoryRequest {
        filter: &filter,
        scoped: Scoped { through: None, only: None, now },
        sort,
        descending,
        cursor: edge(after)?.map(place).transpose()?.unwrap_or(Cursor::First),
        page: most.min(PAGE),
        limits: Limits::default(),
    };
    let found = find(conn, &request)?;
    let last = found.rows.rows.last().filter(|_| found.rows.has_next).map(|row| place_of(row, found.sort));
    let next = found.stopped.or(last).map(|place| cursor(place.value, place.id));
    let items = rows(conn, (Listed::Grants, &found.rows.rows), now)?.iter().map(json).collect();
    Ok(Rows { items, next })
}
