//! SQLite's one writer: a bounded first-in-first-out queue and a thread that commits in groups.
//!
//! Why: writers that fight for SQLite's lock sleep and starve; a queue is both faster and fair. Each job has its own
//! savepoint, so a job that fails or panics takes only itself back, and its caller is answered after COMMIT. A job whose
//! caller hung up while it was queued is skipped. Checkpoints run beside the writer, in a thread of their own; only the
//! last few pages of a long log are left to the writer, because a log is started over when all of it has been copied.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use crate::db::DbConnection;
use crate::db::manager::Manager;
use crate::error::{Error, Result};

const QUEUE: usize = 1024;
// What those may fill who come in great numbers.
const YIELDING: usize = QUEUE / 4 * 3;
const GROUP: usize = 64;
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);
// 4 KiB each: past some 40 MB, looking pages up in the log begins to cost more than copying them.
const LONG_LOG: i32 = 10_000;
// Pages of its own that the writer keeps in memory, in KiB: what it changes lies all over the indexes.
const CACHE: u32 = 16_000;

// What the writer and the checkpoints tell each other.
struct Log {
    is_dirty: AtomicBool,
    is_long: AtomicBool,
}

#[derive(Clone)]
pub(crate) struct Writer {
    queue: SyncSender<Box<dyn Job>>,
    needing_attention: Arc<AtomicUsize>,
}

trait Job: Send {
    fn is_abandoned(&self) -> bool;
    /// Does the work; says whether to keep it.
    fn run(&mut self, conn: &mut DbConnection) -> bool;
    /// Answers the caller, once it is known whether the group was committed.
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
            Some(Ok(_)) if !committed => Err(Error::Unavailable("the change could not be saved")),
            Some(outcome) => outcome,
            None => Err(Error::Unavailable("the database is busy")),
        };
        // The caller may have hung up meanwhile; the work is done all the same.
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
        let needing_attention = Arc::new(AtomicUsize::new(0));
        let still_waiting = needing_attention.clone();
        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(body).map_err(|error| error.to_string())
        };
        spawn("sqlite-writer", Box::new(move || work(&mut conn, &jobs, &still_waiting, &written)))?;
        let mut conn = manager.open()?;
        let alive = Arc::downgrade(&log);
        drop(log);
        spawn(
            "sqlite-checkpoint",
            Box::new(move || {
                // The writer thread holds the log's state: when it is gone, so is the need for checkpoints.
                while let Some(log) = alive.upgrade() {
                    if log.is_dirty.swap(false, Ordering::Relaxed) && checkpoint(&mut conn) > LONG_LOG {
                        log.is_long.store(true, Ordering::Relaxed);
                    }
                    drop(log);
                    std::thread::sleep(CHECKPOINT_EVERY);
                }
            }),
        )?;
        Ok(Writer { queue, needing_attention })
    }

    pub(crate) async fn write<T, F>(&self, change: F, is_low_priority: bool) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        const FULL: Error = Error::Unavailable("too many changes are waiting");
        if is_low_priority && self.needing_attention.load(Ordering::Relaxed) >= YIELDING {
            return Err(FULL);
        }
        let (reply, answer) = oneshot::channel();
        self.needing_attention.fetch_add(1, Ordering::Relaxed);
        if let Err(refused) = self.queue.try_send(Box::new(Write { change, outcome: None, reply })) {
            self.needing_attention.fetch_sub(1, Ordering::Relaxed);
            return Err(match refused {
                TrySendError::Full(_) => FULL,
                TrySendError::Disconnected(_) => Error::internal("the writer has stopped"),
            });
        }
        answer.await.unwrap_or_else(|_| Err(Error::internal("the writer gave no answer")))
    }
}

fn work(conn: &mut DbConnection, jobs: &Receiver<Box<dyn Job>>, needing_attention: &AtomicUsize, log: &Log) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        needing_attention.fetch_sub(group.len(), Ordering::Relaxed);
        group.retain(|job| !job.is_abandoned());
        if group.is_empty() {
            continue;
        }
        if let Err(error) = begin(conn) {
            log::warn!("a group of {} changes could not begin: {error}", group.len());
            // Whoever came meanwhile has waited for the same lock: nobody waits for it twice.
            let late: Vec<Box<dyn Job>> = jobs.try_iter().collect();
            needing_attention.fetch_sub(late.len(), Ordering::Relaxed);
            group.extend(late);
            group.into_iter().for_each(|job| job.answer(false));
            continue;
        }
        let committed = run_group(conn, &mut group);
        log.is_dirty.store(true, Ordering::Relaxed);
        for job in group {
            job.answer(committed);
        }
        // Little is left to copy, and nobody adds to it meanwhile: the next change starts the log over from its beginning.
        if log.is_long.swap(false, Ordering::Relaxed) {
            checkpoint(conn);
        }
    }
}

fn run_group(conn: &mut DbConnection, group: &mut [Box<dyn Job>]) -> bool {
    // A transaction of one job is its own savepoint; with another, SQLite would copy every page the job changes.
    let alone = group.len() == 1;
    for job in group.iter_mut() {
        let done = match alone {
            true => job.run(conn),
            false => {
                savepoint(conn, "SAVEPOINT job").is_ok() && {
                    let keep = job.run(conn);
                    let end = if keep { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
                    savepoint(conn, end).is_ok()
                }
            }
        };
        // A full disk makes SQLite roll the whole transaction back by itself, and with it every job before this one.
        if !done {
            roll_back(conn);
            return false;
        }
    }
    match commit(conn) {
        Ok(()) => true,
        Err(error) => {
            log::error!("a group of {} changes could not be committed: {error}", group.len());
            roll_back(conn);
            false
        }
    }
}

fn savepoint(conn: &mut DbConnection, sql: &str) -> diesel::QueryResult<()> {
    conn.batch_execute(sql)
}

/// Opens a transaction that may write from its first statement on: on SQLite, a deferred one could fail at once when it
/// turns from reading to writing, whatever the busy timeout.
pub(crate) fn begin(conn: &mut DbConnection) -> diesel::QueryResult<()> {
    match conn {
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(pg) => AnsiTransactionManager::begin_transaction_sql(pg, "BEGIN"),
        DbConnection::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE"),
    }
}

pub(crate) fn commit(conn: &mut DbConnection) -> diesel::QueryResult<()> {
    <DbConnection as diesel::Connection>::TransactionManager::commit_transaction(conn)
}

/// Takes the transaction back. It may be gone already: SQLite rolls back by itself when the disk is full.
pub(crate) fn roll_back(conn: &mut DbConnection) {
    let outcome = <DbConnection as diesel::Connection>::TransactionManager::rollback_transaction(conn);
    match outcome {
        Ok(()) | Err(DieselError::NotInTransaction) => {}
        Err(error) => log::debug!("nothing was left to roll back: {error}"),
    }
    crate::db::on_each!(conn, |inner| reset_if_broken(inner));
}

fn reset_if_broken<C>(conn: &mut C)
where
    C: diesel::Connection<TransactionManager = AnsiTransactionManager>,
{
    if AnsiTransactionManager::is_broken_transaction_manager(conn) {
        // What is left of the transaction, if anything, is taken back by hand; then the connection is as good as new.
        drop(conn.batch_execute("ROLLBACK"));
        *AnsiTransactionManager::transaction_manager_status_mut(conn) = Default::default();
    }
}

#[derive(diesel::QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    log: i32,
}

// Copies what no reader needs any more from the log to the database, waiting for nobody; says how long the log is.
fn checkpoint(conn: &mut DbConnection) -> i32 {
    use diesel::RunQueryDsl;
    let DbConnection::Sqlite(conn) = conn else {
        return 0;
    };
    match diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result::<Checkpoint>(conn) {
        Ok(state) => state.log,
        Err(error) => {
            log::warn!("checkpoint failed: {error}");
            0
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
    async fn a_job_that_fails_or_panics_takes_back_only_itself() {
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
    async fn a_job_whose_caller_hung_up_while_it_was_queued_is_skipped() {
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
