//! Settings › Activity: the log with its filters, and its export.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Activity, ActivityFilter, Kind};
use crate::db::keyset::Count;
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, EmployeeKey};
use crate::pages;
use crate::pages::clients::client_detail::HOME as CLIENTS;
use crate::time::{DisplayTime, Timestamp};
use crate::web::list::{ListState, Pager, Sort};
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::query::Query;
use crate::web::state::State;

const EXPORT_MOST: i64 = 50_000;

static SORTS: [Sort; 1] = [Sort { word: "newest", column: "id", largest_first: true }];

#[derive(Template)]
#[template(path = "activity/list.html")]
struct ActivityList {
    page: Page,
    days: Vec<(String, Vec<EntryRow>)>,
    actor: String,
    kind: String,
    from: String,
    until: String,
    kinds: Vec<(&'static str, String)>,
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
        kind: Kind::from_word(state.get("kind")),
        actor: state.get("actor").into(),
        from: day(state.get("from"), &context.account.time_zone, 0)?,
        until: day(state.get("until"), &context.account.time_zone, 1)?,
        ..ActivityFilter::visible_to(context.viewer.id, context.viewer.role)
    })
}

// The beginning of a day, or of the day after it, in the account's zone.
fn day(text: &str, zone: &str, plus: i64) -> Result<Option<Timestamp>> {
    if text.is_empty() {
        return Ok(None);
    }
    let odd = |_| Error::Invalid("A date is written like 2026-11-20.".into());
    let date: jiff::civil::Date = text.parse().map_err(odd)?;
    let date = date.checked_add(jiff::Span::new().days(plus)).map_err(odd)?;
    let start = date.in_tz(zone).map_err(odd)?;
    Ok(Some(Timestamp(start.timestamp().as_second())))
}

/// `GET /settings/activity`
pub async fn list(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let state = ListState::read(&query, "", &SORTS)?;
    let filter = filter(&context, &state)?;
    let wanted = state.clone();
    let entries = app
        .db
        .read(move |conn| {
            let (edge, backward) = wanted.edge();
            Ok(Activity::list(conn, &filter, edge.map(|(_, id)| id), backward, Activity::LIMIT)?)
        })
        .await?;
    let slice = state.slice(entries);
    let mut pager = state.pager(&slice, Count { n: 0, capped: true }, |entry| (entry.id.0.to_string(), entry.id.0));
    // Counting a log that only grows would cost more than it tells.
    pager.range.clear();
    let is_filtered = ["actor", "kind", "from", "until"].iter().any(|name| !state.get(name).is_empty());
    html(ActivityList {
        days: by_day(slice.rows, &context),
        actor: state.get("actor").into(),
        kind: state.get("kind").into(),
        from: state.get("from").into(),
        until: state.get("until").into(),
        kinds: Kind::ALL.iter().map(|kind| (kind.word(), sentence(kind.word()))).collect(),
        export: format!("/settings/activity/export{}", state.link(&[])),
        pager,
        own_only: !context.viewer.is_manager(),
        is_filtered,
        page: context.page("Activity", Section::Activity),
    })
}

fn by_day(entries: Vec<Activity>, context: &RequestContext) -> Vec<(String, Vec<EntryRow>)> {
    let mut days: Vec<(String, Vec<EntryRow>)> = Vec::new();
    for entry in entries {
        let exact = context.words.exact(entry.at);
        let (day, time) = exact.text.split_once(", ").map_or(("", ""), |parts| parts);
        let (day, time) = (day.to_string(), time.to_string());
        let row = row(entry, DisplayTime { text: time, ..exact }, context);
        match days.last_mut() {
            Some((name, rows)) if *name == day => rows.push(row),
            _ => days.push((day, vec![row])),
        }
    }
    days
}

fn row(entry: Activity, at: DisplayTime, context: &RequestContext) -> EntryRow {
    let ended =
        [Kind::ClientRevoked, Kind::Purged, Kind::ConnectionDisconnected].iter().any(|kind| kind.word() == entry.kind);
    let subject_href = match entry.subject_kind.as_str() {
        "client" if !ended => Some(format!("{CLIENTS}/clients/{}", entry.subject_id)),
        "connection" if !ended => Some(pages::connections::path(ConnectionKey(entry.subject_id))),
        "employee" => context.viewer.employee_page(EmployeeKey(entry.subject_id)),
        _ => None,
    };
    let about_self = entry.subject_kind == "employee" && entry.actor_id == Some(EmployeeKey(entry.subject_id));
    EntryRow {
        at,
        actor_href: entry.actor_id.and_then(|id| context.viewer.employee_page(id)),
        detail: entry.details().line(),
        actor: entry.actor_name,
        what: sentence(&entry.kind),
        // What people do about themselves need not name them twice.
        subject: Some(entry.subject_name).filter(|_| !about_self),
        subject_href,
        client_ip: entry.client_ip,
    }
}

// A kind's words with a capital.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `GET /settings/activity/export`: what the filters show, as CSV, newest first.
pub async fn export(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let state = ListState::read(&query, "", &SORTS)?;
    let filter = filter(&context, &state)?;
    let entries = app.db.read(move |conn| Ok(Activity::list(conn, &filter, None, false, EXPORT_MOST)?)).await?;
    let mut csv = String::from("time,what,who,to,detail,from\r\n");
    for entry in entries {
        let at = context.words.exact(entry.at).iso;
        let fields =
            [&at, &entry.kind, &entry.actor_name, &entry.subject_name, &entry.details().line(), &entry.client_ip];
        csv.push_str(&fields.map(|field| quoted(field)).join(","));
        csv.push_str("\r\n");
    }
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"activity.csv\""))
        .body(csv))
}

// A spreadsheet takes a leading sign for a formula; a leading quote tells it not to (RFC 4180 for the rest).
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use crate::pages::activity::activity_list::quoted;

    #[test]
    fn an_exported_field_is_never_a_formula() {
        assert_eq!(quoted("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(quoted("plain, text"), "\"plain, text\"");
    }
}
