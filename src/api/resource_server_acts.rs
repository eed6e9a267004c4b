//! Acts on resource servers: add one, regenerate its secret, remove it. A secret is in the answer that creates it only.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::acts::Plain;
use crate::api::context::ApiContext;
use crate::api::idempotency::Act;
use crate::api::json::line;
use crate::api::problem::Answer;
use crate::api::resource_servers::ResourceServerItem;
use crate::id::ResourceServerKey;
use crate::resource_servers::{self, ResourceServer};
use crate::secrets::PlainToken;
use crate::web::state::State;

/// A new resource server.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewResourceServer {
    /// Its name, at most 100 characters.
    name: String,
}

/// A resource server with a new secret, which cannot be read again.
#[derive(Serialize, ToSchema)]
pub struct ResourceServerWithSecret {
    #[serde(flatten)]
    server: ResourceServerItem,
    /// The secret. The API sends it with `resource_server_id` by HTTP Basic.
    secret: String,
}

impl ResourceServerWithSecret {
    fn of((server, secret): (ResourceServer, PlainToken)) -> ResourceServerWithSecret {
        ResourceServerWithSecret { server: ResourceServerItem::of(&server), secret: secret.expose().to_string() }
    }
}

/// Adds a resource server.
#[utoipa::path(
    post, path = "/api/v1/resource-servers", tag = "resource servers", request_body = NewResourceServer,
    responses((status = 201, description = "The resource server with its secret", body = ResourceServerWithSecret)),
)]
pub async fn add(context: ApiContext, app: web::Data<State>, act: Act<NewResourceServer>) -> Answer {
    let name = line(&act.value.name, "name", 100)?;
    let ((actor, client_ip), now) = (context.by(), context.now);
    act.in_one_transaction(&app, &context, 201, move |conn| {
        Ok(ResourceServerWithSecret::of(resource_servers::add(conn, &name, (&actor, &client_ip), now)?))
    })
    .await
}

/// Regenerates the secret of a resource server. The previous one stops working at once.
#[utoipa::path(
    post, path = "/api/v1/resource-servers/{resource_server}/regenerate", tag = "resource servers", request_body = Plain,
    params(("resource_server" = i64, Path, description = "The resource server's id")),
    responses((status = 201, description = "The resource server with its new secret", body = ResourceServerWithSecret)),
)]
pub async fn regenerate(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
    act: Act<Plain>,
) -> Answer {
    let (id, (actor, client_ip), now) = (*id, context.by(), context.now);
    act.in_one_transaction(&app, &context, 201, move |conn| {
        let done = resource_servers::regenerate_secret(conn, id, (&actor, &client_ip), now)?;
        Ok(ResourceServerWithSecret::of(done))
    })
    .await
}

/// Removes a resource server: it can no longer validate tokens.
#[utoipa::path(
    post, path = "/api/v1/resource-servers/{resource_server}/remove", tag = "resource servers", request_body = Plain,
    params(("resource_server" = i64, Path, description = "The resource server's id")),
    responses((status = 200, description = "The resource server as it was", body = ResourceServerItem)),
)]
pub async fn remove(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
    act: Act<Plain>,
) -> Answer {
    let (id, (actor, client_ip), now) = (*id, context.by(), context.now);
    act.in_one_transaction(&app, &context, 200, move |conn| {
        let server = resource_servers::remove(conn, id, (&actor, &client_ip), now)?;
        Ok(ResourceServerItem::of(&server))
    })
    .await
}
