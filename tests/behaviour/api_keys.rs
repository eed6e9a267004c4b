//! Making an API key for a client: for an employee, with a scope, shown once.

use client_api_access::id::ClientKey;
use client_api_access::scopes::Role;
use client_api_access::time::DAY;

use crate::support::{Browser, Page, Person, TestApp, client_path};

fn form_path(client: ClientKey) -> String {
    format!("{}/api-keys/new", client_path(client))
}

fn make(admin: &mut Browser, client: ClientKey, person: &Person, changes: &[(&str, &str)]) -> Page {
    let form = admin.open(&form_path(client));
    let id = person.id.to_string();
    let mut fields = vec![("employee", id.as_str()), ("label", "Nightly export"), ("scope", "employee:reports")];
    fields.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    admin.submit(&form, "/api-keys/new", &fields)
}

#[test]
fn an_admin_makes_an_api_key_that_works_for_an_employee() {
    let app = TestApp::start();
    let (client, mona) = (app.shop().client("Ledgerly"), app.shop().employee("Mona Manager", Role::Manager));
    let mut admin = app.admin();
    let page = admin.open(&client_path(client));

    let form = admin.click(&page, &page.link("New API key").unwrap());
    let changes = [("scope", "employee:reports"), ("scope", "employee:inventory_read")];
    let shown = make(&mut admin, client, &mona, &changes);
    let key = shown.texts("#secret")[0].clone();
    let page = admin.open(&client_path(client));

    assert!(form.texts("#employee option").contains(&"Mona Manager, Store manager".to_string()));
    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
    assert_eq!(shown.heading(), "New API key for Ledgerly");
    assert!(app.works(&key));
    let session = app.call("/API/Session.json", &key);
    assert_eq!(session.status, 200, "{}", session.body);
    let rows = page.rows("#api-keys");
    assert!(rows[0].says(&key[..7]) && rows[0].says("Nightly export"), "{rows:?}");
    assert!(rows[0].says("Mona Manager") && rows[0].says("never"), "{rows:?}");
    assert!(!page.body.contains(&key[7..]));
    let log = admin.open("/settings/activity?kind=API+key+created").rows("#activity");
    assert!(log[0].says("Ada Admin") && log[0].says(&key[..7]), "{log:?}");
    assert!(log[0].says("“Nightly export” for Mona Manager"), "{log:?}");
}

#[test]
fn sending_the_form_again_makes_no_second_key() {
    let app = TestApp::start();
    let (client, person) = (app.shop().client("Ledgerly"), app.shop().staff("Anna"));
    let mut admin = app.admin();
    let form = admin.open(&form_path(client));
    let id = person.id.to_string();
    let fields = [("employee", id.as_str()), ("label", "Nightly export"), ("scope", "employee:inventory")];

    let first = admin.submit(&form, "/api-keys/new", &fields);
    let again = admin.submit(&form, "/api-keys/new", &fields);

    assert_eq!((first.status, again.status), (200, 409));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 1);
}

#[test]
fn what_is_missing_is_said_beside_its_field_and_what_was_chosen_stays() {
    let app = TestApp::start();
    let (client, person) = (app.shop().client("Ledgerly"), app.shop().staff("Anna"));
    let mut admin = app.admin();

    let nothing = make(&mut admin, client, &person, &[("employee", ""), ("label", ""), ("scope", "")]);
    let unknown = make(&mut admin, client, &person, &[("scope", "employee:everything")]);
    let nobody = make(&mut admin, client, &person, &[("employee", "999")]);
    let kept = make(&mut admin, client, &person, &[("label", "a\u{202E}b")]);

    for (page, fields) in [(&nothing, vec!["employee", "label", "scope"]), (&unknown, vec!["scope"])] {
        assert_eq!(page.status, 422);
        assert!(fields.iter().all(|field| page.has(&format!("#{field}-error .error"))), "{}", page.text());
    }
    assert_eq!((nobody.status, nobody.has("#employee-error")), (422, true));
    assert_eq!((kept.status, kept.has("#label-error")), (422, true));
    assert_eq!(kept.attribute("#label", "value").as_deref(), Some("a\u{202E}b"));
    assert!(kept.has("input[value='employee:reports'][checked]"));
    assert_eq!(kept.attribute("option[selected]", "value"), Some(person.id.to_string()));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 0);
}

#[test]
fn a_key_is_not_made_for_somebody_locked_or_archived() {
    let app = TestApp::start();
    let client = app.shop().client("Ledgerly");
    let (locked, archived) = (app.shop().staff("Lena Locked"), app.shop().staff("Arne Archived"));
    let mut admin = app.admin();
    let form = admin.open(&form_path(client));
    app.shop().lock(&locked);
    app.shop().sql(&format!("UPDATE employees SET archived_at = 1 WHERE id = {}", archived.id));

    for person in [&locked, &archived] {
        let id = person.id.to_string();
        let fields = [("employee", id.as_str()), ("label", "Nightly export"), ("scope", "employee:inventory")];
        let page = admin.submit(&form, "/api-keys/new", &fields);

        assert_eq!(page.status, 422);
        assert!(page.texts("#employee-error").concat().contains("locked or archived"), "{}", page.text());
        assert!(!page.texts("#employee option").iter().any(|name| name.starts_with(&person.name)));
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 0);
}

#[test]
fn a_key_ends_with_the_day_that_was_chosen() {
    let app = TestApp::start();
    let (client, person) = (app.shop().client("Ledgerly"), app.shop().staff("Anna"));
    let mut admin = app.admin();

    for bad in ["2026-11-19", "2026-02-30", "soon", "9999-12-31"] {
        let page = make(&mut admin, client, &person, &[("expires", bad)]);
        assert_eq!((page.status, page.has("#expires-error")), (422, true), "{bad}");
        assert_eq!(page.attribute("#expires", "value").as_deref(), Some(bad));
    }
    // It is noon in Stockholm, where the shop is.
    let key = make(&mut admin, client, &person, &[("expires", "2026-11-20")]).texts("#secret")[0].clone();
    assert!(app.works(&key));
    app.advance(DAY / 2 - 2);
    assert!(app.works(&key));
    app.advance(1);
    assert!(!app.works(&key));
}

#[test]
fn no_key_is_made_for_a_client_that_is_being_deleted() {
    let app = TestApp::start();
    let (client, person) = (app.shop().client("Ledgerly"), app.shop().staff("Anna"));
    let mut admin = app.admin();
    let form = admin.open(&form_path(client));
    app.shop().sql(&format!("UPDATE clients SET revoked_at = {}", app.now().0));
    let id = person.id.to_string();
    let fields = [("employee", id.as_str()), ("label", "Nightly export"), ("scope", "employee:inventory")];

    assert_eq!(admin.submit(&form, "/api-keys/new", &fields).status, 409);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 0);
}
