//! After the confirmation: ends access in steps, then deletes rows in steps.

use diesel::prelude::*;

use crate::access::bulk_revocation::count::newest;
use crate::access::bulk_revocation::{BulkRevocation, BulkState, Selection};
use crate::activity::{Actor, Detail, Kind, NewActivity, Subject, TokenCount};
use crate::db::DbConnection;
use crate::db::keyset::Place;
use crate::error::{Error, Result};
use crate::id::BulkRevocationKey;
use crate::schema::bulk_revocations;
use crate::time::{HOUR, Timestamp, count};
use crate::tokens::authorization_code::AuthorizationCode;
use crate::tokens::listing::ListedToken;
use crate::tokens::revocation::{MAX_AT_ONCE, delete_marked, revoke_selected};

// How long a dry run can be confirmed.
const VALID: i64 = HOUR;
// How many tokens one step revokes, and how many rows it looks at to find them.
const REVOKED_AT_ONCE: usize = 200;
const LOOKED_AT: i64 = 5_000;

/// The tokens of one step.
#[derive(Clone, Debug)]
pub struct Candidates {
    tokens: Vec<ListedToken>,
    // Where the next step continues; `None` when nothing is left behind these tokens.
    next: Option<Place>,
}

/// Confirms a dry run: from now on its tokens are revoked. The first few are revoked at once. Of one client, all tokens that
/// it has now are covered, and its authorization codes can no longer be redeemed.
///
/// Errors: [`Error::Conflict`] when it was confirmed or stopped before, or was made more than an hour ago.
pub fn confirm(conn: &mut DbConnection, bulk: &BulkRevocation, now: Timestamp) -> Result<()> {
    if now.since(bulk.judged_at) > VALID {
        return Err(Error::Conflict("This was counted more than an hour ago. Count again.".into()));
    }
    let counted = bulk_revocations::table.find(bulk.id.0).filter(bulk_revocations::state.eq(BulkState::Counted));
    let started = (
        bulk_revocations::state.eq(BulkState::Revoking),
        bulk_revocations::confirmed_at.eq(Some(now)),
        bulk_revocations::place_value.eq(None::<i64>),
        bulk_revocations::place_id.eq(None::<i64>),
    );
    if diesel::update(counted).set(started).execute(conn)? == 0 {
        return Err(Error::Conflict("It was confirmed or stopped before.".into()));
    }
    if let Some(client) = bulk.selection()?.client {
        // First, because on PostgreSQL this waits for a code that is just being redeemed, so that the refresh token issued
        // from it is covered.
        AuthorizationCode::withdraw_of_client(conn, client.id, now)?;
        let through = newest(conn)?;
        bulk.cover(conn, through)?;
    }
    if bulk.matched <= MAX_AT_ONCE {
        let bulk = BulkRevocation::find(conn, bulk.id)?;
        let candidates = candidates(conn, &bulk)?;
        revoke_step(conn, &bulk, &candidates, now)?;
    }
    Ok(())
}

/// Asks to stop: no further token is revoked, and a dry run ends. What was revoked stays revoked.
///
/// Errors: [`Error::Conflict`] when there is nothing left to stop.
pub fn stop(conn: &mut DbConnection, id: BulkRevocationKey, actor: &Actor, now: Timestamp) -> Result<()> {
    let row = bulk_revocations::table.find(id.0).filter(bulk_revocations::stop_requested_at.is_null());
    let request = (bulk_revocations::stop_requested_at.eq(Some(now)), bulk_revocations::stopped_by.eq(actor.name()));
    let unconfirmed = row.filter(bulk_revocations::state.eq_any([BulkState::Counting, BulkState::Counted]));
    let over = (bulk_revocations::state.eq(BulkState::Finished), bulk_revocations::finished_at.eq(Some(now)));
    if diesel::update(unconfirmed).set((request, over)).execute(conn)? == 1 {
        return Ok(());
    }
    let revoking = row.filter(bulk_revocations::state.eq(BulkState::Revoking));
    match diesel::update(revoking).set(request).execute(conn)? {
        1 => Ok(()),
        _ => Err(Error::Conflict("There is nothing left to stop: it has ended.".into())),
    }
}

/// The tokens that the next step revokes. A read: no writer waits for it.
pub fn candidates(conn: &mut DbConnection, bulk: &BulkRevocation) -> Result<Candidates> {
    let selection = bulk.selection()?;
    let criteria = selection.criteria(conn, bulk.judged_at, bulk.through())?;
    let (tokens, _, next) = selection.next(conn, &criteria, bulk.place(), (REVOKED_AT_ONCE, LOOKED_AT))?;
    Ok(Candidates { tokens, next })
}

/// Revokes those of the candidates that still match, up to the number that was confirmed. Does nothing when another process
/// took the step first.
pub fn revoke_step(
    conn: &mut DbConnection,
    read: &BulkRevocation,
    candidates: &Candidates,
    now: Timestamp,
) -> Result<()> {
    let row = bulk_revocations::table.find(read.id.0).filter(bulk_revocations::state.eq(BulkState::Revoking));
    // Changes nothing: on PostgreSQL an update locks the row, so that two processes do not take the same step.
    diesel::update(row).set(bulk_revocations::state.eq(BulkState::Revoking)).execute(conn)?;
    let mut bulk = BulkRevocation::find(conn, read.id)?;
    if bulk.state != BulkState::Revoking || bulk.place() != read.place() || bulk.revoked() != read.revoked() {
        return Ok(());
    }
    if bulk.stop_requested_at.is_some() {
        bulk.ended_early = format!("stopped by {}", bulk.stopped_by);
        return end_access(conn, bulk, now);
    }
    let selection = bulk.selection()?;
    let criteria = selection.criteria(conn, bulk.judged_at, bulk.through())?;
    let room = match selection.client {
        None => usize::try_from(bulk.matched - bulk.revoked()).unwrap_or(0),
        Some(_) => usize::MAX,
    };
    let tokens = &candidates.tokens[..candidates.tokens.len().min(room)];
    let revoked = revoke_selected(conn, bulk.id, tokens, |token| criteria.accept(token), now)?;
    let mut tally = bulk.tally();
    let masks = revoked.iter().map(|token| token.mask.characters().to_string());
    tally.masks.extend(masks.take((Detail::MOST_NAMES as usize).saturating_sub(tally.masks.len())));
    let keys = revoked.iter().filter(|token| token.refresh_token.is_none()).count() as i64;
    bulk.revoked_api_keys += keys;
    bulk.revoked_refresh_tokens += revoked.len() as i64 - keys;
    tally.added += revoked.iter().filter(|token| bulk.is_newer(token)).count() as i64;
    let is_cut = tokens.len() < candidates.tokens.len();
    let next = match tokens.last() {
        Some(last) if is_cut => Some(selection.place(&criteria, last)),
        None if is_cut => bulk.place(),
        _ => candidates.next,
    };
    bulk.set_tally(&tally)?;
    (bulk.place_value, bulk.place_id) = (next.map(|place| place.value), next.map(|place| place.id));
    bulk.store(conn)?;
    if tokens.is_empty() && is_cut {
        bulk.ended_early = "stopped, because more tokens match than were confirmed".into();
        return end_access(conn, bulk, now);
    }
    if next.is_none() { end_access(conn, bulk, now) } else { Ok(()) }
}

// All access has ended: records it. The rows of the refresh tokens are deleted from now on.
fn end_access(conn: &mut DbConnection, mut bulk: BulkRevocation, now: Timestamp) -> Result<()> {
    let mut tally = bulk.tally();
    tally.newer = newer(conn, &bulk)?;
    bulk.set_tally(&tally)?;
    bulk.store(conn)?;
    let selection = bulk.selection()?;
    let mut notes = vec![selection.in_words()];
    notes.push(format!("{} confirmed", count(bulk.matched, "token")));
    if tally.newer > 0 {
        notes.push(format!("{} newer kept", TokenCount::capped(tally.newer)));
    }
    if tally.added > 0 {
        notes.push(format!("{} newer revoked too", tally.added));
    }
    if !bulk.ended_early.is_empty() {
        notes.push(bulk.ended_early.clone());
    }
    let detail = Detail { note: notes.join("; "), ..bulk.detail(conn)? };
    let kind = if selection.client.is_some() { Kind::ClientTokensRevoked } else { Kind::BulkRevoked };
    let subject = bulk.subject(&selection);
    NewActivity::new(kind, bulk.actor(), subject).from(&bulk.client_ip).with(detail).record(conn, now)?;
    let is_over = bulk.revoked_refresh_tokens == 0;
    let state = if is_over { BulkState::Finished } else { BulkState::Deleting };
    diesel::update(bulk_revocations::table.find(bulk.id.0))
        .set((
            bulk_revocations::state.eq(state),
            bulk_revocations::access_ended_at.eq(Some(now)),
            bulk_revocations::finished_at.eq(is_over.then_some(now)),
            bulk_revocations::ended_early.eq(&bulk.ended_early),
        ))
        .execute(conn)?;
    Ok(())
}

// Matching tokens that were created after the dry run, up to one more than are counted.
fn newer(conn: &mut DbConnection, bulk: &BulkRevocation) -> Result<i64> {
    let selection = bulk.selection()?;
    if !selection.chosen.is_empty() || selection.client.is_some() {
        return Ok(0);
    }
    let criteria = selection.criteria(conn, bulk.judged_at, (i64::MAX, i64::MAX))?;
    Ok(criteria.count_newer(conn, bulk.through(), TokenCount::CAP + 1)?)
}

/// Deletes at most `room` rows of the revoked refresh tokens, and returns how many rows it deleted.
pub fn delete_step(conn: &mut DbConnection, bulk: &BulkRevocation, room: i64, now: Timestamp) -> Result<i64> {
    let batch = delete_marked(conn, bulk.id, room)?;
    let row = bulk_revocations::table.find(bulk.id.0).filter(bulk_revocations::state.eq(BulkState::Deleting));
    diesel::update(row)
        .set((
            bulk_revocations::deleted_refresh_tokens
                .eq(bulk_revocations::deleted_refresh_tokens + batch.deleted.refresh_tokens),
            bulk_revocations::deleted_access_tokens
                .eq(bulk_revocations::deleted_access_tokens + batch.deleted.access_tokens),
        ))
        .execute(conn)?;
    if batch.is_last {
        finish(conn, bulk.id, now)?;
    }
    Ok(batch.deleted.total())
}

fn finish(conn: &mut DbConnection, id: BulkRevocationKey, now: Timestamp) -> Result<()> {
    let row = bulk_revocations::table.find(id.0).filter(bulk_revocations::state.eq(BulkState::Deleting));
    let over = (bulk_revocations::state.eq(BulkState::Finished), bulk_revocations::finished_at.eq(Some(now)));
    if diesel::update(row).set(over).execute(conn)? == 0 {
        return Ok(());
    }
    let bulk = BulkRevocation::find(conn, id)?;
    let detail = Detail {
        refresh_tokens: TokenCount::exact(bulk.deleted_refresh_tokens),
        access_tokens: TokenCount::exact(bulk.deleted_access_tokens),
        ..Detail::default()
    };
    let subject = bulk.subject(&bulk.selection()?);
    NewActivity::new(Kind::Purged, Actor::server(), subject).with(detail).record(conn, now)
}

impl BulkRevocation {
    fn through(&self) -> (i64, i64) {
        (self.refresh_tokens_through, self.access_tokens_through)
    }

    // Whether a token was created after the dry run.
    fn is_newer(&self, token: &ListedToken) -> bool {
        let (grants, keys) = self.through();
        token.id > if token.refresh_token.is_some() { grants } else { keys }
    }

    // What the activity log says was revoked: the client, if all of its tokens were.
    fn subject(&self, selection: &Selection) -> Subject {
        match &selection.client {
            Some(client) => Subject::client(client.id, &client.name),
            None => Subject::named("bulk_revocation", self.id.0, &count(self.revoked(), "token")),
        }
    }

    // Stores what a step changes.
    fn store(&self, conn: &mut DbConnection) -> QueryResult<usize> {
        diesel::update(bulk_revocations::table.find(self.id.0))
            .set((
                bulk_revocations::place_value.eq(self.place_value),
                bulk_revocations::place_id.eq(self.place_id),
                bulk_revocations::revoked_refresh_tokens.eq(self.revoked_refresh_tokens),
                bulk_revocations::revoked_api_keys.eq(self.revoked_api_keys),
                bulk_revocations::tally.eq(self.stored_tally()),
            ))
            .execute(conn)
    }
}
