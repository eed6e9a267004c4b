//! Making an API key for a client: for an employee, with a scope, shown once.

use client_api_access::employees::Employee;
use client_api_access::id::ClientKey;
use client_api_access::scopes::Role;
use client_api_access::time::DAY;

use crate::support::{Browser, Page, Person, TestApp, client_path};

fn form_path(client: ClientKey) -> String {
    format!("{}/api-keys/new", client_path(client))
}

fn form_for(client: ClientKey, person: &Person) -> String {
    format!("{}?employee={}", form_path(client), person.id)
}

fn sent(employee: &str) -> [(&str, &str); 4] {
    [("employee", employee), ("label", "Nightly export"), ("scope", "employee:inventory"), ("expires", "90")]
}

fn make(admin: &mut Browser, client: ClientKey, person: &Person, changes: &[(&str, &str)]) -> Page {
    let form = admin.open(&form_for(client, person));
    let id = person.id.to_string();
    let mut fields = vec![
        ("employee", id.as_str()),
        ("label", "Nightly export"),
        ("scope", "employee:inventory_read"),
        ("expires", "never"),
    ];
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

    let people = admin.click(&page, &page.link("New API key").unwrap());
    let form = admin.click(&people, &people.link("Mona Manager").unwrap());
    let changes = [("scope", "employee:reports"), ("scope", "employee:inventory_read")];
    let shown = make(&mut admin, client, &mona, &changes);
    let key = shown.texts("#secret")[0].clone();
    let page = admin.open(&client_path(client));

    assert!(form.text().contains("Acts for Mona Manager, Store manager"), "{}", form.text());
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
fn the_employee_is_found_by_a_part_of_the_name_or_the_address() {
    let app = TestApp::start();
    let client = app.shop().client("Ledgerly");
    for n in 0..22 {
        app.shop().staff(&format!("Colleague {n:02}"));
    }
    let (zoe, locked) = (app.shop().staff("Zoë Åberg"), app.shop().staff("Zoë Locked"));
    app.shop().lock(&locked);
    let mut admin = app.admin();

    let all = admin.open(&form_path(client));
    let named = admin.open(&format!("{}?name=zo%C3%AB", form_path(client)));
    let by_address = admin.open(&format!("{}?name={}", form_path(client), zoe.email.replace('@', "%40")));
    let nobody = admin.open(&format!("{}?name=Nobody", form_path(client)));

    assert_eq!(all.texts(".options li").len(), 10);
    assert!(all.text().contains("The first 10 of 24. Enter a part of the name"), "{}", all.text());
    assert!(!all.has("select"), "no list of everybody in one field");
    assert_eq!(named.texts(".options a"), ["Zoë Åberg"], "nobody who is locked");
    assert_eq!(by_address.texts(".options a"), ["Zoë Åberg"]);
    assert!(nobody.text().contains("No active employee has this name"), "{}", nobody.text());
    assert_eq!(nobody.link("Clear the filter"), Some(form_path(client)));
    assert_eq!(named.link("Zoë Åberg"), Some(form_for(client, &zoe)));
}

#[test]
fn the_form_offers_only_what_the_role_includes_and_the_server_refuses_the_rest() {
    let app = TestApp::start();
    let (client, anna) = (app.shop().client("Ledgerly"), app.shop().staff("Anna"));
    let mut admin = app.admin();

    let form = admin.open(&form_for(client, &anna));
    let changes = [("scope", "employee:inventory"), ("scope", "employee:admin_shops"), ("expires", "30")];
    let refused = make(&mut admin, client, &anna, &changes);

    assert!(form.has("input[value='employee:inventory']") && !form.has("input[value='employee:admin_shops']"));
    assert!(form.text().contains("Not included in the role Staff: ") && form.text().contains("Shops"));
    assert!(form.text().contains("View and edit inventory employee:inventory"), "{}", form.text());
    assert_eq!(refused.status, 422);
    let error = refused.texts("#scope-error").concat();
    assert_eq!(error, "The role of Anna (Staff) does not include: Shops. Choose again.");
    assert!(refused.has("input[value='employee:inventory'][checked]") && refused.has("input[value='30'][checked]"));
    assert_eq!(refused.attribute("#label", "value").as_deref(), Some("Nightly export"));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 0);

    // The role changed while the form was open.
    let mona = app.shop().employee("Mona", Role::Manager);
    let form = admin.open(&form_for(client, &mona));
    Employee::set_role(app.shop().conn(), mona.id, Role::Staff).unwrap();
    let id = mona.id.to_string();
    let fields = [("employee", id.as_str()), ("label", "Export"), ("scope", "employee:reports"), ("expires", "90")];
    let refused = admin.submit(&form, "/api-keys/new", &fields);
    assert_eq!((refused.status, refused.has("#scope-error")), (422, true));
    assert!(!refused.has("input[value='employee:reports']"), "it offers what the new role includes");
}

#[test]
fn sending_the_form_again_makes_no_second_key() {
    let app = TestApp::start();
    let (client, person) = (app.shop().client("Ledgerly"), app.shop().staff("Anna"));
    let mut admin = app.admin();
    let form = admin.open(&form_for(client, &person));
    let id = person.id.to_string();
    let fields = sent(&id);

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

    let nothing = make(&mut admin, client, &person, &[("label", ""), ("scope", ""), ("expires", "soon")]);
    let unknown = make(&mut admin, client, &person, &[("scope", "employee:everything")]);
    let kept = make(&mut admin, client, &person, &[("label", "a\u{202E}b"), ("expires", "180")]);

    for (page, fields) in [(&nothing, vec!["label", "scope", "expires"]), (&unknown, vec!["scope"])] {
        assert_eq!(page.status, 422);
        assert!(fields.iter().all(|field| page.has(&format!("#{field}-error .error"))), "{}", page.text());
    }
    assert_eq!((kept.status, kept.has("#label-error")), (422, true));
    assert_eq!(kept.attribute("#label", "value").as_deref(), Some("a\u{202E}b"));
    assert!(kept.has("input[value='employee:inventory_read'][checked]") && kept.has("input[value='180'][checked]"));
    assert_eq!(kept.attribute("input[name=employee]", "value"), Some(person.id.to_string()));
    // Without an employee, the page asks for one first.
    for somebody in ["999", "x"] {
        let page = make(&mut admin, client, &person, &[("employee", somebody)]);
        assert_eq!((page.status, page.has("#employee .options"), page.has("form [name=label]")), (422, true, false));
        assert!(page.notice().contains("Fix 1 error Choose"), "{somebody}: {}", page.notice());
    }
    let page = admin.get(&format!("{}?employee=999", form_path(client)));
    assert_eq!((page.status, page.has("#employee .options")), (422, true));
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 0);
}

#[test]
fn a_key_is_not_made_for_somebody_locked_or_archived() {
    let app = TestApp::start();
    let client = app.shop().client("Ledgerly");
    let (locked, archived) = (app.shop().staff("Lena Locked"), app.shop().staff("Arne Archived"));
    let mut admin = app.admin();
    let forms = [&locked, &archived].map(|person| admin.open(&form_for(client, person)));
    app.shop().lock(&locked);
    app.shop().sql(&format!("UPDATE employees SET archived_at = 1 WHERE id = {}", archived.id));

    for (person, form) in [&locked, &archived].into_iter().zip(&forms) {
        let page = admin.submit(form, "/api-keys/new", &sent(&person.id.to_string()));

        assert_eq!(page.status, 422);
        assert!(page.notice().contains("is locked or archived. Choose an active employee."), "{}", page.text());
        assert!(page.has(".options") && page.link(&person.name).is_none());
        assert_eq!(admin.get(&form_for(client, person)).status, 422);
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 0);
}

#[test]
fn a_key_ends_with_the_day_that_was_chosen() {
    let app = TestApp::start();
    let (client, person) = (app.shop().client("Ledgerly"), app.shop().staff("Anna"));
    let mut admin = app.admin();
    let on = |date: &'static str| [("expires", "date"), ("expires-on", date)];

    for bad in ["2026-11-19", "2026-02-30", "soon", "9999-12-31"] {
        let page = make(&mut admin, client, &person, &on(bad));
        assert_eq!((page.status, page.has("#expires-error")), (422, true), "{bad}");
        assert_eq!(page.attribute("#expires-on", "value").as_deref(), Some(bad));
        assert!(page.has("input[value=date][checked]"));
    }
    // It is noon in Stockholm, where the shop is.
    let key = make(&mut admin, client, &person, &on("2026-11-20")).texts("#secret")[0].clone();
    assert!(app.works(&key));
    app.advance(DAY / 2 - 2);
    assert!(app.works(&key));
    app.advance(1);
    assert!(!app.works(&key));
}

#[test]
fn ninety_days_are_suggested_and_never_is_a_choice_that_says_what_follows() {
    let app = TestApp::start();
    let (client, person) = (app.shop().client("Ledgerly"), app.shop().staff("Anna"));
    let mut admin = app.admin();

    let form = admin.open(&form_for(client, &person));
    let key = make(&mut admin, client, &person, &[("expires", "90")]).texts("#secret")[0].clone();
    let endless = make(&mut admin, client, &person, &[("expires", "never")]).texts("#secret")[0].clone();

    assert_eq!(form.attribute("input[name=expires][checked]", "value").as_deref(), Some("90"));
    let words = form.texts("#expires label").join(" ");
    assert!(words.contains("90 days Works through 18 Feb 2027."), "{words}");
    assert!(
        words.contains("Never Works until somebody revokes it. It will be listed under Needs attention."),
        "{words}"
    );
    let listed = admin.open("/settings/attention/never-expires").text();
    assert!(listed.contains(&endless[..7]) && !listed.contains(&key[..7]), "{listed}");
    // Noon on 20 November: the last second of 18 February is 90 days and almost 12 hours away.
    app.advance(90 * DAY + DAY / 2 - 2);
    assert!(app.works(&key));
    app.advance(1);
    assert!(!app.works(&key) && app.works(&endless));
}

#[test]
fn no_key_is_made_for_a_client_that_is_being_deleted() {
    let app = TestApp::start();
    let (client, person) = (app.shop().client("Ledgerly"), app.shop().staff("Anna"));
    let mut admin = app.admin();
    let form = admin.open(&form_for(client, &person));
    app.shop().sql(&format!("UPDATE clients SET revoked_at = {}", app.now().0));
    let id = person.id.to_string();
    let fields = sent(&id);

    assert_eq!(admin.submit(&form, "/api-keys/new", &fields).status, 409);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 0);
}
