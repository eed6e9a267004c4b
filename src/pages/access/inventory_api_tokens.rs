//! The API tokens in the inventory: a panel of their own below the tokens of clients, because they have no client and no scope.

use diesel::QueryResult;

use crate::api_tokens::{ApiToken, ApiTokenFilter, ApiTokenSort};
use crate::db::DbConnection;
use crate::db::keyset::{Cursor, PAGE};
use crate::pages::api_tokens::ApiTokenRow;
use crate::time::TimeFormat;
use crate::tokens::listing::inventory::InventoryFilter;
use crate::web::page::Viewer;

/// The newest API tokens that work, or would work if their person was active.
pub struct ApiTokenPanel {
    /// The rows.
    pub rows: Vec<ApiTokenRow>,
    /// How many there are.
    pub total: i64,
    /// Whether the viewer may open their pages.
    pub is_admin: bool,
}

/// The panel, for staff with their own API tokens only; none if there are none, or a filter other than the employee is set.
pub fn panel(
    conn: &mut DbConnection,
    filter: &InventoryFilter,
    (viewer, times): (&Viewer, &TimeFormat),
) -> QueryResult<Option<ApiTokenPanel>> {
    let others = InventoryFilter { employee: String::new(), ..filter.clone() };
    if !others.is_empty() {
        return Ok(None);
    }
    let only = (!viewer.is_manager()).then_some(viewer.id);
    let wanted = ApiTokenFilter { person: filter.employee.clone(), only, ..ApiTokenFilter::default() };
    let (rows, total) = ApiToken::list(conn, &wanted, (ApiTokenSort::Created, true), Cursor::First, times.now())?;
    let rows: Vec<ApiTokenRow> =
        rows.iter().take(PAGE).map(|(token, employee)| ApiTokenRow::of(token, employee, times)).collect();
    Ok((total > 0).then_some(ApiTokenPanel { rows, total, is_admin: viewer.is_admin() }))
}
