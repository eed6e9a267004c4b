//! The items of one rule, each with what to do about it.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::attention::{Acknowledged, Acknowledgement, Act, Asked, Found, Item, Moment, Rule, Subject};
use crate::error::Result;
use crate::id::AcknowledgementKey;
use crate::pages::access::inventory_filters::InventoryState;
use crate::pages::api_tokens::path as api_token_path;
use crate::pages::attention::{find_rule, handles, path};
use crate::pages::connections::connection_summary::allow_form_redirects;
use crate::pages::connections::path as connection_path;
use crate::pages::tokens::token_paths::{access_token_path, refresh_token_path};
use crate::time::{DisplayTime, TimeFormat, Timestamp};
use crate::web::client_facts::client_path;
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::state::State;

// How many items are shown; the inventory lists all tokens.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "attention/rule_page.html")]
struct RulePage {
    page: Page,
    rule: &'static Rule,
    path: String,
    count: String,
    title: &'static str,
    rows: Vec<ItemRow>,
    // How many are shown, when there are more.
    shown: Option<usize>,
    inventory: Option<String>,
    moment: &'static str,
    has_clients: bool,
    has_employees: bool,
    handles: bool,
    quiet: Vec<QuietRow>,
}

struct ItemRow {
    word: String,
    href: String,
    name: String,
    is_token: bool,
    label: String,
    client: Option<(String, String)>,
    employee: Option<(String, Option<String>)>,
    moment: DisplayTime,
    act: Option<ActLink>,
}

// What to do about an item: a link, or a form with one button.
struct ActLink {
    href: String,
    label: &'static str,
    is_danger: bool,
    is_form: bool,
}

struct QuietRow {
    id: AcknowledgementKey,
    name: String,
    reason: String,
    until: DisplayTime,
    by: String,
    at: DisplayTime,
}

/// `GET /settings/attention/{rule}`
pub async fn rule_page(
    context: RequestContext,
    app: web::Data<State>,
    word: web::Path<String>,
) -> Result<HttpResponse> {
    let rule = find_rule(&word, &context.viewer)?;
    let asked = Asked { only: (!context.viewer.is_manager()).then_some(context.viewer.id), now: context.now() };
    let (found, quiet) = app
        .db
        .read(move |conn| {
            let quiet = Acknowledged::load(conn, asked.now)?;
            let listed = match asked.only {
                None => Acknowledgement::of_rule(conn, rule, asked.now)?,
                Some(_) => Vec::new(),
            };
            Ok((rule.find(conn, asked, &quiet)?, listed))
        })
        .await?;
    allow_form_redirects(&app, &context.viewer, html(page(&context, rule, &found, quiet))?)
}

fn page(context: &RequestContext, rule: &'static Rule, found: &Found, quiet: Vec<Acknowledgement>) -> RulePage {
    let (times, is_more) = (&context.times, found.items.len() > SHOWN);
    let quiet_row = |one: Acknowledgement| QuietRow {
        id: one.id,
        name: one.name,
        reason: one.reason,
        until: times.until(one.quiet_until),
        by: one.by,
        at: times.date(one.created_at),
    };
    let count = found.count().to_string();
    RulePage {
        page: context.page(rule.name, Section::Settings),
        rule,
        path: path(rule),
        count,
        title: rule.noun(found.count()),
        rows: found.items.iter().take(SHOWN).map(|item| row(context, rule, item)).collect(),
        shown: (is_more || found.capped).then_some(SHOWN.min(found.items.len())),
        inventory: rule.inventory().filter(|_| is_more).map(|filter| InventoryState::address_of(&filter)),
        moment: found.items.first().map_or("", |item| moment(item.moment, times).0),
        has_clients: found.items.iter().any(|item| item.client.is_some()),
        has_employees: found.items.iter().any(|item| item.employee.is_some()),
        handles: handles(&context.viewer, rule),
        quiet: quiet.into_iter().map(quiet_row).collect(),
    }
}

fn row(context: &RequestContext, rule: &Rule, item: &Item) -> ItemRow {
    let viewer = &context.viewer;
    let employee = item.employee.as_ref().map(|(id, name)| (name.clone(), viewer.employee_page(*id)));
    let is_own = item.employee.as_ref().is_some_and(|(id, _)| *id == viewer.id);
    let may_act = handles(viewer, rule) || (rule.is_about_tokens() && is_own) || rule.act == Act::SeeEntry;
    ItemRow {
        word: item.subject.word(),
        href: match (item.subject, employee.as_ref().and_then(|(_, href)| href.clone())) {
            // Only admins see its page.
            (Subject::ApiToken(_), Some(href)) if !viewer.is_admin() => href,
            _ => subject_path(item.subject),
        },
        name: item.name.clone(),
        is_token: item.subject.is_token(),
        label: item.label.clone(),
        client: item.client.as_ref().map(|(id, name)| (name.clone(), client_path(*id))),
        employee,
        moment: moment(item.moment, &context.times).1,
        act: may_act.then(|| act(rule.act, item.subject)),
    }
}

/// The page of what an item is about.
pub fn subject_path(subject: Subject) -> String {
    match subject {
        Subject::Client(id) | Subject::ClientSecret(id, _) => client_path(id),
        Subject::RefreshToken(client, id) => refresh_token_path(client, id),
        Subject::ApiKey(client, id) => access_token_path(client, None, id),
        Subject::ApiToken(id) => api_token_path(id),
        Subject::Connection(id) => connection_path(id),
        // The list starts with the entry.
        Subject::Entry(id) => format!("/settings/activity?after={0}.{0}", id.0.saturating_add(1)),
    }
}

fn act(act: Act, subject: Subject) -> ActLink {
    let href = subject_path(subject);
    let (href, is_form) = match act {
        Act::Revoke => (format!("{href}/revoke"), false),
        Act::RegenerateSecret => (format!("{href}/secret"), false),
        Act::Authorize | Act::Reconnect => (format!("{href}/authorize"), true),
        Act::Decide | Act::SeeConnection | Act::SeeEntry => (href, false),
    };
    ActLink { href, label: act.label(), is_danger: act == Act::Revoke, is_form }
}

// The heading of the column, and the time.
fn moment(moment: Moment, times: &TimeFormat) -> (&'static str, DisplayTime) {
    match moment {
        Moment::Created(at) => ("Created", times.date(at)),
        Moment::LastUsed(at) => ("Last used", times.ago(at)),
        Moment::Expires(at) => ("Expires", times.until(at)),
        Moment::Happened(at) => ("Happened", times.ago(at)),
        Moment::Since(Timestamp::NEVER_YET) => ("Since", DisplayTime::default()),
        Moment::Since(at) => ("Since", times.date(at)),
        Moment::FailingSince(at) => ("Failing for", times.lasting(at)),
    }
}
