//! The one statement of token lists: an ordered, limited read of one index.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::db::keyset::Place;
use crate::db::{Backend, DbConnection};
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{access_tokens, ended_tokens, refresh_tokens};
use crate::secrets::Mask;
use crate::time::Timestamp;
use crate::tokens::listing::List;
use crate::tokens::listing::bounded::{Bounded, CountTwo};
use crate::tokens::listing::row::{ListedToken, SortBy};

/// The columns that an index begins with, and their values.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    Client(ClientKey),
    RefreshToken(ClientKey, RefreshTokenKey),
    Employee(EmployeeKey),
    /// For refresh tokens only: no other table has this index.
    EmployeeOfClient(EmployeeKey, ClientKey),
}

/// The column that the index continues with, in whose order the rows are read.
#[derive(Clone, Debug)]
pub enum Order {
    By(SortBy),
    /// Only tokens that begin with these characters.
    Prefix(String),
}

/// One read. It returns rows of the index, so what its key and order do not say is left to the caller to check.
#[derive(Clone, Debug)]
pub struct IndexRead {
    pub list: List,
    pub key: Key,
    pub order: Order,
    /// The lowest and the highest value of the order's column.
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub descending: bool,
    /// The place behind which the read starts.
    pub start: Option<Place>,
    pub limit: i64,
}

type Identity = (i64, ClientKey, EmployeeKey, Option<RefreshTokenKey>, Mask, String);
type Dates = (Timestamp, Timestamp, Timestamp);

fn listed(rows: Vec<(Identity, Dates)>) -> Vec<ListedToken> {
    let row = |((id, client, employee, refresh_token, mask, text), dates)| {
        let (created_at, last_used_at, expires_at) = dates;
        ListedToken { id, client, employee, refresh_token, mask, text, created_at, last_used_at, expires_at }
    };
    rows.into_iter().map(row).collect()
}

// Diesel has no row comparison, and without one the index is not entered in the middle of rows with equal values.
fn behind(column: &str, place: Place, descending: bool) -> diesel::expression::SqlLiteral<Bool> {
    let operator = if descending { "<" } else { ">" };
    diesel::dsl::sql(&format!("({column}, id) {operator} ({}, {})", place.value, place.id))
}

macro_rules! in_order_of {
    ($table:ident, $column:ident, $query:expr, $read:expr) => {{
        let (mut query, read): (_, &IndexRead) = ($query, $read);
        // The start replaces the bound on its side: an index is entered at one place.
        if let Some(from) = read.from.filter(|_| read.start.is_none() || read.descending) {
            query = query.filter($table::$column.ge(from));
        }
        if let Some(to) = read.to.filter(|_| read.start.is_none() || !read.descending) {
            query = query.filter($table::$column.le(to));
        }
        if let Some(place) = read.start {
            query = query.filter(behind(stringify!($column), place, read.descending));
        }
        match read.descending {
            true => query.order(($table::$column.desc(), $table::id.desc())),
            false => query.order(($table::$column.asc(), $table::id.asc())),
        }
    }};
}

macro_rules! rows {
    ($conn:expr, $table:ident, $query:expr, $read:expr) => {{
        let (mut query, read): (_, &IndexRead) = ($query, $read);
        let query = match &read.order {
            Order::By(SortBy::LastUsed) => in_order_of!($table, last_used_at, query, read),
            Order::By(SortBy::Expires) => in_order_of!($table, expires_at, query, read),
            Order::By(SortBy::Created) => {
                query = match (read.start, read.descending) {
                    (None, _) => query,
                    (Some(place), true) => query.filter($table::id.lt(place.id)),
                    (Some(place), false) => query.filter($table::id.gt(place.id)),
                };
                if read.descending { query.order($table::id.desc()) } else { query.order($table::id.asc()) }
            }
            Order::Prefix(start) => {
                query = query.filter($table::prefix.ge(start.clone())).filter($table::prefix.lt(format!("{start}{{")));
                query.order(($table::prefix.asc(), $table::id.asc()))
            }
        };
        Bounded { query, limit: read.limit }.load::<(Identity, Dates)>($conn).map(listed)
    }};
}

impl IndexRead {
    /// Reads the rows.
    pub fn rows(&self, conn: &mut DbConnection) -> QueryResult<Vec<ListedToken>> {
        match (self.list, &self.order) {
            (List::RefreshTokens, _) => self.refresh_tokens(conn),
            (List::EndedTokens, _) => self.ended_tokens(conn),
            // The index on the first characters contains access tokens and API keys.
            (List::ApiKeys, Order::Prefix(_)) | (List::AccessTokens, _) => self.access_tokens(conn, false),
            (List::ApiKeys, Order::By(_)) => self.access_tokens(conn, true),
        }
    }

    fn access_tokens(&self, conn: &mut DbConnection, only_api_keys: bool) -> QueryResult<Vec<ListedToken>> {
        use access_tokens as t;
        let mut query = t::table
            .select((
                (t::id, t::client_id, t::employee_id, t::refresh_token_id, t::prefix, t::label),
                (t::created_at, t::last_used_at, t::expires_at),
            ))
            .into_boxed::<Backend>();
        query = match self.key {
            Key::Client(client) | Key::EmployeeOfClient(_, client) => query.filter(t::client_id.eq(client)),
            Key::Employee(employee) => query.filter(t::employee_id.eq(employee)),
            Key::RefreshToken(client, id) => query.filter(t::refresh_token_id.eq(id)).filter(t::client_id.eq(client)),
        };
        if only_api_keys {
            query = query.filter(t::refresh_token_id.is_null());
        }
        rows!(conn, access_tokens, query, self)
    }

    fn refresh_tokens(&self, conn: &mut DbConnection) -> QueryResult<Vec<ListedToken>> {
        use refresh_tokens as t;
        let mut query = t::table
            .select((
                (t::id, t::client_id, t::employee_id, t::id.nullable(), t::prefix, t::scope),
                (t::created_at, t::last_used_at, t::expires_at),
            ))
            .into_boxed::<Backend>();
        query = match self.key {
            Key::Client(client) => query.filter(t::client_id.eq(client)),
            Key::Employee(employee) => query.filter(t::employee_id.eq(employee)),
            Key::EmployeeOfClient(employee, client) => {
                query.filter(t::employee_id.eq(employee)).filter(t::client_id.eq(client))
            }
            Key::RefreshToken(client, id) => query.filter(t::id.eq(id)).filter(t::client_id.eq(client)),
        };
        rows!(conn, refresh_tokens, query, self)
    }

    // Of one refresh token only: no other list of them is shown.
    fn ended_tokens(&self, conn: &mut DbConnection) -> QueryResult<Vec<ListedToken>> {
        use ended_tokens as t;
        let Key::RefreshToken(_, id) = self.key else { return Ok(Vec::new()) };
        let query = t::table
            .select((
                (t::id, t::client_id, t::employee_id, t::refresh_token_id.nullable(), t::prefix, "".into_sql::<Text>()),
                (t::created_at, t::last_used_at, t::expires_at),
            ))
            .filter(t::refresh_token_id.eq(id))
            .into_boxed::<Backend>();
        rows!(conn, ended_tokens, query, self)
    }
}

/// Counts the valid and the expired API keys or refresh tokens of a client, each up to `limit`.
pub fn count_by_expiry(
    conn: &mut DbConnection,
    list: List,
    client: ClientKey,
    (now, limit): (Timestamp, i64),
) -> QueryResult<(i64, i64)> {
    macro_rules! count {
        ($table:ident, $query:expr) => {{
            let ids = || $query.select($table::id).order(($table::expires_at.asc(), $table::id.asc()));
            let valid = ids().filter($table::expires_at.gt(now)).into_boxed::<Backend>();
            let expired = ids().filter($table::expires_at.le(now)).into_boxed::<Backend>();
            CountTwo(Bounded { query: valid, limit }, Bounded { query: expired, limit }).get_result(conn)
        }};
    }
    match list {
        List::RefreshTokens => {
            count!(refresh_tokens, refresh_tokens::table.filter(refresh_tokens::client_id.eq(client)))
        }
        _ => count!(
            access_tokens,
            access_tokens::table
                .filter(access_tokens::client_id.eq(client))
                .filter(access_tokens::refresh_token_id.is_null())
        ),
    }
}
