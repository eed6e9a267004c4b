//! Acts through the admin API: what they do, that a repeat does nothing more, and who may do them.

use client_api_access::connections::ApiType;
use client_api_access::scopes::Role;
use client_api_access::time::{DAY, MINUTE};
use serde_json::{Value, json};

use crate::support::api::ALL_AREAS;
use crate::support::{TestApp, is_postgres};

fn counts(done: &Value) -> [i64; 3] {
    ["refresh_tokens", "access_tokens", "api_keys"].map(|name| done[name].as_i64().unwrap())
}

#[test]
fn clients_and_tokens_are_changed_and_revoked_as_on_the_pages() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna Andersson");
    let ben = shop.staff("Ben Berg");
    let (pending, client) = (shop.pending_client("Newcomer"), shop.client("Ledgerly"));
    let grants: Vec<_> = (0..3).map(|_| shop.grant(client, &anna)).collect();
    let key = shop.api_key(client, &ben, "Nightly export");
    let mut admin = app.api(Role::Admin);
    let mut staff = app.api_of(&anna, Role::Staff, ALL_AREAS);

    let done = admin.act(&format!("/api/v1/clients/{pending}/approve"), &json!({}));
    assert_eq!((&done["changed"], &done["client"]["status"]), (&json!(true), &json!("active")));
    assert_eq!(admin.act(&format!("/api/v1/clients/{pending}/approve"), &json!({}))["changed"], false);
    let path = format!("/api/v1/clients/{client}");
    let done = admin.act(&format!("{path}/suspend"), &json!({ "reason": "Being audited" }));
    assert_eq!(
        (&done["client"]["status"], &done["client"]["suspended_reason"]),
        (&json!("suspended"), &json!("Being audited"))
    );
    assert!(!app.works(&grants[0].access_token));
    admin.act(&format!("{path}/resume"), &json!({}));
    assert!(app.works(&grants[0].access_token));

    // One's own, and somebody else's.
    let own = format!("/api/v1/tokens/r{}/revoke", grants[0].id);
    assert_eq!(counts(&staff.act(&own, &json!({ "dry_run": true }))), [1, 1, 0]);
    assert!(app.works(&grants[0].access_token), "a dry run changes nothing");
    assert_eq!(counts(&staff.act(&own, &json!({}))), [1, 1, 0]);
    assert!(!app.works(&grants[0].access_token));
    assert_eq!(staff.post(&own, "again", &json!({})).status, 410);
    let others = format!("/api/v1/tokens/k{}/revoke", key.id);
    assert_eq!(staff.post(&others, "others", &json!({})).status, 403);
    assert_eq!(
        counts(&admin.act(&format!("/api/v1/tokens/a{}/revoke", grants[1].access_token_id), &json!({}))),
        [0, 1, 0]
    );
    assert!(!app.works(&grants[1].access_token));

    // By its value, in the body.
    let found = admin.send("POST", "/api/v1/find-token", &[], &json!({ "value": key.value }).to_string()).json();
    assert_eq!((&found["found"][0]["id"], &found["unknown"]), (&json!(format!("k{}", key.id)), &json!(0)));
    let found = staff.send("POST", "/api/v1/find-token", &[], &json!({ "value": key.mask() }).to_string()).json();
    assert_eq!(found["found"][0]["employee"]["name"], "Ben Berg");

    // Many: counted first, and never more than was counted.
    let wrong = [
        json!({ "dry_run": true }),
        json!({ "dry_run": true, "filter": {} }),
        json!({ "dry_run": true, "filter": { "usage": "ever" } }),
        json!({ "dry_run": true, "tokens": ["a1"] }),
        json!({ "filter": { "client": "ledgerly" } }),
        json!({ "dry_run": true, "filter": { "clients": "ledgerly" } }),
    ];
    for (n, body) in wrong.iter().enumerate() {
        let page = admin.post("/api/v1/revocations", &format!("wrong {n}"), body);
        assert!([400, 422].contains(&page.status), "{body}: {} {}", page.status, page.body);
    }
    let counted = admin.act(
        "/api/v1/revocations",
        &json!({ "dry_run": true, "filter": { "client": "ledgerly", "type": "refresh-token" } }),
    );
    assert_eq!((&counted["state"], &counted["matched"]), (&json!("counted"), &json!(2)));
    let confirm = format!("/api/v1/revocations/{}/confirm", counted["id"]);
    assert_eq!(admin.post(&confirm, "wrong count", &json!({ "count": 3 })).status, 409);
    assert_eq!(app.api(Role::Manager).post(&confirm, "another", &json!({ "count": 2 })).status, 403);
    let done = admin.act(&confirm, &json!({ "count": 2 }));
    assert_eq!(done["revoked_refresh_tokens"], 2);
    app.run_background();
    assert_eq!(admin.read(&format!("/api/v1/revocations/{}", counted["id"]))["state"], "finished");
    assert!(!app.works(&grants[2].access_token) && app.works(&key.value));

    assert_eq!(counts(&admin.act(&format!("{path}/revoke"), &json!({ "dry_run": true }))), [0, 0, 1]);
    assert_eq!(counts(&admin.act(&format!("{path}/revoke"), &json!({}))), [0, 0, 1]);
    assert!(!app.works(&key.value));
    assert_eq!(admin.get(&path).status, 410);
    let entry = admin.read("/api/v1/activity?kind=client%20revoked")["data"][0].clone();
    let actor = format!("{}, with API token “Nightly report”", admin.person.name);
    assert_eq!((&entry["actor"], &entry["subject"]["name"]), (&json!(actor), &json!("Ledgerly")));
}

#[test]
fn people_are_locked_and_offboarded_as_on_the_pages() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, boss) = (shop.staff("Anna Andersson"), shop.employee("Bo Boss", Role::Admin));
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &anna);
    let oauth_client = app.oauth_client("Harbour at its provider", ApiType::Other);
    app.named_online("Stock sync", oauth_client, &anna);
    let (mut admin, mut manager) = (app.api(Role::Admin), app.api(Role::Manager));
    let path = format!("/api/v1/employees/{}", anna.id);

    assert_eq!(admin.act(&format!("{path}/lock"), &json!({}))["state"], "locked");
    assert!(!app.works(&grant.access_token));
    assert_eq!(admin.act(&format!("{path}/unlock"), &json!({}))["state"], "active");
    assert!(app.works(&grant.access_token));

    let tried = manager.act(&format!("{path}/offboard"), &json!({ "dry_run": true }));
    assert_eq!((counts(&tried), &tried["dry_run"]), ([1, 1, 0], &json!(true)));
    let (sync, none) = (json!(["Stock sync"]), json!([]));
    let lost_and_kept = |tried: &Value| (tried["connections"].clone(), tried["connections_kept"].clone());
    assert_eq!(lost_and_kept(&tried), (none.clone(), sync.clone()), "a manager keeps connections");
    let all = manager.act(&format!("{path}/revoke-all-access"), &json!({ "dry_run": true }));
    assert_eq!(lost_and_kept(&all), (sync.clone(), none.clone()));
    let by_admin = admin.act(&format!("{path}/offboard"), &json!({ "dry_run": true }));
    assert_eq!(lost_and_kept(&by_admin), (sync, none));
    let own = format!("/api/v1/employees/{}/offboard", manager.person.id);
    assert_eq!(manager.post(&own, "oneself", &json!({})).status, 403);
    assert_eq!(manager.post(&format!("/api/v1/employees/{}/offboard", boss.id), "an admin", &json!({})).status, 403);
    let done = manager.act(&format!("{path}/offboard"), &json!({}));
    assert_eq!((counts(&done), &done["connections_kept"]), ([1, 1, 0], &json!(["Stock sync"])));
    assert!(!app.works(&grant.access_token));
    assert_eq!(manager.read(&path)["state"], "locked");

    let again = app.shop().grant(client, &boss);
    let done = admin.act(&format!("/api/v1/employees/{}/revoke-all-access", boss.id), &json!({}));
    assert_eq!(counts(&done), [1, 1, 0]);
    assert!(!app.works(&again.access_token));
}

#[test]
fn x4_an_act_that_is_repeated_has_one_effect_and_one_answer() {
    let nodes = TestApp::nodes(2, |_| ());
    let app = &nodes[nodes.len() - 1];
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Andersson"), shop.client("Ledgerly"));
    let grant = shop.grant(client, &anna);
    let admin = app.api(Role::Admin);
    let path = format!("/api/v1/tokens/r{}/revoke", grant.id);

    let answers: Vec<_> = std::thread::scope(|scope| {
        let repeat = |n: usize| {
            let (mut program, path) = (admin.at(&nodes[n % nodes.len()]), path.clone());
            scope.spawn(move || program.post(&path, "once", &json!({})))
        };
        let running: Vec<_> = (0..50).map(repeat).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (200, &answers[0].body));
    }
    let first = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count();
    assert_eq!(first, 1, "one of them acted");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity WHERE kind = 'refresh token revoked'"), 1);

    let mut admin = admin.at(app);
    let problem = |page: crate::support::Page| page.json()["type"].as_str().unwrap().replace("/api/v1/problems/", "");
    assert_eq!(problem(admin.post(&path, "once", &json!({ "dry_run": true }))), "idempotency-key-reused");
    assert_eq!(problem(admin.post("/api/v1/tokens/r9/revoke", "once", &json!({}))), "idempotency-key-reused");
    assert_eq!(problem(admin.send("POST", &path, &[], "{}")), "idempotency-key-missing");
    assert_eq!(problem(admin.post(&path, &"x".repeat(256), &json!({}))), "invalid-request");
    assert_eq!(problem(admin.post(&path, "another", &json!({ "dry": true }))), "invalid-request");
    assert_eq!(
        problem(app.api(Role::Manager).post(&path, "once", &json!({}))),
        "gone",
        "a key belongs to its API token"
    );
    // What failed is not kept.
    assert_eq!(problem(admin.post("/api/v1/clients/99/approve", "failed", &json!({}))), "not-found");
    assert_eq!(admin.post(&format!("/api/v1/clients/{client}/approve"), "failed", &json!({})).status, 200);

    // An act that takes several steps is in progress until it is answered.
    let offboard = format!("/api/v1/employees/{}/offboard", anna.id);
    assert_eq!(admin.post(&offboard, "steps", &json!({})).status, 200);
    let mut shop = app.shop();
    shop.sql(
        "UPDATE idempotency_keys SET status = NULL, answer = NULL WHERE id = (SELECT MAX(id) FROM idempotency_keys)",
    );
    assert_eq!(problem(admin.post(&offboard, "steps", &json!({}))), "request-in-progress");
    app.advance(5 * MINUTE);
    assert_eq!(admin.post(&offboard, "steps", &json!({})).status, 200, "it was interrupted");

    app.advance(DAY);
    assert_eq!(problem(admin.post(&path, "once", &json!({}))), "gone", "a day later it is forgotten");
    app.run_background();
    assert_eq!(shop.number("SELECT COUNT(*) FROM idempotency_keys"), 0);
}

#[test]
fn keys_resource_servers_and_connections_are_created_with_secrets_that_are_shown_once() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Andersson"), shop.client("Ledgerly"));
    let mut admin = app.api(Role::Admin);

    let keys = format!("/api/v1/clients/{client}/api-keys");
    let new =
        |scope: &str, end: &str| json!({ "employee": anna.id, "label": "Export", "scope": scope, "expires_at": end });
    for (n, (body, status)) in [
        (new("employee:nothing", "2027-01-31T22:59:59Z"), 422),
        (new("employee:register_read", "2028-01-31T22:59:59Z"), 422),
        (new("employee:register_read", "2020-01-01T00:00:00Z"), 422),
        (new("employee:register_read", "soon"), 422),
        (new("employee:admin", "2027-01-31T22:59:59Z"), 409),
    ]
    .iter()
    .enumerate()
    {
        let page = admin.post(&keys, &format!("wrong {n}"), body);
        assert_eq!(page.status, *status, "{body}: {}", page.body);
    }
    let never = admin.post(&keys, "never", &new("employee:register_read", "never"));
    assert_eq!(never.status, 422, "{}", never.body);
    assert!(never.json()["detail"].as_str().unwrap().contains("within a year"), "{}", never.body);
    let body = new("employee:register_read", "2027-01-31T22:59:59Z");
    let (first, again) = (admin.post(&keys, "key", &body), admin.post(&keys, "key", &body));
    assert_eq!((first.status, again.status, &again.body), (201, 201, &first.body));
    let key = first.json();
    let value = key["value"].as_str().unwrap();
    assert!(app.works(value));
    assert_eq!((admin.all(&keys).len(), &key["expires_at"]), (1, &json!("2027-01-31T22:59:59Z")));
    assert!(!admin.get(&keys).body.contains(&value[7..]), "it is in the answer that created it only");
    let stored = app.shop().words(&format!("SELECT {} AS word FROM idempotency_keys", hex()));
    let plain: String = value.bytes().map(|byte| format!("{byte:02X}")).collect();
    assert!(stored.iter().all(|answer| !answer.to_uppercase().contains(&plain)), "the stored answer is sealed");

    let server = admin.act("/api/v1/resource-servers", &json!({ "name": "Orders API" }));
    let path = format!("/api/v1/resource-servers/{}", server["id"]);
    let introspects = |secret: &Value| {
        let (id, secret) = (server["resource_server_id"].as_str().unwrap(), secret.as_str().unwrap());
        let mut program = app.program();
        program.headers.push(basic(id, secret));
        program.post("/auth/oauth/introspect", &[("token", value)]).status == 200
    };
    assert!(introspects(&server["secret"]));
    let renewed = admin.act(&format!("{path}/regenerate"), &json!({}));
    assert!(!introspects(&server["secret"]) && introspects(&renewed["secret"]));
    assert!(admin.read(&path).get("secret").is_none());
    admin.act(&format!("{path}/remove"), &json!({}));
    assert_eq!(admin.get(&path).status, 404);

    let oauth_client = app.oauth_client("Harbour at its provider", ApiType::Other);
    assert_eq!(admin.read("/api/v1/app-credentials")["data"][0]["id"], json!(oauth_client));
    let new = |name: &str| json!({ "name": name, "app_credentials": oauth_client, "scope": "stock:read" });
    let connection = admin.act("/api/v1/connections", &new("Stock sync"));
    assert_eq!(connection["status"], "needs-authorization");
    assert_eq!(admin.post("/api/v1/connections", "taken", &new("Stock sync")).status, 422);
    let path = format!("/api/v1/connections/{}", connection["id"]);
    let at = admin.act(&format!("{path}/authorize"), &json!({}));
    assert_eq!(at["url"], format!("{}/settings/connections/{}", app.origin(), connection["id"]));
    assert_eq!(admin.act(&format!("{path}/test"), &json!({}))["passed"], false);
    assert_eq!(admin.act(&format!("{path}/refresh"), &json!({}))["refreshed"], false);
    assert_eq!(admin.act(&format!("{path}/pause"), &json!({}))["status"], "paused");
    assert_eq!(admin.act(&format!("{path}/resume"), &json!({}))["status"], "needs-authorization");
    assert_eq!(admin.act(&format!("{path}/disconnect"), &json!({}))["provider_revocation"], "no_tokens");
    assert_eq!(admin.get(&path).status, 410);
}

#[test]
fn x5_an_edit_needs_the_tag_of_what_was_read() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Andersson"), shop.client("Ledgerly"));
    let mut admin = app.api(Role::Admin);
    let edits = [
        (format!("/api/v1/clients/{client}"), json!({ "name": "Ledgerly 2", "requires_pkce": false }), "name"),
        (format!("/api/v1/employees/{}", anna.id), json!({ "role": "manager" }), "role"),
    ];
    for (path, body, member) in edits {
        let tag = admin.get(&path).header("etag").unwrap().to_string();
        let mut edit = |tag: &str| admin.send("PATCH", &path, &[("if-match".into(), tag.into())], &body.to_string());
        assert_eq!(edit("\"other\"").status, 412);
        let page = edit(&tag);
        assert_eq!((page.status, &page.json()[member]), (200, &body[member]), "{}", page.body);
        let newer = page.header("etag").unwrap().to_string();
        assert_eq!(edit(&tag).status, 412, "it was changed meanwhile");
        assert_eq!(edit(&newer).status, 200, "nothing to change");
        assert_eq!(admin.send("PATCH", &path, &[], &body.to_string()).status, 428);
        assert_eq!(admin.get(&path).header("etag"), Some(newer.as_str()));
    }
    let path = format!("/api/v1/clients/{client}");
    for wrong in [
        json!({ "name": "Lightspeed sync" }),
        json!({ "name": " " }),
        json!({ "website": "javascript:alert(1)" }),
        json!({ "redirect_uris": [] }),
        json!({ "redirect_uris": ["http://app.example/#x"] }),
    ] {
        let page = admin.send("PATCH", &path, &[("if-match".into(), "*".into())], &wrong.to_string());
        assert_eq!(page.status, 422, "{wrong}: {}", page.body);
    }
    let page = admin.send("PATCH", &path, &[("if-match".into(), "*".into())], &json!({ "approved": true }).to_string());
    assert_eq!(page.status, 400, "unknown members are refused: {}", page.body);
}

// Of a column with bytes, as hexadecimal digits.
fn hex() -> &'static str {
    if is_postgres() { "encode(answer, 'hex')" } else { "hex(answer)" }
}

fn basic(id: &str, secret: &str) -> (String, String) {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    ("authorization".into(), format!("Basic {text}"))
}
