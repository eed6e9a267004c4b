//! The inventory as a CSV file: all tokens that match the filters.

use actix_web::{HttpResponse, web};

use crate::clients::Client;
use crate::db::DbConnection;
use crate::db::keyset::{Cursor, Place};
use crate::employees::Employee;
use crate::error::Result;
use crate::pages::access::inventory_filters::InventoryState;
use crate::pages::access::inventory_rows::what;
use crate::scopes::EffectiveAccess;
use crate::time::{TimeFormat, Timestamp};
use crate::tokens::TokenStatus;
use crate::tokens::listing::inventory::{InventoryRequest, Scoped, read_on};
use crate::tokens::listing::{Limits, ListedToken};
use crate::web::csv;
use crate::web::page::RequestContext;
use crate::web::query::Query;
use crate::web::state::State;

// How many lines are sent at once, and how many tokens are searched for them.
const AT_ONCE: usize = 500;
const SEARCHED: i64 = 5_000;
const COLUMNS: &str = "token,type,client,employee,role,access,beyond role,created,last used,expires,status";

/// `GET /settings/access/export`
pub async fn export(context: RequestContext, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    let state = InventoryState::read(&query)?;
    let times = context.times.clone();
    let next = move |start: Option<Place>| {
        let (app, state, times) = (app.clone(), state.clone(), times.clone());
        async move { app.db.read(move |conn| part(conn, &state, start, &times)).await }
    };
    csv::download("access-inventory.csv", COLUMNS, None, next).await
}

fn part(
    conn: &mut DbConnection,
    state: &InventoryState,
    start: Option<Place>,
    times: &TimeFormat,
) -> Result<(String, Option<Option<Place>>)> {
    let request = InventoryRequest {
        filter: &state.filter,
        scoped: Scoped { through: None, only: None, now: times.now() },
        sort: state.sort(),
        descending: state.list.descending,
        cursor: Cursor::First,
        page: AT_ONCE,
        limits: Limits::default(),
    };
    let scan = read_on(conn, &request, start, (AT_ONCE, SEARCHED))?;
    Ok((lines(conn, &scan.found, times)?, scan.stopped.map(Some)))
}

fn lines(conn: &mut DbConnection, tokens: &[ListedToken], times: &TimeFormat) -> Result<String> {
    let employees = Employee::by_id(conn, tokens.iter().map(|token| token.employee))?;
    let clients = Client::by_id(conn, tokens.iter().map(|token| token.client))?;
    let line = |token: &ListedToken| {
        let (client, employee) = (clients.get(&token.client)?, employees.get(&token.employee)?);
        let iso = |at: Timestamp, none| if at == none { String::new() } else { at.iso() };
        Some(csv::line([
            token.mask.characters(),
            &what(token),
            &client.name,
            &employee.name,
            employee.role.name(),
            token.scope.effective(employee.role).as_str(),
            &EffectiveAccess::of(&token.scope, employee.role).missing(),
            &token.created_at.iso(),
            &iso(token.last_used_at, Timestamp::NEVER_YET),
            &iso(token.expires_at, Timestamp::NO_END),
            &TokenStatus::of(token.dates(), employee, client.state(), times.now()).badge().text,
        ]))
    };
    Ok(tokens.iter().filter_map(line).collect())
}
