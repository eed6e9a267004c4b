//! What `doctor` asks a database about itself: its clock, and whether the connection to it is encrypted.

use diesel::QueryResult;
#[cfg(feature = "postgres-any")]
use diesel::prelude::*;
#[cfg(feature = "postgres-any")]
use diesel::sql_types::{BigInt, Bool, Text};

use crate::db::DbConnection;
use crate::time::Timestamp;

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
