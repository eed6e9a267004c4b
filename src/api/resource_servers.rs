//! `/api/v1/resource-servers`: the APIs that may validate tokens.

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::context::ApiContext;
use crate::api::json::{ok, time};
use crate::api::problem::Answer;
use crate::id::ResourceServerKey;
use crate::resource_servers::ResourceServer;
use crate::web::state::State;

/// A resource server; never its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ResourceServer)]
pub struct ResourceServerItem {
    /// Its id in paths.
    id: i64,
    /// The id that it authenticates with.
    resource_server_id: String,
    /// Its name.
    name: String,
    /// When it was added.
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// When its secret was created.
    #[schema(format = DateTime)]
    secret_created_at: Option<String>,
    /// When it last authenticated; null for never.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// All resource servers, by name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ResourceServers {
    /// The resource servers.
    data: Vec<ResourceServerItem>,
}

impl ResourceServerItem {
    /// A resource server.
    pub fn of(server: &ResourceServer) -> ResourceServerItem {
        ResourceServerItem {
            id: server.id.0,
            resource_server_id: server.resource_server_id.clone(),
            name: server.name.clone(),
            created_at: time(server.created_at),
            secret_created_at: time(server.secret_created_at),
            last_used_at: time(server.last_used_at),
        }
    }
}

/// Lists all resource servers.
#[utoipa::path(
    get, path = "/api/v1/resource-servers", tag = "resource servers",
    responses((status = 200, description = "All resource servers", body = ResourceServers)),
)]
pub async fn list(_: ApiContext, app: web::Data<State>) -> Answer {
    let servers = app.db.read(|conn| Ok(ResourceServer::all(conn)?)).await?;
    ok(&ResourceServers { data: servers.iter().map(ResourceServerItem::of).collect() })
}

/// Shows a resource server.
#[utoipa::path(
    get, path = "/api/v1/resource-servers/{resource_server}", tag = "resource servers",
    params(("resource_server" = i64, Path, description = "The resource server's id")),
    responses((status = 200, description = "The resource server", body = ResourceServerItem)),
)]
pub async fn show(_: ApiContext, app: web::Data<State>, id: web::Path<ResourceServerKey>) -> Answer {
    let id = *id;
    let server = app.db.read(move |conn| Ok(ResourceServer::find(conn, id)?)).await?;
    ok(&ResourceServerItem::of(&server))
}
