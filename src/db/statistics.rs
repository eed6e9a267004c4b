//! The statistics of SQLite's query planner. PostgreSQL keeps its own statistics current.

use diesel::connection::SimpleConnection;

use crate::db::DbConnection;
use crate::error::Result;

/// Updates the planner's statistics of tables that are new or have grown or shrunk a lot. It reads some hundred rows of each
/// index, so it takes milliseconds at any size. Connections that are already open use the new statistics after they are
/// opened again, within half an hour.
pub fn update_statistics(conn: &mut DbConnection) -> Result<()> {
    if let DbConnection::Sqlite(conn) = conn {
        // 0x10002: look at every table, not only at those that this connection has read; and run ANALYZE where it helps.
        conn.batch_execute("PRAGMA analysis_limit = 400; PRAGMA optimize = 0x10002;")?;
    }
    Ok(())
}
