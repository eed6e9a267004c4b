//! `/api/v1/connections`: the shop's connections to other OAuth 2.0 servers, and their status.

use actix_web::web;
use diesel::OptionalExtension;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::account::Business;
use crate::api::context::ApiContext;
use crate::api::json::{ok, some, time};
use crate::api::list::{Page, Sort, Wanted};
use crate::api::problem::Answer;
use crate::api::query::{Params, text, word};
use crate::connections::{
    ApiType, Connection, ConnectionFilter, ConnectionSort, ListedConnection, OAuthClient, Status, or_gone,
};
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{BusinessKey, ConnectionKey};
use crate::web::state::State;

const SORTS: &[Sort] = &[("name", false), ("expires", false), ("refreshed", true), ("used", true)];

/// A connection; never its tokens.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Connection)]
pub struct ConnectionItem {
    /// Its id in paths.
    id: i64,
    /// Its name.
    name: String,
    /// Its API type: `r-series`, `x-series`, `k-series-v1`, `k-series-v1-trial`, `k-series-v2`, `k-series-v2-trial` or `other`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// `online`, `refreshing`, `trouble` (the last refresh failed and is retried), `needs-authorization` or `paused`.
    status: &'static str,
    /// The name of its business.
    business: Option<String>,
    /// The id of the account at the provider.
    account_id: Option<String>,
    /// The name of that account.
    account_name: Option<String>,
    /// The name of the employee who authorized it.
    authorized_by: Option<String>,
    /// When it was authorized.
    #[schema(format = DateTime)]
    authorized_at: Option<String>,
    /// When its access token expires.
    #[schema(format = DateTime)]
    access_expires_at: Option<String>,
    /// When its tokens were last refreshed.
    #[schema(format = DateTime)]
    last_refreshed_at: Option<String>,
    /// When a call last used it.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// A connection with everything about its status.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConnectionDetail {
    #[serde(flatten)]
    connection: ConnectionItem,
    /// The scope it requests.
    scope: Option<String>,
    /// The scope that the provider granted.
    granted_scope: Option<String>,
    /// X-Series: the retailer's domain prefix.
    domain_prefix: Option<String>,
    /// When its refresh token expires without use, where that is known.
    #[schema(format = DateTime)]
    refresh_expires_at: Option<String>,
    /// Failed refreshes in a row.
    failures: i64,
    /// Since when they fail.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// The error of the last one.
    last_error: Option<String>,
    /// Since when an admin must authorize it.
    #[schema(format = DateTime)]
    needs_authorization_since: Option<String>,
    /// Why.
    reason: Option<String>,
    /// When it was paused, if it is.
    #[schema(format = DateTime)]
    paused_at: Option<String>,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: Option<String>,
}

impl ConnectionItem {
    /// A connection of a list.
    pub fn of(listed: &ListedConnection) -> ConnectionItem {
        let one = &listed.connection;
        ConnectionItem {
            id: one.id.0,
            name: one.name.clone(),
            kind: listed.api_type.word(),
            status: one.status().word(),
            business: listed.business.clone(),
            account_id: some(&one.account_id),
            account_name: some(&one.account_name),
            authorized_by: listed.authorized_by.clone(),
            authorized_at: time(one.authorized_at),
            access_expires_at: time(one.access_expires_at),
            last_refreshed_at: time(one.last_refreshed_at),
            last_used_at: time(one.last_used_at),
        }
    }
}

impl ConnectionDetail {
    /// Reads a connection. Errors: `Gone` with who disconnected it.
    pub fn load(conn: &mut DbConnection, id: ConnectionKey) -> Result<ConnectionDetail> {
        let (connection, client) = or_gone(Connection::with_client(conn, id), conn, id)?;
        let all = Business::all(conn)?.into_iter().map(|(business, _)| business);
        let business = all.filter(|one| Some(one.id) == connection.business_id).map(|one| one.name).next();
        let authorized_by = match connection.authorized_by {
            Some(employee) => Employee::find(conn, employee).optional()?.map(|employee| employee.name),
            None => None,
        };
        let listed = ListedConnection { connection, api_type: client.api_type, business, authorized_by };
        let one = &listed.connection;
        Ok(ConnectionDetail {
            connection: ConnectionItem::of(&listed),
            scope: some(&one.scope),
            granted_scope: some(&one.granted_scope),
            domain_prefix: some(&one.domain_prefix),
            refresh_expires_at: time(one.refresh_expires_at),
            failures: one.failures,
            failing_since: one.failing_since.and_then(time),
            last_error: some(&one.last_error),
            needs_authorization_since: one.needs_authorization_since.and_then(time),
            reason: some(&one.reason),
            paused_at: one.paused_at.and_then(time),
            created_at: time(one.created_at),
        })
    }
}

/// App credentials: the shop's OAuth client at a provider; never its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AppCredentials)]
pub struct AppCredentialsItem {
    /// Their id, as a new connection names them.
    id: i64,
    /// Their name.
    name: String,
    /// Their API type, such as `r-series`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The client id at the provider.
    client_id: String,
    /// How many connections use them.
    connections: i64,
}

/// All app credentials, by name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AllAppCredentials {
    /// The app credentials.
    data: Vec<AppCredentialsItem>,
}

/// Lists all app credentials.
#[utoipa::path(
    get, path = "/api/v1/app-credentials", tag = "connections",
    responses((status = 200, description = "All app credentials", body = AllAppCredentials)),
)]
pub async fn app_credentials(_: ApiContext, app: web::Data<State>) -> Answer {
    let all = app.db.read(|conn| Ok(OAuthClient::all(conn)?)).await?;
    let item = |(client, connections): (OAuthClient, i64)| AppCredentialsItem {
        id: client.id.0,
        name: client.name,
        kind: client.api_type.word(),
        client_id: client.client_id,
        connections,
    };
    ok(&AllAppCredentials { data: all.into_iter().map(item).collect() })
}

/// The filters of the list, named as in the addresses of its page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ConnectionQuery {
    /// A part of the name.
    name: Option<String>,
    /// An API type, such as `r-series`.
    r#type: Option<String>,
    /// `online`, `refreshing`, `trouble`, `needs-authorization` or `paused`.
    status: Option<String>,
    /// The id of a business.
    business: Option<i64>,
    /// `name`, `expires`, `refreshed` or `used`, with `-` in front for descending.
    sort: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// The most entries of a page: 1 to 50.
    limit: Option<u32>,
}

/// Lists connections.
#[utoipa::path(
    get, path = "/api/v1/connections", tag = "connections", params(ConnectionQuery),
    responses((status = 200, description = "Connections", body = Page<ConnectionItem>)),
)]
pub async fn list(_: ApiContext, app: web::Data<State>, params: Params<ConnectionQuery>) -> Answer {
    let asked = params.0;
    let filter = ConnectionFilter {
        name: text(&asked.name),
        api_type: word("type", &asked.r#type, ApiType::from_word)?,
        status: word("status", &asked.status, Status::from_word)?,
        business: asked.business.map(BusinessKey),
    };
    let wanted = Wanted::read(SORTS, asked.sort.as_deref(), asked.cursor.as_deref(), asked.limit)?;
    let sort = ConnectionSort::from_word(wanted.sort).unwrap_or(ConnectionSort::Name);
    let request = wanted.clone();
    let found = app
        .db
        .read(move |conn| Ok(Connection::list(conn, &filter, (sort, request.descending), (request.edge(), false))?));
    let (rows, _) = found.await?;
    let edge = |listed: &ListedConnection| (listed.connection.edge(sort), listed.connection.id.0);
    ok(&wanted.page(rows, edge, |listed| ConnectionItem::of(&listed)))
}

/// Shows a connection and its status.
#[utoipa::path(
    get, path = "/api/v1/connections/{connection}", tag = "connections",
    params(("connection" = i64, Path, description = "The connection's id")),
    responses((status = 200, description = "The connection and its status", body = ConnectionDetail)),
)]
pub async fn show(_: ApiContext, app: web::Data<State>, id: web::Path<ConnectionKey>) -> Answer {
    let id = *id;
    ok(&app.db.read(move |conn| ConnectionDetail::load(conn, id)).await?)
}
