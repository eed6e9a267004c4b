//! The rows of the activity log: what happened, by day, with links to whom and what it names.

use crate::activity::{Activity, Kind, Line, Names, SignIns, Subject, label_of};
use crate::id::{ConnectionKey, EmployeeKey};
use crate::pages;
use crate::pages::clients::client_detail::HOME as CLIENTS;
use crate::time::{DisplayTime, count};
use crate::web::list::ListState;
use crate::web::page::RequestContext;

// How many names of people a line of sign-ins shows.
const NAMED: usize = 2;

/// The lines of a day.
pub struct Day {
    /// The day in words.
    pub name: String,
    /// Its lines.
    pub rows: Vec<EntryRow>,
}

/// A line of the list.
pub struct EntryRow {
    /// When; of several sign-ins, the newest.
    pub at: DisplayTime,
    /// When the oldest of several sign-ins was.
    pub since: Option<DisplayTime>,
    /// Who acted.
    pub actor: String,
    /// Their page.
    pub actor_href: Option<String>,
    /// What happened.
    pub what: String,
    /// The link that lists each of several sign-ins.
    pub opens: Option<String>,
    /// What was acted on; none for an act on oneself.
    pub subject: Option<String>,
    /// Its page, while it exists.
    pub subject_href: Option<String>,
    /// What else is recorded.
    pub detail: String,
    /// The client IP.
    pub client_ip: String,
}

/// The rows of a page.
pub fn by_day(lines: Vec<Line>, names: &Names, context: &RequestContext, state: &ListState) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for line in lines {
        let name = context.times.day(line.newest().at);
        let row = match line {
            Line::Entry(entry) => row(entry, names, context),
            Line::SignIns(run) => sign_ins(&run, names, context, state),
        };
        match days.last_mut() {
            Some(day) if day.name == name => day.rows.push(row),
            _ => days.push(Day { name, rows: vec![row] }),
        }
    }
    days
}

// The exact time without its day.
fn clock(context: &RequestContext, entry: &Activity) -> DisplayTime {
    let exact = context.times.exact(entry.at);
    let text = exact.text.split_once(", ").map_or("", |(_, time)| time).to_string();
    DisplayTime { text, ..exact }
}

fn row(entry: Activity, names: &Names, context: &RequestContext) -> EntryRow {
    let employee = names.subject_employee(&entry);
    let about_self = entry.subject_kind == Subject::EMPLOYEE && entry.actor_id == Some(EmployeeKey(entry.subject_id));
    let is_gone = entry.kind == Kind::ConnectionDisconnected.word();
    let subject_href = match (employee, entry.subject_kind.as_str()) {
        (Some(id), _) => context.viewer.employee_page(id),
        (None, "connection") if !is_gone => Some(pages::connections::path(ConnectionKey(entry.subject_id))),
        _ => names.client(&entry).map(|id| format!("{CLIENTS}/clients/{id}")),
    };
    EntryRow {
        at: clock(context, &entry),
        since: None,
        actor_href: entry.actor_id.and_then(|id| context.viewer.employee_page(id)),
        detail: names.detail(&entry).line(),
        actor: names.actor(&entry),
        what: label_of(&entry.kind),
        opens: None,
        // An act on oneself names the person once.
        subject: Some(names.subject(&entry)).filter(|_| !about_self),
        subject_href,
        client_ip: entry.client_ip,
    }
}

fn sign_ins(run: &SignIns, names: &Names, context: &RequestContext, state: &ListState) -> EntryRow {
    let (ins, outs) = (run.sign_ins, run.sign_outs);
    let mut what = match (ins, outs) {
        (ins, 0) => count(ins, "sign-in"),
        (0, outs) => count(outs, "sign-out"),
        (ins, outs) => format!("{} and {}", count(ins, "sign-in"), count(outs, "sign-out")),
    };
    let people = run.people.len();
    if people > 1 {
        what += &format!(" by {people} people");
    }
    let shown: Vec<String> = run.people.iter().take(NAMED).map(|id| names.person(*id, "")).collect();
    let actor = match people - shown.len() {
        0 => shown.join(" and "),
        more => format!("{} and {more} more", shown.join(", ")),
    };
    let only = run.people.first().filter(|_| people == 1);
    let before = format!("{0}.{0}", run.newest.id.0.saturating_add(1));
    EntryRow {
        at: clock(context, &run.newest),
        since: Some(clock(context, &run.oldest)).filter(|since| since.text != clock(context, &run.newest).text),
        actor,
        actor_href: only.and_then(|id| context.viewer.employee_page(*id)),
        what,
        opens: Some(state.link(&[("sign-ins", Some("1")), ("after", Some(&before))])),
        subject: None,
        subject_href: None,
        detail: String::new(),
        client_ip: String::new(),
    }
}
