//! The page of the clients that are pending approval, and rejecting several of them at once.

use client_api_access::id::ClientKey;
use client_api_access::scopes::Role;

use crate::registration::with;
use crate::support::{Browser, Page, TestApp, client_path, is_postgres};

const LIST: &str = "/settings/client-api-access";
const PENDING: &str = "/settings/client-api-access/pending";

fn names(page: &Page) -> Vec<String> {
    page.rows("#pending").iter().map(|row| row.cells[1].split(' ').next().unwrap_or_default().to_string()).collect()
}

// Selects clients on the list and sends its form.
fn select(admin: &mut Browser, ids: &[ClientKey]) -> Page {
    let list = admin.open(PENDING);
    select_on(admin, &list, ids)
}

fn select_on(admin: &mut Browser, list: &Page, ids: &[ClientKey]) -> Page {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let csrf = list.attribute("#pending input[name=csrf]", "value").expect("the list has a form");
    let mut fields = vec![("csrf", csrf.as_str())];
    fields.extend(ids.iter().map(|id| ("client", id.as_str())));
    admin.post(PENDING, &fields)
}

// Presses the button of a confirmation, and returns what the next page says.
fn confirmed(admin: &mut Browser, confirmation: &Page) -> String {
    let done = admin.submit(confirmation, "/pending/reject", &[]);
    admin.follow(&done).notice()
}

fn clients(app: &TestApp) -> i64 {
    app.shop().number("SELECT COUNT(*) FROM clients")
}

#[test]
fn the_list_shows_who_registered_each_client_from_where_newest_first() {
    let app = TestApp::start_with(|config| config.public_registration = true);
    for (name, uris) in [
        ("Ledgerly", "https://one.example/cb"),
        ("Stockbird", "https://one.example/a\nhttps://two.example/b\nhttps://two.example/c"),
    ] {
        let mut developer = app.browser();
        let form = developer.open("/oauth/register");
        let done = developer.submit(&form, "/oauth/register", &with(&[("name", name), ("redirect-uris", uris)]));
        assert_eq!(done.status, 200, "{}", done.text());
        app.advance(60);
    }
    app.shop().client("Approved");

    let page = app.admin().open(PENDING);

    let rows = page.rows("#pending");
    assert_eq!(names(&page), ["Stockbird", "Ledgerly"]);
    assert!(rows[0].cells[2].ends_with("one.example, two.example"), "{:?}", rows[0]);
    assert!(rows[0].says("from 127.0.0.1") && rows[0].says("1 min ago"), "{:?}", rows[0]);
    assert!(rows[0].says("lea@ledgerly.example"), "{:?}", rows[0]);
    assert_eq!(page.attribute("#pending tbody th a", "href"), Some(client_path(ClientKey(2))));
}

#[test]
fn admins_see_on_the_client_list_how_many_are_pending_and_others_do_not() {
    let app = TestApp::start();
    let mut admin = app.admin();
    let before = admin.open(LIST);
    app.shop().pending_client("Ledgerly");
    app.shop().pending_client("Stockbird");

    let page = admin.open(LIST);
    let manager = app.manager().open(LIST);

    assert!(!before.text().contains("pending approval."), "{}", before.text());
    assert!(page.text().contains("2 clients are pending approval."), "{}", page.text());
    assert!(page.has(&format!(".notice a[href='{PENDING}']")));
    assert!(!manager.has(&format!("a[href='{PENDING}']")));
    assert_eq!(app.manager().get(PENDING).status, 403);
    assert_eq!(app.sign_in_as(Role::Staff).0.get(PENDING).status, 403);
}

#[test]
fn nothing_pending_says_so_and_whether_developers_can_register() {
    let closed = TestApp::start().admin().open(PENDING);
    let open = TestApp::start_with(|config| config.public_registration = true).admin().open(PENDING);

    assert!(closed.text().contains("No clients are pending approval Public registration is off"), "{}", closed.text());
    assert!(open.text().contains("/oauth/register appear here"), "{}", open.text());
}

#[test]
fn fifty_pending_clients_are_a_page_and_a_link_selects_them_all() {
    let app = TestApp::start();
    for n in 0..60 {
        app.shop().at(n).pending_client(&format!("Client-{n:02}"));
    }
    let mut admin = app.admin();

    let first = admin.open(PENDING);
    let all = admin.click(&first, &first.link("Select all on this page").unwrap());
    let next = admin.click(&all, &first.link("Next").unwrap());
    let found = admin.filter(&first, "#pending", &[("name", "client-1")]);
    let sorted = admin.open(&format!("{PENDING}?sort=name"));

    assert_eq!((names(&first).len(), names(&first)[0].as_str()), (50, "Client-59"));
    assert_eq!(first.texts("#pending input[checked]").len(), 0);
    assert_eq!((all.texts("#pending input[checked]").len(), names(&all)), (50, names(&first)));
    assert_eq!(
        names(&next),
        [
            "Client-09",
            "Client-08",
            "Client-07",
            "Client-06",
            "Client-05",
            "Client-04",
            "Client-03",
            "Client-02",
            "Client-01",
            "Client-00"
        ]
    );
    assert_eq!(next.texts("#pending input[checked]").len(), 0, "the next page begins with nothing selected");
    assert_eq!(found.rows("#pending").len(), 10);
    assert_eq!(names(&sorted)[0], "Client-00");
}

#[test]
fn the_selected_clients_are_named_and_then_rejected_and_the_log_has_each() {
    let app = TestApp::start();
    let [ledgerly, stockbird, kept] = ["Ledgerly", "Stockbird", "Kept"].map(|name| app.shop().pending_client(name));
    let mut admin = app.admin();

    let confirmation = select(&mut admin, &[ledgerly, stockbird]);
    let before = clients(&app);
    let said = confirmed(&mut admin, &confirmation);

    assert_eq!((confirmation.status, confirmation.heading().as_str(), before), (200, "Reject 2 clients?", 3));
    assert!(confirmation.text().contains("Ledgerly") && confirmation.text().contains("Stockbird"));
    assert!(!confirmation.text().contains("Kept"), "{}", confirmation.text());
    assert_eq!(said, "2 clients rejected: Stockbird, Ledgerly.");
    assert_eq!(names(&admin.open(PENDING)), ["Kept"]);
    assert_eq!(admin.get(&client_path(kept)).status, 200);
    let gone = admin.get(&client_path(ledgerly));
    assert_eq!(gone.status, 410);
    assert!(gone.text().contains("Ledgerly was already revoked by Ada Admin"), "{}", gone.text());
    let log = admin.open("/settings/activity?kind=client+revoked").rows("#activity");
    assert_eq!(log.len(), 2);
    assert!(log.iter().all(|row| row.says("rejected while pending approval")), "{log:?}");
}

#[test]
fn what_was_approved_meanwhile_is_kept_and_the_result_says_so() {
    let app = TestApp::start();
    let ids = ["One", "Two", "Three", "Four"].map(|name| app.shop().pending_client(name));
    let (mut admin, mut colleague) = (app.admin(), app.admin());
    let list = admin.open(PENDING);
    let approve = |colleague: &mut Browser, id: ClientKey| {
        let page = colleague.open(&client_path(id));
        assert_eq!(colleague.submit(&page, "/approve", &[]).status, 303);
    };

    approve(&mut colleague, ids[0]);
    let confirmation = select_on(&mut admin, &list, &ids);
    approve(&mut colleague, ids[1]);
    let theirs = select(&mut colleague, &[ids[2]]);
    confirmed(&mut colleague, &theirs);
    let said = confirmed(&mut admin, &confirmation);
    let again = confirmed(&mut admin, &confirmation);

    assert!(confirmation.text().contains("1 client you selected is not pending any more"), "{}", confirmation.text());
    assert_eq!(confirmation.heading(), "Reject 3 clients?");
    let kept = "1 was approved meanwhile and kept: Two.";
    assert_eq!(said, format!("1 client rejected: Four. {kept} 1 had been rejected before."));
    assert_eq!(again, format!("No client was rejected. {kept} 2 had been rejected before."));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients WHERE approved_at IS NOT NULL"), 2);
}

#[test]
fn a_selection_that_is_empty_gone_or_damaged_rejects_nothing() {
    let app = TestApp::start();
    let (pending, approved) = (app.shop().pending_client("Ledgerly"), app.shop().client("Stockbird"));
    let mut admin = app.admin();

    let none = select(&mut admin, &[]);
    let gone = select(&mut admin, &[ClientKey(999), approved]);
    let told = admin.follow(&gone).notice();
    let damaged = {
        let csrf = admin.csrf();
        admin.post(PENDING, &[("csrf", &csrf), ("client", "1; DROP TABLE clients")])
    };
    let many: Vec<ClientKey> = (1..=51).map(ClientKey).collect();
    let too_many = select(&mut admin, &many);
    let twice = select(&mut admin, &[pending, pending]);
    let forged = admin.post(&format!("{PENDING}/reject"), &[("client", &pending.to_string())]);

    assert_eq!((none.status, names(&none)), (422, vec!["Ledgerly".to_string()]));
    assert!(none.notice().contains("Select at least one client"), "{}", none.notice());
    assert_eq!(gone.status, 303);
    assert!(told.contains("not pending any more. Nothing was rejected."), "{told}");
    assert_eq!((damaged.status, too_many.status), (400, 400));
    assert!(too_many.text().contains("at most 50 clients"), "{}", too_many.text());
    assert_eq!((twice.heading().as_str(), forged.status), ("Reject Ledgerly?", 403));
    assert_eq!(clients(&app), 2);
}

#[test]
fn the_filter_survives_the_confirmation() {
    let app = TestApp::start();
    let (spam, other) = (app.shop().pending_client("Spam-1"), app.shop().pending_client("Spam-2"));
    app.shop().pending_client("Ledgerly");
    let mut admin = app.admin();

    let list = admin.open(&format!("{PENDING}?name=spam"));
    let confirmation = admin.submit(&list, "/pending?name=spam", &[("client", &spam.to_string())]);
    let done = admin.submit(&confirmation, "/pending/reject?name=spam", &[]);

    assert_eq!(confirmation.link("Cancel"), Some(format!("{PENDING}?name=spam")));
    assert_eq!(done.location(), format!("{PENDING}?name=spam"));
    assert_eq!(names(&admin.follow(&done)), ["Spam-2"]);
    assert_eq!(admin.get(&client_path(other)).status, 200);
}

#[test]
fn on_postgresql_approving_and_rejecting_at_once_have_one_winner() {
    if !is_postgres() {
        println!("left out on SQLite: there is one writer");
        return;
    }
    let nodes = TestApp::nodes(2, |_| ());
    let app = &nodes[0];
    let (mut admin, mut colleague) = (app.admin(), nodes[1].admin());
    for round in 0..10 {
        let id = app.shop().pending_client(&format!("Client-{round}"));
        let confirmation = select(&mut admin, &[id]);
        let page = colleague.open(&client_path(id));

        let (rejected, approved) = std::thread::scope(|scope| {
            let approve = scope.spawn(|| colleague.submit(&page, "/approve", &[]).status);
            let said = confirmed(&mut admin, &confirmation);
            (said.starts_with("1 client rejected"), approve.join().expect("no panic") == 303)
        });

        let left = app.shop().number(&format!("SELECT COUNT(*) FROM clients WHERE id = {id}"));
        assert_eq!((rejected, left), (!approved, i64::from(approved)), "round {round}");
    }
}
