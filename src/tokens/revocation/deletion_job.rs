//! Deletes the rows of a large revocation in small batches, so that other writers do not wait.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject, TokenCount};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::db::index_order::in_index_order;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{access_tokens, purges, refresh_tokens};
use crate::time::Timestamp;
use crate::tokens::revocation::Target;
use crate::tokens::revocation::batch::{Batch, Deleted, delete_some};
use crate::tokens::revocation::rows::{First, Owner, Rows, Span};

// How many deletions take turns.
const OPEN_AT_ONCE: i64 = 100;
// How many rows one read counts.
const COUNTED_AT_ONCE: i64 = 10_000;

/// The deletion of the rows of one large revocation.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = purges)]
pub struct DeletionJob {
    /// Its id.
    pub id: i64,
    /// `client`, `refresh_token` or `employee`.
    pub subject_kind: String,
    /// The id of the revoked client, refresh token or employee.
    pub subject_id: i64,
    /// Its name.
    pub subject_name: String,
    /// About how many tokens there were to delete.
    pub total: i64,
    /// Refresh tokens deleted so far.
    pub deleted_refresh_tokens: i64,
    /// Access tokens deleted so far.
    pub deleted_access_tokens: i64,
    /// API keys deleted so far.
    pub deleted_api_keys: i64,
}

/// What one step did.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// How many rows it deleted, in all tables.
    pub rows: i64,
    /// Whether nothing is left to delete.
    pub is_finished: bool,
}

/// How far the tokens of a job have been counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountedSoFar {
    /// How many there are so far.
    pub total: i64,
    refresh_tokens_through: i64,
    access_tokens_through: i64,
    /// Whether that is all.
    pub is_complete: bool,
}

impl DeletionJob {
    /// Starts the job of a target that was marked as revoked in this transaction; `total` is about how many tokens it has.
    /// If an earlier revocation of the same employee is still being deleted, its job deletes these rows too.
    pub(super) fn start(conn: &mut DbConnection, target: &Target, total: i64, now: Timestamp) -> QueryResult<()> {
        let (kind, id, name) = match target {
            Target::Client(client) => ("client", client.id.0, client.name.clone()),
            Target::RefreshToken(client, token) => {
                ("refresh_token", token.id.0, format!("{} of {}", token.mask.characters(), client.name))
            }
            // Pages look the name up.
            Target::Grants(employee) => (Subject::EMPLOYEE, employee.id.0, String::new()),
        };
        if let Some(job) = Self::of(conn, kind, id)? {
            let more = purges::total.eq(purges::total + total);
            return diesel::update(purges::table.find(job.id)).set(more).execute(conn).map(drop);
        }
        diesel::insert_into(purges::table)
            .values((
                purges::subject_kind.eq(kind),
                purges::subject_id.eq(id),
                purges::subject_name.eq(name),
                purges::total.eq(total),
                purges::created_at.eq(now),
            ))
            .execute(conn)
            .map(drop)
    }

    /// The unfinished job of a client, refresh token or employee.
    pub fn of(conn: &mut DbConnection, kind: &str, id: i64) -> QueryResult<Option<DeletionJob>> {
        purges::table
            .filter(purges::subject_kind.eq(kind))
            .filter(purges::subject_id.eq(id))
            .filter(purges::finished_at.is_null())
            .select(DeletionJob::as_select())
            .first(conn)
            .optional()
    }

    /// The next unfinished job after the one with the id `last`, in turn, so that a huge deletion does not keep a small one
    /// waiting; without those in `skipped`.
    pub fn next_after(conn: &mut DbConnection, last: i64, skipped: &HashSet<i64>) -> QueryResult<Option<DeletionJob>> {
        let open = purges::table.filter(purges::finished_at.is_null()).order(purges::id);
        let mut jobs: Vec<DeletionJob> = open.select(DeletionJob::as_select()).limit(OPEN_AT_ONCE).load(conn)?;
        jobs.retain(|job| !skipped.contains(&job.id));
        let next = jobs.iter().position(|job| job.id > last).unwrap_or(0);
        Ok((next < jobs.len()).then(|| jobs.swap_remove(next)))
    }

    /// How many deletions are not finished; counting stops at a hundred.
    pub fn waiting(conn: &mut DbConnection) -> QueryResult<usize> {
        let open = purges::table.filter(purges::finished_at.is_null()).order(purges::id).limit(OPEN_AT_ONCE);
        open.select(purges::id).load::<i64>(conn).map(|ids| ids.len())
    }

    /// The progress: tokens deleted, and the total.
    pub fn progress(&self) -> (i64, i64) {
        let deleted = self.deleted_refresh_tokens + self.deleted_access_tokens + self.deleted_api_keys;
        (deleted, self.total.max(deleted))
    }

    /// Counts some more of the tokens to delete, for the progress bar. A read: no writer waits for it.
    pub fn count_some(&self, conn: &mut DbConnection, so_far: CountedSoFar) -> QueryResult<CountedSoFar> {
        let Some(rows) = self.rows(conn)? else {
            return Ok(CountedSoFar { is_complete: true, ..so_far });
        };
        in_index_order(conn, |conn| Self::count_rows(conn, rows, so_far))
    }

    fn count_rows(conn: &mut DbConnection, rows: Rows, so_far: CountedSoFar) -> QueryResult<CountedSoFar> {
        let refresh = Rows { refresh_tokens: rows.refresh_tokens.after(so_far.refresh_tokens_through), ..rows };
        let last = refresh.refresh_tokens(conn, First::Oldest).select(refresh_tokens::id);
        let last: Option<i64> = last.offset(COUNTED_AT_ONCE - 1).limit(1).load(conn)?.pop();
        if let Some(refresh_tokens_through) = last {
            return Ok(CountedSoFar { total: so_far.total + COUNTED_AT_ONCE, refresh_tokens_through, ..so_far });
        }
        let access = Rows { access_tokens: rows.access_tokens.after(so_far.access_tokens_through), ..rows };
        let last = access.access_tokens(conn, First::Oldest).select(access_tokens::id);
        let last: Option<i64> = last.offset(COUNTED_AT_ONCE - 1).limit(1).load(conn)?.pop();
        if let Some(access_tokens_through) = last {
            return Ok(CountedSoFar { total: so_far.total + COUNTED_AT_ONCE, access_tokens_through, ..so_far });
        }
        let rest = refresh.first_refresh_tokens(conn, COUNTED_AT_ONCE)?.len()
            + access.first_access_tokens(conn, COUNTED_AT_ONCE)?.len();
        Ok(CountedSoFar { total: so_far.total + rest as i64, is_complete: true, ..so_far })
    }

    /// Stores the counted total.
    pub fn set_total(conn: &mut DbConnection, id: i64, total: i64) -> QueryResult<usize> {
        diesel::update(purges::table.find(id)).set(purges::total.eq(total)).execute(conn)
    }

    /// Deletes at most `room` rows, what belongs to them included.
    pub fn step(&self, conn: &mut DbConnection, room: i64, now: Timestamp) -> Result<Step> {
        let covered = self.rows(conn)?;
        let Batch { deleted, is_last } = match &covered {
            None => Batch { deleted: Deleted::default(), is_last: true },
            Some(rows) => delete_some(conn, rows, room)?,
        };
        let row = purges::table.find(self.id);
        diesel::update(row)
            .set((
                purges::deleted_refresh_tokens.eq(purges::deleted_refresh_tokens + deleted.refresh_tokens),
                purges::deleted_access_tokens.eq(purges::deleted_access_tokens + deleted.access_tokens),
                purges::deleted_api_keys.eq(purges::deleted_api_keys + deleted.api_keys),
            ))
            .execute(conn)?;
        let finished = if is_last { self.finish(conn, covered.as_ref(), now)? } else { None };
        Ok(Step { rows: deleted.total() + finished.unwrap_or(0), is_finished: finished.is_some() })
    }

    // Removes the client or the marks of the employee, and returns how many rows that deleted. `None` when the marks are no
    // longer those that `covered` was read with: another revocation raised them, so there is more to delete.
    fn finish(&self, conn: &mut DbConnection, covered: Option<&Rows>, now: Timestamp) -> Result<Option<i64>> {
        let mut deleted = 0;
        let subject = match self.subject_kind.as_str() {
            "client" => {
                deleted = i64::from(Client::delete(conn, ClientKey(self.subject_id))?);
                Subject::named("client", self.subject_id, &self.subject_name)
            }
            "refresh_token" => Subject::named("refresh_token", self.subject_id, &self.subject_name),
            _ => {
                if let Some(Rows { refresh_tokens, access_tokens, .. }) = covered {
                    let id = EmployeeKey(self.subject_id);
                    let (refresh, access) = (refresh_tokens.through, access_tokens.through);
                    if !Employee::clear_revoked_marks(conn, id, refresh, access)? {
                        return Ok(None);
                    }
                }
                Subject::employee(EmployeeKey(self.subject_id), "")
            }
        };
        let row = purges::table.find(self.id);
        diesel::update(row).set(purges::finished_at.eq(Some(now))).execute(conn)?;
        let (refresh_tokens, access_tokens, api_keys) = row
            .select((purges::deleted_refresh_tokens, purges::deleted_access_tokens, purges::deleted_api_keys))
            .first(conn)?;
        let detail = Detail {
            refresh_tokens: TokenCount::exact(refresh_tokens),
            access_tokens: TokenCount::exact(access_tokens),
            api_keys: TokenCount::exact(api_keys),
            ..Detail::default()
        };
        NewActivity::new(Kind::Purged, Actor::server(), subject).with(detail).record(conn, now)?;
        Ok(Some(deleted))
    }

    // What is still to be deleted; nothing when the marked row itself is gone.
    fn rows(&self, conn: &mut DbConnection) -> QueryResult<Option<Rows>> {
        let id = self.subject_id;
        Ok(match self.subject_kind.as_str() {
            "client" => Some(Rows::all(Owner::Client(ClientKey(id)))),
            "refresh_token" => {
                let id = RefreshTokenKey(id);
                let row = refresh_tokens::table.find(id).select(refresh_tokens::client_id);
                let client: Option<ClientKey> = row.get_result(conn).optional()?;
                client.map(|client| Rows::all(Owner::RefreshToken(client, id)))
            }
            _ => {
                let employee = Employee::find(conn, EmployeeKey(id)).optional()?;
                let through = |id| Span { after: 0, through: id };
                employee.map(|employee| Rows {
                    owner: Owner::Employee(employee.id),
                    refresh_tokens: through(employee.revoked_refresh_tokens_through),
                    access_tokens: through(employee.revoked_access_tokens_through),
                })
            }
        })
    }
}
