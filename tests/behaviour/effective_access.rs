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

#[test]
fn a_client_shows_what_its_tokens_can_do_together() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, mona) = (shop.staff("Anna Berg"), shop.employee("Mona", Role::Manager));
    let (locked, client) = (shop.employee("Lena", Role::Admin), shop.client("Ledgerly"));
    shop.grant_scope(client, &anna, "employee:customers employee:reports employee:admin_shops");
    shop.grant_scope(client, &locked, "employee:admin_shops");
    // Reading customers is part of editing them, and staying connected is no access to data.
    shop.grant_scope(client, &anna, "employee:inventory_read employee:customers_read offline_access");
    shop.lock(&locked);
    let mut manager = app.manager();
    let panel =
        |page: &Page, selector: &str| page.texts(&format!("section[aria-labelledby=client-access-h] {selector}"));

    let page = manager.open(&client_path(client));
    assert_eq!(panel(&page, "li:not(.none)"), ["View and edit customers", "View inventory"]);
    assert_eq!(panel(&page, "h3"), ["View and change", "Only view", "No effect"]);
    assert_eq!(panel(&page, ".none s"), ["View reports", "View and edit shops"]);
    assert!(page.text().contains("It stays connected when nobody is signed in."));
    assert!(page.text().contains("1 token belongs to somebody who is locked or archived, and can do nothing."));

    // The API key of somebody with another role.
    app.shop().api_key(client, &mona, "till");
    app.shop().grant_scope(client, &mona, "employee:all");
    let page = manager.open(&client_path(client));
    assert!(panel(&page, "li:not(.none)").contains(&"View reports".to_string()));
    assert_eq!(panel(&page, ".none s"), ["View and edit shops"]);
    let warning = panel(&page, ".notice").concat();
    assert!(warning.starts_with("Full access. It can do everything that the role Store manager includes"), "{warning}");

    app.shop().sql(&format!("UPDATE clients SET suspended_at = {}", app.now().0));
    let page = manager.open(&client_path(client));
    assert!(panel(&page, ".body").concat().starts_with("Nothing: it is suspended."), "{}", page.text());
    let empty = app.shop().client("Stockbird");
    let page = manager.open(&client_path(empty));
    assert_eq!(panel(&page, ".body"), ["Nothing: it has no valid refresh token or API key."]);
}

#[test]
fn a_client_with_many_tokens_says_what_it_did_not_read() {
    let app = TestApp::start();
    let (client, anna) = (app.shop().client("Ledgerly"), app.shop().staff("Anna Berg"));
    let mut shop = app.shop();
    shop.grant_scope(client, &anna, "employee:tags");
    for _ in 0..300 {
        let grant = shop.grant(client, &anna);
        shop.used("refresh_tokens", grant.id.0, app.now());
    }

    let text = app.manager().open(&client_path(client)).text();

    assert!(text.contains("This is what the 300 tokens that were used last can do. There are more"), "{text}");
    assert!(!text.contains("View and edit tags"), "{text}");
}

#[test]
fn tokens_beyond_the_role_are_found_by_their_stored_flag() {
    let app = TestApp::start();
    let (client, anna) = (app.shop().client("Ledgerly"), app.shop().employee("Anna Berg", Role::Manager));
    let mut shop = app.shop();
    let (reports, key) = (shop.grant_scope(client, &anna, "employee:reports"), shop.api_key(client, &anna, ""));
    shop.grant(client, &anna);
    let mut admin = app.admin();
    let mut listed = |filters: &str| {
        let rows = admin.open(&format!("/settings/access?access=beyond-role{filters}")).texts("#access tbody th a");
        rows.into_iter().map(|mask| mask[..7].to_string()).collect::<Vec<_>>()
    };

    assert!(listed("").is_empty());
    Employee::set_role(shop.conn(), anna.id, Role::Staff).unwrap();
    app.run_background();
    assert_eq!(listed("&sort=created"), [reports.mask(), key.mask()]);
    assert_eq!(listed("&type=api-key"), [key.mask()]);
    assert!(listed("&employee=nobody").is_empty());
    // Before the job has run, a flag that is no longer true lists nothing.
    Employee::set_role(shop.conn(), anna.id, Role::Admin).unwrap();
    assert!(listed("").is_empty());
}
