//! Revoke access: a client with everything below it.

use client_api_access::id::ClientKey;
use client_api_access::scopes::Role;

use crate::support::{Browser, TestApp, client_path, is_postgres};

const LIST: &str = "/settings/client-api-access";

fn revoke_path(client: ClientKey) -> String {
    format!("{}/revoke", client_path(client))
}

fn entries(app: &TestApp, kind: &str) -> i64 {
    app.shop().number(&format!("SELECT COUNT(*) FROM activity WHERE kind = '{kind}'"))
}

#[test]
fn d9_revoking_a_client_takes_everything_below_it_and_the_counts_agree() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let (client, other) = (shop.client("Ledgerly"), shop.client("Stockbird"));
    let grant = shop.grant(client, &anna);
    app.shop().at(-900).refresh(&grant);
    shop.grant(client, &bo);
    shop.api_key(client, &bo, "till");
    let kept = shop.grant(other, &anna);
    shop.used("access_tokens", grant.access_token_id.0, app.now().plus(-300));
    shop.used("clients", client.0, app.now().plus(-300));
    let mut browser = app.admin();

    let page = browser.open(&client_path(client));
    let confirmation = browser.click(&page, &page.link("Revoke access").unwrap());
    let done = browser.submit(&confirmation, "/revoke", &[]);
    let after = browser.follow(&done);

    assert_eq!(confirmation.heading(), "Revoke access for Ledgerly?");
    assert_eq!(confirmation.impact("Refresh tokens"), "2");
    assert_eq!(confirmation.impact("Access tokens"), "3");
    assert_eq!(confirmation.impact("API keys"), "1");
    assert_eq!(confirmation.impact("Employees"), "Anna Berg, Bo Dahl");
    assert_eq!(confirmation.impact("Last used"), "5 min ago");
    assert_eq!(done.location(), LIST);
    assert_eq!(after.notice(), "Access revoked for Ledgerly. Deleted 2 refresh tokens, 3 access tokens and 1 API key.");
    assert_eq!(after.rows("#clients").len(), 1);
    let counts = ["clients", "refresh_tokens", "refresh_token_values", "access_tokens"]
        .map(|table| app.shop().number(&format!("SELECT COUNT(*) FROM {table}")));
    assert_eq!(counts, [1, 1, 1, 1]);
    assert_eq!(browser.get(&kept.path()).status, 200);
    for gone in [client_path(client), grant.path(), grant.access_token_path()] {
        let page = browser.get(&gone);
        assert_eq!((page.status, page.heading().as_str()), (410, "Already revoked"), "{gone}");
        assert!(page.text().contains("Ledgerly was already revoked by Ada Admin"), "{}", page.text());
    }
}

#[test]
fn activity_keeps_who_revoked_what_with_names_and_shown_characters_only() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna Berg");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let mut browser = app.admin();

    let confirmation = browser.open(&revoke_path(client));
    browser.submit(&confirmation, "/revoke", &[]);
    let log = browser.open("/settings/activity?kind=client+revoked");

    let rows = log.rows("#activity");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].cells[1..3], ["Ada Admin", "Client revoked: Ledgerly"]);
    assert!(rows[0].cells[3].contains("1 refresh token and 1 access token · authorized by Anna Berg"), "{:?}", rows[0]);
    assert!(rows[0].cells[3].contains(grant.mask()) && rows[0].cells[3].contains(grant.access_token_mask()));
    assert!(!log.body.contains(&grant.refresh_token[..9]));
}

#[test]
fn a_client_without_tokens_goes_quietly() {
    let app = TestApp::start();
    let client = app.shop().client("Ledgerly");
    let mut browser = app.admin();

    let confirmation = browser.open(&revoke_path(client));
    let done = browser.submit(&confirmation, "/revoke", &[]);

    assert_eq!(confirmation.impact("Employees"), "None");
    assert_eq!(browser.follow(&done).notice(), "Access revoked for Ledgerly. It had no tokens.");
}

#[test]
fn stopping_always_wins_and_what_was_new_is_named() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo, eva) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"), shop.staff("Eva Ek"));
    let client = shop.client("Ledgerly");
    shop.grant(client, &anna);
    let mut browser = app.admin();

    let confirmation = browser.open(&revoke_path(client));
    shop.grant(client, &bo);
    shop.api_key(client, &eva, "late");
    let done = browser.submit(&confirmation, "/revoke", &[]);

    let notice = browser.follow(&done).notice();
    assert!(
        notice.starts_with("Access revoked for Ledgerly. Deleted 2 refresh tokens, 2 access tokens and 1 API key.")
    );
    assert!(
        notice.ends_with(
            "This includes 1 refresh token, 1 access token and 1 API key created after you opened the \
             confirmation (Bo Dahl, Eva Ek)."
        ),
        "{notice}"
    );
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 0);
}

#[test]
fn only_those_who_are_new_are_named_as_new() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (anna, bo) = (shop.staff("Anna Berg"), shop.staff("Bo Dahl"));
    let client = shop.client("Ledgerly");
    // A grant whose access token has long expired and is gone: none was seen on the confirmation.
    let grant = shop.grant(client, &anna);
    shop.sql(&format!("DELETE FROM access_tokens WHERE id = {}", grant.access_token_id));
    let mut browser = app.admin();

    let confirmation = browser.open(&revoke_path(client));
    shop.api_key(client, &bo, "late");
    let done = browser.submit(&confirmation, "/revoke", &[]);

    let notice = browser.follow(&done).notice();
    assert!(notice.contains("1 API key created after you opened the confirmation (Bo Dahl)."), "{notice}");
}

#[test]
fn beyond_a_hundred_tokens_the_name_is_to_be_typed() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    let (few, many) = (shop.client("Few"), shop.client("Many Tokens"));
    for (client, access_tokens) in [(few, 98), (many, 99)] {
        let grant = shop.grant(client, &anna);
        shop.many_access_tokens(&grant, access_tokens);
    }
    let mut browser = app.admin();

    let confirmation = browser.open(&revoke_path(many));
    for typed in ["", "many tokens", "Many", "Few"] {
        let refused = browser.submit(&confirmation, "/revoke", &[("name", typed)]);
        assert!(refused.notice().contains("Nothing was revoked"), "{typed}: {}", refused.text());
        assert!(refused.has("input[name=name][aria-invalid]"));
    }
    assert_eq!(entries(&app, "client revoked"), 0);
    let done = browser.submit(&confirmation, "/revoke", &[("name", " Many Tokens ")]);

    let told = browser.follow(&done).notice();
    assert_eq!(
        told,
        "Access revoked for Many Tokens. Revoked 1 refresh token and 100 access tokens. The records are being deleted."
    );
    assert!(!browser.open(&revoke_path(few)).has("input#name"), "a hundred in all");
}

#[test]
fn what_was_few_when_it_was_read_needs_no_name_however_many_came_since() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    let mut browser = app.admin();

    let confirmation = browser.open(&revoke_path(client));
    app.shop().many_access_tokens(&grant, 200);
    let done = browser.submit(&confirmation, "/revoke", &[]);

    assert_eq!(done.status, 303);
    assert!(browser.follow(&done).notice().contains("200 access tokens created after"));
}

#[test]
fn a_post_without_the_confirmation_needs_the_name_of_a_large_client() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &anna);
    app.shop().many_access_tokens(&grant, 200);
    let mut browser = app.admin();
    let csrf = browser.csrf();

    let refused = browser.post(&revoke_path(client), &[("csrf", &csrf)]);
    let done = browser.post(&revoke_path(client), &[("csrf", &csrf), ("name", "Ledgerly")]);

    assert!(refused.text().contains("Nothing was revoked"));
    assert_eq!(done.status, 303);
}

#[test]
fn d11_pressing_twice_going_back_or_coming_too_late_is_no_error_and_has_one_effect() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    app.shop().grant(client, &anna);
    let mut browser = app.admin();

    let confirmation = browser.open(&revoke_path(client));
    let first = browser.submit(&confirmation, "/revoke", &[]);
    let second = browser.submit(&confirmation, "/revoke", &[]);
    let told = browser.follow(&second).notice();
    let back = browser.get(&revoke_path(client));

    assert_eq!((first.status, second.status), (303, 303));
    assert!(told.starts_with("Ledgerly was already revoked by Ada Admin"), "{told}");
    assert_eq!((back.status, back.heading().as_str()), (410, "Already revoked"));
    assert_eq!(entries(&app, "client revoked"), 1);
}

#[test]
fn d11_of_two_admins_at_once_one_revokes_and_the_other_is_told() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let anna = shop.staff("Anna");
    let mut admins: Vec<Browser> = (0..4).map(|_| app.admin()).collect();

    for round in 0..5 {
        let client = shop.client("Ledgerly");
        let grant = shop.grant(client, &anna);
        shop.many_access_tokens(&grant, 40);
        let pages: Vec<_> = admins.iter_mut().map(|browser| browser.open(&revoke_path(client))).collect();

        let answers: Vec<u16> = std::thread::scope(|scope| {
            let press = |(browser, page)| move || Browser::submit(browser, page, "/revoke", &[]).status;
            let threads: Vec<_> = admins.iter_mut().zip(&pages).map(|pair| scope.spawn(press(pair))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });

        assert_eq!(answers, [303; 4], "round {round}");
        assert_eq!(entries(&app, "client revoked"), round + 1);
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 0);
}

#[test]
fn only_an_admin_may_revoke_a_client() {
    let app = TestApp::start();
    let anna = app.shop().staff("Anna");
    let client = app.shop().client("Ledgerly");
    app.shop().grant(client, &anna);

    for role in [Role::Staff, Role::Manager] {
        let mut browser = app.sign_in_as(role).0;
        let csrf = browser.csrf();
        let asked = browser.get(&revoke_path(client));
        let pressed = browser.post(&revoke_path(client), &[("csrf", &csrf), ("name", "Ledgerly")]);

        assert_eq!((asked.status, asked.heading().as_str()), (403, "Not allowed"), "{role:?}");
        assert_eq!((pressed.status, pressed.heading().as_str()), (403, "Not allowed"), "{role:?}");
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM access_tokens"), 1);
    assert_eq!(entries(&app, "client revoked"), 0);
}

#[test]
fn d10_foreign_keys_are_switched_on_for_every_connection() {
    let app = TestApp::start();
    if is_postgres() {
        println!("left out on PostgreSQL: foreign keys are always on");
        return;
    }
    let db = app.state.db.clone();

    let pragma = move |n: u64| {
        let db = db.clone();
        async move {
            db.read(move |conn| {
                use diesel::prelude::*;
                // All four at once, so that each is another connection.
                std::thread::sleep(std::time::Duration::from_millis(100 + n));
                let on =
                    diesel::dsl::sql::<diesel::sql_types::Integer>("(SELECT foreign_keys FROM pragma_foreign_keys)");
                Ok(diesel::select(on).get_result::<i32>(conn)?)
            })
            .await
            .unwrap()
        }
    };
    let on = actix_web::rt::System::new().block_on(async { futures_util::future::join_all((0..4).map(pragma)).await });

    assert_eq!(on, [1; 4]);
}
