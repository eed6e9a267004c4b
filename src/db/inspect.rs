//! What `doctor` asks a database about itself: its schema, its clock, and whether the connection to it is encrypted.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
#[cfg(feature = "postgres-any")]
use diesel::sql_types::{BigInt, Bool, Text};

use crate::db::DbConnection;
#[cfg(feature = "postgres-any")]
use crate::db::migrations::POSTGRES_MIGRATIONS;
use crate::db::migrations::SQLITE_MIGRATIONS;
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// The migrations of a database, compared with those of this program. Both lists are empty if the schema is up to date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaDifference {
    /// Versions that the next start applies.
    pub pending: Vec<String>,
    /// Versions that this program does not know: a newer one applied them.
    pub unknown: Vec<String>,
}

mod applied {
    // The table that diesel keeps of the migrations it has applied.
    diesel::table! {
        #[sql_name = "__diesel_schema_migrations"]
        migrations (version) {
            version -> Text,
        }
    }
}

/// Compares the migrations of the database with those of this program, and changes nothing. Errors: there are none yet.
pub fn schema_difference(conn: &mut DbConnection) -> Result<SchemaDifference> {
    let applied: Vec<String> = applied::migrations::table
        .select(applied::migrations::version)
        .order(applied::migrations::version)
        .load(conn)?;
    let known = match conn {
        #[cfg(feature = "postgres-any")]
        DbConnection::Postgres(_) => versions::<diesel::pg::Pg>(POSTGRES_MIGRATIONS)?,
        DbConnection::Sqlite(_) => versions::<diesel::sqlite::Sqlite>(SQLITE_MIGRATIONS)?,
    };
    let missing_in =
        |from: &[String], other: &[String]| from.iter().filter(|it| !other.contains(it)).cloned().collect();
    Ok(SchemaDifference { pending: missing_in(&known, &applied), unknown: missing_in(&applied, &known) })
}

fn versions<DB: Backend>(migrations: impl MigrationSource<DB>) -> Result<Vec<String>> {
    let migrations = migrations.migrations().map_err(Error::internal)?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// What lies between this process and its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A file, a local socket or a loopback address.
    SameMachine,
    /// TLS.
    Encrypted,
    /// A network, in plain text; holds the address of the database server.
    Plain(String),
}

/// What lies between this process and its database.
pub fn transport(conn: &mut DbConnection) -> QueryResult<Transport> {
    match conn {
        #[cfg(feature = "postgres-any")]
        DbConnection::Postgres(pg) => {
            // Diesel has neither PostgreSQL's views of itself nor its functions.
            let row: TransportRow = diesel::sql_query(
                "SELECT COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted, \
                 COALESCE(host(inet_server_addr()), '') AS address",
            )
            .get_result(pg)?;
            let is_local = row.address.is_empty()
                || row.address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
            Ok(match row.encrypted {
                true => Transport::Encrypted,
                false if is_local => Transport::SameMachine,
                false => Transport::Plain(row.address),
            })
        }
        DbConnection::Sqlite(_) => Ok(Transport::SameMachine),
    }
}

/// The clock of PostgreSQL; none with SQLite, which has no clock of its own.
pub fn server_time(conn: &mut DbConnection) -> QueryResult<Option<Timestamp>> {
    match conn {
        #[cfg(feature = "postgres-any")]
        DbConnection::Postgres(pg) => {
            // Diesel has no function for the clock: CURRENT_TIMESTAMP is the start of the transaction.
            let now = "SELECT CAST(floor(extract(epoch FROM clock_timestamp())) AS bigint) AS seconds";
            diesel::sql_query(now).get_result(pg).map(|now: ServerTime| Some(Timestamp(now.seconds)))
        }
        DbConnection::Sqlite(_) => Ok(None),
    }
}

#[cfg(feature = "postgres-any")]
#[derive(QueryableByName)]
struct TransportRow {
    #[diesel(sql_type = Bool)]
    encrypted: bool,
    #[diesel(sql_type = Text)]
    address: String,
}

#[cfg(feature = "postgres-any")]
#[derive(QueryableByName)]
struct ServerTime {
    #[diesel(sql_type = BigInt)]
    seconds: i64,
}
