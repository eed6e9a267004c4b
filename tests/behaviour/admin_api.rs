//! The admin API: lists, filters, cursors and limits.

use client_api_access::connections::ApiType;
use client_api_access::scopes::Role;
use client_api_access::time::DAY;
use serde_json::Value;

use crate::support::TestApp;
use crate::support::api::ALL_AREAS;

fn names(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[test]
fn lists_are_paged_filtered_and_sorted_as_on_the_pages() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, ben) = (shop.staff("Anna Andersson"), shop.staff("Ben Berg"));
    let clients: Vec<_> = ["Alpha", "Bravo", "Charlie", "Delta", "Echo"].iter().map(|name| shop.client(name)).collect();
    shop.pending_client("Pending one");
    let mut old = app.shop().at(-100 * DAY);
    let unused = old.api_key(clients[0], &anna, "Old export");
    let grants: Vec<_> = clients.iter().map(|client| shop.grant(*client, &ben)).collect();
    let more: Vec<_> = (0..4).map(|_| shop.grant(clients[0], &anna)).collect();
    let oauth_client = app.oauth_client("Harbour at its provider", ApiType::Other);
    for name in ["Stock sync", "Accounting", "Webshop"] {
        app.named_online(name, oauth_client, &anna);
    }
    let mut admin = app.api(Role::Admin);

    let all = admin.all("/api/v1/clients?limit=2");
    assert_eq!(names(&all), ["Alpha", "Bravo", "Charlie", "Delta", "Echo", "Pending one"]);
    assert_eq!(names(&admin.all("/api/v1/clients?sort=-name&limit=1&status=active")).first(), Some(&"Echo"));
    assert_eq!(names(&admin.all("/api/v1/clients?status=pending")), ["Pending one"]);
    assert_eq!(names(&admin.all("/api/v1/clients?name=ALP")), ["Alpha"]);
    assert_eq!(names(&admin.all("/api/v1/connections?limit=1")), ["Accounting", "Stock sync", "Webshop"]);
    assert_eq!(names(&admin.all("/api/v1/employees?name=berg")), ["Ben Berg"]);
    assert_eq!(admin.all("/api/v1/employees?limit=1").len(), 3);

    let inventory = admin.all("/api/v1/inventory?limit=3");
    assert_eq!(inventory.len(), 1 + grants.len() + more.len());
    let key = admin.all("/api/v1/inventory?type=api-key&usage=unused-90&client=alpha").remove(0);
    assert_eq!(
        (key["id"].as_str(), key["label"].as_str()),
        (Some(format!("k{}", unused.id).as_str()), Some("Old export"))
    );
    assert_eq!(key["token"], format!("{} *** REDACTED ***", unused.mask()));
    assert_eq!((&key["last_used_at"], &key["expires_at"]), (&Value::Null, &Value::Null));
    let of_alpha = format!("/api/v1/clients/{}", clients[0]);
    assert_eq!(admin.all(&format!("{of_alpha}/refresh-tokens?limit=2")).len(), 5);
    assert_eq!(admin.all(&format!("{of_alpha}/refresh-tokens?employee=ben")).len(), 1);
    assert_eq!(admin.all(&format!("{of_alpha}/api-keys"))[0]["id"], key["id"]);
    let access = admin.all(&format!("{of_alpha}/access-tokens?limit=2"));
    assert_eq!((access.len(), access[0]["type"].as_str()), (5, Some("access_token")));
    let one = admin.read(&format!("/api/v1/tokens/{}", access[0]["id"].as_str().unwrap()));
    let parent = one["refresh_token"].as_str().unwrap();
    assert_eq!(admin.all(&format!("/api/v1/tokens/{parent}/access-tokens"))[0]["id"], one["id"]);
    let found = admin.read("/api/v1/attention");
    assert!(found["data"].as_array().unwrap().iter().any(|finding| finding["rule"] == "never-expires"), "{found}");
    assert_eq!(admin.read("/api/v1/attention/never-expires")["data"][0]["id"], key["id"]);
    let entries = admin.all("/api/v1/activity?limit=1");
    assert_eq!(entries[0]["kind"], "API token created", "{}", entries[0]);

    for wrong in [
        "/api/v1/clients?state=active",
        "/api/v1/clients?status=colour",
        "/api/v1/clients?status=active&status=pending",
        "/api/v1/clients?limit=51",
        "/api/v1/clients?limit=x",
        "/api/v1/clients?cursor=x",
        "/api/v1/clients?name=%00",
        "/api/v1/inventory?usage=90",
        "/api/v1/activity?from=yesterday",
    ] {
        let page = admin.get(wrong);
        assert_eq!(page.status, 400, "{wrong}: {}", page.body);
        assert_eq!(page.json()["type"], "/api/v1/problems/invalid-request");
    }
    let whole = format!("{of_alpha}/api-keys?token={}", unused.value);
    assert_eq!(admin.get(&whole).status, 400, "a whole token is not looked up by an address");

    // Staff see themselves only, of the log what concerns them, and no client IPs of tokens.
    let mut staff = app.api_of(&anna, Role::Staff, ALL_AREAS);
    let used = |table: &str| format!("UPDATE {table} SET last_used_at = 1, last_used_address = '203.0.113.77'");
    app.shop().sql(&format!("{}; {}", used("access_tokens"), used("refresh_tokens")));
    for id in [parent, one["id"].as_str().unwrap(), key["id"].as_str().unwrap()] {
        let path = format!("/api/v1/tokens/{id}");
        assert_eq!(admin.read(&path)["last_used_address"], "203.0.113.77");
        assert_eq!(app.api(Role::Manager).read(&path)["last_used_address"], "203.0.113.77");
        let theirs = staff.read(&path);
        assert!(theirs.get("last_used_address").is_none() && theirs["last_used_at"].is_string(), "{theirs}");
    }
    assert_eq!(staff.read(&format!("/api/v1/employees/{}", anna.id))["name"], "Anna Andersson");
    assert_eq!(staff.get(&format!("/api/v1/employees/{}", ben.id)).status, 403);
    assert_eq!(staff.read("/api/v1/attention")["data"].as_array().unwrap().len(), 3, "of her own");
}

#[test]
fn too_many_requests_of_one_token_are_refused_for_a_while() {
    let app = TestApp::start();
    let mut program = app.api(Role::Admin);
    let mut other = app.api(Role::Staff);
    let mut answer = program.get("/api/v1/resource-servers");
    assert_eq!(answer.header("ratelimit-limit"), Some("600"));
    assert_eq!(answer.header("ratelimit-remaining"), Some("599"));
    while answer.status == 200 {
        answer = program.get("/api/v1/resource-servers");
    }
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
    assert_eq!(answer.header("ratelimit-remaining"), Some("0"));
    assert_eq!(other.get("/api/v1/clients").status, 200, "others are not limited by it");
    app.advance(1);
    assert_eq!(program.get("/api/v1/resource-servers").status, 200);
}
