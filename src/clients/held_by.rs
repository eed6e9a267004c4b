//! Finds the clients that hold a token of one of many employees.
//!
//! A client may have hundreds of thousands of tokens, and a part of a name may match hundreds of employees. Most clients
//! that have a token of one of them have one among their newest: these are compared first. Only a client with more tokens
//! needs the exact search, which looks for the tokens of each employee.

use diesel::expression::{AppearsOnTable, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;

use crate::db::{Backend, DbConnection};
use crate::id::{ClientKey, EmployeeKey};
use crate::schema::{access_tokens, clients, refresh_tokens};

// How many of a client's newest tokens of a kind are compared.
const NEWEST: i64 = 50;
// Up to this many employees, reading their API keys is faster than comparing those of every client.
const VERY_FEW: usize = 20;
// Up to this many employees, reading all of their refresh tokens is faster than reading tokens of every client.
const FEW: usize = 150;

/// Those of `candidates` that hold a refresh token or an API key of one of `people`.
pub(super) fn held_by(
    conn: &mut DbConnection,
    people: &[EmployeeKey],
    candidates: clients::BoxedQuery<'static, Backend>,
) -> QueryResult<Vec<ClientKey>> {
    let by_grant = refresh_tokens::employee_id.eq_any(people.to_vec());
    let by_owner = access_tokens::employee_id.eq_any(people.to_vec());
    let grants = refresh_tokens::table.filter(refresh_tokens::client_id.eq(clients::id));
    let keys = access_tokens::table
        .filter(access_tokens::refresh_token_id.is_null())
        .filter(access_tokens::client_id.eq(clients::id));
    let newest_keys = keys.order((access_tokens::created_at.desc(), access_tokens::id.desc()));
    let newest_grants = grants.order(refresh_tokens::id.desc());

    let has_key = AnyOf {
        rows: newest_keys.select(access_tokens::employee_id).limit(NEWEST),
        table: "access_tokens",
        condition: by_owner.clone(),
    };
    // Not a plain EXISTS: SQLite drops its ORDER BY, and then reads the access tokens too, by another index.
    let has_more_keys = AnyOf {
        rows: newest_keys.select(access_tokens::employee_id).limit(1).offset(NEWEST),
        table: "access_tokens",
        condition: access_tokens::employee_id.is_not_null(),
    };
    let has_key = has_key.or(has_more_keys.and(diesel::dsl::exists(keys.filter(by_owner))));
    match people.len() {
        0 => Ok(Vec::new()),
        1..=FEW => {
            let granted = refresh_tokens::table.filter(by_grant).select(refresh_tokens::client_id).distinct();
            let mut held: Vec<ClientKey> = granted.load(conn)?;
            match people.len() {
                ..=VERY_FEW => held.extend(owners_of_keys(conn, people)?),
                _ => held.extend(candidates.filter(has_key).select(clients::id).load::<ClientKey>(conn)?),
            }
            held.sort_unstable();
            held.dedup();
            Ok(held)
        }
        _ => {
            let has_grant = AnyOf {
                rows: newest_grants.select(refresh_tokens::employee_id).limit(NEWEST),
                table: "refresh_tokens",
                condition: by_grant.clone(),
            };
            let has_more = diesel::dsl::exists(newest_grants.select(refresh_tokens::id).limit(1).offset(NEWEST));
            let has_grant = has_grant.or(has_more.and(diesel::dsl::exists(grants.filter(by_grant))));
            candidates.filter(has_grant.or(has_key)).select(clients::id).load(conn)
        }
    }
}

// The clients whose API keys these employees own: one read for each employee, in the order of the index on their keys.
fn owners_of_keys(conn: &mut DbConnection, people: &[EmployeeKey]) -> QueryResult<Vec<ClientKey>> {
    let mut clients = Vec::new();
    for employee in people {
        let keys = access_tokens::table
            .filter(access_tokens::employee_id.eq(employee))
            .filter(access_tokens::refresh_token_id.is_null())
            .order((access_tokens::created_at, access_tokens::id));
        clients.extend(keys.select(access_tokens::client_id).load::<ClientKey>(conn)?);
    }
    Ok(clients)
}

// Whether any of the limited `rows` of `table` meets `condition`. Diesel has no derived tables, and without one a LIMIT
// applies after the condition.
#[derive(Clone, Copy)]
struct AnyOf<Q, C> {
    rows: Q,
    table: &'static str,
    condition: C,
}

impl<Q, C> Expression for AnyOf<Q, C> {
    type SqlType = Bool;
}

impl<Q, C> AppearsOnTable<clients::table> for AnyOf<Q, C> {}

impl<Q, C> SelectableExpression<clients::table> for AnyOf<Q, C> {}

impl<Q, C> ValidGrouping<()> for AnyOf<Q, C> {
    type IsAggregate = is_aggregate::No;
}

impl<Q, C> QueryId for AnyOf<Q, C> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<Backend>, C: QueryFragment<Backend>> QueryFragment<Backend> for AnyOf<Q, C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("EXISTS (SELECT 1 FROM (");
        self.rows.walk_ast(out.reborrow())?;
        out.push_sql(") AS ");
        out.push_identifier(self.table)?;
        out.push_sql(" WHERE ");
        self.condition.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}
