//! What a token reads under the addresses of Lightspeed's APIs, and what an address answers that nothing here serves.

use client_api_access::account::Business;
use client_api_access::routes::{ENDPOINTS, PAGES};
use client_api_access::scopes::Role;
use serde_json::json;

use crate::support::oauth::{bearer, refusal};
use crate::support::{Grant, Page, TestApp};

fn granted(app: &TestApp) -> Grant {
    let mut shop = app.shop();
    let (client, person) = (shop.client("Ledgerly"), shop.staff("Stina Staff"));
    shop.grant(client, &person)
}

#[test]
fn the_address_that_account_json_names_answers_with_and_without_json_at_its_end() {
    let app = TestApp::start();
    let grant = granted(&app);
    let mut shop = app.shop();
    let (now, gone) = (app.now(), shop.staff("Gunnar Gone"));
    shop.archive(&gone);
    Business::create(shop.conn(), "Harbour & Pine AB", "SEK", now).unwrap();
    Business::create(shop.conn(), "Another Ltd", "GBP", now).unwrap();
    let listed = app.call("/API/V3/Account.json", &grant.access_token).json();
    let href = listed["Account"]["link"]["@attributes"]["href"].as_str().unwrap().to_string();

    for path in [href.clone(), format!("{href}.json"), format!("{href}.json?load_relations=all")] {
        let answer = app.call(&path, &grant.access_token);

        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(
            answer.json(),
            json!({
                "@attributes": { "systemCustomerID": "1" },
                "accountID": "1",
                "name": "Harbour & Pine",
                "link": { "@attributes": { "href": "/API/V3/Account/1" } },
                "status": "customer",
                // Without those who are archived.
                "employeeCount": "1",
                "employeeLimit": "",
                "uniqueSubscriptionIdentifier": "",
                "defaultCurrency": { "code": "SEK", "symbol": "kr" },
                "purchasingCurrencies": { "purchasingCurrency": [] },
            }),
            "{path}"
        );
        assert!(answer.header("x-ls-api-bucket-level").is_some());
    }
    assert_eq!(app.call(&href, "wrong").status, 401);
}

#[test]
fn an_account_without_a_business_has_no_currency() {
    let app = TestApp::start();
    let grant = granted(&app);

    let account = app.call("/API/V3/Account/1.json", &grant.access_token).json();

    assert_eq!(account["defaultCurrency"], json!({ "code": "", "symbol": "" }));
}

fn is_not_served(answer: &Page, what: &str) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}: {}", answer.body);
    let (status, error, hint) = refusal(answer);
    assert_eq!((status, error.as_str()), (404, "not_found"), "{what}");
    assert!(hint.contains("gateway"), "{what}: {hint}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert!(answer.header("set-cookie").is_none() && answer.header("www-authenticate").is_none(), "{what}");
}

#[test]
fn an_address_that_nothing_here_serves_is_answered_as_json() {
    let app = TestApp::start();
    let grant = granted(&app);
    let (mut admin, _) = app.sign_in_as(Role::Admin);
    let mut program = app.program();

    for path in [
        "/API/V3/Account/1/Item.json",
        "/API/V3/Account/2.json",
        "/API/V3/Account/1.xml",
        "/API/V3/Account/1/",
        "/API/Account.json",
        "/API/",
        "/auth/",
        "/auth/oauth/tokens",
        "/oauth/access_token.php",
        "/oauth/",
        "/f/finance/v2/businesses",
        "/f/",
        "/API/%FF/%00?x=%FF",
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
            let what = format!("{method} {path}");
            is_not_served(&program.send(method, path, &[], ""), &what);
            is_not_served(&program.send(method, path, &[bearer(&grant.access_token)], ""), &what);
        }
        is_not_served(&admin.get(path), path);
        let head = program.send("HEAD", path, &[], "");
        assert_eq!((head.status, head.body.as_str()), (404, ""), "{path}");
    }
    for path in ["/API", "/f", "/authority/x", "/nowhere"] {
        let page = program.get(path);
        assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")), "{path}");
    }
}

#[test]
fn a_wrong_method_below_the_addresses_of_the_apis_is_405_with_allow() {
    let app = TestApp::start();
    let below = |path: &str| ["/API/", "/auth/", "/oauth/", "/f/"].iter().any(|root| path.starts_with(root));

    for route in ENDPOINTS.iter().chain(PAGES.iter().copied().flatten()).filter(|route| below(route.path)) {
        let answer = app.program().send("PUT", route.path, &[], "");
        assert_eq!(answer.status, 405, "{}", route.path);
        assert!(answer.header("allow").unwrap().contains(route.method), "{}", route.path);
    }
}
