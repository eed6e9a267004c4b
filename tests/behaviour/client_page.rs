//! The top of a client's page: its state with the act that fits, who authorized it, and the menu of acts.

use client_api_access::scopes::Role;

use crate::support::{TestApp, client_path};

#[test]
fn the_page_lists_who_authorized_the_client_with_links_to_their_tokens() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.employee("Bo Dahl", Role::Manager));
    let (client, other) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    let (first, second) = (shop.grant(client, &bo), shop.grant(client, &bo));
    let key = shop.api_key(client, &bo, "Nightly export");
    shop.grant(client, &anna);
    shop.grant(other, &anna);
    shop.lock(&anna);
    let mut manager = app.manager();

    let page = manager.open(&client_path(client));
    let rows = page.rows("#authorized-by");
    let grants = manager.click(&page, &page.link("2 refresh tokens of Bo Dahl").unwrap());
    let keys = manager.click(&page, &page.link("1 API keys of Bo Dahl").unwrap());

    assert_eq!(page.texts("#authorized-by h2"), ["Authorized by 2"]);
    assert_eq!(rows[0].cells[0], "Bo Dahl Store manager");
    assert_eq!(rows[0].href, bo.path());
    assert!(rows[1].cells[0].starts_with("Anna Berg Staff") && rows[1].says("Employee locked"), "{rows:?}");
    assert!(rows[1].cells[1].starts_with('1') && rows[1].cells[2] == "0", "{rows:?}");
    let mut listed: Vec<String> = grants.rows("#access").into_iter().map(|row| row.href).collect();
    listed.sort();
    assert_eq!(listed, [first.path(), second.path()]);
    assert_eq!(keys.rows("#access").into_iter().map(|row| row.href).collect::<Vec<_>>(), [key.path()]);
}

#[test]
fn revoked_and_expired_tokens_count_for_nobody() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let client = shop.client("Ledgerly");
    let (gone, marked) = (shop.grant(client, &anna), shop.grant(client, &anna));
    let now = app.now().0;
    shop.sql(&format!("UPDATE refresh_tokens SET expires_at = {now} WHERE id = {}", gone.id));
    shop.sql(&format!("UPDATE refresh_tokens SET revoked_at = {now} WHERE id = {}", marked.id));
    let grant = shop.grant(client, &bo);
    shop.sql(&format!("UPDATE employees SET revoked_refresh_tokens_through = {} WHERE id = {}", grant.id, bo.id));
    shop.sql(&format!(
        "INSERT INTO purges (subject_kind, subject_id, subject_name, total, created_at) \
         VALUES ('employee', {}, '', 1, {now})",
        bo.id
    ));

    let page = app.manager().open(&client_path(client));

    assert_eq!(page.texts("#authorized-by h2"), ["Authorized by 0"]);
    assert!(page.texts("#authorized-by").join(" ").contains("no employee allows this client access"));
}

#[test]
fn with_many_people_or_tokens_the_panel_leads_to_all_of_them() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let client = shop.client("Ledgerly");
    let people: Vec<_> = (0..12).map(|n| shop.staff(&format!("Person {n}"))).collect();
    for person in &people {
        shop.grant(client, person);
    }
    let mut manager = app.manager();

    let few = manager.open(&client_path(client));
    let all = manager.click(&few, &few.link("All tokens and keys of this client").unwrap());
    shop.sql(
        "INSERT INTO refresh_tokens (client_id, employee_id, prefix, scope, created_at, expires_at, generation, rotated_at) \
         SELECT a.client_id, a.employee_id, a.prefix, a.scope, a.created_at, a.expires_at, a.generation, a.rotated_at \
         FROM refresh_tokens a, refresh_tokens b, refresh_tokens c",
    );
    let many = manager.open(&client_path(client));

    assert_eq!(few.texts("#authorized-by h2"), ["Authorized by 12"]);
    assert_eq!(few.rows("#authorized-by").len(), 10);
    assert_eq!(all.rows("#access").len(), 12);
    assert!(many.texts("#authorized-by h2")[0].ends_with('+'), "{:?}", many.texts("#authorized-by h2"));
    assert!(many.text().contains("Counted among the 300 tokens used most recently."), "{}", many.text());
}

#[test]
fn staff_see_who_authorized_a_client_without_links_to_their_pages() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, client) = (shop.staff("Anna Berg"), shop.client("Ledgerly"));
    shop.grant(client, &anna);

    let page = app.sign_in_as(Role::Staff).0.open(&client_path(client));

    assert_eq!(page.rows("#authorized-by")[0].cells[0], "Anna Berg Staff");
    assert_eq!(page.link("Anna Berg"), None);
}

#[test]
fn a_suspended_client_says_who_suspended_it_and_why_until_it_is_resumed() {
    let app = TestApp::start();
    let client = app.shop().client("Ledgerly");
    let (mut admin, mut manager) = (app.admin(), app.manager());
    let path = client_path(client);
    let page = admin.open(&path);

    let form = admin.click(&page, &page.link_in(".menu", "Suspend client").unwrap());
    let done = admin.submit(&form, "/suspend", &[("reason", "  Contract ended ")]);
    let suspended = admin.follow(&done);
    let theirs = manager.open(&path);
    let long = admin.submit(&form, "/suspend", &[("reason", &"x".repeat(201))]);
    let resumed = admin.submit(&suspended, "/resume", &[]);
    let resumed = admin.follow(&resumed);

    let banner = suspended.texts(".state").join(" ");
    assert!(banner.contains("Suspended by Ada Admin on 20 Nov 2026, 12:00. Reason: Contract ended"), "{banner}");
    assert!(theirs.texts(".state").join(" ").contains("until an admin resumes it"), "{}", theirs.text());
    assert!(!theirs.has(".state button"));
    assert_eq!(long.status, 400);
    assert!(!resumed.has(".state") && resumed.link_in(".menu", "Suspend client").is_some());
    assert_eq!(app.shop().word("SELECT suspended_reason AS word FROM clients"), "");
    let log = admin.open("/settings/activity").rows("#activity");
    assert!(log[1].says("Client suspended") && log[1].says("Contract ended"), "{log:?}");
}

#[test]
fn a_pending_client_is_approved_or_rejected_at_the_top_of_its_page() {
    let app = TestApp::start();
    let (one, other) = (app.shop().pending_client("Ledgerly"), app.shop().pending_client("Stockbird"));
    let (mut admin, mut manager) = (app.admin(), app.manager());

    let theirs = manager.open(&client_path(one));
    let page = admin.open(&client_path(one));
    let approved = admin.submit(&page, "/approve", &[]);
    let approved = admin.follow(&approved);
    let page = admin.open(&client_path(other));
    let confirmation = admin.submit(&page, "/pending", &[]);
    let rejected = admin.submit(&confirmation, "/reject", &[]);
    let rejected = admin.follow(&rejected);

    assert!(theirs.has(".state") && !theirs.has(".state button"));
    assert!(!approved.has(".state") && approved.notice().contains("is approved"), "{}", approved.notice());
    assert_eq!(confirmation.heading(), "Reject Stockbird?");
    assert!(rejected.notice().contains("1 client rejected: Stockbird."), "{}", rejected.notice());
}

#[test]
fn admins_reach_every_act_from_the_header() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let path = client_path(integration.id);
    let (mut admin, mut manager) = (app.admin(), app.manager());

    let (page, theirs) = (admin.open(&path), manager.open(&path));

    for (label, act) in [
        ("Edit client", "edit"),
        ("New API key", "api-keys/new"),
        ("Regenerate secret", "secret"),
        ("Suspend client", "suspend"),
    ] {
        assert_eq!(page.link_in("header .menu", label), Some(format!("{path}/{act}")), "{label}");
    }
    assert!(page.has("header .menu form[action$='/lightspeed-approved'], header .menu form[action$='/withdraw']"));
    assert_eq!(page.attribute("[data-copy]", "data-copy").as_deref(), Some("#client-id"));
    assert_eq!(page.texts("#client-id"), [integration.client_id.as_str()]);
    assert!(!theirs.has(".menu"));
}
