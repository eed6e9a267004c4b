//! What pages show as access: the scope of a token, limited by the current role of its employee, in words.

use client_api_access::employees::Employee;
use client_api_access::scopes::Role;

use crate::support::oauth::{Integration, Pkce};
use crate::support::{Browser, Page, TestApp, client_path};

const MIXED: &str = "employee:customers employee:reports employee:admin_shops";

fn consent(browser: &mut Browser, integration: &Integration, scope: &str) -> Page {
    let pkce = Pkce::new();
    let asked = [("scope", scope), ("code_challenge", pkce.challenge.as_str()), ("code_challenge_method", "S256")];
    browser.open(&integration.authorize_path(&asked))
}

#[test]
fn a_token_shows_what_the_role_allows_and_why_the_rest_has_no_effect() {
    let app = TestApp::start();
    let (client, anna) = (app.shop().client("Ledgerly"), app.shop().staff("Anna Berg"));
    let grant = app.shop().grant_scope(client, &anna, MIXED);
    let mut manager = app.manager();

    for (role, effective, missing) in [
        (Role::Staff, vec!["View and edit customers"], vec!["View reports", "View and edit shops"]),
        (Role::Manager, vec!["View and edit customers", "View reports"], vec!["View and edit shops"]),
        (Role::Admin, vec!["View and edit customers", "View reports", "View and edit shops"], vec![]),
    ] {
        Employee::set_role(app.shop().conn(), anna.id, role).unwrap();
        for path in [grant.path(), grant.access_token_path()] {
            let page = manager.open(&path);
            let shown = page.texts(".rights li:not(.none)");
            assert_eq!(shown.len(), effective.len(), "{shown:?}");
            assert!(effective.iter().zip(&shown).all(|(words, shown)| shown.starts_with(words)), "{shown:?}");
            assert_eq!(page.texts(".rights .none s"), missing, "{role:?}");
            let reason = format!("Not included in the role {}", role.name());
            assert!(page.texts(".rights .none").iter().all(|line| line.contains(&reason)));
        }
        // In lists, too.
        let chips = [manager.open(&client_path(client)), manager.open("/settings/access"), manager.open(&anna.path())]
            .map(|page| page.texts(".chips").join(" "));
        for chips in &chips {
            assert!(chips.starts_with("Customers"), "{chips}");
            assert_eq!(chips.contains("Not in role: Reports, Shops"), role == Role::Staff, "{chips}");
            assert_eq!(chips.contains("Not in role: Shops"), role == Role::Manager, "{chips}");
            assert_eq!(chips.contains("Not in role"), role != Role::Admin, "{chips}");
        }
    }
}

#[test]
fn full_access_and_access_that_only_reads_are_named() {
    let app = TestApp::start();
    let (client, anna) = (app.shop().client("Ledgerly"), app.shop().staff("Anna Berg"));
    let all = app.shop().grant_scope(client, &anna, "employee:all");
    let reads = app.shop().grant_scope(client, &anna, "employee:customers_read employee:admin_shops");
    let nothing = app.shop().grant_scope(client, &anna, "employee:admin_shops");
    let mut manager = app.manager();

    let page = manager.open(&all.path()).text();
    assert!(page.contains("Full access. It can do everything that the role of Anna Berg includes"), "{page}");
    let page = manager.open(&reads.path()).text();
    assert!(page.contains("It can only read. It cannot change anything."), "{page}");
    let page = manager.open(&nothing.path()).text();
    assert!(page.contains("Nothing: the role of Anna Berg includes none of it."), "{page}");
}

#[test]
fn consent_asks_in_verbs_explains_the_badge_and_warns_of_full_access() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let marked = shop.client_with("Stockbird", "https://stockbird.example/", true);
    let (plain, marked) = (shop.integration("Ledgerly"), shop.credentials(marked));
    let (mut staff, person) = app.sign_in_as(Role::Staff);

    let page = consent(&mut staff, &plain, MIXED);
    assert_eq!(page.texts("ul.reach:not(.missing) li"), ["View and edit customers"]);
    assert_eq!(page.texts(".missing s"), ["View reports", "View and edit shops"]);
    let text = page.text();
    for sentence in [
        "No admin of Harbour & Pine marked Ledgerly as approved by Lightspeed.",
        "If you deny, Ledgerly gets nothing and is told so.",
        &format!("Signed in as {}, Staff.", person.email),
    ] {
        assert!(text.contains(sentence), "{sentence} in {text}");
    }
    assert!(!text.contains("full access"), "{text}");
    assert_eq!(page.texts("footer button"), ["Deny", "Allow"]);

    let page = consent(&mut staff, &marked, "employee:all");
    let text = page.text();
    assert!(text.contains("An admin of Harbour & Pine marked Stockbird as approved by Lightspeed."), "{text}");
    assert!(page.texts(".notice.warn").concat().starts_with("Stockbird asks for full access."), "{text}");
    assert_eq!(page.texts("ul.reach li"), ["View and edit everything that your role includes"]);
}
