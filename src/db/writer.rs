//! SQLite's single writer: a bounded first-in-first-out queue and a thread that commits jobs in groups.
//!
//! Why: connections that compete for SQLite's write lock sleep and starve; a queue is faster and fair. Each job has its own
//! savepoint, so a job that fails or panics rolls back only its own changes, and its caller gets the result after COMMIT. A
//! job whose caller disconnected while it was queued is skipped. Checkpoints run in their own thread. The writer itself
//! checkpoints only the last pages of a long log, because SQLite restarts the log only after copying all of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use tokio::sync::oneshot;

use crate::db::DbConnection;
use crate::db::checkpoint::checkpoint;
use crate::db::manager::Manager;
use crate::db::transaction::{begin, commit, roll_back};
use crate::error::{Error, Result};

const QUEUE: usize = 1024;
// How many of them low-priority writes may fill.
const LOW_PRIORITY_QUEUE: usize = QUEUE / 4 * 3;
const GROUP: usize = 64;
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);
// Pages of 4 KiB: beyond 40 MB, finding pages in the log costs more than copying them.
const LONG_LOG: i32 = 10_000;
// The writer's page cache in KiB: its changes touch pages all over the indexes.
const CACHE: u32 = 16_000;

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
    fn is_abandoned(&self) -> bool;
    /// Runs the change; returns whether to keep it.
    fn run(&mut self, conn: &mut DbConnection) -> bool;
    /// Sends the result to the caller after the group was committed or rolled back.
    fn answer(self: Box<Self>, committed: bool);
}

struct Write<T, F> {
    change: F,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: Fn(&mut DbConnection) -> Result<T> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, conn: &mut DbConnection) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.change)(conn)));
        let outcome = outcome.unwrap_or_else(|_| Err(Error::internal("a change to the database panicked")));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
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
        let mut conn = manager.open()?;
        conn.batch_execute(&format!("PRAGMA cache_size = -{CACHE}")).map_err(|error| error.to_string())?;
        let log = Arc::new(Log { is_dirty: AtomicBool::new(true), is_long: AtomicBool::new(false) });
        let written = log.clone();
        let queued = Arc::new(AtomicUsize::new(0));
        let still_queued = queued.clone();
        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(body).map_err(|error| error.to_string())
        };
        spawn("sqlite-writer", Box::new(move || work(&mut conn, &jobs, &still_queued, &written)))?;
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

    pub(crate) async fn write<T, F>(&self, change: F, is_low_priority: bool) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        const FULL: Error = Error::Unavailable("the write queue is full");
        if is_low_priority && self.queued.load(Ordering::Relaxed) >= LOW_PRIORITY_QUEUE {
            return Err(FULL);
        }
        let (reply, answer) = oneshot::channel();
        self.queued.fetch_add(1, Ordering::Relaxed);
        if let Err(refused) = self.queue.try_send(Box::new(Write { change, outcome: None, reply })) {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            return Err(match refused {
                TrySendError::Full(_) => FULL,
                TrySendError::Disconnected(_) => Error::internal("the writer has stopped"),
            });
        }
        answer.await.unwrap_or_else(|_| Err(Error::internal("the writer dropped a job")))
    }
}

fn work(conn: &mut DbConnection, jobs: &Receiver<Box<dyn Job>>, queued: &AtomicUsize, log: &Log) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        queued.fetch_sub(group.len(), Ordering::Relaxed);
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
        let committed = run_group(conn, &mut group);
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

fn run_group(conn: &mut DbConnection, group: &mut [Box<dyn Job>]) -> bool {
    // A transaction with one job needs no savepoint, which would make SQLite copy every page the job changes.
    let alone = group.len() == 1;
    for job in group.iter_mut() {
        let done = match alone {
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
        if !done {
            roll_back(conn);
            return false;
        }
    }
    match commit(conn) {
        Ok(()) => true,
        Err(error) => {
            log::error!("could not commit {} changes: {error}", group.len());
            roll_back(conn);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::DatabaseUrl;
    use crate::db::Db;
    use diesel::prelude::*;
    use diesel::sql_types::BigInt;

    fn database(folder: &tempfile::TempDir) -> Db {
        let db = Db::open(&DatabaseUrl::Sqlite(folder.path().join("test.db")), 2).expect("opens");
        let mut conn = crate::db::connect(&DatabaseUrl::Sqlite(folder.path().join("test.db"))).expect("opens");
        conn.batch_execute("CREATE TABLE numbers (n BIGINT NOT NULL UNIQUE)").expect("creates");
        db
    }

    fn insert(conn: &mut DbConnection, n: i64) -> Result<()> {
        diesel::sql_query("INSERT INTO numbers (n) VALUES ($1)").bind::<BigInt, _>(n).execute(conn)?;
        Ok(())
    }

    async fn sum(db: &Db) -> i64 {
        db.read(|conn| {
            let sum = diesel::dsl::sql::<BigInt>("(SELECT COALESCE(SUM(n), 0) FROM numbers)");
            Ok(diesel::select(sum).get_result::<i64>(conn)?)
        })
        .await
        .expect("reads")
    }

    #[actix_web::test]
    async fn a_job_that_fails_or_panics_rolls_back_only_its_own_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = database(&folder);

        let (kept, failed, panicked, kept_too) = futures_util::future::join4(
            db.write(|conn| insert(conn, 1)),
            db.write(|conn| insert(conn, 10).and_then(|()| insert(conn, 10))),
            db.write(|conn| {
                insert(conn, 100)?;
                #[expect(unreachable_code)]
                {
                    panic!("on purpose");
                    Ok(())
                }
            }),
            db.write(|conn| insert(conn, 1000)),
        )
        .await;

        assert!(kept.is_ok() && kept_too.is_ok());
        assert!(failed.is_err() && panicked.is_err());
        assert_eq!(sum(&db).await, 1001);
        db.write(|conn| insert(conn, 10_000)).await.expect("the writer lives on");
        assert_eq!(sum(&db).await, 11_001);
    }

    #[actix_web::test]
    async fn a_job_whose_caller_disconnected_while_it_was_queued_is_skipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = database(&folder);

        let slow = db.write(|conn| {
            std::thread::sleep(Duration::from_millis(200));
            insert(conn, 1)
        });
        let abandoned = db.clone();
        let task = actix_web::rt::spawn(async move {
            actix_web::rt::time::sleep(Duration::from_millis(50)).await;
            let job = abandoned.write(|conn| insert(conn, 2));
            drop(tokio::time::timeout(Duration::from_millis(20), job).await);
        });

        slow.await.expect("written");
        task.await.expect("ran");
        db.write(|conn| insert(conn, 4)).await.expect("written");

        assert_eq!(sum(&db).await, 5);
    }
}
