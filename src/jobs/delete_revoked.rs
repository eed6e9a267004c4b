//! Deletes the rows of revoked tokens, in batches. The revocation itself took effect immediately.
//!
//! A batch takes about [`BUDGET`] of the writer's time: the time that the last one took decides its size. Between two
//! batches the job pauses longer when others are waiting, and several deletions take turns. A deletion that was
//! interrupted continues where it stopped.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::jobs::lease::with_lease;
use crate::tokens::revocation::{CountedSoFar, DeletionJob};
use crate::web::state::State;

// How long the statements of one batch take. Committing them takes about half as long again.
pub(super) const BUDGET: Duration = Duration::from_millis(12);
// Rows in a batch: at first, at least and at most.
pub(super) const FIRST_BATCH: i64 = 100;
const SMALLEST_BATCH: i64 = 10;
const LARGEST_BATCH: i64 = 2_000;
// Waiting longer than this for the writer and the commit means that others use it.
const UNDISTURBED: Duration = Duration::from_millis(10);

/// Deletes what is left to delete, with pauses between batches.
pub(super) async fn run(app: &State) -> Result<()> {
    let mut deletion = Deletion::new(app);
    while let Some(batch) = deletion.next_batch().await? {
        actix_web::rt::time::sleep(batch.pause()).await;
    }
    deletion.outcome()
}

struct Deletion<'a> {
    app: &'a State,
    // How many rows the next batch may delete.
    room: i64,
    // The job of the last batch.
    last: i64,
    counted: HashSet<i64>,
    // Jobs that failed are left for the next run, so that they do not keep the others waiting.
    failed: HashSet<i64>,
    error: Option<Error>,
}

/// How long a batch took, and how long it waited for the writer.
pub(super) struct Batch {
    pub took: Duration,
    pub waited: Duration,
}

impl Batch {
    // Three quarters of the writer's time are left to others who want it, and a little in any case.
    pub fn pause(&self) -> Duration {
        if self.waited > UNDISTURBED { 3 * self.took } else { self.took / 4 }.max(Duration::from_millis(1))
    }
}

impl<'a> Deletion<'a> {
    fn new(app: &'a State) -> Deletion<'a> {
        Deletion { app, room: FIRST_BATCH, last: 0, counted: HashSet::new(), failed: HashSet::new(), error: None }
    }

    fn outcome(self) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    // Deletes one batch; `None` when nothing is left, or another node does it.
    async fn next_batch(&mut self) -> Result<Option<Batch>> {
        let (last, failed) = (self.last, self.failed.clone());
        let next = self.app.db.lookup(move |conn| Ok(DeletionJob::next_after(conn, last, &failed)?)).await?;
        let Some(job) = next else { return Ok(None) };
        let id = job.id;
        self.last = id;
        match self.batch(job).await {
            Err(Error::Unavailable(why)) => Err(Error::Unavailable(why)),
            Err(error) => {
                self.failed.insert(id);
                self.error = Some(error);
                Ok(Some(Batch { took: BUDGET, waited: Duration::ZERO }))
            }
            batch => batch,
        }
    }

    async fn batch(&mut self, job: DeletionJob) -> Result<Option<Batch>> {
        // Count the rows before deleting the first, so that the page can show progress.
        if job.progress().0 == 0 && self.counted.insert(job.id) {
            self.count(&job).await?;
        }
        let (room, begun) = (self.room, Instant::now());
        let step = with_lease(self.app, "purge", move |conn, now| {
            let begun = Instant::now();
            let step = job.step(conn, room, now)?;
            Ok((step, begun.elapsed()))
        });
        let Some((step, took)) = step.await? else { return Ok(None) };
        if step.rows >= room || took > BUDGET {
            self.room = next_room(room, took);
        }
        Ok(Some(Batch { took, waited: begun.elapsed().saturating_sub(took) }))
    }

    async fn count(&self, job: &DeletionJob) -> Result<()> {
        let mut so_far = CountedSoFar::default();
        while !so_far.is_complete {
            let job = job.clone();
            so_far = self.app.db.for_jobs().read(move |conn| Ok(job.count_some(conn, so_far)?)).await?;
        }
        let (id, total) = (job.id, so_far.total);
        self.app.db.write(move |conn| Ok(DeletionJob::set_total(conn, id, total)?)).await?;
        Ok(())
    }
}

// As many rows as fit into the budget at the speed of the last batch, but at most twice as many as in that one.
pub(super) fn next_room(room: i64, took: Duration) -> i64 {
    let fitting = room as f64 * BUDGET.as_secs_f64() / took.as_secs_f64().max(1e-6);
    (fitting as i64).min(room * 2).clamp(SMALLEST_BATCH, LARGEST_BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_grows_and_shrinks_with_the_time_it_takes() {
        let after = |room, ms| next_room(room, Duration::from_millis(ms));
        assert_eq!(after(100, 0), 200, "at most twice as many");
        assert_eq!(after(100, 12), 100);
        assert_eq!(after(100, 120), 10);
        assert_eq!(after(20, 5_000), SMALLEST_BATCH);
        assert_eq!(after(LARGEST_BATCH, 1), LARGEST_BATCH);
    }
}
