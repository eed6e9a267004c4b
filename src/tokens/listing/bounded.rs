//! SQL that Diesel has no types for: a LIMIT as a number in the statement, the count of a limited query, and the
//! comparison and order of rows of several columns.

use diesel::expression::{AppearsOnTable, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool};

use crate::db::{Backend, DbConnection};

/// A query that returns at most this many rows. Diesel binds a LIMIT, and SQLite plans a statement again whenever a bound
/// LIMIT changes; with a number in the text, SQLite keeps the prepared statement.
#[derive(Clone, Copy, Debug)]
pub struct Bounded<Q> {
    pub query: Q,
    pub limit: i64,
}

/// The number of rows of two limited queries. Diesel has no derived tables, and a COUNT without one has no limit.
#[derive(Clone, Copy, Debug)]
pub struct CountTwo<Q>(pub Bounded<Q>, pub Bounded<Q>);

/// Compares several columns as one row: `(last_used_at, id) < (5, 7)`. Both databases can start to read an index at
/// such a row.
#[derive(Clone, Debug)]
pub struct RowIs {
    pub columns: Vec<&'static str>,
    pub operator: &'static str,
    pub values: Vec<i64>,
}

/// Sorts by these columns, all in the same direction.
#[derive(Clone, Debug)]
pub struct InOrder {
    pub columns: Vec<&'static str>,
    pub descending: bool,
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

impl<Q: Query> Query for Bounded<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> Query for CountTwo<Q> {
    type SqlType = (BigInt, BigInt);
}

impl<Q> QueryId for Bounded<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> QueryId for CountTwo<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> RunQueryDsl<DbConnection> for Bounded<Q> {}
impl<Q> RunQueryDsl<DbConnection> for CountTwo<Q> {}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for Bounded<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(" LIMIT ");
        out.push_sql(&self.limit.to_string());
        Ok(())
    }
}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for CountTwo<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("SELECT (SELECT COUNT(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS first), (SELECT COUNT(*) FROM (");
        self.1.walk_ast(out.reborrow())?;
        out.push_sql(") AS second)");
        Ok(())
    }
}
