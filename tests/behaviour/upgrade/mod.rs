//! Upgrades: today's program on the databases of earlier releases, which `scripts/fixture` stored in `fixtures/`. What people
//! and programs held before the upgrade works as before, or is refused as before.

mod interrupted;
mod make;
mod past;

use client_api_access::config::{Config, PublicUrl};
use client_api_access::id::{ClientKey, ConnectionKey, OAuthClientKey};
use client_api_access::notices::{NoticeSecrets, NoticeSettings, Notices};
use client_api_access::time::{DAY, HOUR, MINUTE};
use serde_json::json;

use crate::schema::dump;
use crate::support::connections::{CONNECTIONS, connection_path};
use crate::support::oauth::{bearer, challenge, pair, refusal};
use crate::support::outbound::{Link, SECRET, verify_callback};
use crate::support::provider::{Answer, Provider, Request};
use crate::support::{Browser, Database, REDIRECT_URI, client_path, is_postgres, with_access_tokens};
use make::CALLBACK;
pub use make::verify_activity;
use past::Upgraded;
pub use past::{each_database, each_release};

const CLIENTS: &str = "/settings/client-api-access";
const EMPLOYEES: &str = "/settings/employees";

// Under the same public address as ever, which the names of cookies follow; notices go to the provider of the tests.
fn set(config: &mut Config, provider: &Provider) {
    let settings = NoticeSettings { webhook_url: Some(format!("{}/hook", provider.origin())), ..Default::default() };
    let webhook_secret = Some("a secret of twenty-four characters".into());
    let secrets = NoticeSecrets { webhook_secret, smtp_url: None };
    config.notices = Notices::from_settings(&settings, &secrets, true).unwrap();
    config.public_url = PublicUrl::parse("https://pos.example").unwrap();
}

fn shows<'a>(browser: &mut Browser, path: &str, words: impl IntoIterator<Item = &'a str>) {
    let page = browser.open(path);
    for word in words {
        assert!(page.text().contains(word), "{word:?} is missing on {path}: {}", page.text());
    }
}

#[test]
fn an_upgraded_schema_is_the_schema_of_a_new_database() {
    each_release(|before| {
        let database = &before.app.database;

        let (upgraded, new) = (dump(&mut database.connect()), dump(&mut Database::migrated().connect()));

        assert_eq!(upgraded, new);
        if !is_postgres() {
            assert_eq!(before.app.shop().number("SELECT COUNT(*) FROM pragma_foreign_key_check"), 0);
        }
    });
}

#[test]
fn an_admin_signs_in_and_finds_everything_from_before() {
    each_release(|before| {
        let known = &before.known;
        let mut admin = before.admin();

        shows(&mut admin, CLIENTS, known.clients.keys().map(String::as_str));
        for (name, id) in &known.clients {
            let path = client_path(ClientKey(*id));
            shows(&mut admin, &path, [name.as_str()]);
            let page = admin.open(&with_access_tokens(&path));
            for panel in ["#api-keys", "#refresh-tokens", "#access-tokens"] {
                for row in page.rows(panel) {
                    admin.open(&row.href);
                }
            }
        }
        shows(&mut admin, EMPLOYEES, ["Ada Admin", "Mona Manager", "Stina Staff", "Lotta Locked", "Nils Ny"]);
        for (name, employee) in &known.employees {
            shows(&mut admin, &format!("{EMPLOYEES}/{}", employee.id), [name.as_str(), &employee.email]);
        }
        shows(&mut admin, CONNECTIONS, known.connections.keys().map(String::as_str));
        for (name, id) in &known.connections {
            shows(&mut admin, &connection_path(ConnectionKey(*id)), [name.as_str()]);
        }
        shows(&mut admin, "/settings/connections/clients", ["Harbour at its provider", "Harbour at R-Series"]);
        shows(&mut admin, "/settings/resource-servers", ["Orders API"]);
        shows(&mut admin, "/settings/activity", ["Ledgerly", "Lotta Locked", "Ada Admin"]);
        shows(&mut admin, "/settings/account", ["Pine Retail AB", "Harbour"]);
        shows(&mut admin, "/settings/profile", ["Ada Admin"]);
    });
}

#[test]
fn a_browser_that_was_signed_in_before_still_is() {
    each_release(|before| {
        let mut browser = before.browser_from_before();

        shows(&mut browser, "/settings/profile", ["Ada Admin"]);
        before.app.advance(HOUR);
        assert_eq!(browser.get("/settings/profile").status, 303, "it expires as before");
    });
}

#[test]
fn an_invitation_from_before_is_accepted() {
    each_release(|before| {
        let (password, path) = (&before.known.password, &before.known.invitation);
        let mut theirs = before.app.browser();

        let form = theirs.open(path);
        let answer = theirs.submit(&form, path, &[("password", password), ("again", password)]);

        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(before.app.browser().sign_in("nils@harbourandpine.example", password).status, 303);
    });
}

#[test]
fn access_tokens_and_api_keys_from_before_work_or_are_refused_as_before() {
    each_release(|before| {
        let (app, known) = (&before.app, &before.known);
        let (id, secret) = &known.resource_server;
        let tokens = [
            (&known.grants["rotated"].access_token, true),
            (&known.grants["from the redeemed code"].access_token, true),
            (&known.api_keys["active"], true),
            (&known.grants["dormant"].access_token, false),
            (&known.grants["revoked"].access_token, false),
            (&known.grants["locked"].access_token, false),
            (&known.grants["archived"].access_token, false),
            (&known.grants["suspended"].access_token, false),
            (&known.api_keys["expired"], false),
            (&known.api_keys["suspended"], false),
        ];

        for (token, works) in tokens {
            let fields = [("token", token.as_str()), ("client_id", id), ("client_secret", secret)];
            let introspected = app.program().post("/auth/oauth/introspect", &fields);

            assert_eq!(app.works(token), works, "{}", &token[..7]);
            assert_eq!(introspected.json()["active"], json!(works), "{}", &token[..7]);
        }
        assert_eq!(app.call("/API/V3/Account.json", &known.api_keys["active"]).status, 200);
    });
}

#[test]
fn access_tokens_that_had_expired_are_moved_and_are_still_told_from_revoked_ones() {
    each_release(|before| {
        let (app, grants) = (&before.app, &before.known.grants);
        let hint = |name: &str| refusal(&app.call("/API/V3/Account.json", &grants[name].access_token)).2;
        let hints = || ["dormant", "reused", "revoked"].map(hint);
        let expected = ["could not be verified", "could not be verified", "has been revoked"];
        assert_eq!(hints(), expected.map(|end| format!("Access token {end}")));

        app.run_background();

        assert_eq!(hints(), expected.map(|end| format!("Access token {end}")));
        let now = app.now().0;
        let left = format!("SELECT COUNT(*) FROM access_tokens WHERE refresh_token_id > 0 AND expires_at <= {now}");
        assert_eq!(app.shop().number(&left), 0);
        assert!(app.shop().number("SELECT COUNT(*) FROM ended_tokens") > 2);
        let mut admin = before.admin();
        let page = admin.open("/settings/client-api-access/find-token");
        let found = admin.submit(&page, "/find-token", &[("token", &grants["dormant"].access_token)]);
        assert!(admin.follow(&found).text().contains("Expired"));
    });
}

#[test]
fn refresh_tokens_from_before_follow_the_same_rules() {
    each_release(|before| {
        let grants = &before.known.grants;
        let refused = |token: &str| refusal(&before.refresh(token)).1;

        // Replaced 15 seconds ago: a retry gets a pair of its own, and the newest value works too.
        let retried = pair(&before.refresh(grants["rotated"].previous()));
        let next = pair(&before.refresh(grants["rotated"].current()));
        assert!(before.app.works(&retried.access_token) && before.app.works(&next.access_token));
        assert_eq!(grants["rotated"].current().len(), 60);
        assert_eq!([&retried, &next].map(|pair| pair.refresh_token.len()), [61, 61]);
        assert_eq!(retried.refresh_token[..33], next.refresh_token[..33], "they share a grant part");
        // Replaced a day ago, but nobody has used the newest pair: the reply was lost.
        let again = pair(&before.refresh(grants["lost reply"].previous()));
        assert_eq!(refused(grants["lost reply"].current()), "invalid_grant");
        assert!(!before.app.works(&again.access_token), "a withdrawn value is reuse, and revokes the grant");
        // Replaced ten days ago, and the newest pair has been used.
        assert_eq!(refused(grants["reused"].previous()), "invalid_grant");
        assert_eq!(refused(grants["reused"].current()), "invalid_grant");
        // Unused for twelve days, of thirty.
        pair(&before.refresh(grants["dormant"].current()));
        for name in ["revoked", "locked", "archived"] {
            assert_eq!(refused(grants[name].current()), "invalid_grant", "{name}");
        }
    });
}

#[test]
fn an_old_refresh_token_counts_as_reuse_and_revokes_the_grant() {
    each_release(|before| {
        let grant = &before.known.grants["reused"];
        before.app.advance(DAY / 2);
        let longer = pair(&before.refresh(grant.current()));
        let newest = pair(&before.refresh(&longer.refresh_token));
        assert!(before.app.works(&newest.access_token));
        before.app.run_background();

        let answer = before.refresh(&grant.refresh_tokens[0]);

        assert_eq!(refusal(&answer).1, "invalid_grant");
        assert!(!before.app.works(&newest.access_token));
        assert_eq!(refusal(&before.refresh(&newest.refresh_token)).1, "invalid_grant");
    });
}

#[test]
fn both_client_secrets_from_before_authenticate_until_the_earlier_one_expires() {
    each_release(|before| {
        let known = &before.known;
        let error = |secret: &str| {
            let fields = [
                ("grant_type", "refresh_token"),
                ("client_id", known.client_id.as_str()),
                ("client_secret", secret),
                ("refresh_token", "nonsense"),
            ];
            refusal(&before.app.token(&fields)).1
        };

        let [earlier, newest] = &known.client_secrets[..] else { panic!("two client secrets") };
        assert_eq!([error(earlier), error(newest)], ["invalid_grant", "invalid_grant"]);
        before.app.advance(DAY);
        assert_eq!([error(earlier), error(newest)], ["invalid_client", "invalid_grant"]);
    });
}

#[test]
fn an_authorization_code_from_before_is_redeemed_once() {
    each_release(|before| {
        let known = &before.known;
        let redeem = |name: &str| {
            let (code, verifier) = &known.codes[name];
            before.app.token(&[
                ("grant_type", "authorization_code"),
                ("client_id", &known.client_id),
                ("client_secret", known.client_secrets.last().unwrap()),
                ("code", code),
                ("redirect_uri", REDIRECT_URI),
                ("code_verifier", verifier),
            ])
        };

        let issued = pair(&redeem("pending"));
        let replayed = redeem("redeemed");

        assert!(before.app.works(&issued.access_token));
        assert_eq!(refusal(&replayed).1, "invalid_grant");
        let revoked = &known.grants["from the redeemed code"];
        assert!(!before.app.works(&revoked.access_token), "using a code twice revokes what was issued from it");
    });
}

#[test]
fn deletions_that_were_under_way_are_completed() {
    each_release(|before| {
        let (mut admin, mut shop) = (before.admin(), before.app.shop());
        let unfinished = "SELECT COUNT(*) FROM purges WHERE finished_at IS NULL";
        assert_eq!(shop.number(unfinished), 3);

        before.app.run_background();

        assert_eq!(shop.number(unfinished), 0);
        assert_eq!(admin.get(&client_path(ClientKey(before.known.revoked_client))).status, 410);
        let revoked = "SELECT COUNT(*) FROM refresh_tokens WHERE revoked_at IS NOT NULL";
        assert_eq!(shop.number(revoked), 0);
        let eskil = before.known.employees["Eskil Ended"].id;
        assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM access_tokens WHERE employee_id = {eskil}")), 0);
    });
}

#[test]
fn the_activity_log_from_before_is_intact_and_grows() {
    each_release(|before| {
        let (database, head) = (&before.app.database, &before.known.activity_head);
        let first = verify_activity(database, &["--head", head]);
        assert!(first.contains(head.as_str()), "{first}");
        assert!(!first.contains("not sealed yet: 0."), "some entries wait for a seal: {first}");

        before.admin();
        // Until then the lease of the node from before is valid.
        before.app.advance(MINUTE);
        before.app.run_background();

        let second = verify_activity(database, &["--head", head]);
        assert!(!second.contains(head.as_str()) && second.contains("not sealed yet: 0."), "{second}");
    });
}

#[test]
fn an_id_from_before_is_not_given_again() {
    each_release(|before| {
        let id = before.app.shop().client("Newcomer").0;

        assert!(id > before.known.last_client, "{id} follows {}", before.known.last_client);
    });
}

fn link(before: &Upgraded, name: &str) -> Link {
    let id = ConnectionKey(before.known.connections[name]);
    Link { id, client: OAuthClientKey(0), callback: CALLBACK.into() }
}

fn last_request(before: &Upgraded, path: &str) -> Request {
    let all = before.provider.requests();
    all.into_iter().rfind(|request| request.path.starts_with(path)).unwrap_or_else(|| panic!("no request to {path}"))
}

#[test]
fn a_connection_from_before_is_called_and_refreshed() {
    each_release(|before| {
        let (app, known) = (&before.app, &before.known);
        let stock = link(before, "Stock sync");

        let answer = app.through(&stock, &known.service_key, "/items");
        let called = last_request(before, "/items");
        let mut admin = before.admin();
        let page = admin.open(&connection_path(stock.id));
        admin.submit(&page, "/refresh", &[]);
        let refreshed = last_request(before, "/token");

        assert_eq!(answer.status, 200, "{}", answer.body);
        let (name, value) = bearer(&known.connection_tokens[0]);
        assert_eq!(called.header(&name), Some(value.as_str()));
        assert_eq!(refreshed.field("refresh_token"), Some(known.connection_tokens[1].clone()));
        assert_eq!(refreshed.field("client_secret").as_deref(), Some(SECRET));
    });
}

#[test]
fn a_connection_that_was_being_authorized_can_be_finished() {
    each_release(|before| {
        let (state, code_challenge) = &before.known.connection_request;
        let mut browser = before.browser_from_before();

        let back =
            verify_callback(&mut browser, &link(before, "Unfinished sync"), &[("code", "a-code"), ("state", state)]);
        let token = last_request(before, "/token");

        assert_eq!(back.status, 303, "{}", back.text());
        assert_eq!(&challenge(&token.field("code_verifier").unwrap()), code_challenge);
        assert_eq!(token.field("client_secret").as_deref(), Some(SECRET));
    });
}

#[test]
fn an_account_that_was_to_be_chosen_can_be_chosen() {
    each_release(|before| {
        let name = "Somebody else's shop";
        before.provider.always("/me", Answer::json(200, json!({ "sub": "other", "name": name })));
        let moved = link(before, "Moved sync");
        let mut browser = before.browser_from_before();

        let asked = browser.open(&format!("{}/account", connection_path(moved.id)));
        let answer = browser.submit(&asked, "/account", &[("account", "new")]);
        let page = browser.follow(&answer);

        assert!(asked.text().contains(name) && page.text().contains(name), "{}", page.text());
        let seen = last_request(before, "/me");
        let (header, value) = bearer(&before.known.held_access_token);
        assert_eq!(seen.header(&header), Some(value.as_str()));
    });
}

#[test]
fn a_notice_that_had_not_arrived_is_sent_again() {
    each_release(|before| {
        before.app.advance(15 * MINUTE);

        before.app.run_background();

        let notice = last_request(before, "/hook");
        assert!(notice.body.contains("Refused sync"), "{}", notice.body);
        let waiting = "SELECT COUNT(*) FROM outbox WHERE delivered_at IS NULL";
        assert_eq!(before.app.shop().number(waiting), 0);
    });
}
