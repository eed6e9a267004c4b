//! Settings › Activity: the activity log with its filters, and the CSV export.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::{Activity, ActivityFilter, Kind, Line, LogPage, LogRequest, Names, SEARCHED};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::db::keyset::{Count, PAGE, Place, Slice};
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::pages::activity::activity_rows::{Day, by_day};
use crate::time::{TimeFormat, Timestamp, start_of_day, thousands};
use crate::web::csv;
use crate::web::list::{ListState, Pager, Sort};
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::query::Query;
use crate::web::state::State;

// How many entries of an export are read at once.
const EXPORTED_AT_ONCE: usize = 500;
// The parameter that lists each sign-in.
const SIGN_INS: &str = "sign-ins";

static SORTS: [Sort; 1] = [Sort { word: "newest", column: "id", largest_first: true }];

#[derive(Template)]
#[template(path = "activity/activity_list.html")]
struct ActivityList {
    page: Page,
    days: Vec<Day>,
    client: String,
    person: String,
    kind: String,
    from: String,
    until: String,
    kinds: Vec<(&'static str, &'static str)>,
    // Whether each sign-in is listed.
    sign_ins: bool,
    pager: Pager,
    export: String,
    own_only: bool,
    is_filtered: bool,
}

// The filters as the URL has them.
#[derive(Clone)]
struct Wanted {
    filter: ActivityFilter,
    client: String,
    person: String,
}

impl Wanted {
    fn read(context: &RequestContext, state: &ListState) -> Result<Wanted> {
        let filter = ActivityFilter {
            only_about: (!context.viewer.is_manager()).then_some(context.viewer.id),
            clients: None,
            people: None,
            kind: Kind::from_word(state.get("kind")),
            from: day(state.get("from"), &context.account.time_zone, 0)?,
            until: day(state.get("until"), &context.account.time_zone, 1)?,
        };
        Ok(Wanted { filter, client: state.get("client").trim().into(), person: state.get("person").trim().into() })
    }

    // With the clients and people whose names contain what was typed.
    fn filter(&self, conn: &mut DbConnection) -> Result<ActivityFilter> {
        let mut filter = self.filter.clone();
        if !self.client.is_empty() {
            filter.clients = Some(Client::named(conn, &self.client)?);
        }
        if !self.person.is_empty() {
            filter.people = Some(Employee::named(conn, &self.person)?);
        }
        Ok(filter)
    }
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
    let wanted = Wanted::read(&context, &state)?;
    let is_about_sign_ins = [Some(Kind::SignedIn), Some(Kind::SignedOut)].contains(&wanted.filter.kind);
    let sign_ins = !state.get(SIGN_INS).is_empty();
    let folds = !sign_ins && !is_about_sign_ins;
    let (asked, times) = (state.clone(), context.times.clone());
    let (found, names) = app
        .db
        .read(move |conn| {
            let (edge, backward) = asked.edge();
            let is_same_day = |a: Timestamp, b: Timestamp| times.day(a) == times.day(b);
            let request = LogRequest {
                filter: &wanted.filter(conn)?,
                edge: edge.map(|(_, id)| id),
                backward,
                lines: PAGE,
                fold: if folds { Some(&is_same_day) } else { None },
            };
            let found = LogPage::read(conn, &request)?;
            let names = names_of(conn, &found.lines)?;
            Ok((found, names))
        })
        .await?;
    let stopped = found.stopped;
    let slice = state.slice(found.lines);
    let is_filtered = ["client", "person", "kind", "from", "until"].iter().any(|name| !state.get(name).is_empty());
    html(ActivityList {
        pager: pager(&state, &slice, stopped),
        days: by_day(slice.rows, &names, &context, &state),
        client: state.get("client").into(),
        person: state.get("person").into(),
        kind: state.get("kind").into(),
        from: state.get("from").into(),
        until: state.get("until").into(),
        kinds: Kind::ALL.iter().map(|kind| (kind.word(), kind.label())).collect(),
        sign_ins,
        export: format!("/settings/activity/export{}", state.link(&[(SIGN_INS, None)])),
        own_only: !context.viewer.is_manager(),
        is_filtered,
        page: context.page("Activity", Section::Activity),
    })
}

fn names_of(conn: &mut DbConnection, lines: &[Line]) -> Result<Names> {
    let shown: Vec<&Activity> = lines.iter().map(Line::newest).collect();
    let folded = lines.iter().filter_map(|line| match line {
        Line::Entry(_) => None,
        Line::SignIns(run) => Some(run.people.iter().copied()),
    });
    Ok(Names::of(conn, &shown, folded.flatten())?)
}

fn pager(state: &ListState, slice: &Slice<Line>, stopped: Option<i64>) -> Pager {
    let place = |entry: &Activity| (entry.id.0.to_string(), entry.id.0);
    let places = (|line: &Line| place(line.newest()), |line: &Line| place(line.oldest()));
    let mut pager = state.pager_between(slice, Count { n: 0, capped: true }, places);
    // The log is not counted, because that would read all of it.
    pager.range.clear();
    if let Some(id) = stopped {
        let which = match state.edge() {
            (None, false) => "newest",
            (None, true) => "oldest",
            (Some(_), false) => "next",
            (Some(_), true) => "previous",
        };
        let text = format!("Searched the {which} {}.", thousands(SEARCHED as i64));
        pager.searched = Some((text, state.continuation(Place { value: id, id }, slice.rows.len())));
    }
    if slice.rows.is_empty() {
        state.add_links_from_nothing(&mut pager, true);
    }
    pager
}

/// `GET /settings/activity/export`: all filtered entries as CSV, newest first, sign-ins included.
pub async fn export(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let state = ListState::read(&query, "", &SORTS)?;
    let wanted = Wanted::read(&context, &state)?;
    let times = context.times.clone();
    let next = move |edge: Option<i64>| {
        let (app, wanted, times) = (app.clone(), wanted.clone(), times.clone());
        async move { app.db.read(move |conn| part(conn, &wanted, edge, &times)).await }
    };
    csv::download("activity.csv", "time,what,who,to,detail,from", None, next).await
}

fn part(
    conn: &mut DbConnection,
    wanted: &Wanted,
    edge: Option<i64>,
    times: &TimeFormat,
) -> Result<(String, Option<Option<i64>>)> {
    let filter = wanted.filter(conn)?;
    let request = LogRequest { filter: &filter, edge, backward: false, lines: EXPORTED_AT_ONCE, fold: None };
    let LogPage { mut lines, mut stopped } = LogPage::read(conn, &request)?;
    if lines.len() > EXPORTED_AT_ONCE {
        lines.truncate(EXPORTED_AT_ONCE);
        stopped = lines.last().map(|line| line.oldest().id.0);
    }
    let names = names_of(conn, &lines)?;
    let text = lines.iter().map(|line| csv_line(line.newest(), &names, times)).collect();
    Ok((text, stopped.map(Some)))
}

fn csv_line(entry: &Activity, names: &Names, times: &TimeFormat) -> String {
    let (at, detail) = (times.exact(entry.at).iso, names.detail(entry).line());
    csv::line([&at, &entry.kind, &names.actor(entry), &names.subject(entry), &detail, &entry.client_ip])
}
