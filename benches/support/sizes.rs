//! How much room a database needs.

use client_api_access::db::DbConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::facts::number;
use super::table::Table;
use super::world::World;

const TABLES: [&str; 4] = ["refresh_tokens", "refresh_token_values", "access_tokens", "ended_tokens"];

/// Bytes of the whole database, and rows of the tables that matter.
pub struct Sizes {
    file: i64,
    // SQLite's write-ahead log beside it, whose size follows the checkpoints and not the data.
    log: i64,
    // Of the file: pages of deleted rows, which SQLite uses again.
    free: i64,
    rows: Vec<i64>,
}

#[derive(QueryableByName)]
struct TableSize {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Sizes {
    pub fn of(world: &World, conn: &mut DbConnection) -> Sizes {
        let rows = TABLES.map(|table| number(conn, &format!("SELECT COUNT(*) AS n FROM {table}"))).to_vec();
        match conn {
            DbConnection::Sqlite(_) => {
                let file = |name: &str| std::fs::metadata(world.folder.join(name)).map_or(0, |file| file.len() as i64);
                let free =
                    number(conn, "SELECT freelist_count * page_size AS n FROM pragma_freelist_count, pragma_page_size");
                Sizes { file: file("client-api-access.db"), log: file("client-api-access.db-wal"), free, rows }
            }
            DbConnection::Postgres(_) => {
                Sizes { file: number(conn, "SELECT pg_database_size(current_database()) AS n"), log: 0, free: 0, rows }
            }
        }
    }

    /// Bytes of the database, without its log.
    pub fn total(&self) -> i64 {
        self.file
    }

    pub fn columns() -> Vec<String> {
        let rows = TABLES.iter().map(|table| format!("rows of {table}"));
        ["MB".to_string(), "of them free".to_string(), "MB of its log".to_string()].into_iter().chain(rows).collect()
    }

    pub fn cells(&self) -> Vec<String> {
        let rows = self.rows.iter().map(ToString::to_string);
        [megabytes(self.file), megabytes(self.free), megabytes(self.log)].into_iter().chain(rows).collect()
    }
}

/// Prints every table with its indexes, the largest first.
pub fn print_tables(world: &World, conn: &mut DbConnection) {
    let sql = match conn {
        DbConnection::Sqlite(_) => {
            "SELECT tbl_name AS name, CAST(SUM(pgsize) AS BIGINT) AS n FROM dbstat JOIN sqlite_master USING (name)
             WHERE aggregate = TRUE GROUP BY tbl_name ORDER BY 2 DESC LIMIT 12"
        }
        DbConnection::Postgres(_) => {
            "SELECT CAST(relname AS TEXT) AS name, pg_total_relation_size(relid) AS n FROM pg_stat_user_tables
             ORDER BY 2 DESC LIMIT 12"
        }
    };
    let tables = match diesel::sql_query(sql).load::<TableSize>(conn) {
        Ok(tables) => tables,
        Err(error) => return println!("The size of each table is not known here: {error}\n"),
    };
    let mut table = Table::new(&["table with its indexes", "rows", "MB", "bytes a row"]);
    for TableSize { name, n } in tables {
        let rows = number(conn, &format!("SELECT COUNT(*) AS n FROM {name}"));
        table.row(vec![name, rows.to_string(), megabytes(n), (n / rows.max(1)).to_string()]);
    }
    println!("In the end, in {}:\n", if world.url.is_some() { "PostgreSQL" } else { "SQLite" });
    table.print();
}

fn megabytes(bytes: i64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}
