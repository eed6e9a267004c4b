//! Signing out: here by the provider, and there by the browser.

use serde_json::{Value, json};

use super::provider::Oidc;
use crate::support::{Browser, Page, TestApp};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn token(oidc: &Oidc, app: &TestApp, changes: &Value) -> Value {
    let mut claims = json!({
        "iss": oidc.issuer(), "aud": "pos", "iat": app.now().0, "exp": app.now().0 + 120, "jti": "1", "events": { EVENT: {} },
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn post(app: &TestApp, token: &str) -> Page {
    app.browser().post("/sign-in/back-channel-logout", &[("logout_token", token)])
}

fn is_in(browser: &mut Browser) -> bool {
    browser.get("/settings/profile").status == 200
}

#[test]
fn p8_the_provider_signs_out_a_person_or_one_of_their_sessions() {
    let oidc = Oidc::start();
    let app = oidc.app(|_| ());
    let (ada, eva) = (app.shop().staff("Stina Staff"), app.shop().staff("Eva Ek"));
    let sign_in = |email: &str, sid: &str| {
        let mut browser = app.browser();
        let mut claims = oidc.claims(email);
        claims["sid"] = json!(sid);
        assert_eq!(oidc.sign_in(&mut browser, claims).location(), "/settings");
        browser
    };
    let (mut first, mut second, mut evas) =
        (sign_in(&ada.email, "s1"), sign_in(&ada.email, "s2"), sign_in(&eva.email, "s3"));
    let mut with_password = app.sign_in(&ada);
    let subject = json!(format!("sub-of-{}", ada.email));
    let send =
        |changes: Value| post(&app, &oidc.key.token(&json!({ "typ": "logout+jwt" }), &token(&oidc, &app, &changes)));

    for (changes, why) in [
        (json!({ "sub": subject, "iss": "https://evil.example" }), "another issuer"),
        (json!({ "sub": subject, "aud": "another" }), "another client"),
        (json!({ "sub": subject, "nonce": "n" }), "an ID token"),
        (json!({ "sub": subject, "events": { "other": {} } }), "another event"),
        (json!({ "sub": subject, "events": null }), "no event"),
        (json!({ "sub": subject, "exp": app.now().0 - 61 }), "expired"),
        (json!({ "sub": subject, "iat": app.now().0 - 301 }), "too old"),
        (json!({ "sub": subject, "iat": i64::MIN }), "much too old"),
        (json!({ "sub": "a\u{0}b" }), "a subject with NUL"),
        (json!({ "sub": subject, "sid": "a\u{0}b" }), "a session with NUL"),
        (json!({ "sub": subject, "jti": null }), "no ID"),
        (json!({}), "nobody"),
    ] {
        let page = send(changes);
        assert_eq!((page.status, page.header("cache-control")), (400, Some("no-store")), "{why}: {}", page.body);
        assert_eq!(page.json()["error"], "invalid_request", "{why}");
    }
    let forged = super::SigningKey::ec("first").token(&json!({}), &token(&oidc, &app, &json!({ "sub": subject })));
    assert_eq!(post(&app, &forged).status, 400);
    assert_eq!(post(&app, "").status, 400);
    assert!(is_in(&mut first) && is_in(&mut second) && is_in(&mut evas));

    assert_eq!(send(json!({ "sub": "nobody here" })).status, 200);
    assert_eq!(send(json!({ "sub": subject, "sid": "s1" })).status, 200);
    assert!(!is_in(&mut first) && is_in(&mut second) && is_in(&mut evas));
    assert_eq!(send(json!({ "sid": "s3" })).status, 200);
    assert!(!is_in(&mut evas) && is_in(&mut second));
    let everywhere = oidc.key.token(&json!({}), &token(&oidc, &app, &json!({ "sub": subject })));
    assert_eq!(post(&app, &everywhere).status, 200);
    assert!(!is_in(&mut second) && is_in(&mut with_password), "who signed in here stays");
    // The ID of a session may be longer than what is kept of it.
    let long = "s".repeat(300);
    let mut of_long = sign_in(&ada.email, &long);
    assert_eq!(send(json!({ "sid": long })).status, 200);
    assert!(!is_in(&mut of_long));
    // A copy of it does not sign out a later session.
    app.advance(61);
    let mut later = sign_in(&ada.email, "s4");
    assert_eq!(post(&app, &everywhere).status, 200);
    assert!(is_in(&mut later));
    let log = app.admin().open("/settings/activity?kind=sign-in+ended").rows("#activity");
    assert!(log.len() == 4 && log[0].says("Harbour ID"), "{log:?}");
    assert_eq!(post(&TestApp::start(), &everywhere).status, 400, "without a provider");
}

#[test]
fn who_signs_out_can_sign_out_of_the_provider_too() {
    let oidc = Oidc::start();
    let app = oidc.app(|_| ());
    let ada = app.shop().staff("Stina Staff");
    let mut browser = app.browser();
    oidc.sign_in(&mut browser, oidc.claims(&ada.email));

    let page = browser.open("/settings/profile");
    let out = browser.submit(&page, "/sign-out", &[]);
    let page = browser.follow(&out);
    let there = browser.click(&page, &page.link("Sign out of Harbour ID").unwrap());

    assert_eq!(page.notice(), "You are signed out.");
    let url = url::Url::parse(&there.location()).unwrap();
    assert_eq!(url.path(), "/logout");
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let expected =
        [("client_id", "pos".to_string()), ("post_logout_redirect_uri", format!("{}/sign-in", app.origin()))];
    assert_eq!(query, expected.map(|(name, value)| (name.to_string(), value)));
    let mut local = app.sign_in(&ada);
    let page = local.open("/settings/profile");
    let out = local.submit(&page, "/sign-out", &[]);
    assert!(local.follow(&out).link("Sign out of Harbour ID").is_none(), "they never were there");
    oidc.publish(json!({ "end_session_endpoint": null }));
    app.advance(3601);
    assert_eq!(browser.get("/sign-in/provider/sign-out").location(), "/sign-in?signed-out=1");
}
