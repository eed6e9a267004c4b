//! Settings › Employees: the list, one employee, their role and the access they authorized.

use client_api_access::connections::ApiType;
use client_api_access::scopes::Role;

use crate::support::connections::{connection_path, first_tokens};
use crate::support::provider::{Answer, Provider};
use crate::support::{Browser, Page, Person, TestApp, hrefs, there_and_back, with_access_tokens};

const LIST: &str = "/settings/employees";

fn act(browser: &mut Browser, person: &Person, action: &str, fields: &[(&str, &str)]) -> Page {
    let page = browser.open(&person.path());
    let done = browser.submit(&page, &format!("{}/{action}", person.path()), fields);
    browser.follow(&done)
}

#[test]
fn the_list_shows_people_with_role_and_state_and_filters_them() {
    let app = TestApp::start();
    let (mut browser, _) = app.sign_in_as(Role::Manager);
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.employee("Bo Öst", Role::Admin));
    let (eva, ida) = (shop.staff("Eva Ek"), shop.staff("Ida Ås"));
    shop.lock(&eva);
    shop.archive(&ida);

    let list = browser.open(LIST);
    let mut with = |fields: &[(&str, &str)]| {
        let page = browser.filter(&list, "#employees", fields);
        page.rows("#employees").iter().map(|row| row.href.clone()).collect::<Vec<_>>()
    };

    assert_eq!(with(&[]).len(), 4, "archived people are not among them");
    assert_eq!(with(&[("name", "öST")]), [bo.path()]);
    assert_eq!(with(&[("name", &anna.email[..7].to_uppercase())]), [anna.path()]);
    assert_eq!(with(&[("role", "admin")]), [bo.path()]);
    assert_eq!(with(&[("state", "locked")]), [eva.path()]);
    assert_eq!(with(&[("state", "archived")]), [ida.path()]);
    assert!(with(&[("name", "%")]).is_empty());
    let row = list.rows("#employees").into_iter().find(|row| row.href == eva.path()).unwrap();
    assert_eq!(row.cells[1..], ["Staff", "0", "never", "Locked"]);
}

#[test]
fn the_list_counts_valid_tokens_and_keys_and_sorts_by_their_number() {
    let app = TestApp::start();
    let (mut browser, _) = app.sign_in_as(Role::Manager);
    let mut shop = app.shop();
    let (anna, bo, eva) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"), shop.staff("Eva Ek"));
    let client = shop.client("Ledgerly");
    let expired = shop.grant(client, &anna);
    shop.sql(&format!("UPDATE refresh_tokens SET expires_at = {} WHERE id = {}", app.now().0, expired.id));
    shop.grant(client, &anna);
    shop.api_key(client, &anna, "till");
    let revoked = shop.grant(client, &bo);
    shop.sql(&format!("UPDATE refresh_tokens SET revoked_at = {} WHERE id = {}", app.now().0, revoked.id));
    shop.grant(client, &bo);
    for n in 0..3 {
        shop.api_key(client, &eva, &n.to_string());
    }
    app.run_background();

    let list = browser.open(LIST);
    let most = browser.click(&list, &list.link("Tokens and keys").unwrap());
    let fewest = browser.click(&most, &most.link("Tokens and keys").unwrap());
    let theirs = browser.click(&most, &most.link("2 tokens and keys of Anna Berg").unwrap());
    let names = |page: &Page| page.rows("#employees").iter().map(|row| row.cells[0].clone()).collect::<Vec<_>>();

    let counts: Vec<String> = most.rows("#employees").iter().map(|row| row.cells[2].clone()).collect();
    assert!(counts[0].starts_with('3') && counts[1].starts_with('2') && counts[2].starts_with('1'), "{counts:?}");
    assert!(names(&most)[0].starts_with("Eva Ek") && names(&most)[2].starts_with("Bo Dahl"));
    assert!(names(&fewest).last().unwrap().starts_with("Eva Ek"));
    assert_eq!(theirs.rows("#access").len(), 2);

    shop.grant(client, &bo);
    app.run_background();
    let soon = shop.number(&format!("SELECT grant_count FROM employees WHERE id = {}", bo.id));
    app.advance(60);
    app.run_background();
    let later = shop.number(&format!("SELECT grant_count FROM employees WHERE id = {}", bo.id));
    assert_eq!((soon, later), (1, 2), "nobody is counted twice within a minute");
}

#[test]
fn paging_shows_everybody_once_there_and_back() {
    let app = TestApp::start();
    let (mut browser, _) = app.sign_in_as(Role::Manager);
    let mut shop = app.shop();
    for _ in 0..60 {
        shop.staff("Anna Twin");
        shop.staff("anna twin");
    }

    assert_eq!(there_and_back(&mut browser, LIST, "#employees").len(), 121);
    assert_eq!(there_and_back(&mut browser, &format!("{LIST}?sort=-tokens"), "#employees").len(), 121);
}

#[test]
fn staff_see_their_own_page_and_nobody_elses() {
    let app = TestApp::start();
    let (mut browser, me) = app.sign_in_as(Role::Staff);
    let other = app.shop().staff("Other");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &me);

    let list = browser.get(LIST);
    let own = browser.follow(&list);
    let foreign = browser.get(&other.path());

    assert_eq!(list.location(), me.path());
    assert_eq!(hrefs(&own.rows("#refresh-tokens")), [grant.path()]);
    assert_eq!(own.link("Revoke all my access"), Some(format!("{}/revoke-all-access", me.path())));
    assert!(!own.text().contains("Save role"));
    assert_eq!((foreign.status, foreign.heading().as_str()), (403, "Not allowed"));
}

#[test]
fn a_person_page_shows_what_they_granted_to_whom() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let (ledgerly, stockbird) = (shop.client("Ledgerly"), shop.suspended_client("Stockbird"));
    let grant = shop.grant(ledgerly, &anna);
    let key = shop.api_key(stockbird, &anna, "till");
    shop.grant(ledgerly, &bo);
    let mut browser = app.manager();

    let page = browser.open(&anna.path());
    let by_token = browser.filter(&page, "#api-keys", &[("ak-token", key.mask())]);
    let unfolded = browser.open(&with_access_tokens(&anna.path()));

    assert_eq!(hrefs(&page.rows("#refresh-tokens")), [grant.path()]);
    assert_eq!(hrefs(&page.rows("#api-keys")), [key.path()]);
    assert_eq!(hrefs(&unfolded.rows("#access-tokens")), [grant.access_token_path()]);
    assert!(page.rows("#refresh-tokens")[0].says("Ledgerly"));
    assert!(page.rows("#api-keys")[0].says("Stockbird") && page.rows("#api-keys")[0].says("Client suspended"));
    assert_eq!(hrefs(&by_token.rows("#api-keys")), [key.path()]);
    assert_eq!((page.fact("Refresh tokens").as_str(), page.fact("API keys").as_str()), ("1", "1"));
    assert!(!page.text().contains("Save role"), "only admins manage people");
}

#[test]
fn a_new_role_takes_effect_on_the_next_request() {
    let app = TestApp::start();
    let (mut theirs, person) = app.sign_in_as(Role::Staff);
    let mut admin = app.admin();

    let after = act(&mut admin, &person, "role", &[("role", "admin")]);
    let promoted = theirs.get("/settings/account").status;
    act(&mut admin, &person, "role", &[("role", "staff")]);
    let demoted = theirs.get("/settings/account").status;

    assert_eq!(after.notice(), "Stina Staff is now Admin. Takes effect immediately.");
    assert_eq!((promoted, demoted), (200, 403));
    let log = admin.open("/settings/activity?kind=role+changed").rows("#activity");
    assert!(log[1].says("from Staff to Admin") && log[0].says("from Admin to Staff"), "{log:?}");
}

#[test]
fn locking_revokes_sessions_and_stops_access_until_unlocked() {
    let app = TestApp::start();
    let (mut theirs, person) = app.sign_in_as(Role::Staff);
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &person);
    let mut admin = app.admin();

    let locked = act(&mut admin, &person, "lock", &[]);
    let token = admin.open(&grant.path());
    let out = theirs.get("/settings").status;
    let refused = app.browser().sign_in(&person.email, crate::support::PASSWORD).status;
    let unlocked = act(&mut admin, &person, "unlock", &[]);

    assert!(locked.notice().contains("is locked. The access they authorized has stopped working."));
    assert!(locked.text().contains("The access they authorized does not work until you unlock them"));
    assert!(token.texts("header.title").join("").contains("Employee locked"));
    assert_eq!((out, refused), (303, 422));
    assert!(unlocked.notice().contains("Stina Staff is unlocked"));
    assert!(!admin.open(&grant.path()).texts("header.title").join("").contains("Employee locked"));
    assert_eq!(theirs.get("/settings").status, 303, "unlocking restores no session");
    assert_eq!(app.browser().sign_in(&person.email, crate::support::PASSWORD).status, 303);
}

#[test]
fn who_has_left_is_archived_and_can_come_back() {
    let app = TestApp::start();
    let (mut theirs, person) = app.sign_in_as(Role::Staff);
    let mut admin = app.admin();

    act(&mut admin, &person, "archive", &[]);
    let listed =
        |browser: &mut Browser| hrefs(&browser.open(LIST).rows("#employees")).contains(&person.path().as_str());
    let revoked_error = !listed(&mut admin);
    let out = theirs.get("/settings").status;
    act(&mut admin, &person, "restore", &[]);

    assert!(revoked_error && listed(&mut admin));
    assert_eq!(out, 303);
    assert_eq!(app.browser().sign_in(&person.email, crate::support::PASSWORD).status, 303);
}

#[test]
fn locations_are_ticked_for_a_person() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let person = shop.staff("Anna Berg");
    let ((_, harbour), (_, pine)) = (shop.location("North", "Harbour"), shop.location("South", "Pine Street"));
    let mut admin = app.admin();

    let both = [
        ("location", harbour.to_string()),
        ("location", pine.to_string()),
        ("location", pine.to_string()),
        ("location", "999".into()),
    ];
    let both: Vec<(&str, &str)> = both.iter().map(|(name, id)| (*name, id.as_str())).collect();
    let two = act(&mut admin, &person, "locations", &both);
    let kept = admin.open(&person.path());
    let page = admin.open(&person.path());
    let csrf = page.attribute("input[name=csrf]", "value").unwrap();
    admin.post(&format!("{}/locations", person.path()), &[("csrf", &csrf)]);
    let none = admin.open(&person.path());

    assert_eq!(two.notice(), "Locations of Anna Berg saved.");
    assert_eq!(kept.fact("Locations"), "Harbour, Pine Street");
    assert_eq!(kept.texts("input[name=location][checked] + span"), ["Harbour", "Pine Street"]);
    assert_eq!(none.fact("Locations"), "none");
}

#[test]
fn all_access_of_a_person_is_revoked_with_one_button() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let (ledgerly, stockbird) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    let grant = shop.grant(ledgerly, &anna);
    shop.grant(stockbird, &anna);
    shop.api_key(stockbird, &anna, "");
    let kept = shop.grant(stockbird, &bo);
    let mut browser = app.manager();

    let page = browser.open(&anna.path());
    let confirmation = browser.click(&page, &page.link("Revoke all access").unwrap());
    app.shop().api_key(ledgerly, &anna, "late");
    let done = browser.submit(&confirmation, "/revoke-all-access", &[]);
    let after = browser.follow(&done);
    let again = browser.submit(&confirmation, "/revoke-all-access", &[]);

    assert_eq!(confirmation.heading(), "Revoke all access of Anna Berg?");
    let impact = ["Refresh tokens", "Access tokens", "API keys"].map(|word| confirmation.impact(word));
    assert_eq!(impact, ["2", "2", "1"]);
    assert!(after.notice().starts_with(
        "All access of Anna Berg is revoked: 2 refresh tokens, 2 access tokens and 2 API keys. This \
         includes 1 API key created after you opened the confirmation"
    ));
    assert!(after.rows("#refresh-tokens").is_empty() && after.rows("#api-keys").is_empty());
    assert_eq!(browser.follow(&again).notice(), "Anna Berg had no access left to revoke.");
    assert!(browser.open(&with_access_tokens(&anna.path())).rows("#access-tokens").is_empty());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 1);
    assert_eq!((browser.get(&kept.path()).status, browser.get(&grant.path()).status), (200, 404));
}

#[test]
fn staff_revoke_their_own_access_and_nobody_elses() {
    let app = TestApp::start();
    let (mut browser, me) = app.sign_in_as(Role::Staff);
    let other = app.shop().staff("Other");
    let client = app.shop().client("Ledgerly");
    app.shop().grant(client, &me);
    app.shop().grant(client, &other);
    let csrf = browser.csrf();

    let asked = browser.get(&format!("{}/revoke-all-access", other.path()));
    let pressed = browser.post(&format!("{}/revoke-all-access", other.path()), &[("csrf", &csrf)]);
    let confirmation = browser.open(&format!("{}/revoke-all-access", me.path()));
    let own = browser.submit(&confirmation, "/revoke-all-access", &[]);

    assert_eq!((asked.status, pressed.status, own.status), (403, 403, 303));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 1);
}

#[test]
fn nobody_but_an_admin_manages_people() {
    let app = TestApp::start();
    let person = app.shop().staff("Anna Berg");
    let mut browser = app.manager();
    let csrf = browser.csrf();

    for action in ["role", "locations", "lock", "unlock", "archive", "restore", "link"] {
        let fields = [("csrf", csrf.as_str()), ("role", "admin"), ("nonce", "0123456789abc")];
        let refused = browser.post(&format!("{}/{action}", person.path()), &fields);
        assert_eq!((refused.status, refused.heading().as_str()), (403, "Not allowed"), "{action}");
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM activity WHERE kind <> 'signed in'"), 0);
}

#[test]
fn connections_a_person_authorized_are_on_their_page_and_revoked_with_all_access() {
    let (app, provider) = (TestApp::start(), Provider::start());
    provider.always("/revoke", Answer::json(200, "{}"));
    let (mut manager, person) = (app.manager(), app.shop().employee("Ove Owner", Role::Admin));
    let (here, nowhere) = (app.oauth_client_of(&provider), app.oauth_client("Nowhere", ApiType::RSeries));
    let id = app.named_online("Stock sync", here, &person);
    app.named_connection("Nobody's", nowhere);

    let page = manager.open(&person.path());
    let form = manager.click(&page, &page.link("Revoke all access").unwrap());
    let answer = manager.submit(&form, "/revoke-all-access", &[]);
    let after = manager.follow(&answer);
    let connection = manager.open(&connection_path(id));

    let rows = page.rows("#connections");
    assert_eq!((rows.len(), rows[0].href.as_str()), (1, connection_path(id).as_str()));
    assert!(rows[0].says("Stock sync") && rows[0].says("Online"), "{rows:?}");
    assert_eq!(form.impact("Connections"), "Stock sync");
    assert!(after.notice().contains("Somebody else must authorize Stock sync."), "{}", after.notice());
    assert!(!after.notice().contains("Not confirmed"), "{}", after.notice());
    let why = "All access of the employee who authorized it was revoked.";
    assert!(connection.text().contains(why), "{}", connection.text());
    let revoked = provider.requests().pop().unwrap();
    assert_eq!(revoked.field("token"), Some(first_tokens("Stock sync")[1].clone()));
    let log = manager.open("/settings/activity").rows("#activity");
    assert!(log.iter().any(|row| row.says("Connection needs authorization") && row.says("Mona Manager")), "{log:?}");
}
