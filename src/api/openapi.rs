//! The OpenAPI 3.1 document, generated from the handlers and the structs of the answers. What all operations have in common is
//! added here: who may call them, problem details, and the headers of the rate limit.

use std::sync::OnceLock;

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::api::problem::{Answer, Details};
use crate::api::{activity, attention, clients, connections, docs, employees, inventory, problem, resource_servers};
use crate::api::{api_keys, connection_acts, edits, resource_server_acts};
use crate::api::{client_acts, employee_acts, find_token, revocations, token_acts};
use crate::api::{token_lists, tokens};
use crate::error::{Error, Result};
use crate::web::route_table::{Access, Route, RouteTable};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Client API Access: admin API",
        version = "1",
        description = "JSON for the shop's own programs: clients, tokens, people, connections, and what needs attention.",
        license(name = "MIT OR Apache-2.0"),
    ),
    paths(
        clients::list, clients::show,
        client_acts::approve, client_acts::suspend, client_acts::resume, client_acts::revoke,
        edits::edit_client, api_keys::create,
        token_lists::refresh_tokens, token_lists::access_tokens, token_lists::api_keys,
        tokens::show, token_lists::access_tokens_of_refresh_token, inventory::list,
        token_acts::revoke, find_token::find,
        revocations::create, revocations::show, revocations::confirm, revocations::stop,
        attention::findings, attention::items,
        employees::list, employees::show,
        employee_acts::lock, employee_acts::unlock, employee_acts::revoke_all_access, employee_acts::offboard,
        edits::edit_employee,
        activity::list,
        connections::list, connections::show,
        connections::app_credentials, connection_acts::create, connection_acts::authorize, connection_acts::test,
        connection_acts::refresh, connection_acts::pause, connection_acts::resume, connection_acts::disconnect,
        resource_servers::list, resource_servers::show,
        resource_server_acts::add, resource_server_acts::regenerate, resource_server_acts::remove,
        problem::explain, serve, docs::page,
    ),
    components(schemas(Details)),
    tags(
        (name = "clients", description = "Apps that may request tokens"),
        (name = "tokens", description = "Refresh tokens, access tokens and API keys; never their values"),
        (name = "employees", description = "People and their access"),
        (name = "connections", description = "The shop's connections to other OAuth 2.0 servers"),
        (name = "resource servers", description = "APIs that may validate tokens"),
        (name = "attention", description = "What needs attention"),
        (name = "activity", description = "The activity log"),
        (name = "about", description = "This document, and what problems mean"),
    ),
)]
struct Document;

// A search, and no act.
const FIND_TOKEN: &str = "/api/v1/find-token";

const ONCE: &str = "A value of its own for each act, at most 255 characters. A repeat with the same value within 24 hours gets the same \
                    answer.";

static DOCUMENT: OnceLock<Value> = OnceLock::new();

/// The document, for the routes in this table.
pub fn document(routes: RouteTable) -> Result<&'static Value> {
    if let Some(document) = DOCUMENT.get() {
        return Ok(document);
    }
    let mut document = serde_json::to_value(Document::openapi()).map_err(Error::internal)?;
    let of_path = |path: &str| routes.api.iter().copied().flatten().filter(move |route| route.path == path).collect();
    for (path, operations) in document["paths"].as_object_mut().into_iter().flatten() {
        let routes: Vec<&Route> = of_path(path);
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            operation["operationId"] = operation_id(method, path).into();
            if let Some(route) = routes.iter().find(|route| route.method.eq_ignore_ascii_case(method)) {
                complete(operation, route);
            }
        }
    }
    let scheme = "An API token. It has areas, such as `clients:read`, and the role of its person at most.";
    document["components"]["securitySchemes"] =
        json!({ "api_token": { "type": "http", "scheme": "bearer", "description": scheme } });
    Ok(DOCUMENT.get_or_init(|| document))
}

// `get_clients_client_api_keys`: unique, as it must be.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.trim_start_matches(crate::api::BASE).split(|sign: char| !sign.is_ascii_alphanumeric());
    std::iter::once(method).chain(words.filter(|word| !word.is_empty())).collect::<Vec<_>>().join("_")
}

// Adds what follows from the route.
fn complete(operation: &mut Value, route: &Route) {
    let (area, access, role) = match route.access {
        Access::Api(area, access) => (area, access, ""),
        Access::ApiAdmin(area, access) => (area, access, " Admins only."),
        _ => {
            operation["security"] = json!([]);
            return;
        }
    };
    let area = format!("{}:{}", area.word(), access.word());
    let about = operation["description"].as_str().unwrap_or_default().to_string();
    operation["description"] = format!("{about}\n\nNeeds `{area}`.{role}").trim().into();
    operation["security"] = json!([{ "api_token": [area] }]);
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (_, response) in responses.iter_mut() {
        add_limit_headers(response);
    }
    if route.method == "PATCH" {
        let about = "The `ETag` of what was read; an edit takes effect only if it is still the same.";
        add_header(operation, "If-Match", about);
    }
    if route.method == "POST" && route.path != FIND_TOKEN {
        add_header(operation, "Idempotency-Key", ONCE);
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, about) in problems(route) {
        let mut response = json!({
            "description": about,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
        add_limit_headers(&mut response);
        responses.entry(status).or_insert(response);
    }
}

fn add_header(operation: &mut Value, name: &str, about: &str) {
    let parameter =
        json!({ "name": name, "in": "header", "required": true, "description": about, "schema": { "type": "string" } });
    match operation["parameters"].as_array_mut() {
        Some(parameters) => parameters.push(parameter),
        None => operation["parameters"] = json!([parameter]),
    }
}

fn problems(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut problems = vec![
        ("400", "A parameter, a header or the body has the wrong form"),
        ("401", "No valid API token"),
        ("403", "The area or the role is missing"),
        ("429", "Too many requests: wait as long as `Retry-After` says"),
        ("500", "A server error; the log has its cause"),
        ("503", "Temporarily unavailable: repeat the request"),
    ];
    if route.path.contains('{') {
        problems.extend([("404", "It does not exist"), ("410", "It was revoked or deleted")]);
        problems.push(("409", "Its state does not allow this"));
    }
    if route.method != "GET" {
        problems.extend([
            ("409", "Its state does not allow this, or the request is in progress"),
            ("413", "The body is larger than 16 KB"),
            ("415", "The body is not JSON"),
            ("422", "A value cannot be accepted, or the `Idempotency-Key` was used for another request"),
        ]);
    }
    if route.method == "PATCH" {
        problems.extend([("412", "It was changed meanwhile"), ("428", "`If-Match` is missing")]);
    }
    problems
}

fn add_limit_headers(response: &mut Value) {
    let header = |about: &str| json!({ "description": about, "schema": { "type": "integer" } });
    response["headers"]["RateLimit-Limit"] = header("How many requests fit at once");
    response["headers"]["RateLimit-Remaining"] = header("How many are left now");
    response["headers"]["RateLimit-Reset"] = header("Seconds until all are left again");
}

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "about",
    responses((status = 200, description = "The OpenAPI 3.1 document", body = serde_json::Value)),
)]
pub async fn serve(request: HttpRequest) -> Answer {
    let document = document(RouteTable::of(&request)?)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(document.to_string()))
}
