//! Takes the indexes off the big tables and puts them back, as the database itself describes them: rows are inserted many
//! times faster without, and no list of indexes has to be kept here.

use client_api_access::db::DbConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

#[derive(QueryableByName)]
struct Statements {
    #[diesel(sql_type = Text)]
    dropping: String,
    #[diesel(sql_type = Text)]
    creating: String,
}

/// What was taken off, in the order in which it comes back.
pub struct Indexes(Vec<Statements>);

impl Indexes {
    /// Drops every index of these tables that a constraint does not need, and on PostgreSQL unique constraints and foreign
    /// keys as well.
    pub fn drop_all(conn: &mut DbConnection, tables: &[&str]) -> Indexes {
        let tables: Vec<String> = tables.iter().map(|table| format!("'{table}'")).collect();
        let tables = tables.join(", ");
        let sql = match conn {
            DbConnection::Sqlite(_) => format!(
                "SELECT 'DROP INDEX ' || name AS dropping, sql AS creating FROM sqlite_master
                 WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({tables}) ORDER BY tbl_name, name"
            ),
            DbConnection::Postgres(_) => format!(
                "SELECT dropping, creating FROM (
                     SELECT CASE contype WHEN 'u' THEN 1 ELSE 3 END AS place, relname AS on_table,
                         'ALTER TABLE ' || relname || ' DROP CONSTRAINT ' || conname AS dropping,
                         'ALTER TABLE ' || relname || ' ADD CONSTRAINT ' || conname || ' '
                             || pg_get_constraintdef(pg_constraint.oid) AS creating
                     FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
                     WHERE contype IN ('u', 'f') AND relname IN ({tables})
                     UNION ALL
                     SELECT 2, tablename, 'DROP INDEX ' || indexname, indexdef FROM pg_indexes
                     WHERE schemaname = current_schema() AND tablename IN ({tables})
                         AND indexname NOT IN (SELECT conname FROM pg_constraint)
                 ) AS everything ORDER BY place, on_table, dropping"
            ),
        };
        let statements: Vec<Statements> = diesel::sql_query(sql).load(conn).expect("the indexes of the big tables");
        assert!(!statements.is_empty(), "the big tables have indexes");
        // Foreign keys first: they need the unique constraints.
        for statement in statements.iter().rev() {
            run(conn, &statement.dropping);
        }
        Indexes(statements)
    }

    /// Creates them again.
    pub fn create_all(self, conn: &mut DbConnection) {
        for statement in &self.0 {
            run(conn, &statement.creating);
        }
    }
}

/// Runs one statement.
pub fn run(conn: &mut DbConnection, sql: &str) {
    conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}
