//! The list of API tokens.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::api_tokens::{ApiToken, ApiTokenFilter, ApiTokenSort, ApiTokenState};
use crate::db::keyset::Count;
use crate::error::Result;
use crate::pages::api_tokens::ApiTokenRow;
use crate::scopes::Role;
use crate::web::list::{Heading, ListState, Pager, Sort};
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::query::Query;
use crate::web::state::State;

static SORTS: [Sort; 3] = [
    Sort { word: "created", column: "created_at", largest_first: true },
    Sort { word: "used", column: "last_used_at", largest_first: true },
    Sort { word: "expires", column: "expires_at", largest_first: false },
];

#[derive(Template)]
#[template(path = "api_tokens/api_token_list.html")]
struct ApiTokenList {
    page: Page,
    rows: Vec<ApiTokenRow>,
    total: i64,
    name: String,
    role: String,
    state: String,
    hidden: Vec<(String, String)>,
    headings: Vec<Heading>,
    pager: Pager,
}

impl ApiTokenList {
    fn is_filtered(&self) -> bool {
        !(self.name.is_empty() && self.role.is_empty() && self.state.is_empty())
    }
}

/// `GET /settings/api-tokens`
pub async fn list(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let state = ListState::read(&query, "", &SORTS)?;
    let filter = ApiTokenFilter {
        name: state.get("name").into(),
        person: String::new(),
        only: None,
        role: Role::from_word(state.get("role")),
        state: ApiTokenState::from_word(state.get("state")),
    };
    let sort = ApiTokenSort::from_word(state.sort().word).unwrap_or(ApiTokenSort::Created);
    let (cursor, descending, now) = (state.cursor()?, state.descending, context.now());
    let read = move |conn: &mut _| Ok(ApiToken::list(conn, &filter, (sort, descending), cursor, now)?);
    let (rows, total) = app.db.read(read).await?;
    let slice = state.slice(rows);
    let count = Count { n: total, capped: false };
    let pager = state.pager(&slice, count, |(token, _)| (token.sort_value(sort).to_string(), token.id.0));
    let headings = vec![
        state.heading("Name", ""),
        state.heading("For", ""),
        state.heading("Role", ""),
        state.heading("Created", "created"),
        state.heading("Last used", "used"),
        state.heading("Expires", "expires"),
        state.heading("Status", ""),
    ];
    html(ApiTokenList {
        rows: slice.rows.iter().map(|(token, employee)| ApiTokenRow::of(token, employee, &context.times)).collect(),
        total,
        name: state.get("name").into(),
        role: state.get("role").into(),
        state: state.get("state").into(),
        hidden: state.hidden(&["name", "role", "state"]),
        headings,
        pager,
        page: context.page("API tokens", Section::ApiTokens),
    })
}
