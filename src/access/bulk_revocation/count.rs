//! The dry run: counts what a selection matches, a part at a time.

use diesel::prelude::*;

use crate::access::bulk_revocation::{BulkRevocation, BulkState, Selection, Tally, TokenId};
use crate::activity::{Actor, TokenCount};
use crate::db::DbConnection;
use crate::db::index_order::in_index_order;
use crate::db::keyset::Place;
use crate::error::{Error, Result};
use crate::id::{BulkRevocationKey, EmployeeKey};
use crate::schema::{access_tokens, bulk_revocations, refresh_tokens};
use crate::time::Timestamp;
use crate::tokens::listing::inventory::{Criteria, Scoped, Walk, place_of, tokens_with};
use crate::tokens::listing::{ListedToken, SortBy};

// How many rows one read looks at.
const LOOKED_AT: i64 = 5_000;

/// A part of a dry run.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    through: (i64, i64),
    place: Option<Place>,
    searched: i64,
    matched: i64,
    tally: Tally,
    is_complete: bool,
}

impl Selection {
    pub(super) fn criteria(
        &self,
        conn: &mut DbConnection,
        now: Timestamp,
        through: (i64, i64),
    ) -> QueryResult<Criteria> {
        let filter = if self.chosen.is_empty() { self.filter.clone() } else { Default::default() };
        let confirmed_through = self.client.as_ref().and_then(|client| client.confirmed_through);
        let through = Some(confirmed_through.unwrap_or(through));
        let mut criteria = Criteria::of(conn, &filter, Scoped { only: self.only, now, through })?;
        if let Some(client) = &self.client {
            criteria.restrict_to(client.id);
        }
        // Expired tokens can be chosen from the list that shows them.
        criteria.set_expired(self.filter.expiry);
        Ok(criteria)
    }

    // The next tokens that match, behind `start`. By a time that can only grow in the direction of the walk, so that a
    // token that is used or refreshed meanwhile is met again.
    pub(super) fn next(
        &self,
        conn: &mut DbConnection,
        criteria: &Criteria,
        start: Option<Place>,
        (want, most): (usize, i64),
    ) -> QueryResult<(Vec<ListedToken>, i64, Option<Place>)> {
        if criteria.is_impossible() {
            return Ok((Vec::new(), 0, None));
        }
        if self.chosen.is_empty() {
            let walk = Walk::ascending(criteria);
            let scan = in_index_order(conn, |conn| walk.scan(conn, criteria, start, (want, most)))?;
            return Ok((scan.found, scan.looked_at, scan.stopped));
        }
        let (mut grants, mut keys) = (Vec::new(), Vec::new());
        for id in &self.chosen {
            match id {
                TokenId::RefreshToken(id) => grants.push(*id),
                TokenId::ApiKey(id) => keys.push(*id),
            }
        }
        let mut rows = tokens_with(conn, &grants, &keys)?;
        criteria.take_out_revoked(conn, &mut rows)?;
        rows.retain(|row| criteria.accept(row));
        rows.sort_by_key(|row| place_of(row, SortBy::Created).id);
        let behind = |row: &ListedToken| start.is_none_or(|start| place_of(row, SortBy::Created).id > start.id);
        rows.retain(behind);
        let looked_at = rows.len() as i64;
        let more = rows.len() > want;
        rows.truncate(want);
        let last = rows.last().map(|row| place_of(row, SortBy::Created)).filter(|_| more);
        Ok((rows, looked_at, last))
    }

    /// The place of a token in the order of [`Selection::next`].
    pub(super) fn place(&self, criteria: &Criteria, token: &ListedToken) -> Place {
        let sort = if self.chosen.is_empty() { Walk::ascending(criteria).sort() } else { SortBy::Created };
        place_of(token, sort)
    }
}

/// Begins a dry run without storing it: the highest ids, and the first part of the count. A read: no writer waits for it.
pub fn prepare(conn: &mut DbConnection, selection: &Selection, now: Timestamp) -> Result<Progress> {
    if selection.chosen.is_empty() && selection.filter.is_empty() && selection.client.is_none() {
        let message = "Set at least one filter first: without one, every token of the shop would be revoked.";
        return Err(Error::Invalid(message.into()));
    }
    let progress = Progress { through: newest(conn)?, ..Progress::default() };
    further(conn, selection, now, progress)
}

/// The highest ids of a refresh token and of an access token or API key.
pub(super) fn newest(conn: &mut DbConnection) -> QueryResult<(i64, i64)> {
    let newest = refresh_tokens::table.select(refresh_tokens::id).order(refresh_tokens::id.desc());
    let grants: Option<i64> = newest.first(conn).optional()?;
    let newest = access_tokens::table.select(access_tokens::id).order(access_tokens::id.desc());
    let keys: Option<i64> = newest.first(conn).optional()?;
    Ok((grants.unwrap_or(0), keys.unwrap_or(0)))
}

/// Counts the next part of a stored dry run. A read.
pub fn count_some(conn: &mut DbConnection, bulk: &BulkRevocation) -> Result<Progress> {
    let progress = Progress {
        through: (bulk.refresh_tokens_through, bulk.access_tokens_through),
        place: bulk.place(),
        searched: bulk.searched,
        matched: bulk.matched,
        tally: bulk.tally(),
        is_complete: false,
    };
    further(conn, &bulk.selection()?, bulk.judged_at, progress)
}

fn further(conn: &mut DbConnection, selection: &Selection, now: Timestamp, from: Progress) -> Result<Progress> {
    let criteria = selection.criteria(conn, now, from.through)?;
    let (found, looked_at, stopped) = selection.next(conn, &criteria, from.place, (usize::MAX, LOOKED_AT))?;
    let mut tally = from.tally;
    tally.add(&found);
    let left = TokenCount::CAP + 1 - tally.access_tokens;
    let grants: Vec<i64> = found.iter().filter(|row| row.refresh_token.is_some()).map(|row| row.id).collect();
    if left > 0 && !grants.is_empty() {
        let issued = access_tokens::table.filter(access_tokens::refresh_token_id.eq_any(grants));
        tally.access_tokens += issued.select(access_tokens::id).limit(left).load::<i64>(conn)?.len() as i64;
    }
    Ok(Progress {
        through: from.through,
        place: stopped,
        searched: from.searched + looked_at,
        matched: from.matched + found.len() as i64,
        tally,
        is_complete: stopped.is_none(),
    })
}

/// Stores a dry run that was begun.
pub fn begin(
    conn: &mut DbConnection,
    selection: &Selection,
    progress: &Progress,
    ((actor_id, actor), client_ip): ((EmployeeKey, &Actor), &str),
    now: Timestamp,
) -> Result<BulkRevocationKey> {
    let row = (
        bulk_revocations::state.eq(progress.state()),
        bulk_revocations::selection.eq(serde_json::to_string(selection).map_err(Error::internal)?),
        bulk_revocations::actor_id.eq(actor_id),
        bulk_revocations::actor_name.eq(actor.name()),
        bulk_revocations::client_ip.eq(client_ip),
        bulk_revocations::judged_at.eq(now),
        bulk_revocations::refresh_tokens_through.eq(progress.through.0),
        bulk_revocations::access_tokens_through.eq(progress.through.1),
        progress.values()?,
    );
    let id = diesel::insert_into(bulk_revocations::table).values(row).returning(bulk_revocations::id);
    Ok(BulkRevocationKey(id.get_result::<i64>(conn)?))
}

impl Progress {
    /// Stores it, unless somebody stopped the dry run or another process counted the same part.
    pub fn store(&self, conn: &mut DbConnection, bulk: &BulkRevocation) -> Result<()> {
        let row = bulk_revocations::table
            .find(bulk.id.0)
            .filter(bulk_revocations::state.eq(BulkState::Counting))
            .filter(bulk_revocations::searched.eq(bulk.searched));
        diesel::update(row).set((bulk_revocations::state.eq(self.state()), self.values()?)).execute(conn)?;
        Ok(())
    }

    fn state(&self) -> BulkState {
        if self.is_complete { BulkState::Counted } else { BulkState::Counting }
    }

    fn values(&self) -> Result<Counted> {
        Ok((
            bulk_revocations::place_value.eq(self.place.map(|place| place.value)),
            bulk_revocations::place_id.eq(self.place.map(|place| place.id)),
            bulk_revocations::searched.eq(self.searched),
            bulk_revocations::matched.eq(self.matched),
            bulk_revocations::tally.eq(serde_json::to_string(&self.tally).map_err(Error::internal)?),
        ))
    }
}

// The columns that a dry run changes.
type Counted = (
    diesel::dsl::Eq<bulk_revocations::place_value, Option<i64>>,
    diesel::dsl::Eq<bulk_revocations::place_id, Option<i64>>,
    diesel::dsl::Eq<bulk_revocations::searched, i64>,
    diesel::dsl::Eq<bulk_revocations::matched, i64>,
    diesel::dsl::Eq<bulk_revocations::tally, String>,
);
