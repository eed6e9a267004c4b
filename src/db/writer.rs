//! SQLite's single writer: a bounded first-in-first-out queue and a thread that commits jobs in groups.
//!
//! Why: connections that compete for SQLite's write lock sleep and starve; a queue is faster and fair. Each job has its own
//! savepoint, so a job that fails or panics rolls back only its own changes, and its caller gets the result after COMMIT. A
//! job whose caller disconnected or timed out while it was queued is skipped; one whose caller timed out while it ran is
//! rolled back. The writer commits a group that takes long before all its jobs have run, so that nobody waits for many slow
//! jobs.
//!
//! Checkpoints run in their own thread. The writer itself checkpoints only the last pages of a long log, because SQLite
//! restarts the log only after copying all of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use tokio::sync::oneshot;

use crate::db::DbConnection;
use crate::db::carried::{go_back_to, tally_so_far};
use crate::db::checkpoint::checkpoint;
use crate::db::commit::CommitDecision;
use crate::db::manager::{Manager, Purpose};
use crate::db::pool::NOT_IN_TIME;
use crate::db::transaction::{begin, commit, roll_back};
use crate::error::{Error, Result};
use crate::metrics::Metrics;

const QUEUE: usize = 1024;
// How many of them low-priority writes may fill.
const LOW_PRIORITY_QUEUE: usize = QUEUE / 4 * 3;
const GROUP: usize = 64;
// A group that has taken this long is committed; its remaining jobs are the next group.
const GROUP_TIME: Duration = Duration::from_millis(50);
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);
// Pages of 4 KiB: beyond 40 MB, finding pages in the log costs more than copying them.
const LONG_LOG: i32 = 10_000;

// State shared by the writer and the checkpoint thread.
struct Log {
    is_dirty: AtomicBool,
    is_long: AtomicBool,
}

#[derive(Clone)]
pub(crate) struct Writer {
    queue: SyncSender<Box<dyn Job>>,
    queued: Arc<AtomicUsize>,
}

trait Job: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Runs the change; returns whether to keep it. A change whose caller has timed out is not kept.
    fn run(&mut self, conn: &mut DbConnection) -> bool;
    /// Sends the result to the caller after the group was committed or rolled back.
    fn answer(self: Box<Self>, committed: bool);
}

struct Write<T, F> {
    change: F,
    outcome: Option<Result<T>>,
    decision: CommitDecision,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: Fn(&mut DbConnection) -> Result<T> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed() || self.decision.has_timed_out()
    }

    fn run(&mut self, conn: &mut DbConnection) -> bool {
        let before = tally_so_far(conn);
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.change)(conn)));
        let outcome = outcome.unwrap_or_else(|_| Err(Error::internal("a change to the database panicked")));
        let keep = outcome.is_ok() && self.decision.claim(CommitDecision::COMMITTING);
        self.outcome = Some(outcome);
        if !keep {
            go_back_to(conn, before);
        }
        keep
    }

    fn answer(self: Box<Self>, committed: bool) {
        let answer = match self.outcome {
            Some(Ok(_)) if !committed => Err(Error::Unavailable("the change could not be committed")),
            Some(outcome) => outcome,
            None => Err(Error::Unavailable("the database is busy")),
        };
        // The caller may have disconnected; the change is committed regardless.
        drop(self.reply.send(answer));
    }
}

impl Writer {
    pub(crate) fn start(manager: &Manager) -> std::result::Result<Writer, String> {
        let (queue, jobs) = sync_channel(QUEUE);
        let mut conn = manager.clone().for_purpose(Purpose::Writer).open()?;
        let log = Arc::new(Log { is_dirty: AtomicBool::new(true), is_long: AtomicBool::new(false) });
        let written = log.clone();
        let queued = Arc::new(AtomicUsize::new(0));
        let still_queued = queued.clone();
        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(body).map_err(|error| error.to_string())
        };
        let metrics = manager.metrics().clone();
        let work = move || work(&mut conn, &jobs, (&still_queued, &metrics), &written);
        spawn("sqlite-writer", Box::new(work))?;
        let mut conn = manager.open()?;
        let alive = Arc::downgrade(&log);
        drop(log);
        spawn(
            "sqlite-checkpoint",
            Box::new(move || {
                // The writer thread owns the log's state: once it has stopped, checkpoints stop too.
                while let Some(log) = alive.upgrade() {
                    if log.is_dirty.swap(false, Ordering::Relaxed) && checkpoint(&mut conn) > LONG_LOG {
                        log.is_long.store(true, Ordering::Relaxed);
                    }
                    drop(log);
                    std::thread::sleep(CHECKPOINT_EVERY);
                }
            }),
        )?;
        Ok(Writer { queue, queued })
    }

    /// How many changes wait.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    pub(crate) async fn write<T, F>(&self, change: F, is_low_priority: bool, timeout: Duration) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        const FULL: Error = Error::Unavailable("the write queue is full");
        if is_low_priority && self.queued.load(Ordering::Relaxed) >= LOW_PRIORITY_QUEUE {
            return Err(FULL);
        }
        let (reply, mut answer) = oneshot::channel();
        let decision = CommitDecision::default();
        self.queued.fetch_add(1, Ordering::Relaxed);
        if let Err(refused) =
            self.queue.try_send(Box::new(Write { change, outcome: None, decision: decision.clone(), reply }))
        {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            return Err(match refused {
                TrySendError::Full(_) => FULL,
                TrySendError::Disconnected(_) => Error::internal("the writer has stopped"),
            });
        }
        let answer = match tokio::time::timeout(timeout, &mut answer).await {
            Err(_) if decision.claim(CommitDecision::TIMED_OUT) => return Err(NOT_IN_TIME),
            // It is being committed with its group: wait for the result. This wait times out only if the disk hangs.
            Err(_) => tokio::time::timeout(timeout, answer).await.map_err(|_| NOT_IN_TIME)?,
            Ok(answer) => answer,
        };
        answer.unwrap_or_else(|_| Err(Error::internal("the writer dropped a job")))
    }
}

fn work(
    conn: &mut DbConnection,
    jobs: &Receiver<Box<dyn Job>>,
    (queued, metrics): (&AtomicUsize, &Metrics),
    log: &Log,
) {
    // Jobs that were taken from the queue but not run yet, because the previous group took long.
    let mut rest: Vec<Box<dyn Job>> = Vec::new();
    loop {
        let mut group = std::mem::take(&mut rest);
        if group.is_empty() {
            let Ok(first) = jobs.recv() else { return };
            queued.fetch_sub(1, Ordering::Relaxed);
            group.push(first);
        }
        while group.len() < GROUP
            && let Ok(job) = jobs.try_recv()
        {
            queued.fetch_sub(1, Ordering::Relaxed);
            group.push(job);
        }
        group.retain(|job| !job.is_abandoned());
        if group.is_empty() {
            continue;
        }
        if let Err(error) = begin(conn) {
            log::warn!("could not begin a transaction for {} changes: {error}", group.len());
            // Jobs queued in the meantime have waited for the same lock: fail them too instead of making them wait twice.
            let late: Vec<Box<dyn Job>> = jobs.try_iter().collect();
            queued.fetch_sub(late.len(), Ordering::Relaxed);
            group.extend(late);
            group.into_iter().for_each(|job| job.answer(false));
            continue;
        }
        let (done, committed) = run_group(conn, &mut group);
        rest = group.split_off(done);
        metrics.group(done);
        log.is_dirty.store(true, Ordering::Relaxed);
        for job in group {
            job.answer(committed);
        }
        // Little is left to copy and nothing is written meanwhile, so the next change restarts the log.
        if log.is_long.swap(false, Ordering::Relaxed) {
            checkpoint(conn);
        }
    }
}

// Runs jobs until all have run or the group has taken its time, and commits. Returns how many jobs have run, and whether they
// are committed.
fn run_group(conn: &mut DbConnection, group: &mut [Box<dyn Job>]) -> (usize, bool) {
    // A transaction with one job needs no savepoint, which would make SQLite copy every page the job changes.
    let alone = group.len() == 1;
    let started = Instant::now();
    let mut done = 0;
    for job in group.iter_mut() {
        if done > 0 && started.elapsed() > GROUP_TIME {
            break;
        }
        done += 1;
        if job.is_abandoned() {
            continue;
        }
        let succeeded = match alone {
            true => job.run(conn),
            false => {
                conn.batch_execute("SAVEPOINT job").is_ok() && {
                    let keep = job.run(conn);
                    let end = if keep { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
                    conn.batch_execute(end).is_ok()
                }
            }
        };
        // When the disk is full, SQLite rolls back the whole transaction, including the jobs before this one.
        if !succeeded {
            roll_back(conn);
            return (done, false);
        }
    }
    match commit(conn) {
        Ok(()) => (done, true),
        Err(error) => {
            log::error!("could not commit {done} changes: {error}");
            roll_back(conn);
            (done, false)
        }
    }
}

#[cfg(test)]
mod tests;
