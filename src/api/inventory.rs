//! `/api/v1/inventory`: the refresh tokens and API keys of all clients.

use actix_web::web;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::context::ApiContext;
use crate::api::json::ok;
use crate::api::list::{Page, Sort, Wanted};
use crate::api::problem::{Answer, Problem};
use crate::api::query::{Params, text, word};
use crate::api::token_lists::next;
use crate::api::tokens::{Listed, Token, rows};
use crate::tokens::listing::inventory::{
    CreatedWithin, Expiry, InventoryFilter, InventoryRequest, Owner, Reach, Scoped, TokenType, Usage, find, place_of,
};
use crate::tokens::listing::{Limits, SortBy};
use crate::web::state::State;

const SORTS: &[Sort] = &[("created", true), ("used", true), ("expires", false)];

/// The filters of the inventory, named as in the addresses of its page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct InventoryQuery {
    /// A part of the client's name.
    client: Option<String>,
    /// A part of the employee's name.
    employee: Option<String>,
    /// `refresh-token` or `api-key`.
    r#type: Option<String>,
    /// `unused-30`, `unused-90`, `unused-180` or `never-used`.
    usage: Option<String>,
    /// `full`, `write`, `read` or `beyond-role`.
    access: Option<String>,
    /// A scope that the token can use.
    scope: Option<String>,
    /// `staff`, `manager`, `admin`, `active` or `inactive`.
    owner: Option<String>,
    /// `never`, `soon` or `expired`. Without it, valid tokens are listed.
    expires: Option<String>,
    /// Created within so many days: `7`, `30` or `90`.
    created: Option<String>,
    /// `created`, `used` or `expires`, with `-` in front for descending. A long list is in the order of its filter.
    sort: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// The most entries of a page: 1 to 50.
    limit: Option<u32>,
}

/// Filters of the inventory, as in its addresses.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = InventoryFilter)]
pub struct InventoryFilterQuery {
    /// A part of the client's name.
    client: Option<String>,
    /// A part of the employee's name.
    employee: Option<String>,
    /// `refresh-token` or `api-key`.
    r#type: Option<String>,
    /// `unused-30`, `unused-90`, `unused-180` or `never-used`.
    usage: Option<String>,
    /// `full`, `write`, `read` or `beyond-role`.
    access: Option<String>,
    /// A scope that the token can use.
    scope: Option<String>,
    /// `staff`, `manager`, `admin`, `active` or `inactive`.
    owner: Option<String>,
    /// `never`, `soon` or `expired`. Without it, valid tokens are meant.
    expires: Option<String>,
    /// Created within so many days: `7`, `30` or `90`.
    created: Option<String>,
}

impl InventoryFilterQuery {
    /// The filter. Errors: a word that a filter does not have.
    pub fn filter(&self) -> Result<InventoryFilter, Problem> {
        Ok(InventoryFilter {
            client: text(&self.client),
            employee: text(&self.employee),
            scope: text(&self.scope),
            token_type: word("type", &self.r#type, TokenType::from_word)?,
            usage: word("usage", &self.usage, Usage::from_word)?,
            reach: word("access", &self.access, Reach::from_word)?,
            owner: word("owner", &self.owner, Owner::from_word)?,
            expiry: word("expires", &self.expires, Expiry::from_word)?,
            created: word("created", &self.created, CreatedWithin::from_word)?,
        })
    }
}

impl InventoryQuery {
    fn filters(&self) -> InventoryFilterQuery {
        let InventoryQuery { client, employee, r#type, usage, access, scope, owner, expires, created, .. } =
            self.clone();
        InventoryFilterQuery { client, employee, r#type, usage, access, scope, owner, expires, created }
    }
}

/// Lists the refresh tokens and API keys of all clients.
#[utoipa::path(
    get, path = "/api/v1/inventory", tag = "tokens", params(InventoryQuery),
    responses((status = 200, description = "Refresh tokens and API keys of all clients", body = Page<Token>)),
)]
pub async fn list(context: ApiContext, app: web::Data<State>, params: Params<InventoryQuery>) -> Answer {
    let (filter, now) = (params.0.filters().filter()?, context.now);
    let wanted = Wanted::read(SORTS, params.0.sort.as_deref(), params.0.cursor.as_deref(), params.0.limit)?;
    let cursor = wanted.place()?;
    let page = app.db.read(move |conn| {
        let request = InventoryRequest {
            filter: &filter,
            scoped: Scoped { through: None, only: None, now },
            sort: match wanted.sort {
                "used" => SortBy::LastUsed,
                "expires" => SortBy::Expires,
                _ => SortBy::Created,
            },
            descending: wanted.descending,
            cursor,
            page: wanted.limit,
            limits: Limits::default(),
        };
        let found = find(conn, &request)?;
        let last = found.rows.rows.last().map(|row| place_of(row, found.sort)).map(|place| (place.value, place.id));
        Ok(Page {
            data: rows(conn, (Listed::Grants, &found.rows.rows), now)?,
            next_cursor: next(&wanted, &found, last),
        })
    });
    ok(&page.await?)
}
