//! Begin, commit and roll back by hand, for code that decides late whether to commit.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::Error as DieselError;

use crate::db::DbConnection;
use crate::db::carried::{count_tally, go_back_to};
use crate::metrics::Tally;

/// Begins a transaction. On SQLite it takes the write lock immediately: a deferred transaction that reads first and writes
/// later could fail with SQLITE_BUSY without waiting for the busy timeout.
pub(crate) fn begin(conn: &mut DbConnection) -> diesel::QueryResult<()> {
    match conn {
        #[cfg(feature = "postgres-any")]
        DbConnection::Postgres(pg) => AnsiTransactionManager::begin_transaction_sql(pg, "BEGIN"),
        DbConnection::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE"),
    }
}

/// Commits the transaction; what it did counts from now on.
pub(crate) fn commit(conn: &mut DbConnection) -> diesel::QueryResult<()> {
    <DbConnection as diesel::Connection>::TransactionManager::commit_transaction(conn)?;
    count_tally(conn);
    Ok(())
}

/// Rolls the transaction back. SQLite may have done so already, for example when the disk is full.
pub(crate) fn roll_back(conn: &mut DbConnection) {
    let outcome = <DbConnection as diesel::Connection>::TransactionManager::rollback_transaction(conn);
    match outcome {
        Ok(()) | Err(DieselError::NotInTransaction) => {}
        Err(error) => log::debug!("rollback failed, no transaction was open: {error}"),
    }
    crate::db::on_each!(conn, |inner| reset_if_broken(inner));
    go_back_to(conn, Tally::default());
}

/// Whether no transaction is open. A lost connection may leave one that was neither committed nor rolled back.
pub(crate) fn is_closed(conn: &mut DbConnection) -> bool {
    let status = <DbConnection as diesel::Connection>::TransactionManager::transaction_manager_status_mut(conn);
    matches!(status.transaction_depth(), Ok(None))
}

fn reset_if_broken<C>(conn: &mut C)
where
    C: diesel::Connection<TransactionManager = AnsiTransactionManager>,
{
    if AnsiTransactionManager::is_broken_transaction_manager(conn) {
        // Roll back whatever is left of the transaction and reset diesel's state, so that the connection can be used again.
        drop(conn.batch_execute("ROLLBACK"));
        *AnsiTransactionManager::transaction_manager_status_mut(conn) = Default::default();
    }
}
