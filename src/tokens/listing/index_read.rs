//! The only statement of token lists: an ordered, limited read of one index.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::index_order::{InOrder, RowIs, needs_row_ranges};
use crate::db::keyset::Place;
use crate::db::{Backend, DbConnection};
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{access_tokens, ended_tokens, refresh_tokens};
use crate::scopes::Scope;
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
    /// No column: all refresh tokens, or all API keys.
    All,
}

/// The column that the index continues with, in whose order the rows are read.
#[derive(Clone, Debug)]
pub enum Order {
    By(SortBy),
    /// Only tokens that begin with these characters.
    Prefix(String),
}

/// One read. It returns rows of the index; the caller checks every condition that the key and order do not cover.
#[derive(Clone, Debug)]
pub struct IndexRead {
    pub list: List,
    pub key: Key,
    pub order: Order,
    /// The lowest and the highest value of the order's column.
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub descending: bool,
    /// The place after which the read starts, in its direction.
    pub start: Option<Place>,
    pub limit: i64,
}

type Identity = (i64, ClientKey, EmployeeKey, Option<RefreshTokenKey>, Mask, String, Scope);
type Dates = (Timestamp, Timestamp, Timestamp);

/// The rows as a list shows them.
pub fn listed(rows: Vec<(Identity, Dates)>) -> Vec<ListedToken> {
    let row = |((id, client, employee, refresh_token, mask, label, scope), dates)| {
        let (created_at, last_used_at, expires_at) = dates;
        ListedToken { id, client, employee, refresh_token, mask, label, scope, created_at, last_used_at, expires_at }
    };
    rows.into_iter().map(row).collect()
}

macro_rules! in_order_of {
    ($table:ident, $column:ident, $query:expr, $read:expr) => {{
        let (mut query, read): (_, &IndexRead) = ($query, $read);
        // The start replaces the bound on its side, because reading an index starts at one place.
        if let Some(from) = read.from.filter(|_| read.start.is_none() || read.descending) {
            query = query.filter($table::$column.ge(from));
        }
        if let Some(to) = read.to.filter(|_| read.start.is_none() || !read.descending) {
            query = query.filter($table::$column.le(to));
        }
        if let Some(place) = read.start {
            let operator = if read.descending { "<" } else { ">" };
            let values = vec![place.value, place.id];
            query = query.filter(RowIs { columns: vec![stringify!($column), "id"], operator, values });
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
            Order::By(sort) if needs_row_ranges($conn) => {
                let (low, high, order) = read.row_range(*sort);
                query = query.filter(low).filter(high);
                query.order(order)
            }
            Order::By(SortBy::LastUsed) => in_order_of!($table, last_used_at, query, read),
            Order::By(SortBy::Expires) => in_order_of!($table, expires_at, query, read),
            Order::By(SortBy::Created) if read.is_by_time() => in_order_of!($table, created_at, query, read),
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
    // Whether the index of the creation order has the time. The others have the id, which ascends with it.
    fn is_by_time(&self) -> bool {
        self.list == List::ApiKeys || matches!(self.key, Key::All)
    }

    // The part of the index that is read, from its lowest to its highest row, and its order.
    fn row_range(&self, sort: SortBy) -> (RowIs, RowIs, InOrder) {
        let (mut columns, key): (Vec<&'static str>, Vec<i64>) = match self.key {
            Key::Client(client) => (vec!["client_id"], vec![client.0]),
            Key::Employee(employee) => (vec!["employee_id"], vec![employee.0]),
            Key::EmployeeOfClient(employee, client) => (vec!["employee_id", "client_id"], vec![employee.0, client.0]),
            Key::RefreshToken(_, id) if self.list == List::EndedTokens => (vec!["refresh_token_id"], vec![id.0]),
            Key::RefreshToken(client, id) => (vec!["refresh_token_id", "client_id"], vec![id.0, client.0]),
            Key::All => (vec![], vec![]),
        };
        columns.extend(match sort {
            SortBy::Created if self.is_by_time() => Some("created_at"),
            SortBy::Created => None,
            SortBy::LastUsed => Some("last_used_at"),
            SortBy::Expires => Some("expires_at"),
        });
        columns.push("id");
        let row = |value: i64, id: i64| match sort {
            SortBy::Created if !self.is_by_time() => [&key[..], &[id]].concat(),
            SortBy::Created | SortBy::LastUsed | SortBy::Expires => [&key[..], &[value, id]].concat(),
        };
        // Inclusive: PostgreSQL estimates a row comparison by its first column, and would expect no row with < or >.
        let low = match self.start.filter(|_| !self.descending) {
            Some(Place { value, id }) => row(value, id.saturating_add(1)),
            None => row(self.from.unwrap_or(i64::MIN), i64::MIN),
        };
        let high = match self.start.filter(|_| self.descending) {
            Some(Place { value, id }) => row(value, id.saturating_sub(1)),
            None => row(self.to.unwrap_or(i64::MAX), i64::MAX),
        };
        (
            RowIs { columns: columns.clone(), operator: ">=", values: low },
            RowIs { columns: columns.clone(), operator: "<=", values: high },
            InOrder { columns, descending: self.descending },
        )
    }

    fn is_row_range(&self, conn: &DbConnection) -> bool {
        needs_row_ranges(conn) && matches!(self.order, Order::By(_))
    }

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
                (t::id, t::client_id, t::employee_id, t::refresh_token_id, t::prefix, t::label, t::scope),
                (t::created_at, t::last_used_at, t::expires_at),
            ))
            .into_boxed::<Backend>();
        query = match self.key {
            // PostgreSQL does not conclude this from a row range, and needs it to use the index.
            Key::RefreshToken(..) if self.is_row_range(conn) => query.filter(t::refresh_token_id.is_not_null()),
            _ if self.is_row_range(conn) => query,
            Key::Client(client) | Key::EmployeeOfClient(_, client) => query.filter(t::client_id.eq(client)),
            Key::Employee(employee) => query.filter(t::employee_id.eq(employee)),
            Key::All => query,
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
                (t::id, t::client_id, t::employee_id, t::id.nullable(), t::prefix, "".into_sql::<Text>(), t::scope),
                (t::created_at, t::last_used_at, t::expires_at),
            ))
            .into_boxed::<Backend>();
        query = match self.key {
            _ if self.is_row_range(conn) => query,
            Key::Client(client) => query.filter(t::client_id.eq(client)),
            Key::Employee(employee) => query.filter(t::employee_id.eq(employee)),
            Key::EmployeeOfClient(employee, client) => {
                query.filter(t::employee_id.eq(employee)).filter(t::client_id.eq(client))
            }
            Key::RefreshToken(client, id) => query.filter(t::id.eq(id)).filter(t::client_id.eq(client)),
            Key::All => query,
        };
        rows!(conn, refresh_tokens, query, self)
    }

    // Of one refresh token only: no other list of them is shown.
    fn ended_tokens(&self, conn: &mut DbConnection) -> QueryResult<Vec<ListedToken>> {
        use ended_tokens as t;
        let Key::RefreshToken(_, id) = self.key else { return Ok(Vec::new()) };
        let mut query = t::table
            .select((
                (
                    t::id,
                    t::client_id,
                    t::employee_id,
                    t::refresh_token_id.nullable(),
                    t::prefix,
                    "".into_sql::<Text>(),
                    "".into_sql::<Text>(),
                ),
                (t::created_at, t::last_used_at, t::expires_at),
            ))
            .into_boxed::<Backend>();
        if !self.is_row_range(conn) {
            query = query.filter(t::refresh_token_id.eq(id));
        }
        rows!(conn, ended_tokens, query, self)
    }
}

/// Counts the valid and the expired API keys or refresh tokens of a client, or of all clients, each up to `limit`.
pub fn count_by_expiry(
    conn: &mut DbConnection,
    list: List,
    client: Option<ClientKey>,
    (now, limit): (Timestamp, i64),
) -> QueryResult<(i64, i64)> {
    let side = |from, to| {
        let (order, key) = (Order::By(SortBy::Expires), client.map_or(Key::All, Key::Client));
        IndexRead { list, key, order, from, to, descending: false, start: None, limit }.row_range(SortBy::Expires)
    };
    let is_row_range = needs_row_ranges(conn);
    macro_rules! count {
        ($table:ident, $query:expr) => {{
            let part = |from: Option<i64>, to: Option<i64>| {
                let ids = $query.select($table::id).into_boxed::<Backend>();
                if is_row_range {
                    let (low, high, order) = side(from, to);
                    return Bounded { query: ids.filter(low).filter(high).order(order), limit };
                }
                let ids = match client {
                    Some(client) => ids.filter($table::client_id.eq(client)),
                    None => ids,
                };
                let ids = match (from, to) {
                    (Some(from), _) => ids.filter($table::expires_at.ge(from)),
                    (None, to) => ids.filter($table::expires_at.le(to.unwrap_or(i64::MAX))),
                };
                Bounded { query: ids.order(($table::expires_at.asc(), $table::id.asc())), limit }
            };
            CountTwo(part(Some(now.0 + 1), None), part(None, Some(now.0))).get_result(conn)
        }};
    }
    match list {
        List::RefreshTokens => count!(refresh_tokens, refresh_tokens::table),
        _ => count!(access_tokens, access_tokens::table.filter(access_tokens::refresh_token_id.is_null())),
    }
}
