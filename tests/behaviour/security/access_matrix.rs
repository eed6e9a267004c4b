//! Every route, every method, every kind of caller.

use std::collections::BTreeMap;

use client_api_access::access::bulk_revocation::{Selection, begin, prepare};
use client_api_access::activity::Actor;
use client_api_access::connections::{ApiType, ServiceKey};
use client_api_access::employees::IDLE_TIMEOUT;
use client_api_access::routes::PAGES;
use client_api_access::scopes::Role;
use client_api_access::tokens::listing::inventory::InventoryFilter;

use crate::support::{Browser, Grant, Key, Person, TestApp};

/// What a caller is answered; the words are explained in [`MATRIX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Ok,
    In,
    No,
    Form,
    Away,
    Gone,
    Absent,
    Wrong,
}
use Answer::{Absent, Away, Form, Gone, In, No, Ok, Wrong};

const ANSWERS: [Answer; 8] = [Ok, In, No, Form, Away, Gone, Absent, Wrong];
const CALLERS: [&str; 6] = ["nobody", "staff", "manager", "admin", "locked", "expired"];

/// A line for each route, without patterns: a new route has no line until somebody writes it.
const MATRIX: &str = include_str!("access_matrix.txt");

/// The expected answers by method and path.
pub fn matrix() -> BTreeMap<(&'static str, &'static str), [Answer; 6]> {
    let mut matrix = BTreeMap::new();
    for line in MATRIX.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [answers @ .., method, path] = words.as_slice() else { panic!("an empty line") };
        let answers: Vec<Answer> = answers
            .iter()
            .map(|word| ANSWERS.into_iter().find(|answer| format!("{answer:?}") == *word).expect("an answer"))
            .collect();
        let twice = matrix.insert((*method, *path), answers.try_into().expect("an answer for each caller"));
        assert!(twice.is_none(), "{method} {path} has two lines");
    }
    matrix
}

fn answer(browser: &mut Browser, method: &str, path: &str) -> (Answer, String) {
    let page = match method {
        "GET" => browser.get(path),
        _ => browser.post(path, &[]),
    };
    let answer = match page.status {
        200 => Ok,
        303 if page.location().starts_with("/sign-in") => In,
        303 => Away,
        403 if page.text().contains("This form has expired") => Form,
        403 => No,
        404 => Absent,
        410 => Gone,
        400 => Wrong,
        status => panic!("{method} {path} answered {status}: {}", page.text()),
    };
    (answer, page.text())
}

pub fn filled(pattern: &str, of: &Person, grant: &Grant, key: &Key) -> String {
    let mut path = pattern
        .replace("{client}", &grant.client.to_string())
        .replace("{refresh_token}", &grant.id.to_string())
        .replace("{employee}", &of.id.to_string())
        .replace("{secret}", "nothingnothing")
        .replace("{business}", "1")
        .replace("{location}", "1")
        .replace("{resource_server}", "1")
        .replace("{api_token}", "1")
        .replace("{session}", "1")
        .replace("{passkey}", "1")
        .replace("{connection}", "1")
        .replace("{service_key}", "1")
        .replace("{revocation}", "1")
        .replace("{oauth_client}", "1")
        .replace("{callback}", "other")
        .replace("{rule}", "unused");
    let token = if pattern.contains("{refresh_token}") { grant.access_token_id } else { key.id };
    path = path.replace("{access_token}", &token.to_string());
    path
}

/// One of everything that a path can name.
pub struct World {
    pub app: TestApp,
    pub owner: Person,
    pub grant: Grant,
    pub key: Key,
}

impl World {
    pub fn start() -> World {
        let app = TestApp::start();
        let mut shop = app.shop();
        let owner = shop.staff("Olga Owner");
        let client = shop.client("Ledgerly");
        let (grant, key) = (shop.grant(client, &owner), shop.api_key(client, &owner, "Nightly export"));
        shop.resource_server("Orders API");
        shop.api_token(&owner, Role::Staff, "clients:read");
        let selection =
            Selection { filter: InventoryFilter { client: "l".into(), ..Default::default() }, ..Default::default() };
        let counted = prepare(shop.conn(), &selection, app.now()).unwrap();
        let by = (owner.id, &Actor::person(owner.id, &owner.name));
        begin(shop.conn(), &selection, &counted, (by, ""), app.now()).unwrap();
        shop.location("North", "Harbour");
        let oauth_client = app.oauth_client("Harbour at its provider", ApiType::Other);
        let connection = app.named_online("Stock sync", oauth_client, &owner);
        ServiceKey::create(shop.conn(), connection, ("Nightly export", "Ada"), app.now()).unwrap();
        World { app, owner, grant, key }
    }
}

#[test]
fn d1_every_route_answers_every_caller_as_it_must() {
    let world = World::start();
    let World { app, owner, grant, key } = &world;
    let mut shop = app.shop();
    let locked = shop.employee("Lena Locked", Role::Admin);
    let idle = shop.employee("Ida Idle", Role::Admin);
    let mut expired = app.sign_in(&idle);
    app.advance(IDLE_TIMEOUT + 1);
    let mut of_locked = app.sign_in(&locked);
    app.shop().lock(&locked);
    let [mut staff, mut manager, mut admin] =
        [Role::Staff, Role::Manager, Role::Admin].map(|role| app.sign_in_as(role).0);
    let mut nobody = app.browser();

    let mut matrix = matrix();
    for route in PAGES.iter().copied().flatten() {
        let expected = matrix
            .remove(&(route.method, route.path))
            .unwrap_or_else(|| panic!("access_matrix.txt has no line for {} {}", route.method, route.path));
        let path = filled(route.path, owner, grant, key);
        let callers =
            [&mut nobody, &mut staff, &mut manager, &mut admin, &mut of_locked, &mut expired].map(|caller| caller);
        for ((caller, name), expected) in callers.into_iter().zip(CALLERS).zip(expected) {
            let (answered, text) = answer(caller, route.method, &path);

            assert_eq!(answered, expected, "{} {path} by {name}: {text}", route.method);
        }
    }
    assert!(matrix.is_empty(), "there is no such route: {:?}", matrix.keys());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 2, "nothing was revoked by any of it");
}

#[test]
fn d1_with_the_token_of_its_form_a_post_still_needs_the_right() {
    let world = World::start();
    let World { app, owner, grant, key } = &world;
    let staff = app.shop().staff("Stina Staff");
    let posts =
        matrix().into_iter().filter(|((method, _), answers)| *method == "POST" && matches!(answers[1], Form | No));
    let mut seen = 0;

    for ((_, path), _) in posts {
        let mut browser = app.sign_in(&staff);
        let csrf = browser.csrf();
        let page = browser.post(&filled(path, owner, grant, key), &[("csrf", &csrf)]);

        // What is for everybody, or for oneself; an empty form is 422.
        let expected = match path {
            "/sign-in" | "/sign-in/passkey" | "/forgot-password" | "/oauth/update" | "/set-up/{secret}" => 422,
            "/settings/access/revocations" | "/settings/profile/password" => 422,
            "/sign-out"
            | "/settings/profile/second-factor/app/remove"
            | "/settings/profile/second-factor/recovery-codes"
            | "/settings/profile/second-factor/passkeys"
            | "/sign-in/second-factor"
            | "/sign-in/second-factor/set-up"
            | "/sign-in/second-factor/set-up/passkey"
            | "/settings/profile/sessions/{session}/revoke"
            | "/settings/profile/sessions/revoke-others" => 303,
            "/settings/client-api-access/find-token" => 200,
            "/welcome/{secret}" => 410,
            "/settings/profile/second-factor/app" => 409,
            path if path.contains("{passkey}") => 404,
            _ => 403,
        };
        assert_eq!(page.status, expected, "{path}: {}", page.text());
        // The consent form has a token of its own.
        let is_refused_for_its_form = page.text().contains("This form has expired");
        assert_eq!(is_refused_for_its_form, path == "/auth/oauth/consent", "{path}: {}", page.text());
        seen += 1;
    }

    assert!(seen > 70, "{seen} forms");
    for (table, rows) in [("access_tokens", 2), ("refresh_tokens", 1), ("clients", 1), ("connections", 1)] {
        assert_eq!(app.shop().number(&format!("SELECT COUNT(*) FROM {table}")), rows, "{table}");
    }
}

#[test]
fn d1_unsupported_methods_of_a_page_are_refused_with_allow() {
    let app = TestApp::start();
    let mut admin = app.admin();

    for (method, path, allow) in [
        ("POST", "/settings", "GET"),
        ("DELETE", "/settings/client-api-access", "GET"),
        ("PUT", "/settings/client-api-access/find-token", "GET, POST"),
        ("GET", "/sign-out", "POST"),
    ] {
        let page = admin.send(method, path, &[], "");

        assert_eq!((page.status, page.header("allow")), (405, Some(allow)), "{method} {path}");
    }
}

#[test]
fn d2_ids_that_do_not_belong_together_are_not_found_and_nothing_changes() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let person = shop.staff("Marta Lindqvist");
    let (one, other) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    let (mine, theirs) = (shop.grant(one, &person), shop.grant(other, &person));
    let second = shop.grant(one, &person);
    let key = shop.api_key(other, &person, "Nightly export");
    let mut admin = app.admin();
    let csrf = admin.csrf();
    let client = format!("/settings/client-api-access/clients/{one}");

    for path in [
        format!("{client}/refresh-tokens/{}", theirs.id),
        format!("{client}/access-tokens/{}", theirs.access_token_id),
        format!("{client}/access-tokens/{}", key.id),
        format!("{client}/refresh-tokens/{}/access-tokens/{}", mine.id, theirs.access_token_id),
        format!("{client}/refresh-tokens/{}/access-tokens/{}", mine.id, second.access_token_id),
        format!("{client}/refresh-tokens/{}/access-tokens/{}", theirs.id, theirs.access_token_id),
    ] {
        assert_eq!(admin.get(&path).status, 404, "GET {path}");
        assert_eq!(admin.get(&format!("{path}/revoke")).status, 404, "GET {path}/revoke");
        assert_eq!(admin.post(&format!("{path}/revoke"), &[("csrf", &csrf)]).status, 404, "POST {path}/revoke");
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 4);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 3);
}
