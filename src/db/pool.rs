//! The connection pool: reads, writes and lookups, each within a time limit.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use tokio::sync::Semaphore;

use crate::config::DatabaseUrl;
use crate::db::DbConnection;
use crate::db::commit::{CommitDecision, commit_with_retries};
use crate::db::manager::Manager;
use crate::db::writer::Writer;
use crate::error::{Error, Result};

// How long a request waits for a free connection and the query together before it is answered with 503.
const TIMEOUT: Duration = Duration::from_secs(4);

// 8 MiB per thread: holds the upper levels of the indexes of a million tokens.
const LOOKUP_CACHE: &str = "PRAGMA cache_size = -8000";

/// The connection pool, and on SQLite the writer thread.
#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Manager>,
    readers: Arc<Semaphore>,
    writer: Option<Writer>,
    manager: Manager,
    timeout: Duration,
    is_low_priority: bool,
}

thread_local! {
    // One connection for lookups per worker thread and database file.
    static LOOKUP_CONNECTIONS: RefCell<HashMap<PathBuf, DbConnection>> = RefCell::default();
}

impl Db {
    /// Opens a pool of at most `readers` connections to the database at `url`. It opens one connection immediately, so that
    /// a wrong URL fails here with the database's own message.
    pub fn open(url: &DatabaseUrl, readers: u32) -> std::result::Result<Db, String> {
        let manager = Manager::new(url.clone());
        drop(manager.open()?);
        let pool = r2d2::Pool::builder()
            .max_size(readers)
            .min_idle(Some(0))
            .connection_timeout(TIMEOUT - Duration::from_secs(1))
            .test_on_check_out(false)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(manager.clone());
        let writer = match url {
            DatabaseUrl::Sqlite(_) => Some(Writer::start(&manager)?),
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(_) => None,
        };
        Ok(Db {
            pool,
            readers: Arc::new(Semaphore::new(readers as usize)),
            writer,
            manager,
            timeout: TIMEOUT,
            is_low_priority: false,
        })
    }

    /// The same database with a timeout of ten minutes, for background work.
    #[must_use]
    pub fn with_long_timeout(&self) -> Db {
        Db { timeout: Duration::from_secs(600), ..self.clone() }
    }

    /// The same database for low-priority writes: they may fill three quarters of the write queue, so that a revocation
    /// always finds room.
    #[must_use]
    pub fn low_priority(&self) -> Db {
        Db { is_low_priority: true, ..self.clone() }
    }

    /// Finds a few rows by key. On SQLite it runs in the caller's thread, because switching threads would take as long as
    /// the query; on PostgreSQL it runs on the pool, because the caller waits for the network. Errors: as [`Db::read`].
    pub async fn lookup<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        let Some(path) = self.manager.file() else {
            return self.read(query).await;
        };
        LOOKUP_CONNECTIONS.with_borrow_mut(|own| {
            if !own.contains_key(path) {
                let mut conn =
                    self.manager.open().map_err(|_| Error::Unavailable("the database could not be opened"))?;
                conn.batch_execute(LOOKUP_CACHE)?;
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

    /// Runs `query` on a pooled connection.
    ///
    /// Errors: [`Error::Unavailable`] when no connection becomes free, or the query does not finish, within four seconds.
    pub async fn read<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        self.on_pool(CommitDecision::default(), move |conn| query(conn)).await
    }

    /// Runs `change` in a transaction that is committed when it returns `Ok` and rolled back otherwise.
    ///
    /// It may run again after a serialization failure, so it must have no effects outside the connection.
    /// Errors: [`Error::Unavailable`] when the write queue or the disk is full, or the database is unreachable.
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(change, self.is_low_priority).await,
            None => {
                let decision = CommitDecision::default();
                self.on_pool(decision.clone(), move |conn| commit_with_retries(conn, &change, &decision)).await
            }
        }
    }

    /// Whether the database answers a query, for the readiness check.
    pub async fn is_ready(&self) -> bool {
        self.read(|conn| {
            use diesel::prelude::*;
            Ok(diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1")).get_result::<i32>(conn)?)
        })
        .await
        .is_ok()
    }

    async fn on_pool<T, F>(&self, decision: CommitDecision, run: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        // The semaphore serves waiting callers in order and drops those that disconnected.
        let deadline = tokio::time::Instant::now() + self.timeout;
        let permit = tokio::time::timeout_at(deadline, self.readers.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(Error::Unavailable("every database connection is busy"));
        };
        let pool = self.pool.clone();
        let mut work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            // After a database restart every idle connection is dead, and only using one reveals it: try each at most once.
            for _ in 0..=pool.max_size() {
                let mut conn = pool.get().map_err(|_| Error::Unavailable("the database is unreachable"))?;
                match run(&mut conn.inner) {
                    Err(error) if error.is_lost_connection() => conn.broken = true,
                    answer => return answer,
                }
            }
            Err(Error::Unavailable("the connection to the database was lost"))
        });
        let mut answer = tokio::time::timeout_at(deadline, &mut work).await;
        if answer.is_err() && !decision.claim(CommitDecision::TIMED_OUT) {
            // The worker claimed the commit first: wait for its result.
            answer = tokio::time::timeout(self.timeout, work).await;
        }
        match answer {
            Err(_) => Err(Error::Unavailable("the database did not answer in time")),
            Ok(Err(_)) => Err(Error::internal("a query panicked")),
            Ok(Ok(answer)) => answer,
        }
    }
}
