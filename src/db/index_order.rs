//! Reads that follow an index: its rows from one row of columns to another, in its order.

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool};

use crate::db::{Backend, DbConnection};

/// Whether a read names its part of an index as a range of rows.
///
/// PostgreSQL leaves a column that equals a constant out of a sort order. Then any index in the order of the remaining columns
/// fits, such as the primary key, and it reads that one with a filter if statistics say that most rows pass. A range of rows
/// and an order that both name the column can only be answered by the index that begins with it. SQLite takes that index
/// anyway, and for ranges it needs statistics that it may not have.
pub(crate) fn needs_row_ranges(conn: &DbConnection) -> bool {
    !matches!(conn, DbConnection::Sqlite(_))
}

/// Runs `read`, whose statements each have an order, a limit and one index in that order. Meanwhile PostgreSQL does not sort.
///
/// Why: it takes the range of a row of columns, `(client_id, created_at, id) >= …`, for a much larger part of an index than
/// the range of its first column, which any index of the client has. So it would rather read all rows of the client from
/// another index and sort them. SQLite follows the order's index anyway.
pub(crate) fn in_index_order<T>(
    conn: &mut DbConnection,
    read: impl FnOnce(&mut DbConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    set_sorts(conn, "SET enable_sort = off; SET enable_incremental_sort = off")?;
    let outcome = read(conn);
    let reset = set_sorts(conn, "RESET enable_sort; RESET enable_incremental_sort");
    let found = outcome?;
    reset?;
    Ok(found)
}

fn set_sorts(conn: &mut DbConnection, settings: &str) -> QueryResult<()> {
    match conn {
        #[cfg(feature = "postgres-any")]
        DbConnection::Postgres(conn) => diesel::connection::SimpleConnection::batch_execute(conn, settings),
        DbConnection::Sqlite(_) => {
            let _ = settings;
            Ok(())
        }
    }
}

/// Compares several columns as one row: `(last_used_at, id) < (5, 7)`. Both databases can start to read an index at
/// such a row.
#[derive(Clone, Debug)]
pub(crate) struct RowIs {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) operator: &'static str,
    pub(crate) values: Vec<i64>,
}

/// Sorts by these columns, all in the same direction.
#[derive(Clone, Debug)]
pub(crate) struct InOrder {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) descending: bool,
}

impl Expression for RowIs {
    type SqlType = Bool;
}

impl Expression for InOrder {
    type SqlType = BigInt;
}

macro_rules! is_expression {
    ($($name:ident),+) => {$(
        impl<Table> AppearsOnTable<Table> for $name {}
        impl<Table> SelectableExpression<Table> for $name {}
        impl ValidGrouping<()> for $name {
            type IsAggregate = is_aggregate::No;
        }
        impl QueryId for $name {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }
    )+};
}
is_expression!(RowIs, InOrder);

impl QueryFragment<Backend> for RowIs {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        for (n, column) in self.columns.iter().enumerate() {
            out.push_sql(if n == 0 { "(" } else { ", " });
            out.push_identifier(column)?;
        }
        out.push_sql(") ");
        out.push_sql(self.operator);
        for (n, value) in self.values.iter().enumerate() {
            out.push_sql(if n == 0 { " (" } else { ", " });
            out.push_bind_param::<BigInt, _>(value)?;
        }
        out.push_sql(")");
        Ok(())
    }
}

impl QueryFragment<Backend> for InOrder {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        for (n, column) in self.columns.iter().enumerate() {
            out.push_sql(if n == 0 { "" } else { ", " });
            out.push_identifier(column)?;
            out.push_sql(if self.descending { " DESC" } else { " ASC" });
        }
        Ok(())
    }
}
