//! A page of the log, filtered: read in the order of the log from the index that fits the filter best, and filtered further here.
//!
//! A filter by a few clients, by a few people or by kind has an index that holds nothing else, so its first page is complete.
//! What no index answers, such as a client and a kind together, is looked up among at most [`SEARCHED`] entries, and the page
//! says how far it looked.

use std::collections::{BTreeSet, HashSet};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::activity::folding::{Line, SameDay, push};
use crate::activity::{Activity, Kind, client_index};
use crate::db::index_order::{InOrder, RowIs, in_index_order, needs_row_ranges};
use crate::db::{Backend, DbConnection};
use crate::id::{ActivityKey, ClientKey, EmployeeKey};
use crate::schema::{activity, activity_clients};
use crate::time::{DAY, Timestamp};

/// How many entries are looked at for a page.
pub const SEARCHED: usize = 5_000;

// Entries that are read at once: first about a page, then more.
const FIRST: usize = 100;
const NEXT: usize = 1_000;
// Clients or people that are read each from their own part of an index. Of more, the whole log is looked at.
const FEW: usize = 8;

/// Which entries a list shows.
#[derive(Clone, Debug, Default)]
pub struct ActivityFilter {
    /// Only acts of this employee, and acts that concern them.
    pub only_about: Option<EmployeeKey>,
    /// Only entries about one of these clients.
    pub clients: Option<Vec<ClientKey>>,
    /// Only acts of these employees, and acts that concern them.
    pub people: Option<Vec<EmployeeKey>>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only entries from this moment on.
    pub from: Option<Timestamp>,
    /// Only entries before this moment.
    pub until: Option<Timestamp>,
}

/// Which page of the log.
#[derive(Clone, Copy)]
pub struct LogRequest<'a> {
    /// Which entries.
    pub filter: &'a ActivityFilter,
    /// The id after which the page starts, in its direction.
    pub edge: Option<i64>,
    /// Whether the page is read towards newer entries.
    pub backward: bool,
    /// The most lines.
    pub lines: usize,
    /// Whether two moments are on one day; none lists each sign-in.
    pub fold: Option<SameDay<'a>>,
}

/// What was found.
#[derive(Debug)]
pub struct LogPage {
    /// The lines in the direction of the request. One more than asked for, if there are more.
    pub lines: Vec<Line>,
    /// The last entry that was looked at, if the search ended there before the page was full.
    pub stopped: Option<i64>,
}

// What of the log is read.
enum Source {
    Everything,
    Kind(Kind),
    People(Vec<EmployeeKey>),
    Clients(Vec<ClientKey>),
}

impl LogPage {
    /// Reads a page.
    pub fn read(conn: &mut DbConnection, request: &LogRequest<'_>) -> QueryResult<LogPage> {
        let filter = request.filter;
        let (source, bounds) = (Source::of(filter), bounds(conn, filter)?);
        let (mut lines, mut edge, mut looked_at) = (Vec::new(), request.edge, 0);
        loop {
            let limit = if looked_at == 0 { FIRST.max(request.lines) } else { NEXT }.min(SEARCHED - looked_at);
            let (above, below) = narrowed(bounds, edge, request.backward);
            let span = Span { above, below, backward: request.backward, limit };
            let read = in_index_order(conn, |conn| source.read(conn, span))?;
            let is_end = read.len() < limit;
            looked_at += read.len();
            edge = read.last().map(|entry| entry.id.0).or(edge);
            for entry in filter.passing(conn, read)? {
                push(&mut lines, entry, request.fold);
                // The line before the last one is whole then.
                if lines.len() > request.lines {
                    return Ok(LogPage { lines, stopped: None });
                }
            }
            if is_end {
                return Ok(LogPage { lines, stopped: None });
            }
            if looked_at >= SEARCHED {
                return Ok(LogPage { lines, stopped: edge });
            }
        }
    }
}

impl ActivityFilter {
    // Those entries that pass all filters.
    fn passing(&self, conn: &mut DbConnection, mut entries: Vec<Activity>) -> QueryResult<Vec<Activity>> {
        entries.retain(|entry| {
            let concerns = |id: EmployeeKey| entry.actor_id == Some(id) || entry.employee_id == Some(id);
            self.only_about.is_none_or(concerns)
                && self.kind.is_none_or(|kind| kind.word() == entry.kind)
                && self.from.is_none_or(|from| entry.at >= from)
                && self.until.is_none_or(|until| entry.at < until)
        });
        if let Some(people) = &self.people {
            let people: HashSet<EmployeeKey> = people.iter().copied().collect();
            let is_one = |id: Option<EmployeeKey>| id.is_some_and(|id| people.contains(&id));
            entries.retain(|entry| is_one(entry.actor_id) || is_one(entry.employee_id));
        }
        if let Some(clients) = &self.clients {
            let ids: Vec<i64> = entries.iter().map(|entry| entry.id.0).collect();
            let listed = client_index::listed(conn, &ids)?;
            let clients: HashSet<ClientKey> = clients.iter().copied().collect();
            let is_about = |of: &BTreeSet<ClientKey>| of.iter().any(|id| clients.contains(id));
            entries.retain(|entry| listed.get(&entry.id.0).is_some_and(is_about));
        }
        Ok(entries)
    }
}

impl Source {
    fn of(filter: &ActivityFilter) -> Source {
        let few_people = filter.people.as_ref().filter(|people| people.len() <= FEW);
        let few_clients = filter.clients.as_ref().filter(|clients| clients.len() <= FEW);
        match (few_clients, few_people, filter.only_about, filter.kind) {
            (Some(clients), ..) => Source::Clients(clients.clone()),
            (_, Some(people), ..) => Source::People(people.clone()),
            (.., Some(id), _) => Source::People(vec![id]),
            (.., Some(kind)) => Source::Kind(kind),
            _ => Source::Everything,
        }
    }

    // At most `limit` entries between two ids, in the order of the log: each part of an index gives so many, and the first of
    // all are taken.
    fn read(&self, conn: &mut DbConnection, span: Span) -> QueryResult<Vec<Activity>> {
        let mut found: Vec<Activity> = Vec::new();
        match self {
            Source::Everything => found = span.everything(conn)?,
            Source::Kind(kind) => found = span.part(conn, "kind", Value::Word(kind.word()))?,
            Source::People(people) => {
                for id in people {
                    found.extend(span.part(conn, "actor_id", Value::Id(id.0))?);
                    found.extend(span.part(conn, "employee_id", Value::Id(id.0))?);
                }
            }
            Source::Clients(clients) => {
                let mut ids = Vec::new();
                for client in clients {
                    ids.extend(span.ids_of(conn, *client)?);
                }
                span.cut(&mut ids, |id| *id);
                found = activity::table.filter(activity::id.eq_any(ids)).select(Activity::as_select()).load(conn)?;
            }
        }
        span.cut(&mut found, |entry| entry.id.0);
        Ok(found)
    }
}

// What of an index is read: at most so many rows, between two ids.
#[derive(Clone, Copy)]
struct Span {
    above: i64,
    below: i64,
    backward: bool,
    limit: usize,
}

// What the first column of an index equals.
#[derive(Clone, Copy)]
enum Value {
    Id(i64),
    Word(&'static str),
}

type Condition = Box<dyn BoxableExpression<activity::table, Backend, SqlType = Bool>>;

impl Span {
    fn everything(self, conn: &mut DbConnection) -> QueryResult<Vec<Activity>> {
        let within = activity::table.filter(activity::id.gt(ActivityKey(self.above)));
        let within = within.filter(activity::id.lt(ActivityKey(self.below)));
        let order = InOrder { columns: vec!["id"], descending: !self.backward };
        within.select(Activity::as_select()).order(order).limit(self.limit as i64).load(conn)
    }

    // The rows of an index that begins with `column` and goes on by id.
    fn part(self, conn: &mut DbConnection, column: &'static str, value: Value) -> QueryResult<Vec<Activity>> {
        let (above, below): (Condition, Condition) = match needs_row_ranges(conn) {
            true => (row_is(column, ">", value, self.above), row_is(column, "<", value, self.below)),
            false => (
                equals(column, value),
                Box::new(activity::id.gt(ActivityKey(self.above)).and(activity::id.lt(ActivityKey(self.below)))),
            ),
        };
        let order = InOrder { columns: vec![column, "id"], descending: !self.backward };
        let within = activity::table.filter(above).filter(below).select(Activity::as_select());
        within.order(order).limit(self.limit as i64).load(conn)
    }

    // The ids of entries about a client.
    fn ids_of(self, conn: &mut DbConnection, client: ClientKey) -> QueryResult<Vec<i64>> {
        let columns = || vec!["client_id", "activity_id"];
        let end = |operator, id| RowIs { columns: columns(), operator, values: vec![client.0, id] };
        let within = activity_clients::table.filter(end(">", self.above)).filter(end("<", self.below));
        let order = InOrder { columns: columns(), descending: !self.backward };
        within.select(activity_clients::activity_id).order(order).limit(self.limit as i64).load(conn)
    }

    // Sorts by id, without what appears twice, and cuts.
    fn cut<T>(self, rows: &mut Vec<T>, id: impl Fn(&T) -> i64) {
        rows.sort_unstable_by_key(|row| if self.backward { id(row) } else { -id(row) });
        rows.dedup_by_key(|row| id(row));
        rows.truncate(self.limit);
    }
}

// SQL text, because Diesel cannot compare rows: see `needs_row_ranges`.
fn row_is(column: &str, operator: &str, value: Value, id: i64) -> Condition {
    let start = sql::<Bool>(&format!("({column}, id) {operator} ("));
    match value {
        Value::Id(value) => Box::new(start.bind::<BigInt, _>(value).sql(", ").bind::<BigInt, _>(id).sql(")")),
        Value::Word(value) => Box::new(start.bind::<Text, _>(value).sql(", ").bind::<BigInt, _>(id).sql(")")),
    }
}

fn equals(column: &str, value: Value) -> Condition {
    let start = sql::<Bool>(&format!("{column} = "));
    match value {
        Value::Id(value) => Box::new(start.bind::<BigInt, _>(value)),
        Value::Word(value) => Box::new(start.bind::<Text, _>(value)),
    }
}

// The ids between which all entries of the dates lie. Ids follow the time, except that the clocks of several nodes differ,
// and that a slow transaction is late: by much less than a day.
fn bounds(conn: &mut DbConnection, filter: &ActivityFilter) -> QueryResult<(i64, i64)> {
    let mut bounds = (i64::MIN, i64::MAX);
    if let Some(from) = filter.from {
        let before = activity::table.filter(activity::at.lt(from.plus(-DAY)));
        let last = before.order((activity::at.desc(), activity::id.desc())).select(activity::id);
        bounds.0 = last.first(conn).optional()?.map_or(i64::MIN, |id: ActivityKey| id.0);
    }
    if let Some(until) = filter.until {
        let after = activity::table.filter(activity::at.ge(until.plus(DAY)));
        let first = after.order((activity::at.asc(), activity::id.asc())).select(activity::id);
        bounds.1 = first.first(conn).optional()?.map_or(i64::MAX, |id: ActivityKey| id.0);
    }
    Ok(bounds)
}

// The bounds from the last entry that was read on.
fn narrowed((above, below): (i64, i64), edge: Option<i64>, backward: bool) -> (i64, i64) {
    match (edge, backward) {
        (None, _) => (above, below),
        (Some(edge), true) => (above.max(edge), below),
        (Some(edge), false) => (above, below.min(edge)),
    }
}
