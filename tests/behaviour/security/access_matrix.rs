//! Every route, every method, every kind of caller.

use client_api_access::access::bulk_revocation::{Selection, begin, prepare};
use client_api_access::activity::Actor;
use client_api_access::connections::{ApiType, ServiceKey};
use client_api_access::employees::IDLE_TIMEOUT;
use client_api_access::routes::PAGES;
use client_api_access::scopes::Role;
use client_api_access::tokens::listing::inventory::InventoryFilter;

use crate::support::{Browser, Grant, Key, Person, TestApp};

/// The expected answer for each caller: signed out, staff, manager, admin, locked, expired session.
///
/// `In` is "sign in first" (303 to /sign-in), `No` is 403, `Form` is 403 for want of a form's token: the right is there; `Wrong` is 400, before anybody is asked who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Ok,
    In,
    No,
    Form,
    Elsewhere,
    Gone,
    Absent,
    Wrong,
}
use Answer::{Absent, Elsewhere, Form, Gone, In, No, Ok, Wrong};

const CALLERS: [&str; 6] = ["nobody", "staff", "manager", "admin", "locked", "expired"];

// What only admins do to a client.
const CLIENT_ADMIN: [&str; 12] = [
    "revoke",
    "edit",
    "approve",
    "lightspeed-approved",
    "lightspeed-approved/withdraw",
    "suspend",
    "resume",
    "secret",
    "secret/revoke-previous",
    "api-keys/new",
    "access-tokens/{access_token}/value",
    "access-tokens/{access_token}/value/revoke-previous",
];

// What only admins do to an employee, after a confirmation.
const EMPLOYEE_ADMIN: [&str; 4] = ["lock", "archive", "link", "hand-over"];

fn expected(method: &str, path: &str) -> Option<[Answer; 6]> {
    let anybody = |answer| Some([answer; 6]);
    let signed_in = |answer| Some([In, answer, answer, answer, In, In]);
    let admin = |answer| Some([In, No, No, answer, In, In]);
    const API: &str = "/settings/client-api-access";
    let breadcrumb = path.strip_prefix(API).unwrap_or("-");
    match (method, path) {
        ("GET", "/") => signed_in(Elsewhere),
        ("GET", "/sign-in") => Some([Ok, Elsewhere, Elsewhere, Elsewhere, Ok, Ok]),
        ("POST", "/sign-in" | "/set-up/{secret}" | "/welcome/{secret}") => anybody(Form),
        // There is no such link: that is said to everybody.
        ("GET", "/set-up/{secret}" | "/welcome/{secret}") => anybody(Gone),
        // Only the demo has them.
        ("GET", "/demo/callback" | "/demo/walk-through") => anybody(Absent),
        // No client is named.
        ("GET", "/auth/oauth/authorize") => anybody(Wrong),
        // Without a session the request begins again.
        ("POST", "/auth/oauth/consent") => Some([Elsewhere, Form, Form, Form, Elsewhere, Elsewhere]),
        // It is off unless a shop turns it on.
        ("GET" | "POST", "/oauth/register") => anybody(Absent),
        ("GET", "/oauth/update" | "/oauth/integration-guide") => anybody(Ok),
        ("POST", "/oauth/update") => anybody(Form),
        ("POST", "/sign-out") => signed_in(Form),
        ("GET", "/settings" | "/settings/activity" | "/settings/activity/export" | "/settings/profile") => {
            signed_in(Ok)
        }
        ("GET", API | "/settings/access" | "/settings/access/export") => signed_in(Ok),
        // Somebody else's bulk revocation.
        ("GET", "/settings/access/revocations/{revocation}") => Some([In, No, Ok, Ok, In, In]),
        ("POST", path) if path.starts_with("/settings/access/revocations") => signed_in(Form),
        // What only those who handle it may acknowledge.
        ("GET", "/settings/attention/{rule}") => signed_in(Ok),
        ("GET", "/settings/attention/{rule}/acknowledge") => Some([In, No, Elsewhere, Elsewhere, In, In]),
        ("POST", path) if path.starts_with("/settings/attention/") => signed_in(Form),
        ("GET", "/settings/connections" | "/settings/connections/{connection}") => signed_in(Ok),
        // It belongs to nothing that was started.
        ("GET", "/settings/connections/callback/{callback}") => anybody(Wrong),
        // Nothing waits for an answer.
        ("GET", "/settings/connections/{connection}/account") => admin(Gone),
        ("GET", path) if path.starts_with("/settings/connections/") => admin(Ok),
        ("POST", path) if path.starts_with("/settings/connections/") => admin(Form),
        ("GET", "/settings/employees") => Some([In, Elsewhere, Ok, Ok, In, In]),
        // They are not archived.
        ("GET", "/settings/employees/{employee}/erase") => admin(Elsewhere),
        ("GET", "/settings/employees/invite" | "/settings/account") => admin(Ok),
        ("GET", path) if path.starts_with("/settings/account/") => admin(Ok),
        ("GET", path) if EMPLOYEE_ADMIN.iter().any(|act| path == format!("/settings/employees/{{employee}}/{act}")) => {
            admin(Ok)
        }
        ("GET", "/settings/employees/{employee}/offboard") => Some([In, No, Ok, Ok, In, In]),
        ("POST", "/settings/employees/{employee}/offboard") => signed_in(Form),
        ("GET", path) if path.starts_with("/settings/resource-servers") => admin(Ok),
        ("POST", path) if path.starts_with("/settings/resource-servers") => admin(Form),
        // Somebody else's page, and ending somebody else's grants.
        ("GET", "/settings/employees/{employee}" | "/settings/employees/{employee}/revoke-all-access") => {
            Some([In, No, Ok, Ok, In, In])
        }
        ("POST", "/settings/employees/{employee}/revoke-all-access") => signed_in(Form),
        ("POST", path) if path.starts_with("/settings/employees/") || path.starts_with("/settings/account") => {
            admin(Form)
        }
        ("POST", path) if path.starts_with("/settings/profile/") => signed_in(Form),
        _ => match (method, breadcrumb) {
            ("GET", "/register" | "/pending") => admin(Ok),
            ("POST", "/register" | "/pending" | "/pending/reject") => admin(Form),
            ("GET", path) if CLIENT_ADMIN.iter().any(|act| path == format!("/clients/{{client}}/{act}")) => admin(Ok),
            ("POST", path) if CLIENT_ADMIN.iter().any(|act| path == format!("/clients/{{client}}/{act}")) => {
                admin(Form)
            }
            // Revoking what somebody else granted.
            ("GET", path) if path.ends_with("/revoke") => Some([In, No, Ok, Ok, In, In]),
            ("POST", path) if path.starts_with('/') => signed_in(Form),
            ("GET", path) if path.starts_with('/') => signed_in(Ok),
            _ => None,
        },
    }
}

fn answer(browser: &mut Browser, method: &str, path: &str) -> (Answer, String) {
    let page = match method {
        "GET" => browser.get(path),
        _ => browser.post(path, &[]),
    };
    let answer = match page.status {
        200 => Ok,
        303 if page.location().starts_with("/sign-in") => In,
        303 => Elsewhere,
        403 if page.text().contains("This form has expired") => Form,
        403 => No,
        404 => Absent,
        410 => Gone,
        400 => Wrong,
        status => panic!("{method} {path} answered {status}: {}", page.text()),
    };
    (answer, page.text())
}

fn filled(pattern: &str, of: &Person, grant: &Grant, key: &Key) -> String {
    let mut path = pattern
        .replace("{client}", &grant.client.to_string())
        .replace("{refresh_token}", &grant.id.to_string())
        .replace("{employee}", &of.id.to_string())
        .replace("{secret}", "nothingnothing")
        .replace("{business}", "1")
        .replace("{location}", "1")
        .replace("{resource_server}", "1")
        .replace("{session}", "1")
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

#[test]
fn d1_every_route_answers_every_caller_as_it_must() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let owner = shop.staff("Olga Owner");
    let client = shop.client("Ledgerly");
    let (grant, key) = (shop.grant(client, &owner), shop.api_key(client, &owner, "Nightly export"));
    shop.resource_server("Orders API");
    let selection =
        Selection { filter: InventoryFilter { client: "l".into(), ..Default::default() }, ..Default::default() };
    let counted = prepare(shop.conn(), &selection, app.now()).unwrap();
    let by = (owner.id, &Actor::person(owner.id, &owner.name));
    begin(shop.conn(), &selection, &counted, (by, ""), app.now()).unwrap();
    shop.location("North", "Harbour");
    let oauth_client = app.oauth_client("Harbour at its provider", ApiType::Other);
    let connection = app.named_online("Stock sync", oauth_client, &owner);
    ServiceKey::create(shop.conn(), connection, ("Nightly export", "Ada"), app.now()).unwrap();
    let locked = shop.employee("Lena Locked", Role::Admin);
    let idle = shop.employee("Ida Idle", Role::Admin);
    let mut expired = app.sign_in(&idle);
    app.advance(IDLE_TIMEOUT + 1);
    let mut of_locked = app.sign_in(&locked);
    app.shop().lock(&locked);
    let [mut staff, mut manager, mut admin] =
        [Role::Staff, Role::Manager, Role::Admin].map(|role| app.sign_in_as(role).0);
    let mut nobody = app.browser();

    for route in PAGES.iter().copied().flatten() {
        let expected = expected(route.method, route.path)
            .unwrap_or_else(|| panic!("say here who may {} {}", route.method, route.path));
        let path = filled(route.path, &owner, &grant, &key);
        let callers =
            [&mut nobody, &mut staff, &mut manager, &mut admin, &mut of_locked, &mut expired].map(|caller| caller);
        for ((caller, name), expected) in callers.into_iter().zip(CALLERS).zip(expected) {
            let (answered, text) = answer(caller, route.method, &path);

            assert_eq!(answered, expected, "{} {path} by {name}: {text}", route.method);
        }
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 2, "nothing was revoked by any of it");
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
