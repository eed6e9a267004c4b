//! Every route of the admin API, every role, every kind of credential.

use client_api_access::routes::API;
use client_api_access::scopes::Role;
use client_api_access::web::route_table::{Access, Route};
use serde_json::Value;

use super::access_matrix::{World, filled};
use crate::support::api::{ALL_AREAS, Program, check, document};
use crate::support::oauth::bearer;
use crate::support::{Browser, Page};

/// What an API token with the area is answered, by the role of its person: staff, manager, admin. Acts are sent without a
/// body: 400, because the `Idempotency-Key` is missing, says that the role may do it.
fn expected(method: &str, path: &str) -> Option<[u16; 3]> {
    Some(match (method, path.trim_start_matches("/api/v1")) {
        ("GET", "/clients" | "/clients/{client}" | "/inventory" | "/activity" | "/attention" | "/attention/{rule}") => {
            [200; 3]
        }
        ("GET", "/clients/{client}/refresh-tokens" | "/clients/{client}/access-tokens") => [200; 3],
        ("GET", "/clients/{client}/api-keys" | "/tokens/{token}" | "/tokens/{token}/access-tokens") => [200; 3],
        ("GET", "/connections" | "/connections/{connection}") => [200; 3],
        ("GET", "/employees" | "/employees/{employee}") => [403, 200, 200],
        ("GET", "/app-credentials") => [403, 403, 200],
        ("PATCH", _) => [403, 403, 428],
        ("GET", "/resource-servers" | "/resource-servers/{resource_server}") => [403, 403, 200],
        ("GET", "/revocations/{revocation}") => [403, 200, 200],
        ("POST", "/find-token" | "/tokens/{token}/revoke") => [400; 3],
        ("POST", "/revocations" | "/revocations/{revocation}/confirm" | "/revocations/{revocation}/stop") => [400; 3],
        ("POST", "/employees/{employee}/revoke-all-access" | "/employees/{employee}/offboard") => [400; 3],
        // All other acts are for admins.
        ("POST", _) => [403, 403, 400],
        _ => return None,
    })
}

// All areas but the one of the route; and the word of that one.
fn without(route: &Route) -> Option<(String, String)> {
    let (Access::Api(area, access) | Access::ApiAdmin(area, access)) = route.access else { return None };
    let others = ALL_AREAS.split(' ').filter(|word| !word.starts_with(area.word()));
    Some((others.collect::<Vec<_>>().join(" "), format!("{}:{}", area.word(), access.word())))
}

fn path_of(route: &Route, world: &World) -> String {
    let path = route.path.replace("{token}", &format!("r{}", world.grant.id)).replace("{problem}", "not-found");
    filled(&path, &world.owner, &world.grant, &world.key)
}

fn refused(program: &mut Program, method: &str, path: &str, (status, problem): (u16, &str)) -> Value {
    let page = program.send(method, path, &[], "");
    let kind = page.json()["type"].as_str().unwrap().to_string();
    assert_eq!((page.status, kind), (status, format!("/api/v1/problems/{problem}")), "{method} {path}: {}", page.body);
    page.json()
}

#[test]
fn x1_every_route_of_the_api_answers_every_caller_as_it_must() {
    let world = World::start();
    let app = &world.app;
    let mut shop = app.shop();
    let document = document(app);
    let (mut admin_browser, ada) = app.sign_in_as(Role::Admin);
    admin_browser.origin_header = None;
    let plain = |value: &str| {
        let mut caller: Browser = app.program();
        caller.headers.push(bearer(value));
        caller
    };
    // Nobody; a page's session; what clients hold; nonsense; and the same in another scheme.
    let mut strangers: Vec<(&str, Browser)> = vec![("nothing", app.program()), ("a session", admin_browser)];
    let values = [&world.grant.access_token, &world.grant.refresh_token, &world.key.value, "nonsense"];
    strangers.extend(values.map(|value| ("another value", plain(value))));
    let mut basic = app.program();
    basic.headers.push(("authorization".into(), "Basic YWRtaW46YWRtaW4=".into()));
    strangers.push(("another scheme", basic));

    let mut programs = [Role::Staff, Role::Manager, Role::Admin].map(|role| app.api(role));
    let mut all_of = |name: &str, sql: &str| {
        let person = shop.employee(name, Role::Admin);
        let program = app.api_of(&person, Role::Admin, ALL_AREAS);
        shop.sql(&sql.replace("{}", &person.id.to_string()));
        program
    };
    let mut inactive = [
        (all_of("Lena Locked", "UPDATE employees SET locked_at = 1 WHERE id = {}"), "person-inactive"),
        (all_of("Arne Archived", "UPDATE employees SET archived_at = 1 WHERE id = {}"), "person-inactive"),
        (all_of("Eva Ended", "UPDATE api_tokens SET expires_at = 1 WHERE employee_id = {}"), "token-expired"),
        (all_of("Rita Revoked", "UPDATE api_tokens SET revoked_at = 1 WHERE employee_id = {}"), "token-revoked"),
    ];
    // What an admin may do, an API token for staff may not, nor one whose person became staff.
    let mut lowered =
        [app.api_of(&ada, Role::Staff, ALL_AREAS), all_of("Dora", "UPDATE employees SET role = 'staff' WHERE id = {}")];

    let mut answers: Vec<Page> = Vec::new();
    for route in API.iter().copied().flatten() {
        let (method, path) = (route.method, path_of(route, &world));
        if route.access == Access::Public {
            let page = app.program().send(method, &path, &[], "");
            assert_eq!(page.status, 200, "{method} {path}: {}", page.body);
            check(document, method, &page);
            answers.push(page);
            continue;
        }
        for (name, caller) in &mut strangers {
            let page = caller.send(method, &path, &[], "");
            assert_eq!(page.status, 401, "{method} {path} with {name}: {}", page.body);
            assert!(page.header("www-authenticate").unwrap().starts_with("Bearer realm=\"admin API\""), "{name}");
            check(document, method, &page);
        }
        for (program, problem) in &mut inactive {
            refused(program, method, &path, (401, problem));
        }
        let (others, area) = without(route).expect("an area");
        let problem = refused(&mut app.api_of(&ada, Role::Admin, &others), method, &path, (403, "area-missing"));
        assert_eq!(problem["required_area"], area.as_str());
        let expected = expected(method, route.path).unwrap_or_else(|| panic!("no line for {method} {}", route.path));
        for (program, status) in programs.iter_mut().zip(expected) {
            let page = program.send(method, &path, &[], "");
            assert_eq!(page.status, status, "{method} {path} by {}: {}", program.person.name, page.body);
            answers.push(page);
        }
        for program in &mut lowered {
            let page = program.send(method, &path, &[], "");
            assert_eq!(page.status, expected[0], "{method} {path} by staff: {}", page.body);
        }
    }

    let secrets = values.into_iter().take(3).chain(programs.iter().map(|program| program.token.as_str()));
    for secret in secrets {
        for page in &answers {
            assert!(!page.body.contains(&secret[7..]), "{} has a secret", page.path);
        }
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 2, "nothing was revoked by any of it");
}

#[test]
fn x6_the_document_and_the_routes_name_each_other() {
    let world = World::start();
    let document = document(&world.app);
    let mut documented: Vec<(String, String)> = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        documented.extend(operations.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    let mut routes: Vec<(String, String)> =
        API.iter().copied().flatten().map(|route| (route.method.to_string(), route.path.to_string())).collect();
    documented.sort();
    routes.sort();
    assert_eq!(documented, routes);
    assert_eq!(document["openapi"], "3.1.0");

    let page = world.app.program().open("/api/v1/docs");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for (_, path) in routes {
        assert!(page.body.contains(&format!("<code>{path}</code>")), "the page of docs lacks {path}");
    }
    // Addresses and methods that the API does not have.
    let mut admin = world.app.api(Role::Admin);
    for (method, path, status) in [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v2", 404),
        ("DELETE", "/api/v1/clients", 405),
        ("GET", "/api/v1/clients/x", 404),
    ] {
        let page = admin.send(method, path, &[], "");
        assert_eq!(page.status, status, "{method} {path}: {}", page.body);
    }
    assert_eq!(admin.send("PUT", "/api/v1/clients", &[], "").header("allow"), Some("GET"));
}
