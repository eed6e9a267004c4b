//! Checkpoints of SQLite's write-ahead log.

use crate::db::DbConnection;

#[derive(diesel::QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    log: i32,
}

/// Copies pages that no reader uses from the write-ahead log to the database, without waiting for readers or the writer.
/// Returns the number of pages in the log.
pub(crate) fn checkpoint(conn: &mut DbConnection) -> i32 {
    use diesel::RunQueryDsl;
    #[cfg(feature = "postgres-any")]
    let DbConnection::Sqlite(conn) = conn else { return 0 };
    #[cfg(not(feature = "postgres-any"))]
    let DbConnection::Sqlite(conn) = conn;
    match diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result::<Checkpoint>(conn) {
        Ok(state) => state.log,
        Err(error) => {
            log::warn!("checkpoint failed: {error}");
            0
        }
    }
}
