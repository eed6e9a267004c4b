//! The database: SQLite or PostgreSQL behind one connection type, chosen by the URL's scheme.
//!
//! [`Db::read`] runs on a small pool of connections. [`Db::write`] runs in a transaction: on SQLite in the queue of the one
//! writer thread (`writer`), on PostgreSQL on the pool, repeated when the database asks for it. Both wait a bounded time
//! for a connection and answer [`Error::Unavailable`] instead of hanging, so that a database that is away is a 503 and
//! everything goes on by itself when it is back.

pub mod keyset;
mod manager;
pub mod text_enum;
mod write_behind;
mod writer;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::sync::Semaphore;

pub use manager::DatabaseUrl;
use manager::Manager;
pub use write_behind::WriteBehindBuffer;
use writer::Writer;

use crate::error::{Error, Result};

// In a module of its own: the derive makes public items without documentation.
mod connection {
    /// A connection to either database.
    #[derive(diesel::MultiConnection)]
    pub enum DbConnection {
        /// PostgreSQL.
        #[cfg(feature = "postgres")]
        Postgres(diesel::PgConnection),
        /// SQLite.
        Sqlite(diesel::SqliteConnection),
    }
}
pub use connection::DbConnection;

/// The backend queries are written for.
pub type Backend = <DbConnection as diesel::Connection>::Backend;

/// Runs an expression on the connection inside the enum, type-checked against each database by itself: for what both can
/// do but the enum cannot express (upsert, several rows in one insert).
macro_rules! on_each {
    ($conn:expr, |$inner:ident| $body:expr) => {
        match $conn {
            #[cfg(feature = "postgres")]
            $crate::db::DbConnection::Postgres($inner) => $body,
            $crate::db::DbConnection::Sqlite($inner) => $body,
        }
    };
}

pub(crate) use on_each;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
#[cfg(feature = "postgres")]
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// How long a request waits for a free connection and its answer together before it is told 503.
const TIMEOUT: Duration = Duration::from_secs(4);

// 8 MiB in each thread: the upper levels of the indexes of a million tokens.
const LOOKUP_CACHE: &str = "PRAGMA cache_size = -8000";

/// The pool, and on SQLite the writer.
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
    // One connection for lookups in each thread that serves requests, by the file it leads to.
    static OWN: RefCell<HashMap<PathBuf, DbConnection>> = RefCell::default();
}

impl Db {
    /// Opens `readers` connections at most to the database at `url`; the first one at once, so that a wrong address is
    /// reported here and in the database's own words.
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

    /// The same database for work that nobody waits for in front of a page: it may take ten minutes.
    #[must_use]
    pub fn with_long_timeout(&self) -> Db {
        Db { timeout: Duration::from_secs(600), ..self.clone() }
    }

    /// The same database for callers who come in great numbers: they may fill three quarters of the queue of changes, so
    /// that a revoke always finds room.
    #[must_use]
    pub fn low_priority(&self) -> Db {
        Db { is_low_priority: true, ..self.clone() }
    }

    /// Finds a few rows by their keys. On SQLite in the caller's own thread, where moving to another would cost as much as
    /// the rows; on PostgreSQL, where the answer has to be waited for, on the pool. Errors: as [`Db::read`].
    pub async fn lookup<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        let Some(path) = self.manager.file() else {
            return self.read(query).await;
        };
        OWN.with_borrow_mut(|own| {
            if !own.contains_key(path) {
                let mut conn = self.manager.open().map_err(|_| Error::Unavailable("the database cannot be opened"))?;
                conn.batch_execute(LOOKUP_CACHE)?;
                own.insert(path.to_path_buf(), conn);
            }
            let conn = own.get_mut(path).ok_or_else(|| Error::internal("no connection"))?;
            let answer = query(conn);
            if matches!(&answer, Err(Error::Database(error)) if is_unavailable(error)) {
                own.remove(path);
            }
            answer
        })
    }

    /// Runs `query` on a connection of the pool.
    ///
    /// Errors: [`Error::Unavailable`] when no connection is free, or no answer comes, within four seconds.
    pub async fn read<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        self.on_pool(CommitDecision::default(), move |conn| query(conn)).await
    }

    /// Runs `change` in a transaction that is committed when it returns `Ok` and rolled back otherwise.
    ///
    /// It may be run again after a serialization failure, so all it does must be done through the connection.
    /// Errors: [`Error::Unavailable`] when the queue is full, the disk is, or the database cannot be reached.
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(change, self.is_low_priority).await,
            None => {
                let turn = CommitDecision::default();
                self.on_pool(turn.clone(), move |conn| commit_with_retries(conn, &change, &turn)).await
            }
        }
    }

    /// Whether the database answers, for readiness.
    pub async fn is_ready(&self) -> bool {
        self.read(|conn| {
            use diesel::prelude::*;
            Ok(diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1")).get_result::<i32>(conn)?)
        })
        .await
        .is_ok()
    }

    async fn on_pool<T, F>(&self, turn: CommitDecision, run: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        // The permit makes waiting fair and lets a caller that hung up leave the queue.
        let deadline = tokio::time::Instant::now() + self.timeout;
        let permit = tokio::time::timeout_at(deadline, self.readers.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(Error::Unavailable("every database connection is busy"));
        };
        let pool = self.pool.clone();
        let mut work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            // After a restart of the database every idle connection is dead, and each is found out only by being used.
            for _ in 0..=pool.max_size() {
                let mut conn = pool.get().map_err(|_| Error::Unavailable("the database cannot be reached"))?;
                match run(&mut conn.inner) {
                    Err(error) if error.is_lost_connection() => conn.broken = true,
                    answer => return answer,
                }
            }
            Err(Error::Unavailable("the connection to the database was lost"))
        });
        let mut answer = tokio::time::timeout_at(deadline, &mut work).await;
        if answer.is_err() && !turn.take(CommitDecision::GIVEN_UP) {
            // It is being saved at this very moment.
            answer = tokio::time::timeout(self.timeout, work).await;
        }
        match answer {
            Err(_) => Err(Error::Unavailable("the database did not answer in time")),
            Ok(Err(_)) => Err(Error::internal("a query panicked")),
            Ok(Ok(answer)) => answer,
        }
    }
}

/// Who comes first: the worker that saves a change, or its caller who gives up waiting. So what somebody was told has not
/// happened does not happen later.
#[derive(Clone, Default)]
struct CommitDecision(Arc<AtomicU8>);

impl CommitDecision {
    const SAVING: u8 = 1;
    const GIVEN_UP: u8 = 2;

    // Whoever has it keeps it: a change may be saved at the second attempt.
    fn take(&self, side: u8) -> bool {
        let taken = self.0.compare_exchange(0, side, Ordering::SeqCst, Ordering::SeqCst);
        taken.is_ok() || taken == Err(side)
    }
}

/// Applies what is missing of the schema; two nodes that start at once take turns.
pub fn migrate(url: &DatabaseUrl) -> std::result::Result<Vec<String>, String> {
    let mut conn = Manager::new(url.clone()).open()?;
    let applied = match &mut conn {
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(pg) => {
            use diesel::connection::SimpleConnection;
            pg.batch_execute("SELECT pg_advisory_lock(7241001)").map_err(|error| error.to_string())?;
            pg.run_pending_migrations(POSTGRES_MIGRATIONS)
        }
        DbConnection::Sqlite(sqlite) => sqlite.run_pending_migrations(SQLITE_MIGRATIONS),
    };
    let applied = applied.map_err(|error| format!("the schema could not be brought up to date: {error}"))?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// Takes the whole schema back; for the test that goes up, down and up again.
pub fn revert_all(url: &DatabaseUrl) -> std::result::Result<(), String> {
    let mut conn = Manager::new(url.clone()).open()?;
    match &mut conn {
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(pg) => pg.revert_all_migrations(POSTGRES_MIGRATIONS).map(drop),
        DbConnection::Sqlite(sqlite) => sqlite.revert_all_migrations(SQLITE_MIGRATIONS).map(drop),
    }
    .map_err(|error| error.to_string())
}

/// Opens one connection outside the pool, with the same settings: for commands that run beside the server.
pub fn connect(url: &DatabaseUrl) -> std::result::Result<DbConnection, String> {
    Manager::new(url.clone()).open()
}

/// Runs `change` in a transaction of its own, again after a serialization failure or a deadlock.
pub fn in_transaction<T>(conn: &mut DbConnection, change: &dyn Fn(&mut DbConnection) -> Result<T>) -> Result<T> {
    commit_with_retries(conn, change, &CommitDecision::default())
}

fn commit_with_retries<T>(
    conn: &mut DbConnection,
    change: &dyn Fn(&mut DbConnection) -> Result<T>,
    turn: &CommitDecision,
) -> Result<T> {
    const ATTEMPTS: u32 = 24;
    for attempt in 1.. {
        let outcome = transaction_once(conn, change, turn);
        match outcome {
            Err(error) if attempt < ATTEMPTS && error.is_retryable() => {
                std::thread::sleep(Duration::from_millis(u64::from(attempt)));
            }
            outcome => return outcome,
        }
    }
    Err(Error::Unavailable("the database kept refusing the transaction"))
}

fn transaction_once<T>(
    conn: &mut DbConnection,
    change: &dyn Fn(&mut DbConnection) -> Result<T>,
    turn: &CommitDecision,
) -> Result<T> {
    writer::begin(conn)?;
    match change(conn) {
        Ok(_) if !turn.take(CommitDecision::SAVING) => {
            writer::roll_back(conn);
            Err(Error::Unavailable("the caller gave up"))
        }
        Ok(value) => match writer::commit(conn) {
            Ok(()) => Ok(value),
            // Whether a commit took effect is unknown once the connection is lost, so it is never repeated.
            Err(error) if is_lost_connection(&error) => Err(Error::Unavailable("the connection was lost while saving")),
            Err(error) => Err(error.into()),
        },
        Err(error) => {
            writer::roll_back(conn);
            Err(error)
        }
    }
}

/// Whether a failure means that the database is away, full or busy: the request may be made again later.
pub(crate) fn is_unavailable(error: &DieselError) -> bool {
    const SIGNS: [&str; 14] = [
        "database is locked",
        "database table is locked",
        "database or disk is full",
        "disk I/O error",
        "readonly database",
        "unable to open database",
        "server closed the connection",
        "no connection to the server",
        "terminating connection",
        "could not connect",
        "connection to server",
        "the database system is",
        "statement timeout",
        "lock timeout",
    ];
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => true,
        DieselError::DatabaseError(_, info) => SIGNS.iter().any(|sign| info.message().contains(sign)),
        DieselError::BrokenTransactionManager => true,
        _ => false,
    }
}

pub(crate) fn is_lost_connection(error: &DieselError) -> bool {
    const SIGNS: [&str; 5] = [
        "server closed the connection",
        "no connection to the server",
        "terminating connection",
        "connection to server",
        "could not receive data",
    ];
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => true,
        DieselError::BrokenTransactionManager => true,
        DieselError::DatabaseError(DatabaseErrorKind::Unknown | DatabaseErrorKind::UnableToSendCommand, info) => {
            SIGNS.iter().any(|sign| info.message().contains(sign))
        }
        _ => false,
    }
}

pub(crate) fn is_retryable(error: &DieselError) -> bool {
    match error {
        // What a row was to refer to went between being read and being written: the next attempt finds it gone.
        DieselError::DatabaseError(
            DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ForeignKeyViolation,
            _,
        ) => true,
        DieselError::DatabaseError(_, info) => info.message().contains("deadlock detected"),
        _ => false,
    }
}
