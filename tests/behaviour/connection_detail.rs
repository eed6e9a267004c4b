//! Settings › Connections: one connection, and what an admin does with it.

use base64::Engine;
use client_api_access::connections::ApiType;
use client_api_access::scopes::Role;
use serde_json::json;

use crate::support::connections::{CLIENT_SECRET, CONNECTIONS, connection_path, first_tokens};
use crate::support::oauth::bearer;
use crate::support::provider::{Answer, Provider, Request};
use crate::support::{Browser, Page, Person, TestApp};
use client_api_access::id::ConnectionKey;

struct World {
    app: TestApp,
    provider: Provider,
    admin: Browser,
    person: Person,
    id: ConnectionKey,
    path: String,
}

// A connection that works, and the provider behind it.
fn world() -> World {
    let (app, provider) = (TestApp::start(), Provider::start());
    let (admin, person) = app.sign_in_as(Role::Admin);
    let client = app.oauth_client_of(&provider);
    let id = app.named_online("Stock sync", client, &person);
    provider.always(
        "/api/me",
        Answer::json(200, json!({"sub": "Harbour & Pine Upstream", "name": "Harbour & Pine Upstream"})),
    );
    provider.always("/revoke", Answer::json(200, "{}"));
    World { path: connection_path(id), app, provider, admin, person, id }
}

impl World {
    fn press(&mut self, action: &str) -> Page {
        let page = self.admin.open(&self.path);
        let answer = self.admin.submit(&page, action, &[]);
        self.admin.follow(&answer)
    }

    fn asked(&self, path: &str) -> usize {
        self.provider.requests().iter().filter(|request| request.path.starts_with(path)).count()
    }
}

fn happened(page: &Page) -> Vec<String> {
    page.rows("#history").into_iter().map(|row| row.cells[1].clone()).collect()
}

#[test]
fn the_page_says_what_it_leads_to_and_how_it_is_doing() {
    let mut world = world();

    let page = world.admin.open(&world.path);

    assert_eq!((page.heading().as_str(), page.fact("Account").as_str()), ("Stock sync", "Harbour & Pine Upstream"));
    assert_eq!(page.fact("Access token expires"), "in 1 hour");
    assert_eq!(page.fact("Authorized by"), "Ada Admin, just now");
    assert_eq!((page.fact("Requested scope").as_str(), page.fact("Granted scope").as_str()), ("read", "read"));
    assert!(page.fact("Next refresh").starts_with("in 5"), "{}", page.fact("Next refresh"));
    assert_eq!(happened(&page), ["Authorized"]);
    assert!(page.texts("#call")[0].ends_with(&format!("/connect/{}/me", world.id)), "{:?}", page.texts("#call"));
}

#[test]
fn those_who_are_no_admins_see_how_it_is_doing_and_whom_to_ask() {
    let world = world();

    for role in [Role::Staff, Role::Manager] {
        let page = world.app.sign_in_as(role).0.open(&world.path);

        assert!(page.text().contains("Only admins can test, pause, reconnect and disconnect this connection."));
        assert!(!page.has("main form") && !page.has("#keys") && page.link("Edit").is_none());
        assert_eq!(page.fact("Account"), "Harbour & Pine Upstream");
    }
}

#[test]
fn a_test_is_one_call_with_the_present_token() {
    let mut world = world();

    let page = world.press("/test");

    assert_eq!(page.notice(), "Test passed: the API answered 200.");
    let call = world.provider.requests().pop().unwrap();
    let (name, value) = bearer(&first_tokens("Stock sync")[0]);
    assert_eq!((call.path.as_str(), call.header(&name.to_lowercase())), ("/api/me", Some(value.as_str())));
    assert_eq!(happened(&page)[0], "Tested");
}

#[test]
fn a_test_whose_token_is_refused_is_made_once_more_with_a_new_one() {
    let mut world = world();
    world.provider.answer("/api/me", Answer::json(401, "{}"));

    let page = world.press("/test");

    assert_eq!(page.notice(), "Test passed: the API answered 200.");
    assert_eq!((world.asked("/token"), world.asked("/api/me")), (1, 2));
    world.provider.always("/api/me", Answer::json(401, "{}"));
    let refused = world.press("/test");
    assert!(
        refused.notice().contains("the API refuses the access token. The tokens were refreshed seconds ago."),
        "{}",
        refused.notice()
    );
}

#[test]
fn a_refresh_is_made_now_but_not_twice_in_a_row() {
    let mut world = world();

    let first = world.press("/refresh");
    let second = world.press("/refresh");

    assert_eq!(first.notice(), "Tokens refreshed.");
    assert!(second.notice().starts_with("The tokens were refreshed seconds ago"), "{}", second.notice());
    assert_eq!((world.asked("/token"), happened(&second)), (1, vec!["Refreshed".into(), "Authorized".into()]));
    assert!(world.provider.issued().iter().all(|token| !second.body.contains(token)), "o15: no page holds a token");
}

#[test]
fn a_provider_in_trouble_is_told_of_in_safe_words() {
    let mut world = world();
    world.provider.always("/token", Answer::json(503, "<script>alert(1)</script>"));

    let page = world.press("/refresh");

    assert!(page.notice().starts_with("Refreshing the tokens failed:"), "{}", page.notice());
    assert!(page.text().contains("Failing for less than a minute, retrying"), "{}", page.text());
    assert!(page.text().contains("Calls still work") && page.text().contains("1 attempt failed in a row"));
    assert_eq!(page.texts("details.answer code"), ["The provider has an internal error (503)."]);
    assert!(page.has(&format!(".notice form[action='{}/refresh']", world.path)), "the act that fits");
    assert!(!page.body.contains("<script>alert"));
    assert_eq!(happened(&page)[0], "Outcome unknown");
    assert_eq!(page.texts("main .heading .badge"), ["Retrying"]);
}

#[test]
fn a_refusal_asks_for_a_person() {
    let mut world = world();
    let refusal = json!({"error": "invalid_grant", "error_description": "Refresh <b>token</b> revoked"});
    world.provider.always("/token", Answer::json(400, refusal));

    let page = world.press("/refresh");
    let staff = world.app.sign_in_as(Role::Staff).0.open(&world.path);

    assert!(page.notice().starts_with("The connection must be authorized again."), "{}", page.notice());
    assert!(page.has(&format!(".notice form[action='{}/authorize']", world.path)));
    assert!(!page.body.contains("<b>token</b>"), "o5: what a provider says is shown as text");
    assert_eq!(page.texts("details.answer code"), ["invalid_grant: Refresh <b>token</b> revoked"]);
    let words = page.text().replace("invalid_grant: Refresh <b>token</b> revoked", "");
    assert!(words.contains("The provider no longer accepts the tokens."), "{words}");
    assert!(staff.text().contains("Ask an admin to reconnect it.") && !staff.has(".notice form"));
}

#[test]
fn refused_app_credentials_are_to_be_corrected_first() {
    let mut world = world();
    world.provider.always("/token", Answer::json(401, json!({"error": "invalid_client"})));

    let page = world.press("/refresh");

    assert!(page.text().contains("The provider does not accept the app credentials."), "{}", page.text());
    assert!(page.link_in(".notice", "Edit app credentials").is_some());
    assert_eq!(page.texts("details.answer code"), ["invalid_client"]);
}

#[test]
fn a_connection_that_nobody_authorized_says_so() {
    let world = world();
    let provider = world.app.oauth_client("Elsewhere", ApiType::RSeries);
    let id = world.app.named_connection("New one", provider);

    let page = world.app.admin().open(&connection_path(id));

    assert!(
        page.text().contains("Not authorized yet") && !page.text().contains("Calls have failed"),
        "{}",
        page.text()
    );
    assert_eq!(page.texts(".notice button"), ["Authorize"]);
}

#[test]
fn a_paused_connection_is_not_called_until_it_is_resumed() {
    let mut world = world();

    let paused = world.press("/pause");
    let tried = world.press("/test");
    let resumed = world.press("/resume");

    assert_eq!(paused.texts("main .heading .badge"), ["Paused"]);
    assert!(tried.notice().contains("The connection is paused"), "{}", tried.notice());
    assert_eq!(world.provider.requests().len(), 0);
    assert_eq!(resumed.texts("main .heading .badge"), ["Online"]);
    assert_eq!(happened(&resumed)[..3], ["Resumed", "Tested", "Paused"]);
    let page = world.admin.open("/settings/activity");
    let log = page.rows("#activity");
    assert!(log[0].says("Connection resumed") && log[1].says("Connection paused"), "{log:?}");
    assert_eq!(page.link_in("#activity", "Stock sync"), Some(world.path));
}

#[test]
fn o15_disconnecting_deletes_here_and_revokes_at_the_provider() {
    let mut world = world();

    let page = world.admin.open(&world.path);
    let form = world.admin.click(&page, &page.link("Disconnect").unwrap());
    assert_eq!(
        (form.heading().as_str(), form.impact("Account").as_str()),
        ("Disconnect Stock sync?", "Harbour & Pine Upstream")
    );
    let answer = world.admin.submit(&form, "/disconnect", &[]);
    let list = world.admin.follow(&answer);
    let again = world.admin.submit(&form, "/disconnect", &[]);
    let again = world.admin.follow(&again);

    assert!(list.notice().contains("The provider confirmed"), "{}", list.notice());
    let how = "Stock sync was already disconnected by Ada Admin, on ";
    assert!(again.notice().starts_with(how), "{}", again.notice());
    let revoked = world.provider.requests().pop().unwrap();
    assert_eq!(
        (revoked.path.as_str(), revoked.field("token")),
        ("/revoke", Some(first_tokens("Stock sync")[1].clone()))
    );
    assert_eq!(world.app.shop().number("SELECT COUNT(*) FROM connections"), 0);
    for path in ["", "/edit", "/disconnect"] {
        let page = world.admin.get(&format!("{}{path}", world.path));
        assert_eq!(page.status, 410, "{path}");
        assert!(page.text().contains(how), "{path}: {}", page.text());
        assert_eq!(page.link("All connections").as_deref(), Some("/settings/connections"));
    }
    let csrf = world.admin.csrf();
    for path in ["test", "refresh", "authorize", "pause", "resume"] {
        let answer = world.admin.post(&format!("{}/{path}", world.path), &[("csrf", &csrf)]);
        assert_eq!(answer.status, 410, "{path}");
    }
    let log = world.admin.open("/settings/activity").rows("#activity");
    assert!(log[0].says("Connection disconnected") && log[0].says("Stock sync"), "{log:?}");
}

#[test]
fn o15_a_provider_that_does_not_confirm_is_named_and_keeps_nothing_here() {
    let mut world = world();
    world.provider.always("/revoke", Answer::json(500, "{}"));

    let form = world.admin.open(&format!("{}/disconnect", world.path));
    let answer = world.admin.submit(&form, "/disconnect", &[]);
    let list = world.admin.follow(&answer);

    assert!(list.notice().contains("did not confirm") && list.notice().contains("remove the access in your account"));
    assert_eq!(world.app.shop().number("SELECT COUNT(*) FROM connections"), 0);
}

fn disconnect(world: &mut World) -> (Page, Vec<Request>) {
    let form = world.admin.open(&format!("{}/disconnect", world.path));
    let answer = world.admin.submit(&form, "/disconnect", &[]);
    let list = world.admin.follow(&answer);
    (list, world.provider.requests().into_iter().filter(|request| request.path == "/revoke").collect())
}

#[test]
fn a_revocation_endpoint_that_accepts_basic_only_is_asked_again_with_basic() {
    for refusal in [
        Answer::json(401, json!({ "error": "invalid_client" })).header("www-authenticate", "Basic"),
        Answer::json(401, ""),
        Answer::json(400, json!({ "error": "invalid_client" })),
    ] {
        let mut world = world();
        world.provider.answer("/revoke", refusal);

        let (list, asked) = disconnect(&mut world);

        assert!(list.notice().contains("The provider confirmed"), "{}", list.notice());
        let [first, second] = asked.as_slice() else { panic!("{asked:?}") };
        assert_eq!(
            (first.header("authorization"), first.field("client_secret").as_deref()),
            (None, Some(CLIENT_SECRET))
        );
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("harbour-and-pine:{CLIENT_SECRET}"));
        assert_eq!(second.header("authorization"), Some(format!("Basic {basic}").as_str()));
        assert_eq!((second.field("client_secret"), second.field("client_id")), (None, None), "one way at a time");
        assert_eq!(second.field("token"), Some(first_tokens("Stock sync")[1].clone()));
    }
}

#[test]
fn a_revocation_endpoint_is_not_asked_again_without_need() {
    for (answer, words) in [
        (Answer::json(200, ""), "The provider confirmed"),
        (Answer::json(400, json!({ "error": "unsupported_token_type" })), "did not confirm"),
        (Answer::json(503, ""), "did not confirm"),
    ] {
        let mut world = world();
        world.provider.always("/revoke", answer);

        let (list, asked) = disconnect(&mut world);

        assert!(list.notice().contains(words), "{}", list.notice());
        assert_eq!(asked.len(), 1);
    }
    let mut world = world();
    world.provider.always("/revoke", Answer::json(401, json!({ "error": "invalid_client" })));
    let (list, asked) = disconnect(&mut world);
    assert!(list.notice().contains("did not confirm"), "{}", list.notice());
    assert_eq!(asked.len(), 2, "each way once");
}

#[test]
fn a_service_key_is_shown_once_and_revoked_alone() {
    let mut world = world();
    let page = world.admin.open(&world.path);

    let keys = format!("{}/keys", world.path);
    let unnamed = world.admin.submit(&page, &keys, &[("label", " ")]);
    let shown = world.admin.submit(&page, &keys, &[("label", "Nightly export")]);
    let again = world.admin.submit(&page, &keys, &[("label", "Nightly export")]);
    let secret = shown.texts("#secret")[0].clone();
    let page = world.admin.open(&world.path);
    let row = page.rows("#keys")[0].clone();

    assert_eq!((unnamed.status, shown.status, again.status), (422, 200, 409));
    assert!(secret.contains("_sk_") && !page.body.contains(&secret[12..]));
    assert!(row.says("Nightly export") && row.says(&secret[..7]) && row.says("never used"), "{row:?}");
    let form = world.admin.click(&page, &row.href);
    assert_eq!(form.heading(), "Revoke service key “Nightly export”?");
    let answer = world.admin.submit(&form, "/revoke", &[]);
    let after = world.admin.follow(&answer);
    assert!(after.notice().contains("“Nightly export” revoked") && after.rows("#keys").is_empty());
    assert_eq!(world.app.shop().number("SELECT COUNT(*) FROM service_keys"), 0);
}

#[test]
fn reconnecting_keeps_the_connection_and_asks_before_it_leads_to_another_account() {
    let mut world = world();
    let page = world.admin.open(&world.path);
    let away = world.admin.submit(&page, "/authorize", &[]);
    let to = url::Url::parse(&away.location()).unwrap();
    let state = to.query_pairs().find(|(name, _)| name == "state").unwrap().1.to_string();
    world.provider.always("/api/me", Answer::json(200, json!({"sub": "other", "name": "Somebody else's shop"})));

    let back = world.admin.get(&format!("{CONNECTIONS}/callback/abcdef123456?state={state}&code=one"));
    let asked = world.admin.follow(&back);

    assert!(away.location().starts_with(&format!("{}/authorize?", world.provider.origin())));
    assert_eq!(asked.heading(), "Switch Stock sync to another account?");
    assert_eq!(asked.impact("Current account"), "Harbour & Pine Upstream");
    assert_eq!(asked.impact("You signed in to"), "Somebody else's shop");
    assert!(world.provider.issued().iter().all(|token| !asked.body.contains(token)), "o15: no page holds a token");
    let page = world.admin.open(&world.path);
    assert_eq!(page.fact("Account"), "Harbour & Pine Upstream", "as long as nobody answers, nothing changes");
    let answer = world.admin.submit(&asked, "/account", &[("account", "new")]);
    let kept = world.admin.follow(&answer);
    assert_eq!((kept.fact("Account").as_str(), kept.path.as_str()), ("Somebody else's shop", world.path.as_str()));
    assert_eq!(world.admin.submit(&asked, "/account", &[("account", "new")]).status, 410);
}

#[test]
fn keeping_the_account_drops_the_new_tokens_and_revokes_them() {
    let mut world = world();
    let page = world.admin.open(&world.path);
    let away = world.admin.submit(&page, "/authorize", &[]);
    let to = url::Url::parse(&away.location()).unwrap();
    let state = to.query_pairs().find(|(name, _)| name == "state").unwrap().1.to_string();
    world.provider.always("/api/me", Answer::json(403, "{}"));

    let back = world.admin.get(&format!("{CONNECTIONS}/callback/abcdef123456?state={state}&code=one"));
    let asked = world.admin.follow(&back);
    let answer = world.admin.submit(&asked, "/account", &[("account", "present")]);
    let page = world.admin.follow(&answer);

    assert!(asked.text().contains("We could not check which account"), "{}", asked.text());
    assert!(page.notice().contains("keeps its account") && page.notice().contains("confirmed"), "{}", page.notice());
    assert_eq!(page.fact("Account"), "Harbour & Pine Upstream");
    let revoked = world.provider.requests().pop().unwrap();
    assert_eq!((revoked.path.as_str(), revoked.field("token")), ("/revoke", world.provider.issued().pop()));
}

#[test]
fn the_history_is_paged() {
    let mut world = world();
    for n in 0..70 {
        world.app.shop().sql(&format!(
            "INSERT INTO connection_events (connection_id, at, kind, words, by_name) VALUES ({}, {n}, 'refreshed', '', '')",
            world.id
        ));
    }

    let first = world.admin.open(&world.path);
    let second = world.admin.click(&first, &first.link_in("#history", "Next").unwrap());

    assert_eq!((first.rows("#history").len(), second.rows("#history").len()), (50, 21));
    assert_eq!(happened(&second).last().unwrap(), "Authorized");
    assert!(second.link_in("#history", "First").is_some() && second.link_in("#history", "Next").is_none());
}

#[test]
fn o15_no_page_of_a_connection_holds_what_is_sealed() {
    let mut world = world();
    let person = world.person.path();

    for path in [
        CONNECTIONS.to_string(),
        world.path.clone(),
        format!("{}/disconnect", world.path),
        "/settings/activity".into(),
        person,
    ] {
        let page = world.admin.open(&path);

        for secret in first_tokens("Stock sync").iter().map(String::as_str).chain([CLIENT_SECRET]) {
            assert!(!page.body.contains(secret), "{secret} on {path}");
        }
    }
}
