//! Lists, with the filters of the pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::access::attention::{self, Asked, LargeCounts};
use crate::activity::{Activity, ActivityFilter, Kind, Line, LogPage, LogRequest, Names};
use crate::api::activity::Entry;
use crate::api::attention::FindingItem;
use crate::api::clients::ClientItem;
use crate::api::connections::ConnectionItem;
use crate::api::employees::EmployeeItem;
use crate::clients::{Client, ClientEdge, ClientFilter, ClientSort, ClientState};
use crate::commands::access::failure::{Failure, Result};
use crate::commands::access::items::json;
use crate::commands::access::local::Local;
use crate::commands::access::source::Rows;
use crate::connections::{ApiType, Connection, ConnectionFilter, ConnectionSort, Status};
use crate::db::DbConnection;
use crate::db::keyset::PAGE;
use crate::employees::{Employee, EmployeeFilter, EmployeeSort, EmployeeState};
use crate::id::BusinessKey;
use crate::scopes::Role;
use crate::time::{Timestamp, start_of_day};

/// The filters of a list, by their names in the pages' addresses.
pub(super) struct Filters<'a>(&'a [(&'static str, String)]);

impl<'a> Filters<'a> {
    pub(super) fn new(pairs: &'a [(&'static str, String)]) -> Filters<'a> {
        Filters(pairs)
    }

    /// The text of a filter; empty if it is not set.
    pub(super) fn text(&self, name: &str) -> &'a str {
        self.0.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value.trim())
    }

    /// A filter with a fixed set of words. Errors: another word. A page ignores it, but a list that is longer than was asked
    /// for may be revoked.
    pub(super) fn word<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        match self.text(name) {
            "" => Ok(None),
            word => read(word).map(Some).ok_or_else(|| Failure::wrong_use(format!("--{name}: unknown value {word}"))),
        }
    }

    /// The sort order and whether it descends.
    pub(super) fn sort<T>(&self, read: impl Fn(&str) -> Option<T>, default: (T, bool)) -> Result<(T, bool)> {
        let word = self.text("sort");
        let (word, descending) = word.strip_prefix('-').map_or((word, false), |word| (word, true));
        match word {
            "" => Ok(default),
            word => read(word)
                .map(|sort| (sort, descending))
                .ok_or_else(|| Failure::wrong_use(format!("--sort: unknown value {word}"))),
        }
    }
}

/// The value and the id that a cursor holds.
pub(super) fn edge(after: Option<&str>) -> Result<Option<(String, i64)>> {
    let Some(text) = after else { return Ok(None) };
    let opened = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let place = opened.as_deref().and_then(|text| text.split_once(' '));
    let place = place.and_then(|(id, value)| Some((value.to_string(), id.parse().ok()?)));
    place.map(Some).ok_or_else(|| Failure::wrong_use("--after: this is not a cursor that a list printed"))
}

/// A cursor. Encoded, because the value may be a name with any characters.
pub(super) fn cursor(value: impl std::fmt::Display, id: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{id} {value}"))
}

// A page of at most so many rows, from one that may have one more than a page of the server.
fn rows<T>(
    mut read: Vec<T>,
    most: usize,
    place: impl Fn(&T) -> String,
    item: impl Fn(&T) -> serde_json::Value,
) -> Rows {
    let most = most.min(PAGE);
    let has_more = read.len() > most;
    read.truncate(most);
    let next = read.last().filter(|_| has_more).map(place);
    Rows { items: read.iter().map(item).collect(), next }
}

pub(super) fn clients(
    conn: &mut DbConnection,
    filters: &Filters<'_>,
    after: Option<&str>,
    most: usize,
) -> Result<Rows> {
    let (status, badge) = match filters.text("status") {
        "approved" => (None, Some(true)),
        "not-approved" => (None, Some(false)),
        _ => (filters.word("status", ClientState::from_word)?, None),
    };
    let filter = ClientFilter {
        name: filters.text("name").into(),
        employee: filters.text("employee").into(),
        state: status,
        unapproved: false,
        lightspeed_approved: badge,
    };
    let (sort, descending) = filters.sort(ClientSort::from_word, (ClientSort::Name, false))?;
    let edge = edge(after)?.map(|(value, id)| ClientEdge { value, id });
    let (read, _) = Client::list(conn, &filter, (sort, descending), edge.as_ref(), false)?;
    let place = |client: &Client| {
        let edge = client.edge(sort);
        cursor(edge.value, edge.id)
    };
    Ok(rows(read, most, place, |one| json(&ClientItem::of(one))))
}

pub(super) fn employees(
    conn: &mut DbConnection,
    filters: &Filters<'_>,
    after: Option<&str>,
    most: usize,
) -> Result<Rows> {
    let filter = EmployeeFilter {
        name: filters.text("name").into(),
        role: filters.word("role", Role::from_word)?,
        state: filters.word("state", EmployeeState::from_word)?,
    };
    let (sort, descending) = filters.sort(EmployeeSort::from_word, (EmployeeSort::Name, false))?;
    let edge = edge(after)?;
    let edge = edge.as_ref().map(|(value, id)| (value.as_str(), *id));
    let (read, _) = Employee::list(conn, &filter, (sort, descending), edge, false)?;
    let place = |employee: &Employee| match sort {
        EmployeeSort::Name => cursor(employee.name.to_lowercase(), employee.id.0),
        EmployeeSort::Grants => cursor(employee.grant_count, employee.id.0),
    };
    Ok(rows(read, most, place, |one| json(&EmployeeItem::of(one))))
}

pub(super) fn connections(
    conn: &mut DbConnection,
    filters: &Filters<'_>,
    after: Option<&str>,
    most: usize,
) -> Result<Rows> {
    let filter = ConnectionFilter {
        name: filters.text("name").into(),
        api_type: filters.word("type", ApiType::from_word)?,
        status: filters.word("status", Status::from_word)?,
        business: filters.word("business", |text| text.parse().ok().map(BusinessKey))?,
    };
    let (sort, descending) = filters.sort(ConnectionSort::from_word, (ConnectionSort::Name, false))?;
    let edge = edge(after)?;
    let edge = edge.as_ref().map(|(value, id)| (value.as_str(), *id));
    let (read, _) = Connection::list(conn, &filter, (sort, descending), (edge, false))?;
    let place =
        |listed: &crate::connections::ListedConnection| cursor(listed.connection.edge(sort), listed.connection.id.0);
    Ok(rows(read, most, place, |one| json(&ConnectionItem::of(one))))
}

pub(super) fn attention(conn: &mut DbConnection) -> Result<Rows> {
    let asked = Asked { only: None, now: Local::now() };
    let findings = attention::findings(conn, asked, &LargeCounts::default())?;
    Ok(Rows { items: findings.iter().map(|one| json(&FindingItem::of(one))).collect(), next: None })
}

pub(super) fn activity(
    conn: &mut DbConnection,
    (filters, zone): (&Filters<'_>, &str),
    after: Option<&str>,
    most: usize,
) -> Result<Rows> {
    let day = |name: &str, plus| -> Result<Option<Timestamp>> {
        let text = filters.text(name);
        match text.is_empty() {
            true => Ok(None),
            false => start_of_day(text, zone, plus)
                .map(Some)
                .ok_or_else(|| Failure::wrong_use(format!("--{name}: enter a date like 2026-11-20"))),
        }
    };
    let (client, person) = (filters.text("client"), filters.text("person"));
    let filter = ActivityFilter {
        only_about: None,
        clients: if client.is_empty() { None } else { Some(Client::named(conn, client)?) },
        people: if person.is_empty() { None } else { Some(Employee::named(conn, person)?) },
        kind: filters.word("kind", Kind::from_word)?,
        from: day("from", 0)?,
        until: day("until", 1)?,
    };
    let lines = most.min(PAGE);
    let edge = edge(after)?.map(|(_, id)| id);
    let request = LogRequest { filter: &filter, edge, backward: false, lines, fold: None };
    let LogPage { lines: mut read, mut stopped } = LogPage::read(conn, &request)?;
    if read.len() > lines {
        read.truncate(lines);
        stopped = read.last().map(|line| line.oldest().id.0);
    }
    let entries: Vec<&Activity> = read.iter().map(Line::newest).collect();
    let names = Names::of(conn, &entries, std::iter::empty())?;
    let items = entries.iter().map(|entry| json(&Entry::of(entry, &names))).collect();
    Ok(Rows { items, next: stopped.map(|id| cursor(id, id)) })
}
