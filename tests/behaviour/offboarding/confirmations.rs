//! Confirmations with their impact: lock, archive, password reset, suspend, removing a location or a business.

use client_api_access::connections::{ApiType, ConnectionFields};
use client_api_access::scopes::Role;

use super::call;
use crate::support::{TestApp, client_path};

#[test]
fn lock_archive_and_reset_say_what_stops_and_do_nothing_yet() {
    let app = TestApp::start();
    let (_, person) = app.sign_in_as(Role::Staff);
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &person);
    app.named_online("Stock sync", app.oauth_client("Nowhere", ApiType::RSeries), &person);
    let mut admin = app.admin();
    let page = admin.open(&person.path());

    for (label, heading) in [
        ("Lock", "Lock Stina Staff?"),
        ("Archive", "Archive Stina Staff?"),
        ("Reset password", "Reset the password of Stina Staff?"),
    ] {
        let form = admin.click(&page, &page.link(label).unwrap());

        assert_eq!(form.heading(), heading);
        assert_eq!((form.impact("Sessions").as_str(), form.impact("Refresh tokens").as_str()), ("1 session", "1"));
        assert_eq!(form.impact("Connections"), "Stock sync");
        assert_eq!(form.link("Cancel"), Some(person.path()));
    }
    assert_eq!(call(&app, &grant.access_token), 200);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM sessions"), 2);
}

#[test]
fn a_password_reset_revokes_all_access_when_asked_to() {
    let app = TestApp::start();
    let (_, person) = app.sign_in_as(Role::Staff);
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &person);
    let mut admin = app.admin();
    let form = admin.open(&format!("{}/link", person.path()));

    let plain = admin.submit(&form, "/link", &[]);
    let kept = call(&app, &grant.access_token);
    let again = admin.open(&format!("{}/link", person.path()));
    let revoking = admin.submit(&again, "/link", &[("revoke", "yes")]);
    let gone = call(&app, &grant.access_token);

    assert_eq!((plain.status, revoking.status), (200, 200));
    assert_eq!((kept, gone), (200, 401));
    let log = admin.open("/settings/activity").rows("#activity");
    assert!(log[0].says("All access revoked") && log[1].says("Password reset link created"), "{log:?}");
}

#[test]
fn suspending_a_client_says_what_stops() {
    let app = TestApp::start();
    let person = app.shop().staff("Anna Berg");
    let client = app.shop().client("Ledgerly");
    app.shop().grant(client, &person);
    let mut admin = app.admin();

    let page = admin.open(&client_path(client));
    let form = admin.click(&page, &page.link("Suspend client").unwrap());
    let done = admin.submit(&form, "/suspend", &[]);
    let after = admin.follow(&done);

    assert_eq!(form.heading(), "Suspend Ledgerly?");
    assert_eq!((form.impact("Refresh tokens").as_str(), form.impact("Employees").as_str()), ("1", "Anna Berg"));
    assert!(after.notice().contains("Ledgerly is suspended."), "{}", after.notice());
}

#[test]
fn removing_a_location_or_a_business_says_who_loses_it() {
    let app = TestApp::start();
    let person = app.shop().staff("Anna Berg");
    let (business, location) = app.shop().location("North", "Harbour");
    app.shop().sql(&format!("INSERT INTO employee_locations VALUES ({}, {location})", person.id));
    let fields =
        ConnectionFields { name: "Stock sync".into(), business: Some(business), ..ConnectionFields::default() };
    app.connection_with(app.oauth_client("Nowhere", ApiType::RSeries), &fields);
    let mut admin = app.admin();
    let path = format!("/settings/account/businesses/{business}");

    let of_location = admin.open(&format!("{path}/locations/{location}/remove"));
    let removed = admin.submit(&of_location, "/remove", &[]);
    let of_business = admin.open(&format!("{path}/remove"));
    let gone = admin.submit(&of_business, "/remove", &[]);

    assert_eq!(of_location.heading(), "Remove Harbour?");
    assert_eq!(
        (of_location.impact("Employees").as_str(), of_location.impact("Among").as_str()),
        ("1 employee", "Anna Berg")
    );
    assert_eq!(
        (of_business.heading().as_str(), of_business.impact("Connections").as_str()),
        ("Remove North?", "Stock sync")
    );
    assert_eq!((removed.status, gone.status), (303, 303));
    assert_eq!(admin.get(&format!("{path}/remove")).status, 404);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM businesses"), 0);
}
