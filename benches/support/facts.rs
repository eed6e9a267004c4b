//! What to request, found in the data, so that "rare" is rare and "deepest" is the end of the list.

use client_api_access::db::DbConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct TimeFormat {
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(QueryableByName)]
struct Bytes {
    #[diesel(sql_type = Binary)]
    bytes: Vec<u8>,
}

/// A client to look at.
pub struct ClientFacts {
    pub id: i64,
    pub name: String,
    pub tokens: i64,
}

/// The clients, employees and tokens to request pages of.
pub struct Facts {
    /// The client with half of all tokens.
    pub big: ClientFacts,
    /// A client with a few tokens.
    pub small: ClientFacts,
    /// A client whose tokens are revoked one by one while other clients are revoked.
    pub other: ClientFacts,
    /// The employee with the fewest tokens of the big client.
    pub rare_employee: (i64, String),
    /// A refresh token of the big client.
    pub refresh_token: i64,
    /// The shown characters of one of its valid tokens.
    pub mask: String,
    /// Its hash, as a secret scanner reports it.
    pub hash: String,
    /// How many access tokens of the big client are valid now.
    pub live: i64,
}

impl Facts {
    pub fn of(conn: &mut DbConnection) -> Facts {
        let added = "SELECT id FROM clients WHERE name LIKE 'Revoked with %'";
        let by_size = format!(
            "SELECT client_id AS n FROM access_tokens WHERE client_id NOT IN ({added}) GROUP BY client_id \
             ORDER BY COUNT(*) DESC"
        );
        let ids = numbers(conn, &by_size);
        let big = client(conn, ids[0]);
        let live = format!("client_id = {} AND expires_at > {}", big.id, super::world::seconds());
        let rare = format!(
            "SELECT employee_id AS n FROM access_tokens WHERE {live} GROUP BY employee_id ORDER BY COUNT(*), employee_id \
             LIMIT 1"
        );
        let rare = number(conn, &rare);
        let amount = number(conn, &format!("SELECT COUNT(*) AS n FROM access_tokens WHERE {live}"));
        let token = format!("FROM access_tokens WHERE {live} ORDER BY id LIMIT 1 OFFSET {}", amount / 2);
        let hash = diesel::sql_query(format!("SELECT hash AS bytes {token}")).get_result::<Bytes>(conn);
        let hash = hash.expect("a hash").bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Facts {
            small: client(conn, ids[ids.len() * 3 / 4]),
            other: client(conn, ids[1]),
            rare_employee: (rare, text(conn, &format!("SELECT name AS text FROM employees WHERE id = {rare}"))),
            refresh_token: number(
                conn,
                &format!(
                    "SELECT refresh_token_id AS n FROM access_tokens WHERE {live} AND refresh_token_id IS NOT NULL \
                     GROUP BY refresh_token_id ORDER BY COUNT(*) DESC LIMIT 1"
                ),
            ),
            mask: text(conn, &format!("SELECT prefix AS text {token}")),
            hash,
            live: amount,
            big,
        }
    }
}

/// A client by its id.
pub fn client(conn: &mut DbConnection, id: i64) -> ClientFacts {
    ClientFacts {
        id,
        name: text(conn, &format!("SELECT name AS text FROM clients WHERE id = {id}")),
        tokens: number(conn, &format!("SELECT COUNT(*) AS n FROM access_tokens WHERE client_id = {id}")),
    }
}

/// A client by its name.
pub fn client_named(conn: &mut DbConnection, name: &str) -> ClientFacts {
    let id = number(conn, &format!("SELECT id AS n FROM clients WHERE name = '{name}'"));
    client(conn, id)
}

/// One number.
pub fn number(conn: &mut DbConnection, sql: &str) -> i64 {
    diesel::sql_query(sql).get_result::<Number>(conn).unwrap_or_else(|error| panic!("{sql}: {error}")).n
}

/// A column of numbers.
pub fn numbers(conn: &mut DbConnection, sql: &str) -> Vec<i64> {
    let rows = diesel::sql_query(sql).load::<Number>(conn).unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().map(|row| row.n).collect()
}

fn text(conn: &mut DbConnection, sql: &str) -> String {
    diesel::sql_query(sql).get_result::<TimeFormat>(conn).unwrap_or_else(|error| panic!("{sql}: {error}")).text
}
