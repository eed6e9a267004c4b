//! `/api/v1/activity`: the activity log. Staff see what they did and what concerns them.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::account::Account;
use crate::activity::{Activity, ActivityFilter, Kind, Line, LogPage, LogRequest, Names, label_of};
use crate::api::context::ApiContext;
use crate::api::json::{ok, some, time};
use crate::api::list::{Page, Sort, Wanted};
use crate::api::problem::Answer;
use crate::api::query::{Params, text, word};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::time::{Timestamp, start_of_day};
use crate::web::state::State;

const SORTS: &[Sort] = &[("newest", true)];

/// What an entry is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntrySubject {
    /// `client`, `refresh_token`, `access_token`, `employee`, `connection` or another kind of record.
    #[serde(rename = "type")]
    kind: String,
    /// Its id.
    id: i64,
    /// Its name, or the first characters of a token and its client.
    name: String,
}

/// An entry of the activity log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Entry {
    /// Its id; later entries have higher ones.
    id: i64,
    /// When it happened.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// What happened, as a word.
    #[schema(example = "client-revoked")]
    kind: String,
    /// What happened, for people.
    what: String,
    /// Who acted: an employee, a client, the server or the console.
    actor: String,
    /// What was acted on.
    subject: EntrySubject,
    /// What else is recorded.
    detail: Option<String>,
    /// The client IP; null for acts of the server.
    client_ip: Option<String>,
}

impl Entry {
    /// An entry, with the names that its people have now.
    pub fn of(entry: &Activity, names: &Names) -> Entry {
        Entry {
            id: entry.id.0,
            at: time(entry.at),
            kind: entry.kind.clone(),
            what: label_of(&entry.kind),
            actor: names.actor(entry),
            subject: EntrySubject {
                kind: entry.subject_kind.clone(),
                id: entry.subject_id,
                name: names.subject(entry),
            },
            detail: some(&names.detail(entry).line()),
            client_ip: some(&entry.client_ip),
        }
    }
}

/// The filters of the log, named as in the addresses of its page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
    /// A part of a client's name, or the whole name of a former one.
    client: Option<String>,
    /// A part of an employee's name: who acted, or whom it concerns.
    person: Option<String>,
    /// A word of `kind`.
    kind: Option<String>,
    /// The first day, such as `2026-11-20`, in the shop's time zone.
    from: Option<String>,
    /// The last day.
    until: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// The most entries of a page: 1 to 50.
    limit: Option<u32>,
}

fn day(text: &str, zone: &str, plus: i64) -> Result<Option<Timestamp>> {
    if text.is_empty() {
        return Ok(None);
    }
    let start = start_of_day(text, zone, plus);
    start.map(Some).ok_or_else(|| Error::Invalid("`from` and `until` are days such as 2026-11-20.".into()))
}

impl ActivityQuery {
    fn filter(&self, conn: &mut DbConnection, mut filter: ActivityFilter) -> Result<ActivityFilter> {
        let zone = Account::get(conn)?.time_zone;
        filter.from = day(&text(&self.from), &zone, 0)?;
        filter.until = day(&text(&self.until), &zone, 1)?;
        let (client, person) = (text(&self.client), text(&self.person));
        if !client.is_empty() {
            filter.clients = Some(Client::named(conn, &client)?);
        }
        if !person.is_empty() {
            filter.people = Some(Employee::named(conn, &person)?);
        }
        Ok(filter)
    }
}

/// Lists the activity log, newest first. Staff see their own acts and what concerns them.
#[utoipa::path(
    get, path = "/api/v1/activity", tag = "activity", params(ActivityQuery),
    responses((status = 200, description = "Entries, newest first", body = Page<Entry>)),
)]
pub async fn list(context: ApiContext, app: web::Data<State>, params: Params<ActivityQuery>) -> Answer {
    let asked = params.0;
    let kind = word("kind", &asked.kind, Kind::from_word)?;
    let wanted = Wanted::read(SORTS, None, asked.cursor.as_deref(), asked.limit)?;
    let filter = ActivityFilter { only_about: context.only(), kind, ..ActivityFilter::default() };
    let page = app.db.read(move |conn| {
        let request = LogRequest {
            filter: &asked.filter(conn, filter.clone())?,
            edge: wanted.edge().map(|(_, id)| id),
            backward: false,
            lines: wanted.limit,
            fold: None,
        };
        let LogPage { lines, stopped } = LogPage::read(conn, &request)?;
        let names = Names::of(conn, &lines.iter().map(Line::newest).collect::<Vec<_>>(), std::iter::empty())?;
        let edge = |line: &Line| (String::new(), line.newest().id.0);
        let mut page = wanted.page(lines, edge, |line| Entry::of(line.newest(), &names));
        if let (None, Some(id)) = (&page.next_cursor, stopped) {
            page.next_cursor = Some(wanted.cursor_after("", id));
        }
        Ok(page)
    });
    ok(&page.await?)
}
