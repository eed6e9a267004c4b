//! What to request, found in the data, so that "rare" is rare and "deepest" is the end of the list.

use client_api_access::db::DbConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};

use super::world::seconds;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Words {
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
    pub refresh_tokens: i64,
    /// Access tokens and API keys.
    pub tokens: i64,
}

/// The clients, employees and tokens to request pages of.
pub struct Facts {
    /// The client with half of all tokens.
    pub big: ClientFacts,
    /// A client with a few tokens, the same in every size of data.
    pub small: ClientFacts,
    /// A client whose tokens are revoked one by one while other clients are revoked.
    pub other: ClientFacts,
    /// The employee with the fewest refresh tokens of the big client: one, and the oldest of all.
    pub rare_employee: (i64, String),
    /// An employee with no refresh token of the big client.
    pub absent_employee: String,
    /// A refresh token of the big client.
    pub refresh_token: i64,
    /// Its shown characters.
    pub mask: String,
    /// The hash of an access token of the big client, as a secret scanner reports it.
    pub hash: String,
}

impl Facts {
    pub fn of(conn: &mut DbConnection) -> Facts {
        let by_size = "SELECT client_id AS n FROM refresh_tokens WHERE client_id NOT IN (SELECT id FROM clients WHERE name LIKE \
             'Revoked with %') GROUP BY client_id HAVING COUNT(*) >= 3 ORDER BY COUNT(*) DESC, client_id";
        let ids = numbers(conn, by_size);
        let big = client(conn, ids[0]);
        let mut of_big = format!("FROM refresh_tokens WHERE client_id = {} AND expires_at > {}", big.id, seconds());
        let mut amount = number(conn, &format!("SELECT COUNT(*) AS n {of_big}"));
        if amount == 0 {
            // A world in which nothing is valid.
            of_big = format!("FROM refresh_tokens WHERE client_id = {}", big.id);
            amount = number(conn, &format!("SELECT COUNT(*) AS n {of_big}"));
        }
        let rare = format!(
            "SELECT employee_id AS n {of_big} GROUP BY employee_id ORDER BY COUNT(*), employee_id DESC LIMIT 1"
        );
        let rare = number(conn, &rare);
        let name = format!("SELECT name AS text FROM employees WHERE id = {rare}");
        let absent = "SELECT name AS text FROM employees WHERE id = (SELECT MAX(id) FROM employees)";
        let refresh_token = number(conn, &format!("SELECT id AS n {of_big} ORDER BY id LIMIT 1 OFFSET {}", amount / 2));
        let of =
            |table: &str| format!("SELECT hash AS bytes FROM {table} WHERE refresh_token_id = {refresh_token} LIMIT 1");
        let hash = ["access_tokens", "ended_tokens"].iter().find_map(|table| {
            diesel::sql_query(of(table)).get_result::<Bytes>(conn).optional().expect("a hash can be read")
        });
        let hash = hash.map(|hash| hash.bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        Facts {
            small: client(conn, *ids.last().expect("a client")),
            other: client(conn, ids[1]),
            rare_employee: (rare, text(conn, &name)),
            absent_employee: text(conn, absent),
            mask: text(conn, &format!("SELECT prefix AS text FROM refresh_tokens WHERE id = {refresh_token}")),
            refresh_token,
            hash: hash.unwrap_or_default(),
            big,
        }
    }
}

/// A client by its id.
pub fn client(conn: &mut DbConnection, id: i64) -> ClientFacts {
    ClientFacts {
        id,
        name: text(conn, &format!("SELECT name AS text FROM clients WHERE id = {id}")),
        refresh_tokens: number(conn, &format!("SELECT COUNT(*) AS n FROM refresh_tokens WHERE client_id = {id}")),
        tokens: number(conn, &format!("SELECT COUNT(*) AS n FROM access_tokens WHERE client_id = {id}")),
    }
}

/// A client by its name, if there is one.
pub fn client_named(conn: &mut DbConnection, name: &str) -> Option<ClientFacts> {
    let ids = numbers(conn, &format!("SELECT id AS n FROM clients WHERE name = '{name}'"));
    ids.first().map(|id| client(conn, *id))
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
    diesel::sql_query(sql).get_result::<Words>(conn).unwrap_or_else(|error| panic!("{sql}: {error}")).text
}
