//! The database as handlers and jobs use it: reads, writes and lookups, each within a time limit.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::{Channels, DatabaseUrl};
use crate::db::DbConnection;
use crate::db::commit::{CommitDecision, commit_with_retries};
use crate::db::manager::{Manager, Purpose};
use crate::db::shares::{Share, Shares};
use crate::db::transaction;
use crate::db::writer::Writer;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::secrets::DerivedKey;
use crate::threads::Threads;

// How long a request waits for a free connection and the query together before it is answered with 503.
const TIMEOUT: Duration = Duration::from_secs(4);

// A change that was not finished in time. Narrower filters would not help, so it is not the error of a slow query.
pub(crate) const NOT_IN_TIME: Error = Error::Unavailable("the change was not finished in time");

/// The connection pools, and on SQLite the writer thread.
#[derive(Clone)]
pub struct Db {
    shares: Shares,
    threads: Threads,
    writer: Option<Writer>,
    pub(super) manager: Manager,
    timeout: Duration,
    is_low_priority: bool,
    reads_for_jobs: bool,
}

thread_local! {
    // One connection for lookups per worker thread and database file.
    static LOOKUP_CONNECTIONS: RefCell<HashMap<PathBuf, DbConnection>> = RefCell::default();
}

impl Db {
    /// Opens pools of `connections` connections in all to the database at `url`; fewer than three count as three on
    /// PostgreSQL and as two on SQLite, which has connections for changes and lookups besides. It opens one connection
    /// immediately, so that a wrong URL fails here with the database's own message.
    pub fn open(url: &DatabaseUrl, connections: u32) -> std::result::Result<Db, String> {
        Db::with_manager(Manager::new(url.clone()), connections)
    }

    /// The same with connections that carry `key`, which authenticates the activity entries they write, and the `channels`
    /// of the notices they write. What they do is counted in `metrics`.
    pub fn open_carrying(
        url: &DatabaseUrl,
        connections: u32,
        (key, channels): (&DerivedKey, Channels),
        metrics: &Arc<Metrics>,
    ) -> std::result::Result<Db, String> {
        let manager = Manager::new(url.clone()).carrying(key, channels).counting(metrics.clone());
        Db::with_manager(manager, connections)
    }

    /// The name of each pool, how many connections it may have, and how many are in use.
    pub fn pools(&self) -> Vec<(&'static str, usize, usize)> {
        self.shares.usage()
    }

    /// How many changes wait for SQLite's writer; `None` on PostgreSQL.
    pub fn queued_changes(&self) -> Option<usize> {
        self.writer.as_ref().map(Writer::queued)
    }

    fn with_manager(manager: Manager, connections: u32) -> std::result::Result<Db, String> {
        drop(manager.open()?);
        let writer = manager.file().is_some().then(|| Writer::start(&manager)).transpose()?;
        let shares = Shares::new(&manager, connections, TIMEOUT - Duration::from_secs(1));
        Ok(Db {
            threads: Threads::start("database", shares.connections()).map_err(|error| error.to_string())?,
            shares,
            writer,
            manager,
            timeout: TIMEOUT,
            is_low_priority: false,
            reads_for_jobs: false,
        })
    }

    /// The same database with another timeout.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Db {
        Db { timeout, ..self.clone() }
    }

    /// The same database for background jobs: its reads have connections of their own and may take ten minutes, or a minute
    /// for one statement on PostgreSQL. Use [`Db::lookup`] for what must not wait for another job's read.
    #[must_use]
    pub fn for_jobs(&self) -> Db {
        Db { reads_for_jobs: true, ..self.with_long_timeout() }
    }

    /// The same database with a timeout of ten minutes, for background work.
    #[must_use]
    pub fn with_long_timeout(&self) -> Db {
        self.with_timeout(Duration::from_secs(600))
    }

    /// The same database for low-priority writes: they leave a quarter of the write queue, or on PostgreSQL a connection if
    /// changes have more than one, to other writes. So a revocation does not wait behind them.
    #[must_use]
    pub fn low_priority(&self) -> Db {
        Db { is_low_priority: true, ..self.clone() }
    }

    /// Finds a few rows by key. On SQLite it runs in the caller's thread, because switching threads would take as long as
    /// the query; on PostgreSQL it runs on a pool, because the caller waits for the network. Either way it does not wait for
    /// pages or jobs. Errors: as [`Db::read`].
    pub async fn lookup<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        let Some(path) = self.manager.file() else {
            return self.on_pool(&self.shares.requests, CommitDecision::default(), move |conn| query(conn)).await;
        };
        LOOKUP_CONNECTIONS.with_borrow_mut(|own| {
            if !own.contains_key(path) {
                let conn = self.manager.clone().for_purpose(Purpose::Lookups).open();
                let conn = conn.map_err(|_| Error::Unavailable("the database could not be opened"))?;
                own.insert(path.to_path_buf(), conn);
            }
            let conn = own.get_mut(path).ok_or_else(|| Error::internal("no connection"))?;
            let answer = query(conn);
            if matches!(&answer, Err(error @ Error::Database(_)) if error.is_unavailable()) {
                own.remove(path);
            }
            answer
        })
    }

    /// Runs `query` for a page or a list, or for a job: see [`Db::for_jobs`].
    ///
    /// Errors: 503 when no connection becomes free, or the query does not finish, within four seconds. On PostgreSQL each
    /// statement of a page has half a second.
    pub async fn read<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        let share = if self.reads_for_jobs { &self.shares.jobs } else { &self.shares.pages };
        self.on_pool(share, CommitDecision::default(), move |conn| query(conn)).await
    }

    /// Runs `change` in a transaction that is committed when it returns `Ok` and rolled back otherwise.
    ///
    /// It may run again after a serialization failure, so it must have no effects outside the connection.
    /// Errors: [`Error::Unavailable`] when the write queue or the disk is full, the database is unreachable, or the change was
    /// not finished within four seconds; then it is never committed later, unless the commit itself hangs.
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        let begun = Instant::now();
        let outcome = self.make(change).await;
        let is_made = !outcome.as_ref().is_err_and(Error::is_unavailable);
        self.manager.metrics().write(begun.elapsed().as_secs_f64(), is_made);
        outcome
    }

    async fn make<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(change, self.is_low_priority, self.timeout).await,
            None => {
                let decision = CommitDecision::default();
                let decided = decision.clone();
                let run = move |conn: &mut DbConnection| commit_with_retries(conn, &change, &decided);
                let share = match self.is_low_priority {
                    true => &self.shares.low_priority_changes,
                    false => &self.shares.changes,
                };
                let outcome = self.on_pool(share, decision, run).await;
                outcome.map_err(|error| if error.is_too_slow() { NOT_IN_TIME } else { error })
            }
        }
    }

    async fn on_pool<T, F>(&self, share: &Share, decision: CommitDecision, run: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        let begun = tokio::time::Instant::now();
        let deadline = begun + self.timeout;
        let mut permits = Vec::with_capacity(share.free.len());
        for free in &share.free {
            let permit = tokio::time::timeout_at(deadline, free.clone().acquire_owned()).await;
            let Ok(Ok(permit)) = permit else {
                self.manager.metrics().pool_timeout(share.name);
                return Err(Error::Unavailable("every database connection is busy"));
            };
            permits.push(permit);
        }
        share.waits.observe(begun.elapsed().as_secs_f64());
        let (pool, statement_limit) = (share.pool.clone(), share.statement_limit);
        let mut work = self.threads.run(move || {
            let _permits = permits;
            // After a database restart every idle connection is dead, and only using one reveals it: try each at most once.
            let mut lost = Error::Unavailable("the database is unreachable");
            for _ in 0..=pool.max_size() {
                let mut conn = pool.get().map_err(|_| Error::Unavailable("the database is unreachable"))?;
                // If `run` panics, its transaction is still open: the pool must then close the connection.
                conn.broken = true;
                let begun = Instant::now();
                let answer = run(&mut conn.inner);
                match answer.as_ref().err().and_then(Error::lost_connection) {
                    Some(why) => lost = why,
                    None => {
                        conn.broken = !transaction::is_closed(&mut conn.inner);
                        return answer.map_err(|error| error.or_too_slow(begun.elapsed() >= statement_limit));
                    }
                }
            }
            Err(lost)
        });
        let mut answer = tokio::time::timeout_at(deadline, &mut work).await;
        if answer.is_err() && !decision.claim(CommitDecision::TIMED_OUT) {
            // The worker claimed the commit first: wait for its result.
            answer = tokio::time::timeout(self.timeout, work).await;
        }
        match answer {
            Err(_) => Err(Error::took_too_long()),
            Ok(Err(_)) => Err(Error::internal("a query panicked")),
            Ok(Ok(answer)) => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_connection_is_closed_after_a_panic_and_kept_otherwise() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(&DatabaseUrl::Sqlite(folder.path().join("data.db")), 1).expect("a database");
        let idle = || db.shares.pages.pool.state().idle_connections;

        db.read(|_| Ok(())).await.expect("an answer");
        assert_eq!(idle(), 1);
        let panicked = db.read(|conn| -> Result<()> {
            transaction::begin(conn)?;
            panic!("within the transaction")
        });
        assert!(panicked.await.is_err());

        let in_transaction = db.read(|conn| {
            transaction::begin(conn)?;
            transaction::roll_back(conn);
            Ok(())
        });
        in_transaction.await.expect("a transaction of its own");
        assert_eq!(idle(), 1);
    }
}
