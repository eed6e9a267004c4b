//! The weekly digest: what it says, when, and once.

use client_api_access::id::ClientKey;
use client_api_access::scopes::Role;
use client_api_access::time::{DAY, HOUR, MINUTE};
use serde_json::Value;

use crate::notice_kinds::settle;
use crate::notices::{channels, in_clear, with_flash};
use crate::support::mail::MailServer;
use crate::support::provider::Provider;
use crate::support::{Browser, Person, TestApp};

const NOTICES: &str = "/settings/account/notices";
// From Friday noon, when every test begins, to Monday at eight, in Stockholm.
const UNTIL_MONDAY: i64 = 2 * DAY + 20 * HOUR;

fn choose(admin: &mut Browser, fields: &[(&str, &str)]) {
    let form = admin.open(NOTICES);
    assert_eq!(admin.submit(&form, "/digest", fields).status, 303);
}

// A key without an end, and a client that waits.
fn something(app: &TestApp) -> (ClientKey, Person) {
    let mut shop = app.shop();
    let (client, owner) = (shop.client("Ledgerly"), shop.employee("Olga Owner", Role::Manager));
    shop.api_key(client, &owner, "Till");
    shop.pending_client("Stranger");
    (client, owner)
}

#[test]
fn the_digest_lists_what_needs_attention_at_its_hour_and_once() {
    let (mail, receiver) = (MailServer::start(), Provider::start());
    let app = TestApp::start_with(with_flash(channels(in_clear(&mail), Some(&receiver))));
    something(&app);
    let mut admin = app.admin();
    settle(&app);
    let off = mail.mails().len();

    choose(&mut admin, &[("weekday", "1"), ("hour", "8"), ("digest-email", "yes"), ("digest-webhook", "yes")]);
    let shown = admin.open(NOTICES).texts("#digest p")[0].clone();
    app.advance(UNTIL_MONDAY - 1);
    settle(&app);
    let early = mail.mails().len();
    app.advance(1);
    for _ in 0..3 {
        settle(&app);
        app.advance(MINUTE);
    }

    assert_eq!((off, early), (0, 0));
    assert!(shown.contains("The next one is due on 23 Nov 2026, 08:00"), "{shown}");
    let (mails, posts) = (mail.mails(), receiver.requests());
    assert_eq!((mails.len(), posts.len()), (1, 1));
    let text = mails[0].text.replace("=\r\n", "").replace("\r\n", "\n");
    assert!(text.contains("Harbour & Pine: 2 things need attention"), "{text}");
    let origin = app.origin();
    let lines = format!(
        "This needs attention at Harbour & Pine on 23 Nov 2026.\n\nSoon\n- 1 client waits for approval\n  \
         {origin}/settings/attention/pending-clients\n\nTo review\n- 1 API key never expires\n  \
         {origin}/settings/attention/never-expires\n\nAcknowledged items are not counted. All that needs \
         attention:\n\n{origin}/settings\n"
    );
    assert!(text.contains(&lines), "{text}\n---\n{lines}");
    let body: Value = serde_json::from_str(&posts[0].body).unwrap();
    assert_eq!(body["type"], "digest");
    let items = body["data"]["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["rule"], "pending-clients");
    assert_eq!(items[0]["severity"], "soon");
    assert_eq!((items[0]["count"].as_i64(), items[0]["at_least"].as_bool()), (Some(1), Some(false)));
    assert_eq!(items[1]["url"], format!("{origin}/settings/attention/never-expires"));
    app.advance(7 * DAY);
    settle(&app);
    assert_eq!(mail.mails().len(), 2, "the next week");
}

#[test]
fn nothing_is_sent_when_nothing_needs_attention_unless_that_is_chosen() {
    let mail = MailServer::start();
    let app = TestApp::start_with(with_flash(channels(in_clear(&mail), None)));
    let mut admin = app.admin();
    choose(&mut admin, &[("digest-email", "yes")]);

    app.advance(UNTIL_MONDAY);
    settle(&app);
    let by_default = mail.mails().len();
    let mut admin = app.admin();
    choose(&mut admin, &[("digest-email", "yes"), ("even-if-empty", "yes")]);
    settle(&app);
    let at_once = mail.mails().len();
    app.advance(7 * DAY);
    settle(&app);

    assert_eq!((by_default, at_once), (0, 0));
    let mails = mail.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].header("Subject"), "Nothing needs attention at Harbour & Pine");
}

#[test]
fn acknowledged_items_are_left_out() {
    let receiver = Provider::start();
    let app = TestApp::start_with(with_flash(channels(None, Some(&receiver))));
    something(&app);
    let mut admin = app.admin();
    choose(&mut admin, &[("digest-webhook", "yes")]);
    let attention = admin.open("/settings/attention/never-expires");
    let form = admin.open(&attention.attribute("#items .acts a.quiet", "href").unwrap());
    assert_eq!(admin.submit(&form, "/acknowledge", &[("reason", "The till needs it")]).status, 303);

    app.advance(UNTIL_MONDAY);
    settle(&app);

    let body: Value = serde_json::from_str(&receiver.requests()[0].body).unwrap();
    let rules: Vec<&str> =
        body["data"]["items"].as_array().unwrap().iter().map(|item| item["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["pending-clients"]);
}

#[test]
fn many_nodes_and_a_restart_send_one_digest() {
    let receiver = Provider::start();
    let settings = || with_flash(channels(None, Some(&receiver)));
    let nodes = TestApp::nodes(1, settings());
    let first = nodes.last().unwrap();
    something(first);
    choose(&mut first.admin(), &[("digest-webhook", "yes")]);
    nodes.iter().for_each(|node| node.advance(UNTIL_MONDAY));

    std::thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(|| settle(node));
            scope.spawn(|| settle(node));
        }
    });
    let next = TestApp::start_on(first.database.shared(), None, settings());
    next.advance(UNTIL_MONDAY + HOUR);
    settle(&next);

    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn a_digest_that_is_late_is_sent_within_a_day_and_then_left_out() {
    for (late, sent) in [(DAY - 1, 1), (DAY, 0)] {
        let receiver = Provider::start();
        let app = TestApp::start_with(with_flash(channels(None, Some(&receiver))));
        something(&app);
        choose(&mut app.admin(), &[("digest-webhook", "yes")]);

        app.advance(UNTIL_MONDAY + late);
        settle(&app);

        assert_eq!(receiver.requests().len(), sent, "{late}");
    }
}

#[test]
fn the_hour_is_that_of_the_shop_and_another_time_zone_sends_no_second_digest() {
    let receiver = Provider::start();
    let app = TestApp::start_with(with_flash(channels(None, Some(&receiver))));
    something(&app);
    let mut admin = app.admin();
    choose(&mut admin, &[("digest-webhook", "yes")]);
    let zone = |zone: &str| {
        let mut admin = app.admin();
        let form = admin.open("/settings/account");
        assert_eq!(admin.submit(&form, "/settings/account", &[("zone", zone)]).status, 303);
    };

    zone("Pacific/Auckland");
    // Monday at eight in Auckland is Sunday evening in Stockholm.
    app.advance(UNTIL_MONDAY - 12 * HOUR - 1);
    settle(&app);
    let early = receiver.requests().len();
    app.advance(1);
    settle(&app);
    let on_time = receiver.requests().len();
    zone("America/Los_Angeles");
    for _ in 0..40 {
        app.advance(HOUR);
        settle(&app);
    }

    assert_eq!((early, on_time), (0, 1));
    assert_eq!(receiver.requests().len(), 1, "it is the same Monday");
}

#[test]
fn the_form_says_which_channel_is_off() {
    let mail = MailServer::start();
    let app = TestApp::start_with(with_flash(channels(in_clear(&mail), None)));

    let labels = app.admin().open(NOTICES).texts("#digest label.check");

    assert_eq!(labels[..2], ["By e-mail", "To the webhook (off: set it up above first)"]);
}
