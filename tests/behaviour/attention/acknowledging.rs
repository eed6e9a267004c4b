//! Acknowledging an item with a reason and a date, and withdrawing that.

use super::{HOME, World, findings, items, path};
use crate::support::hrefs;

#[test]
fn an_acknowledged_item_is_quiet_until_its_date() {
    let mut world = World::start();
    let (kept, other) = (world.grant("employee:all"), world.grant("employee:all"));
    let rule = path("full-access");

    let page = world.manager.open(&rule);
    let link = page.attribute("#items .acts a.quiet", "href").unwrap();
    let form = world.manager.open(&link);
    // 12:00 in Stockholm on 20 November: the next day ends in 36 hours.
    let fields = [("reason", "The accountant needs it"), ("until", "2026-11-21")];
    let done = world.manager.submit(&form, "/acknowledge", &fields);
    let after = world.manager.follow(&done);

    assert!(after.notice().contains("is quiet until 21 Nov 2026"), "{}", after.notice());
    assert_eq!(hrefs(&after.rows("#items")), [other.path()]);
    let quiet = after.rows("#quiet");
    assert!(quiet[0].says("The accountant needs it") && quiet[0].says("Mona Manager"), "{quiet:?}");
    let home = world.manager.open(HOME);
    assert_eq!(findings(&home), ["1 token has full access"]);
    assert!(home.text().contains("1 acknowledged item"), "{}", home.text());
    let log = world.manager.open("/settings/activity").rows("#activity");
    assert!(log[0].says("Acknowledged") && log[0].says("The accountant needs it"), "{log:?}");

    world.app.advance(36 * 3600 - 2);
    let mut later = world.app.sign_in(&world.owner);
    assert_eq!(items(&mut later, "full-access").len(), 1);
    world.app.advance(2);
    assert_eq!(items(&mut later, "full-access").len(), 2, "{}", kept.path());
}

#[test]
fn an_acknowledgement_is_withdrawn() {
    let mut world = World::start();
    world.grant("employee:all");
    let page = world.manager.open(&path("full-access"));
    let link = page.attribute("#items .acts a.quiet", "href").unwrap();
    let form = world.manager.open(&link);
    let done = world.manager.submit(&form, "/acknowledge", &[("reason", "Known")]);
    let quiet = world.manager.follow(&done);
    assert!(quiet.rows("#items").is_empty());

    let done = world.manager.submit(&quiet, "/withdraw", &[]);
    let after = world.manager.follow(&done);
    let twice = world.manager.submit(&quiet, "/withdraw", &[]);

    assert_eq!(after.rows("#items").len(), 1);
    assert!(after.notice().contains("is listed again"), "{}", after.notice());
    assert_eq!(twice.status, 303);
}

#[test]
fn an_acknowledgement_needs_a_reason_a_date_and_a_listed_item() {
    let mut world = World::start();
    let grant = world.grant("employee:all");
    let page = world.manager.open(&path("full-access"));
    let link = page.attribute("#items .acts a.quiet", "href").unwrap();
    let form = world.manager.open(&link);
    let mut send = |fields: &[(&str, &str)]| world.manager.submit(&form, "/acknowledge", fields);

    for (fields, complaint) in [
        ([("reason", ""), ("until", "2027-01-01")], "The reason is missing"),
        ([("reason", "Known"), ("until", "")], "Choose a date"),
        ([("reason", "Known"), ("until", "2026-11-19")], "Choose a date from tomorrow"),
        ([("reason", "Known"), ("until", "2027-11-30")], "Choose a date from tomorrow"),
    ] {
        let refused = send(&fields);
        assert_eq!(refused.status, 422, "{complaint}");
        assert!(refused.notice().contains(complaint), "{}", refused.notice());
    }
    let forged = send(&[("reason", "Known"), ("until", "2027-01-01"), ("item", "refresh_token-999")]);
    assert_eq!(forged.status, 303);
    assert_eq!(world.app.shop().number("SELECT COUNT(*) FROM acknowledgements"), 0);
    world.app.shop().sql(&format!("DELETE FROM refresh_tokens WHERE id = {}", grant.id));
    assert_eq!(world.manager.get(&link).status, 303, "it is gone");
}
