//! How a token list is read: which index is entered and how far it is followed, so that the first page and the last one of
//! a client with a million tokens cost the same.
//!
//! Why so explicit: without statistics SQLite guesses which index is the best, and wrongly wherever one client has half of
//! all rows. `(…) IS TRUE` keeps a condition from being the one that chooses; `+ 0` keeps an ORDER BY from it.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::db::keyset::{Count, Keyset, PAGE, Place};
use crate::db::{Counted, DbConnection};
use crate::id::{AccessTokenKey, ClientKey};
use crate::schema::{access_tokens, clients};
use crate::time::{HOUR, Timestamp};
use crate::tokens::token_list::{StatusFilter, Table, TokenFilter, TokenType, Within};

// Rows looked at in the list's own order before the filter's index is entered instead.
const WINDOW: i64 = 2_000;
const CAP: i64 = 10_000;
const FILTERED_CAP: i64 = 1_000;

/// A row's place in a list.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub struct Row {
    /// The row.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Its sort value.
    #[diesel(sql_type = BigInt)]
    pub value: i64,
}

/// A list, as conditions.
pub struct Scan<'a> {
    /// Which table.
    pub table: Table,
    /// Below what.
    pub within: Within,
    /// Live, or expired.
    pub life: String,
    /// What the filter asks for.
    pub narrowing: Vec<String>,
    /// What is not to be shown at all.
    pub ended: Vec<String>,
    /// The filter itself.
    pub filter: &'a TokenFilter,
    /// Whether the employees it names have a good share of all tokens.
    pub is_common: bool,
}

// A stretch of a list, by its bounds.
#[derive(Clone, Debug, Default)]
struct Stretch {
    bounds: String,
    lies: Lies,
}

// How the rows of a stretch lie in the order of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lies {
    // Close together, all before or behind those of another stretch.
    #[default]
    Together,
    // So far apart that following the order leads nowhere.
    Scattered,
    // In between the others.
    Between,
}

impl Scan<'_> {
    /// The page that `keyset` names and one row more, in the direction of the scan.
    pub fn page(&self, conn: &mut DbConnection, keyset: &Keyset) -> QueryResult<Vec<Row>> {
        let mut rows: Vec<Row> = Vec::new();
        for stretch in self.stretches(conn, keyset)? {
            let found = self.page_of(conn, &stretch, keyset)?;
            let is_full = found.len() > PAGE;
            rows.extend(found);
            if is_full && stretch.lies != Lies::Between {
                break;
            }
        }
        rows.sort_unstable_by_key(|row| (row.value, row.id));
        if keyset.scans_down() {
            rows.reverse();
        }
        rows.truncate(PAGE + 1);
        Ok(rows)
    }

    /// How many rows match, up to a cap.
    pub fn count(&self, conn: &mut DbConnection) -> QueryResult<Count> {
        if self.filter.is_empty() {
            return count(conn, self.table, &self.entered(&Stretch::default()), CAP);
        }
        let by_id = Keyset { column: "id", descending: true, cursor: Default::default() };
        let mut n = 0;
        for stretch in self.stretches(conn, &by_id)? {
            if n <= FILTERED_CAP {
                n += count(conn, self.table, &self.entered(&stretch), FILTERED_CAP - n)?.seen();
            }
        }
        Ok(Count::capped_at(n, FILTERED_CAP))
    }

    fn page_of(&self, conn: &mut DbConnection, stretch: &Stretch, keyset: &Keyset) -> QueryResult<Vec<Row>> {
        let select = |conditions: &str, order: &str, tail: &str| {
            let (name, column) = (self.table.name(), keyset.column);
            format!("SELECT id, {column} AS value FROM {name} WHERE {conditions} ORDER BY {order} {tail}")
        };
        let (order, fits) = (keyset.order(), format!("LIMIT {}", PAGE + 1));
        let entry = keyset.entry().unwrap_or_default();
        if self.is_followed(stretch) {
            let start = self.start(stretch, &entry, keyset.column);
            let edge = diesel::sql_query(select(&start, &order, &format!("LIMIT 1 OFFSET {WINDOW}")));
            let edge = edge.get_result::<Row>(conn).optional()?;
            let stop = edge.map(|row| keyset.until(Place { value: row.value, id: row.id })).unwrap_or_default();
            let matching =
                quiet(&all_of(&[std::slice::from_ref(&self.life), &self.narrowing[..], &self.ended[..]].concat()));
            let near = all_of(&[start, stop, matching]);
            let rows: Vec<Row> = diesel::sql_query(select(&near, &order, &fits)).load(conn)?;
            if edge.is_none() || rows.len() > PAGE {
                return Ok(rows);
            }
        }
        let sorted = order.replace(" ASC", " + 0 ASC").replace(" DESC", " + 0 DESC");
        let all = all_of(&[self.entered(stretch), quiet(&entry)]);
        diesel::sql_query(select(&all, &sorted, &fits)).load(conn)
    }

    // A client's list may be long. Whatever has few rows and an index of its own is not looked for along it.
    fn is_followed(&self, stretch: &Stretch) -> bool {
        let by_status = match self.filter.status {
            Some(StatusFilter::Unused | StatusFilter::Stopped) => false,
            Some(StatusFilter::Lapsing) => self.table == Table::RefreshTokens,
            Some(StatusFilter::Working | StatusFilter::NeverUsed) | None => true,
        };
        matches!(self.within, Within::Client(_))
            && stretch.lies != Lies::Scattered
            && by_status
            && self.filter.token.is_empty()
            && self.filter.token_type != Some(TokenType::ApiKey)
            && (self.filter.employee.is_empty() || self.is_common)
    }

    // Where the index of the list's own order is entered.
    fn start(&self, stretch: &Stretch, entry: &str, column: &str) -> String {
        let never_used = self.filter.status == Some(StatusFilter::NeverUsed) && column != "expires_at";
        all_of(&[
            self.within.condition(self.table),
            stretch.bounds.clone(),
            entry.into(),
            if never_used { "last_used_at = 0".into() } else { String::new() },
            if column == "expires_at" { self.life.clone() } else { String::new() },
        ])
    }

    // Everything that matches, for the filter's own index; without one, for that on when tokens expire.
    fn entered(&self, stretch: &Stretch) -> String {
        let by_use = self.filter.status == Some(StatusFilter::NeverUsed) && self.filter.employee.is_empty();
        let is_own = by_use || stretch.lies == Lies::Scattered;
        let bounds = if is_own { stretch.bounds.clone() } else { quiet(&stretch.bounds) };
        let is_entered = by_use || !self.is_followed(&Stretch::default()) || !self.filter.employee.is_empty();
        let life = if is_entered { quiet(&self.life) } else { self.life.clone() };
        let base = self.within.condition(self.table);
        all_of(&[&[base, bounds, life], &self.narrowing[..], &self.ended[..]].concat())
    }

    // Live tokens lie behind many more expired ones, or the other way round: the number noted for the client leads past
    // those. API keys, which live as long as somebody likes, are a stretch of their own. In the order of the scan.
    fn stretches(&self, conn: &mut DbConnection, keyset: &Keyset) -> QueryResult<Vec<Stretch>> {
        let (Table::AccessTokens, Within::Client(client)) = (self.table, self.within) else {
            return Ok(vec![Stretch::default()]);
        };
        let from: i64 = clients::table.find(client).select(clients::live_from).first(conn).optional()?.unwrap_or(0);
        if from == 0 || keyset.column == "expires_at" || (keyset.column != "id" && self.filter.expired) {
            return Ok(vec![Stretch::default()]);
        }
        // When the first of them was made, give or take what the clocks of two nodes differ by.
        let first = access_tokens::table.filter(access_tokens::id.ge(AccessTokenKey(from)));
        let made = first.order(access_tokens::id).select(access_tokens::created_at);
        let made: Option<Timestamp> = made.first(conn).optional()?;
        let made = made.map_or(1, |made| made.plus(-HOUR).0.max(1));
        let stretch = |lies: Lies, bounds: String| Stretch { bounds, lies };
        let mut stretches = match (self.filter.expired, keyset.column) {
            // A token does not expire before it was made.
            (true, _) => vec![
                stretch(Lies::Together, format!("id < {from}")),
                stretch(Lies::Scattered, format!("expires_at > {made} AND (id >= {from}) IS TRUE")),
            ],
            (false, "id") => vec![stretch(Lies::Together, format!("id >= {from}"))],
            // Nor is it used before.
            (false, _) => vec![
                stretch(Lies::Together, format!("last_used_at = 0 AND id >= {from}")),
                stretch(Lies::Together, format!("last_used_at >= {made} AND id >= {from}")),
            ],
        };
        if keyset.scans_down() {
            stretches.reverse();
        }
        if !self.filter.expired {
            stretches.insert(0, stretch(Lies::Between, format!("refresh_token_id IS NULL AND id < {from}")));
        }
        Ok(stretches)
    }
}

/// The lowest id of a live access token of a client, to be noted: a read. Ids ascend with time and what has expired stays
/// so, which keeps the number true for as long as it is kept; only, more and more beyond it has expired as well.
pub fn live_from(conn: &mut DbConnection, client: ClientKey, now: Timestamp) -> QueryResult<i64> {
    // Few API keys to leave out cost less than a look at every row.
    let keys = format!("SELECT id FROM access_tokens WHERE client_id = {client} AND refresh_token_id IS NULL");
    let sql = format!(
        "SELECT COALESCE(MIN(id), 0) AS n FROM access_tokens \
         WHERE client_id = {client} AND expires_at > {} AND id NOT IN ({keys})",
        now.0
    );
    Ok(diesel::sql_query(sql).get_result::<Counted>(conn)?.n)
}

/// Counts what matches, up to a cap.
pub fn count(conn: &mut DbConnection, table: Table, conditions: &str, cap: i64) -> QueryResult<Count> {
    let matching = format!("FROM {} WHERE {conditions}", table.name());
    // Stepping over that many rows costs half of counting them.
    let beyond = format!("SELECT CAST(1 AS BIGINT) AS n {matching} LIMIT 1 OFFSET {cap}");
    if diesel::sql_query(beyond).get_result::<Counted>(conn).optional()?.is_some() {
        return Ok(Count { n: cap, capped: true });
    }
    let counted = diesel::sql_query(format!("SELECT COUNT(*) AS n {matching}")).get_result::<Counted>(conn)?;
    Ok(Count::capped_at(counted.n, cap))
}

/// The conditions that there are, joined.
pub fn all_of(conditions: &[String]) -> String {
    let conditions: Vec<&str> = conditions.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    conditions.join(" AND ")
}

/// The same condition, but of no help in finding rows.
pub fn quiet(condition: &str) -> String {
    if condition.is_empty() { String::new() } else { format!("({condition}) IS TRUE") }
}
