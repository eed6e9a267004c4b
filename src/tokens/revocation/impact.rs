//! The impact of a revocation: how many tokens it revokes, whose they are, and when they were last used.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::activity::Detail;
use crate::db::{Counted, DbConnection};
use crate::time::Timestamp;
use crate::tokens::listing::Table;
use crate::tokens::revocation::Target;

/// A confirmation asks for the client's name when more tokens than this are revoked.
pub const NAME_REQUIRED_ABOVE: i64 = 100;

/// What a revocation would revoke.
#[derive(Clone, Debug)]
pub struct RevocationImpact {
    /// The counts, and the names of the employees.
    pub detail: Detail,
    /// When any of the tokens was last used.
    pub last_used_at: Timestamp,
    /// The newest tokens that were counted.
    pub seen: Seen,
}

/// The newest tokens a confirmation page counted. Tokens created later are named in the message after the revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The highest refresh token id.
    pub refresh_tokens: i64,
    /// The highest id of an access token or API key.
    pub access_tokens: i64,
    /// The number of all tokens.
    pub total: i64,
}

#[derive(QueryableByName)]
struct Numbers {
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = BigInt)]
    highest: i64,
    #[diesel(sql_type = BigInt)]
    last_used: i64,
    #[diesel(sql_type = BigInt)]
    keys: i64,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

impl RevocationImpact {
    /// Counts what would be revoked.
    pub fn of(conn: &mut DbConnection, target: &Target) -> QueryResult<RevocationImpact> {
        let refresh = numbers(conn, Table::RefreshTokens, &target.condition(Table::RefreshTokens))?;
        let access = numbers(conn, Table::AccessTokens, &target.condition(Table::AccessTokens))?;
        let employees = employee_names(conn, target, None)?;
        Ok(RevocationImpact {
            detail: Detail {
                refresh_tokens: refresh.n,
                access_tokens: access.n - access.keys,
                api_keys: access.keys,
                employees,
                ..Detail::default()
            },
            last_used_at: Timestamp(refresh.last_used.max(access.last_used)),
            seen: Seen { refresh_tokens: refresh.highest, access_tokens: access.highest, total: refresh.n + access.n },
        })
    }

    /// The number of refresh tokens, access tokens and API keys together.
    pub fn total(&self) -> i64 {
        self.seen.total
    }
}

/// Whether so many tokens are revoked that the confirmation asks for the name.
pub fn is_large(conn: &mut DbConnection, target: &Target) -> QueryResult<bool> {
    Ok(count_up_to(conn, target, NAME_REQUIRED_ABOVE)? > NAME_REQUIRED_ABOVE)
}

/// Counts the tokens of a target; stops at `cap` + 1 in each table.
pub(super) fn count_up_to(conn: &mut DbConnection, target: &Target, cap: i64) -> QueryResult<i64> {
    let mut sum = 0;
    for table in [Table::AccessTokens, Table::RefreshTokens] {
        let (name, condition) = (table.name(), target.condition(table));
        let sql = format!(
            "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM {name} WHERE {condition} LIMIT {}) AS counted",
            cap + 1
        );
        sum += diesel::sql_query(sql).get_result::<Counted>(conn)?.n;
    }
    Ok(sum)
}

// One subquery for each number, so that each is read from the index that holds it.
fn numbers(conn: &mut DbConnection, table: Table, condition: &str) -> QueryResult<Numbers> {
    let from = format!("FROM {} WHERE {condition}", table.name());
    let keys = match table {
        // PostgreSQL types a bare 0 as INTEGER, which cannot be read as BIGINT.
        Table::RefreshTokens => "CAST(0 AS BIGINT)".to_string(),
        Table::AccessTokens => format!("(SELECT COUNT(*) {from} AND refresh_token_id IS NULL)"),
    };
    let sql = format!(
        "SELECT (SELECT COUNT(*) {from}) AS n, (SELECT COALESCE(MAX(id), 0) {from}) AS highest, \
         (SELECT COALESCE(MAX(last_used_at), 0) {from}) AS last_used, {keys} AS keys"
    );
    diesel::sql_query(sql).get_result(conn)
}

/// Counts the tokens that were created since the confirmation page was shown.
pub(super) fn created_since(conn: &mut DbConnection, target: &Target, seen: Seen) -> QueryResult<Detail> {
    let beyond = |table, id| format!("{} AND id > {id}", target.condition(table));
    let refresh = numbers(conn, Table::RefreshTokens, &beyond(Table::RefreshTokens, seen.refresh_tokens))?;
    let access = numbers(conn, Table::AccessTokens, &beyond(Table::AccessTokens, seen.access_tokens))?;
    let refresh_tokens = if matches!(target, Target::RefreshToken(..)) { 0 } else { refresh.n };
    let employees =
        if access.n > 0 || refresh_tokens > 0 { employee_names(conn, target, Some(seen))? } else { Vec::new() };
    Ok(Detail {
        refresh_tokens,
        access_tokens: access.n - access.keys,
        api_keys: access.keys,
        employees,
        ..Detail::default()
    })
}

// The names of the employees whose tokens are revoked; with `seen`, of those whose tokens were created since.
fn employee_names(conn: &mut DbConnection, target: &Target, seen: Option<Seen>) -> QueryResult<Vec<String>> {
    if let Target::Grants(employee) = target {
        return Ok(vec![employee.name.clone()]);
    }
    let (refresh, access) = (target.condition(Table::RefreshTokens), target.condition(Table::AccessTokens));
    let authorized = match seen {
        // An access token belongs to the employee of its refresh token, so only API keys add employees. One EXISTS per
        // employee takes less time than reading every refresh token of a large client.
        None => format!(
            "EXISTS (SELECT 1 FROM refresh_tokens WHERE {refresh} AND employee_id = employees.id) OR \
             EXISTS (SELECT 1 FROM access_tokens WHERE {access} AND refresh_token_id IS NULL AND employee_id = employees.id)"
        ),
        Some(seen) => format!(
            "id IN (SELECT employee_id FROM refresh_tokens WHERE {refresh} AND id > {} \
             UNION SELECT employee_id FROM access_tokens WHERE {access} AND id > {})",
            seen.refresh_tokens, seen.access_tokens
        ),
    };
    let sql = format!("SELECT name FROM employees WHERE {authorized} ORDER BY name_fold, id");
    Ok(diesel::sql_query(sql).load::<Named>(conn)?.into_iter().map(|row| row.name).collect())
}

/// The first characters of the newest tokens of a target, for the activity log.
pub(super) fn newest_masks(conn: &mut DbConnection, target: &Target) -> QueryResult<Vec<String>> {
    let mut masks = Vec::new();
    for table in [Table::RefreshTokens, Table::AccessTokens] {
        let room = Detail::MOST_NAMES - masks.len() as i64;
        let (name, condition) = (table.name(), target.condition(table));
        let sql = format!("SELECT prefix AS name FROM {name} WHERE {condition} ORDER BY id DESC LIMIT {room}");
        masks.extend(diesel::sql_query(sql).load::<Named>(conn)?.into_iter().map(|row| row.name));
    }
    Ok(masks)
}
