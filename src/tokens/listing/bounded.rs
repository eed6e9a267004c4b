//! SQL that Diesel has no types for: a LIMIT as a number in the statement, and the count of a limited query.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;

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
