//! The access inventory: every refresh token and API key, filtered, sorted and paged.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::db::keyset::{Count, PAGE};
use crate::error::Result;
use crate::pages::access::inventory_api_tokens::{self, ApiTokenPanel};
use crate::pages::access::inventory_filters::{Choices, FIELDS, InventoryState};
use crate::pages::access::inventory_rows::{InventoryRow, rows};
use crate::pages::access::{HOME, REVOCATIONS};
use crate::pages::tokens::token_table::searched;
use crate::tokens::listing::inventory::{InventoryRequest, Scoped, find, place_of};
use crate::tokens::listing::{Limits, SortBy, TokenPage};
use crate::web::list::{Heading, Pager};
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::query::Query;
use crate::web::state::State;

// The parameter of the link that selects every row of the page.
const SELECT: &str = "select";

#[derive(Template)]
#[template(path = "access/inventory.html")]
struct Inventory {
    page: Page,
    total: Count,
    // Whether there are no tokens at all.
    is_bare: bool,
    is_filtered: bool,
    rows: Vec<InventoryRow>,
    api_tokens: Option<ApiTokenPanel>,
    headings: Vec<Heading>,
    client: String,
    employee: String,
    choices: Vec<Choices>,
    more_choices: Vec<Choices>,
    uses_more: bool,
    hidden: Vec<(String, String)>,
    clear: String,
    pager: Pager,
    // Where the form with the selection is sent.
    action: String,
    export: String,
    // Whether every row is selected, and the link that selects all or none.
    selected: bool,
    select: String,
    // The button that revokes all that match; empty without a filter.
    revoke_all: String,
    // Said when a long list is in another order than was asked for.
    order: &'static str,
}

/// `GET /settings/access`
pub async fn list(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    html(page(&context, &app, &query).await?)
}

/// The list again, because nothing was selected.
pub async fn nothing_selected(context: &RequestContext, app: &State, query: &Query) -> Result<HttpResponse> {
    let mut list = page(context, app, query).await?;
    list.page = list.page.with_flash(Tone::Bad, "Select at least one token, then click Revoke selected.");
    unprocessable(list)
}

async fn page(context: &RequestContext, app: &State, query: &Query) -> Result<Inventory> {
    let selected = query.get(SELECT) == Some("all");
    let state = InventoryState::read(&query.changed(&[(SELECT, None)]))?;
    let (wanted, viewer, times) = (state.clone(), context.viewer.clone(), context.times.clone());
    let (found, rows, api_tokens) = app
        .db
        .read(move |conn| {
            let request = InventoryRequest {
                filter: &wanted.filter,
                scoped: Scoped { through: None, only: None, now: times.now() },
                sort: wanted.sort(),
                descending: wanted.list.descending,
                cursor: wanted.list.cursor()?,
                page: PAGE,
                limits: Limits::default(),
            };
            let found = find(conn, &request)?;
            let rows = rows(conn, &found.rows.rows, (&viewer, &times))?;
            let api_tokens = inventory_api_tokens::panel(conn, &wanted.filter, (&viewer, &times))?;
            Ok((found, rows, api_tokens))
        })
        .await?;
    let filters = state.list.link(&[]);
    let nothing = found.valid.seen() + found.expired.seen() == 0;
    Ok(Inventory {
        total: found.total,
        is_bare: nothing && state.filter.is_empty(),
        is_filtered: !state.filter.is_empty(),
        rows,
        api_tokens,
        headings: headings(&state, &found),
        client: state.filter.client.clone(),
        employee: state.filter.employee.clone(),
        choices: state.choices(),
        more_choices: state.more_choices(),
        uses_more: state.uses_more(),
        hidden: state.list.hidden(&FIELDS),
        clear: state.clear(),
        pager: pager(&state, &found)?,
        action: format!("{REVOCATIONS}{}", query.changed(&[(SELECT, None)]).with(&[])),
        export: format!("{HOME}/export{}", if filters == "?" { "" } else { &filters }),
        selected,
        select: query.with(&[(SELECT, (!selected).then_some("all"))]),
        revoke_all: revoke_all(context, &state, found.total),
        order: if found.sort == state.sort() { "" } else { order_of(&found) },
        page: context.page("Access inventory", Section::Access),
    })
}

fn revoke_all(context: &RequestContext, state: &InventoryState, total: Count) -> String {
    match (state.filter.is_empty(), context.viewer.is_manager(), total.capped) {
        (true, ..) => String::new(),
        (_, false, _) => "Revoke all of mine that match".into(),
        (_, true, false) => format!("Revoke all {total} that match"),
        (_, true, true) => "Revoke all that match".into(),
    }
}

fn headings(state: &InventoryState, found: &TokenPage) -> Vec<Heading> {
    let plain = |label| state.list.heading(label, "");
    // A long list that is in another order than was asked for has no arrow.
    let sorted = |label, word, sort| match found.sort == state.sort() || sort != state.sort() {
        true => state.list.heading(label, word),
        false => plain(label),
    };
    vec![
        plain("Token"),
        plain("Client and employee"),
        plain("Access"),
        sorted("Created", "created", SortBy::Created),
        sorted("Last used", "used", SortBy::LastUsed),
        sorted("Expires", "expires", SortBy::Expires),
        plain("Status"),
    ]
}

// Why a long list is in this order.
fn order_of(found: &TokenPage) -> &'static str {
    match found.sort {
        SortBy::LastUsed => "There are many: they are listed by their last use.",
        SortBy::Expires => "There are many: they are listed by their expiry.",
        SortBy::Created => "There are many: they are listed by their creation.",
    }
}

fn pager(state: &InventoryState, found: &TokenPage) -> Result<Pager> {
    let (slice, cursor) = (&found.rows, state.list.cursor()?);
    let mut pager = state.list.pager(slice, found.total, |token| {
        let place = place_of(token, found.sort);
        (place.value.to_string(), place.id)
    });
    if let Some(stopped) = found.stopped {
        pager.searched = Some((searched(found, cursor), state.list.continuation(stopped, slice.rows.len())));
        if cursor.is_backward() && !slice.rows.is_empty() {
            pager.range = format!("{} of {}", slice.rows.len(), found.total);
        }
    }
    if slice.rows.is_empty() {
        state.list.add_links_from_nothing(&mut pager, found.descending);
    }
    Ok(pager)
}

impl Inventory {
    // The number beside the heading.
    fn sum(&self) -> String {
        match self.total {
            Count { n: 0, capped: true } => "none so far".into(),
            total => total.to_string(),
        }
    }

    // The path of the page, for its forms.
    fn home(&self) -> &'static str {
        HOME
    }
}
