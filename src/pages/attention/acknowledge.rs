//! Acknowledging an item, so that it is quiet until a date; and withdrawing that.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::access::attention::{self, Item, Rule};
use crate::error::{Error, Result};
use crate::id::AcknowledgementKey;
use crate::pages::attention::{find_rule, handles, path};
use crate::time::DAY;
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::query::Query;
use crate::web::state::State;

// The date that the form suggests is this many days away.
const SUGGESTED_DAYS: i64 = 90;

#[derive(Template)]
#[template(path = "attention/acknowledge.html")]
struct Acknowledge {
    page: Page,
    rule: &'static Rule,
    back: String,
    word: String,
    item: Item,
    reason: String,
    until: String,
    // The first and the last date that can be chosen.
    first: String,
    last: String,
}

fn require_right(context: &RequestContext, rule: &Rule) -> Result<()> {
    match handles(&context.viewer, rule) {
        true => Ok(()),
        false => Err(Error::Forbidden("You cannot acknowledge this. Ask a store manager or an admin.".into())),
    }
}

/// `GET /settings/attention/{rule}/acknowledge?item=…`
pub async fn form(
    context: RequestContext,
    app: web::Data<State>,
    word: web::Path<String>,
    query: Query,
) -> Result<HttpResponse> {
    let rule = find_rule(&word, &context.viewer)?;
    require_right(&context, rule)?;
    let until = context.times.day_after(SUGGESTED_DAYS);
    show(&context, &app, rule, (query.get("item").unwrap_or_default(), "", &until), None).await
}

async fn show(
    context: &RequestContext,
    app: &State,
    rule: &'static Rule,
    (word, reason, until): (&str, &str, &str),
    problem: Option<String>,
) -> Result<HttpResponse> {
    let (wanted, now) = (word.to_string(), context.now());
    let Some(item) = app.db.read(move |conn| Ok(attention::listed(conn, rule, &wanted, now)?)).await? else {
        return context.redirect(Tone::Good, "This is not listed any more.", &path(rule));
    };
    let page = context.page("Acknowledge", Section::Settings).breadcrumb(path(rule), rule.name);
    let form = |page| Acknowledge {
        page,
        rule,
        back: path(rule),
        word: word.into(),
        item,
        reason: reason.into(),
        until: until.into(),
        first: context.times.day_after(1),
        last: context.times.day_after(attention::LONGEST_QUIET / DAY - 1),
    };
    match problem {
        None => html(form(page)),
        Some(text) => unprocessable(form(page.with_flash(Tone::Bad, text))),
    }
}

/// `POST /settings/attention/{rule}/acknowledge`
pub async fn acknowledge(
    context: RequestContext,
    app: web::Data<State>,
    word: web::Path<String>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let rule = find_rule(&word, &context.viewer)?;
    require_right(&context, rule)?;
    let typed = form.line("reason", "The reason", 200).and_then(|reason| {
        let until = context.times.end_of_day(form.get("until"));
        Ok((reason, until.ok_or_else(|| Error::Invalid("Choose a date.".into()))?))
    });
    let outcome = match typed {
        Err(error) => Err(error),
        Ok((reason, until)) => {
            let (viewer, client_ip, now) = (context.viewer.clone(), context.client_ip.clone(), context.now());
            let item = form.get("item").to_string();
            let act = app.db.write(move |conn| {
                let by = (viewer.id, &viewer.actor(), client_ip.as_str());
                attention::acknowledge(conn, (rule, &item), (&reason, until), by, now)
            });
            act.await.map(|item| (item, until))
        }
    };
    match outcome {
        Ok((item, until)) => {
            let day = context.times.date(until).text;
            context.redirect(Tone::Good, format!("{} is quiet until {day}.", item.logged_name()), &path(rule))
        }
        Err(Error::Invalid(why)) => {
            let typed = (form.get("item"), form.get("reason"), form.get("until"));
            show(&context, &app, rule, typed, Some(why)).await
        }
        Err(Error::Conflict(why)) => context.redirect(Tone::Good, why, &path(rule)),
        Err(error) => Err(error),
    }
}

/// `POST /settings/attention/{rule}/withdraw`
pub async fn withdraw(
    context: RequestContext,
    app: web::Data<State>,
    word: web::Path<String>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let rule = find_rule(&word, &context.viewer)?;
    require_right(&context, rule)?;
    let id = AcknowledgementKey(form.number("acknowledgement").unwrap_or_default());
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let act = app.db.write(move |conn| attention::withdraw(conn, rule, id, (&actor, &client_ip), now));
    match act.await {
        Ok(name) => context.redirect(Tone::Good, format!("{name} is listed again."), &path(rule)),
        Err(Error::NotFound) => context.redirect(Tone::Good, "It is listed again already.", &path(rule)),
        Err(error) => Err(error),
    }
}
