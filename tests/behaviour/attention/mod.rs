//! What needs attention: every rule when it applies, when it does not, and at its boundary; who sees what; acknowledging.

mod acknowledging;
mod other_rules;
mod plans;
mod token_rules;

use client_api_access::id::ClientKey;
use client_api_access::scopes::Role;
use client_api_access::time::{DAY, Timestamp};

use crate::support::{Browser, Grant, Key, Page, Person, TestApp, hrefs};

const HOME: &str = "/settings";

fn path(rule: &str) -> String {
    format!("/settings/attention/{rule}")
}

// The titles of the rules that found something.
fn findings(page: &Page) -> Vec<String> {
    page.texts(".findings h3").iter().map(|text| text.split_once(": ").unwrap().1.to_string()).collect()
}

// The addresses of the items of a rule.
fn items(browser: &mut Browser, rule: &str) -> Vec<String> {
    hrefs(&browser.open(&path(rule)).rows("#items")).into_iter().map(str::to_string).collect()
}

struct World {
    app: TestApp,
    manager: Browser,
    owner: Person,
    client: ClientKey,
}

impl World {
    // Nothing in it needs attention: the owner may use the scope of the keys.
    fn start() -> World {
        let app = TestApp::start();
        let manager = app.manager();
        let owner = app.shop().employee("Olga Owner", Role::Manager);
        let client = app.shop().client("Ledgerly");
        World { app, manager, owner, client }
    }

    // An API key that needs no attention: it expires in half a year and was used just now.
    fn key(&self, label: &str) -> Key {
        let mut shop = self.app.shop();
        let key = shop.api_key_until(self.client, &self.owner, label, self.app.now().plus(180 * DAY));
        shop.used("access_tokens", key.id.0, self.app.now());
        key
    }

    fn set(&self, key: &Key, column: &str, at: Timestamp) {
        self.app.shop().sql(&format!("UPDATE access_tokens SET {column} = {} WHERE id = {}", at.0, key.id));
    }

    // A grant with a long lifetime.
    fn grant(&self, scope: &str) -> Grant {
        let mut shop = self.app.shop();
        let grant = shop.grant_scope(self.client, &self.owner, scope);
        let end = self.app.now().plus(300 * DAY).0;
        shop.sql(&format!("UPDATE refresh_tokens SET expires_at = {end} WHERE id = {}", grant.id));
        grant
    }

    fn finds(&mut self, rule: &str, expected: &[String]) {
        assert_eq!(items(&mut self.manager, rule), expected, "{rule}");
    }
}

#[test]
fn nothing_to_do_is_a_friendly_page() {
    let mut world = World::start();
    world.key("till");
    world.grant("employee:inventory");

    let home = world.manager.open(HOME);
    let rule = world.manager.open(&path("unused"));

    assert!(findings(&home).is_empty(), "{:?}", findings(&home));
    assert!(home.text().contains("Nothing needs attention"), "{}", home.text());
    assert!(rule.text().contains("Nothing left here"), "{}", rule.text());
    assert_eq!(world.manager.get(&path("no-such-rule")).status, 404);
}

#[test]
fn staff_see_their_own_and_revoke_it() {
    let app = TestApp::start();
    let (mut browser, me) = app.sign_in_as(Role::Staff);
    let mut shop = app.shop();
    let (client, other) = (shop.client("Ledgerly"), shop.staff("Other"));
    let mine = shop.grant_scope(client, &me, "employee:all");
    shop.grant_scope(client, &other, "employee:all");
    shop.pending_client("New Thing");

    let home = browser.open(HOME);
    let page = browser.open(&path("full-access"));

    assert_eq!(findings(&home), ["1 token has full access"]);
    assert_eq!(hrefs(&page.rows("#items")), [mine.path()]);
    assert_eq!(page.attribute("#items a.danger", "href"), Some(format!("{}/revoke", mine.path())));
    assert!(!page.text().contains("Acknowledge"), "only those who answer for it");
    assert_eq!(browser.get(&path("pending-clients")).status, 404);
    assert_eq!(browser.get(&format!("{}/acknowledge?item=x", path("full-access"))).status, 403);
}

#[test]
fn counts_are_exact_to_a_thousand() {
    let mut world = World::start();
    world.grant("employee:all");
    let columns = "client_id, employee_id, prefix, scope, created_at, last_used_at, expires_at, generation, rotated_at, \
                   full_access";
    let more = |n: usize| {
        format!(
            "INSERT INTO refresh_tokens ({columns}) WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM \
             numbers WHERE i < {n}) SELECT client_id, employee_id, prefix, scope, created_at, {}, expires_at, 1, 1, \
             full_access FROM refresh_tokens, numbers WHERE id = 1",
            world.app.now().0
        )
    };
    world.app.shop().sql(&more(999));

    assert_eq!(findings(&world.manager.open(HOME)), ["1,000 tokens have full access"]);
    world.app.shop().sql(&more(1));
    world.app.advance(60);
    assert_eq!(findings(&world.manager.open(HOME)), ["1,000+ tokens have full access"]);
    let page = world.manager.open(&path("full-access"));
    assert!(page.text().contains("The first 50 of 1,000+"), "{}", page.text());
    let all = page.link("Show all in the access inventory").unwrap();
    assert_eq!(all, "/settings/access?access=full&owner=active");
    assert!(world.manager.open(&all).text().contains("1,000+"), "the inventory has them");

    // So many are not counted again for a minute, unless the first of them is gone.
    world.app.shop().sql("DELETE FROM refresh_tokens WHERE id > 3");
    assert_eq!(findings(&world.manager.open(HOME)), ["1,000+ tokens have full access"]);
    world.app.advance(60);
    assert_eq!(findings(&world.manager.open(HOME)), ["3 tokens have full access"]);
    world.app.shop().sql(&more(1_000));
    assert_eq!(findings(&world.manager.open(HOME)), ["1,000+ tokens have full access"]);
    world.app.shop().sql("DELETE FROM refresh_tokens WHERE id = 1");
    world.app.shop().sql("DELETE FROM refresh_tokens WHERE id > 3");
    assert_eq!(findings(&world.manager.open(HOME)), ["2 tokens have full access"]);
}
