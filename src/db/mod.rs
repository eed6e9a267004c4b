//! The database: SQLite or PostgreSQL behind one connection type, chosen by the URL's scheme.
//!
//! [`Db::read`] runs on a small connection pool, of which pages and background jobs have separate shares (`shares`).
//! [`Db::write`] runs in a transaction: on SQLite in the queue of the single writer thread (`writer`), on PostgreSQL on the
//! pool, retried after conflicts. Both wait a limited time and return [`crate::error::Error::Unavailable`], which pages
//! answer with 503, so requests fail fast while the database is unreachable and succeed again as soon as it is back.

mod carried;
mod checkpoint;
mod commit;
mod database_error;
pub(crate) mod index_order;
pub mod inspect;
pub mod keyset;
mod manager;
mod migrations;
pub mod nonce;
mod pool;
pub mod sealed_columns;
mod shares;
pub mod sqlite_file;
mod statistics;
pub mod text_enum;
mod transaction;
mod write_behind;
mod writer;

pub use crate::config::DatabaseUrl;
pub(crate) use carried::{carried_channels, carried_key, tally};
pub use carried::{carry_channels, carry_key, watch};
pub use commit::in_transaction;
pub use migrations::{SchemaVersion, known_schema, migrate, migrate_and_tell, revert_all};
pub use pool::Db;
pub use statistics::update_statistics;
pub use write_behind::WriteBehindBuffer;

use manager::Manager;

// In its own module, because the derive generates public items without documentation.
mod connection {
    /// A connection to either database.
    #[derive(diesel::MultiConnection)]
    pub enum DbConnection {
        /// PostgreSQL.
        #[cfg(feature = "postgres-any")]
        Postgres(diesel::PgConnection),
        /// SQLite.
        Sqlite(diesel::SqliteConnection),
    }
}
pub use connection::DbConnection;

/// The backend of [`DbConnection`], for boxed queries.
pub type Backend = <DbConnection as diesel::Connection>::Backend;

/// Runs an expression on the connection inside the enum, type-checked for each database separately: for statements that
/// both databases support but the enum does not (upsert, several rows in one insert).
macro_rules! on_each {
    ($conn:expr, |$inner:ident| $body:expr) => {
        match $conn {
            #[cfg(feature = "postgres-any")]
            $crate::db::DbConnection::Postgres($inner) => $body,
            $crate::db::DbConnection::Sqlite($inner) => $body,
        }
    };
}
pub(crate) use on_each;

/// Opens one connection outside the pool, with the same settings, for commands.
pub fn connect(url: &DatabaseUrl) -> Result<DbConnection, String> {
    Manager::new(url.clone()).open()
}
