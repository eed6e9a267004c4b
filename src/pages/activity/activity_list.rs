//! Settings › Activity: the activity log with its filters, and the CSV export.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Activity, ActivityFilter, Kind, Names, Subject, label_of};
use crate::db::DbConnection;
use crate::db::keyset::Count;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, EmployeeKey};
use crate::pages;
use crate::pages::clients::client_detail::HOME as CLIENTS;
use crate::time::{DisplayTime, TimeFormat, Timestamp, start_of_day};
use crate::web::csv;
use crate::web::list::{ListState, Pager, Sort};
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::query::Query;
use crate::web::state::State;

// How many entries of an export are read at once.
const EXPORTED_AT_ONCE: i64 = 500;

static SORTS: [Sort; 1] = [Sort { word: "newest", column: "id", largest_first: true }];

#[derive(Template)]
#[template(path = "activity/activity_list.html")]
struct ActivityList {
    page: Page,
    days: Vec<(String, Vec<EntryRow>)>,
    actor: String,
    kind: String,
    from: String,
    until: String,
    kinds: Vec<(&'static str, &'static str)>,
    pager: Pager,
    export: String,
    own_only: bool,
    is_filtered: bool,
}

struct EntryRow {
    at: DisplayTime,
    actor: String,
    actor_href: Option<String>,
    what: String,
    subject: Option<String>,
    subject_href: Option<String>,
    detail: String,
    client_ip: String,
}

fn filter(context: &RequestContext, state: &ListState) -> Result<ActivityFilter> {
    Ok(ActivityFilter {
        only_about: (!context.viewer.is_manager()).then_some(context.viewer.id),
        kind: Kind::from_word(state.get("kind")),
        actors: None,
        from: day(state.get("from"), &context.account.time_zone, 0)?,
        until: day(state.get("until"), &context.account.time_zone, 1)?,
    })
}

// The entries that pass the filter and whose actor's name contains `actor`.
fn entries(
    conn: &mut DbConnection,
    (filter, actor): (&ActivityFilter, &str),
    (edge, backward): (Option<i64>, bool),
    limit: i64,
) -> Result<(Vec<Activity>, Names)> {
    let mut filter = filter.clone();
    if !actor.is_empty() {
        filter.actors = Some(Employee::named(conn, actor)?);
    }
    let entries = Activity::list(conn, &filter, edge, backward, limit)?;
    let names = Names::of(conn, &entries)?;
    Ok((entries, names))
}

// The start of a day, plus whole days, in the shop's time zone.
fn day(text: &str, zone: &str, plus: i64) -> Result<Option<Timestamp>> {
    if text.is_empty() {
        return Ok(None);
    }
    let start = start_of_day(text, zone, plus);
    start.map(Some).ok_or_else(|| Error::Invalid("Enter a date like 2026-11-20.".into()))
}

/// `GET /settings/activity`
pub async fn list(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let state = ListState::read(&query, "", &SORTS)?;
    let filter = filter(&context, &state)?;
    let wanted = state.clone();
    let (found, names) = app
        .db
        .read(move |conn| {
            let (edge, backward) = wanted.edge();
            entries(conn, (&filter, wanted.get("actor")), (edge.map(|(_, id)| id), backward), Activity::LIMIT)
        })
        .await?;
    let slice = state.slice(found);
    let mut pager = state.pager(&slice, Count { n: 0, capped: true }, |entry| (entry.id.0.to_string(), entry.id.0));
    // The log is not counted, because that would read all of it.
    pager.range.clear();
    let is_filtered = ["actor", "kind", "from", "until"].iter().any(|name| !state.get(name).is_empty());
    html(ActivityList {
        days: by_day(slice.rows, &names, &context),
        actor: state.get("actor").into(),
        kind: state.get("kind").into(),
        from: state.get("from").into(),
        until: state.get("until").into(),
        kinds: Kind::ALL.iter().map(|kind| (kind.word(), kind.label())).collect(),
        export: format!("/settings/activity/export{}", state.link(&[])),
        pager,
        own_only: !context.viewer.is_manager(),
        is_filtered,
        page: context.page("Activity", Section::Activity),
    })
}

fn by_day(entries: Vec<Activity>, names: &Names, context: &RequestContext) -> Vec<(String, Vec<EntryRow>)> {
    let mut days: Vec<(String, Vec<EntryRow>)> = Vec::new();
    for entry in entries {
        let exact = context.times.exact(entry.at);
        let (day, time) = exact.text.split_once(", ").map_or(("", ""), |parts| parts);
        let (day, time) = (day.to_string(), time.to_string());
        let row = row(entry, names, DisplayTime { text: time, ..exact }, context);
        match days.last_mut() {
            Some((name, rows)) if *name == day => rows.push(row),
            _ => days.push((day, vec![row])),
        }
    }
    days
}

fn row(entry: Activity, names: &Names, at: DisplayTime, context: &RequestContext) -> EntryRow {
    let is_revoked =
        [Kind::ClientRevoked, Kind::Purged, Kind::ConnectionDisconnected].iter().any(|kind| kind.word() == entry.kind);
    let subject_href = match entry.subject_kind.as_str() {
        "client" if !is_revoked => Some(format!("{CLIENTS}/clients/{}", entry.subject_id)),
        "connection" if !is_revoked => Some(pages::connections::path(ConnectionKey(entry.subject_id))),
        "employee" => context.viewer.employee_page(EmployeeKey(entry.subject_id)),
        _ => None,
    };
    let about_self = entry.subject_kind == Subject::EMPLOYEE && entry.actor_id == Some(EmployeeKey(entry.subject_id));
    EntryRow {
        at,
        actor_href: entry.actor_id.and_then(|id| context.viewer.employee_page(id)),
        detail: names.detail(&entry).line(),
        actor: names.actor(&entry),
        what: label_of(&entry.kind),
        // An act on oneself names the person once.
        subject: Some(names.subject(&entry)).filter(|_| !about_self),
        subject_href,
        client_ip: entry.client_ip,
    }
}

/// `GET /settings/activity/export`: all filtered entries as CSV, newest first.
pub async fn export(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let state = ListState::read(&query, "", &SORTS)?;
    let filter = filter(&context, &state)?;
    let actor = state.get("actor").to_string();
    let times = context.times.clone();
    let next = move |edge: Option<i64>| {
        let (app, filter, actor, times) = (app.clone(), filter.clone(), actor.clone(), times.clone());
        async move {
            let read = move |conn: &mut DbConnection| entries(conn, (&filter, &actor), (edge, false), EXPORTED_AT_ONCE);
            let (found, names) = app.db.read(read).await?;
            let is_end = (found.len() as i64) < EXPORTED_AT_ONCE;
            let last = found.last().map(|entry| Some(entry.id.0));
            let lines = found.iter().map(|entry| line_of(entry, &names, &times)).collect();
            Ok((lines, last.filter(|_| !is_end)))
        }
    };
    csv::download("activity.csv", "time,what,who,to,detail,from", None, next).await
}

fn line_of(entry: &Activity, names: &Names, times: &TimeFormat) -> String {
    let (at, detail) = (times.exact(entry.at).iso, names.detail(entry).line());
    csv::line([&at, &entry.kind, &names.actor(entry), &names.subject(entry), &detail, &entry.client_ip])
}
