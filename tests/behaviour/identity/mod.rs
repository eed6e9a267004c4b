//! Signing in through an OpenID Connect provider that the environment sets.

mod logout;
pub mod provider;
mod settings;

use client_api_access::scopes::Role;
use serde_json::{Value, json};

use self::provider::{Oidc, SECRET, SigningKey, value};
use crate::support::provider::Answer;
use crate::support::{Page, TestApp};

fn failures(app: &TestApp) -> Vec<crate::support::Row> {
    app.admin().open("/settings/activity?kind=sign-in+failed").rows("#activity")
}

fn is_refused(page: &Page, why: &str) {
    assert_eq!(page.status, 422, "{why}: {} {}", page.status, page.text());
    assert_eq!(page.heading(), "You are not signed in");
    assert!(page.text().contains(why), "{why}: {}", page.text());
}

#[test]
fn p3_somebody_with_a_verified_email_is_linked_once_and_then_known_by_issuer_and_subject() {
    let oidc = Oidc::start();
    let app = oidc.app(|_| ());
    let mona = app.shop().employee("Mona Manager", Role::Manager);
    let mut browser = app.browser();

    let form = browser.open("/sign-in?next=/settings/profile");
    let path = form.attribute("a[href^='/sign-in/provider']", "href").unwrap();
    assert!(form.text().contains("Sign in with Harbour ID"));
    let asked = oidc.begin(&mut browser, &path);
    for (name, expected) in [("response_type", "code"), ("client_id", "pos"), ("code_challenge_method", "S256")] {
        assert_eq!(value(&asked, name), expected);
    }
    assert_eq!(value(&asked, "scope"), "openid email profile");
    assert_eq!(value(&asked, "redirect_uri"), format!("{}/sign-in/callback", app.origin()));
    let mut claims = oidc.claims(&mona.email.to_uppercase());
    let done = oidc.answer(&mut browser, &asked, |nonce| {
        claims["nonce"] = json!(nonce);
        oidc.key.token(&json!({}), &claims)
    });

    assert_eq!(done.location(), "/settings/profile", "{}", done.text());
    assert!(browser.open("/settings/profile").text().contains("Mona Manager"));
    assert!(browser.cookie("provider").is_none(), "it is used up");
    let redeemed = oidc.provider.requests().into_iter().find(|request| request.path == "/token").unwrap();
    assert_eq!(redeemed.field("code").as_deref(), Some("a-code"));
    assert!(redeemed.field("code_verifier").unwrap().len() >= 43 && redeemed.header("authorization").is_some());
    assert!(redeemed.field("client_secret").is_none(), "it is in the header");
    // Another address at the provider, and even a name that is somebody else's here: the subject counts.
    let other = app.shop().staff("Stina Staff");
    let mut moved = oidc.claims(&other.email);
    moved["sub"] = claims["sub"].clone();
    let mut again = app.browser();
    assert_eq!(oidc.sign_in(&mut again, moved).location(), "/settings");
    assert!(again.open("/settings/profile").text().contains("Mona Manager"));
    // The same address with another subject is another account there.
    let mut stranger = oidc.claims(&mona.email);
    stranger["sub"] = json!("somebody-else");
    is_refused(&oidc.sign_in(&mut app.browser(), stranger), "signs in with another account");
    let log = app.admin().open("/settings/activity").text();
    assert!(log.contains("Identity linked") && log.contains("through Harbour ID"), "{log}");
}

#[test]
fn p1_a_token_that_is_not_for_this_sign_in_is_refused_and_recorded() {
    let oidc = Oidc::start();
    let app = oidc.app(|_| ());
    let ada = app.shop().staff("Stina Staff");
    let with = |changes: Value| {
        let mut claims = oidc.claims(&ada.email);
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    };
    let now = app.now().0;

    for (changes, why) in [
        (json!({ "iss": "https://evil.example" }), "from another issuer"),
        (json!({ "aud": "another" }), "for another client"),
        (json!({ "aud": ["pos", "another"] }), "does not say which client asked"),
        (json!({ "aud": ["pos", "another"], "azp": "another" }), "another client asked for it"),
        (json!({ "nonce": "of another sign-in" }), "does not belong to this sign-in"),
        (json!({ "exp": now - 61 }), "has expired"),
        (json!({ "exp": i64::MIN }), "has expired"),
        (json!({ "sid": "a\u{0}b" }), "session cannot be read"),
        (json!({ "sub": "a\u{0}b" }), "names nobody"),
        (json!({ "exp": null }), "does not say when it expires"),
        (json!({ "exp": "soon" }), "does not say when it expires"),
        (json!({ "iat": now + 61 }), "issued in the future"),
        (json!({ "nbf": now + 61 }), "not valid yet"),
        (json!({ "sub": "" }), "names nobody"),
        (json!({ "email_verified": false }), "verified your e-mail address"),
        (json!({ "email_verified": null, "email": null }), "verified your e-mail address"),
    ] {
        // Some of them make it ask for more, and there is nothing more.
        oidc.provider.always("/userinfo", Answer::json(200, json!({ "sub": format!("sub-of-{}", ada.email) })));
        is_refused(&oidc.sign_in(&mut app.browser(), with(changes)), why);
    }
    // A minute of difference between the clocks is none.
    let skewed = with(json!({ "exp": now - 59, "iat": now + 59, "nbf": now + 59, "aud": ["pos"], "azp": "pos" }));
    assert_eq!(oidc.sign_in(&mut app.browser(), skewed).location(), "/settings");

    let good = |nonce: &str| with(json!({ "nonce": nonce }));
    let signed = |make: &dyn Fn(&str) -> String| {
        let mut browser = app.browser();
        let asked = oidc.begin(&mut browser, "/sign-in/provider");
        oidc.answer(&mut browser, &asked, make)
    };
    let none = |nonce: &str| {
        let token = oidc.key.token(&json!({ "alg": "none" }), &good(nonce));
        format!("{}.", token.rsplit_once('.').unwrap().0)
    };
    is_refused(&signed(&none), "algorithm is not accepted");
    is_refused(&signed(&|nonce| oidc.key.token(&json!({ "alg": "HS256" }), &good(nonce))), "algorithm is not accepted");
    is_refused(&signed(&|nonce| oidc.key.token(&json!({ "alg": "RS256" }), &good(nonce))), "does not publish");
    is_refused(&signed(&|nonce| oidc.key.token(&json!({ "crit": ["b64"] }), &good(nonce))), "cannot be read");
    is_refused(&signed(&|nonce| oidc.key.token(&json!({ "crit": null }), &good(nonce))), "cannot be read");
    is_refused(
        &signed(&|nonce| oidc.key.token(&json!({ "typ": "logout+jwt" }), &good(nonce))),
        "another kind of token",
    );
    is_refused(&signed(&|nonce| SigningKey::ec("first").token(&json!({}), &good(nonce))), "signature is wrong");
    is_refused(&signed(&|nonce| oidc.key.token(&json!({}), &good(nonce)).replacen("ey", "eyJ", 1)), "cannot be read");
    is_refused(&signed(&|_| "not a token".into()), "cannot be read");
    let log = failures(&app);
    assert!(log.len() >= 5 && log.iter().all(|row| row.says("through Harbour ID")), "{log:?}");
    assert!(log.iter().any(|row| row.says("from another issuer")), "{log:?}");
}

#[test]
fn p3_an_address_counts_only_with_the_proof_of_its_own_claim_in_the_same_document() {
    let oidc = Oidc::start();
    let linked = |claim: &str, in_token: Value, in_userinfo: Value| {
        let app = oidc.app(|entered| entered.email_claim = claim.into());
        app.shop().staff("Stina Staff");
        app.shop().sql(
            "UPDATE employees SET email = 's@shop.example', email_fold = 's@shop.example' WHERE name = 'Stina Staff'",
        );
        let mut claims = oidc.claims("s@shop.example");
        let laid_over = claims.as_object_mut().unwrap();
        laid_over.retain(|name, _| !name.starts_with("email"));
        laid_over.extend(in_token.as_object().unwrap().clone());
        let mut userinfo = json!({ "sub": claims["sub"] });
        userinfo.as_object_mut().unwrap().extend(in_userinfo.as_object().unwrap().clone());
        oidc.provider.always("/userinfo", Answer::json(200, userinfo));
        let page = oidc.sign_in(&mut app.browser(), claims);
        assert!([303, 422].contains(&page.status), "{} {}", page.status, page.text());
        page.status == 303
    };
    let (mine, other) = ("s@shop.example", "mine@evil.example");

    for (claim, in_token, in_userinfo, expected) in [
        // OpenID Connect Core 1.0 section 5.1: `email_verified` speaks of `email`.
        ("upn", json!({ "upn": mine, "email": other, "email_verified": true }), json!({}), false),
        ("upn", json!({ "upn": mine, "xms_edov": true }), json!({}), false),
        ("upn", json!({ "upn": mine, "upn_verified": true }), json!({}), true),
        ("email", json!({ "email": mine, "xms_edov": true }), json!({}), true),
        ("email", json!({ "email": mine }), json!({ "email_verified": true }), false),
        ("email", json!({ "email": mine }), json!({ "email": other, "email_verified": true }), false),
        ("email", json!({ "email_verified": true }), json!({ "email": mine }), false),
        ("email", json!({ "email": mine, "email_verified": false }), json!({ "email_verified": true }), false),
        ("email", json!({ "email": mine }), json!({ "email": mine, "email_verified": true }), true),
    ] {
        let what = format!("{claim} {in_token} {in_userinfo}");
        assert_eq!(linked(claim, in_token, in_userinfo), expected, "{what}");
    }
}

#[test]
fn p2_keys_are_fetched_again_when_the_provider_replaces_them() {
    let mut oidc = Oidc::start();
    let app = oidc.app(|_| ());
    let ada = app.shop().staff("Stina Staff");
    let fetched = |oidc: &Oidc| oidc.provider.requests().iter().filter(|request| request.path == "/jwks").count();

    for key in [SigningKey::rsa("second"), SigningKey::ed("third"), SigningKey::ec("third")] {
        assert_eq!(oidc.sign_in(&mut app.browser(), oidc.claims(&ada.email)).location(), "/settings");
        oidc.key = key;
        oidc.publish_keys();
        app.advance(11);
    }
    assert_eq!(oidc.sign_in(&mut app.browser(), oidc.claims(&ada.email)).location(), "/settings");
    assert_eq!(fetched(&oidc), 4, "once for each change, and no more");
    // A key that is nowhere is not looked for again and again.
    oidc.key = SigningKey::ec("unpublished");
    for _ in 0..3 {
        is_refused(&oidc.sign_in(&mut app.browser(), oidc.claims(&ada.email)), "does not publish");
    }
    assert_eq!(fetched(&oidc), 4);
    app.advance(11);
    is_refused(&oidc.sign_in(&mut app.browser(), oidc.claims(&ada.email)), "does not publish");
    assert_eq!(fetched(&oidc), 5);
    // Nor while the provider does not answer: a fetch that fails counts.
    oidc.provider.always("/jwks", Answer::json(503, "{}"));
    app.advance(11);
    assert_eq!(oidc.sign_in(&mut app.browser(), oidc.claims(&ada.email)).status, 503);
    for _ in 0..3 {
        is_refused(&oidc.sign_in(&mut app.browser(), oidc.claims(&ada.email)), "does not publish");
    }
    assert_eq!(fetched(&oidc), 6);
}

#[test]
fn o1_an_answer_counts_once_in_the_browser_that_asked_for_it_within_ten_minutes() {
    let oidc = Oidc::start();
    let app = oidc.app(|_| ());
    let ada = app.shop().staff("Stina Staff");
    let redeemed = || oidc.provider.requests().iter().filter(|request| request.path == "/token").count();
    let mut browser = app.browser();
    let asked = oidc.begin(&mut browser, "/sign-in/provider?next=//evil.example");
    let back = oidc.back(&asked, &[("code", "a-code")]);
    let kept = browser.clone();

    assert_eq!(app.browser().get(&back).status, 400, "another browser");
    assert_eq!(browser.get(&back.replace("state=", "state=x")).status, 400, "another state");
    assert_eq!(browser.get(&format!("{back}&code=b")).status, 400, "two codes");
    let mut forged = browser.clone();
    forged.cookies.iter_mut().filter(|cookie| cookie.name.starts_with("provider")).for_each(|c| c.value.insert(0, 'x'));
    assert_eq!(forged.get(&back).status, 400, "a cookie that is not ours");
    for (from, to, why) in [
        ("iss=", "iss=x", "another provider"),
        ("iss=", "other=", "another provider"),
        ("code=", "error_description=%3Cb%3EAsk+Ops&error=access_denied&x=", "access_denied: <b>Ask Ops"),
        ("code=", "x=", "neither a code nor an error"),
    ] {
        is_refused(&browser.clone().get(&back.replacen(from, to, 1)), why);
    }
    assert_eq!(redeemed(), 0, "nothing left this server");
    let mut late = kept.clone();
    app.advance(600);
    assert_eq!(late.get(&back).status, 400, "after ten minutes");
    app.advance(-600);

    let mut claims = oidc.claims(&ada.email);
    let done = oidc.answer(&mut browser, &asked, |nonce| {
        claims["nonce"] = json!(nonce);
        oidc.key.token(&json!({}), &claims)
    });
    assert_eq!(done.location(), "/settings");
    let replayed = kept.clone().get(&back);
    assert_eq!((replayed.status, redeemed()), (409, 1), "{}", replayed.text());
    assert!(replayed.text().contains("already complete"));
    assert_eq!(browser.get("/sign-in/provider").location(), "/settings", "there is nothing to sign in to");
    assert_eq!(TestApp::start().browser().get("/sign-in/provider").status, 404, "without a provider");
}

#[test]
fn p5_a_provider_that_is_down_or_answers_nonsense_is_a_page_that_says_so() {
    let oidc = Oidc::start();
    let app = oidc.app(|_| ());
    let ada = app.shop().staff("Stina Staff");
    let configuration = "/.well-known/openid-configuration";
    let begin = || {
        // It is asked at most once in three seconds.
        app.advance(3);
        app.browser().get("/sign-in/provider")
    };

    oidc.provider.answer(configuration, Answer::json(503, "{}"));
    let down = begin();
    assert_eq!((down.status, down.heading().as_str()), (503, "You are not signed in"));
    assert!(down.text().contains("status 503") && down.text().contains("Try again in a moment"), "{}", down.text());
    oidc.provider.answer(configuration, Answer::Hangup);
    assert_eq!(begin().status, 503);
    for (answer, why) in [
        (Answer::json(200, "<html>"), "cannot be understood"),
        (Answer::json(200, json!({ "issuer": oidc.issuer() })), "cannot be understood"),
        (Answer::json(404, "{}"), "status 404"),
        // O6: redirects are not followed.
        (Answer::redirect("http://169.254.169.254/"), "status 307"),
    ] {
        oidc.provider.answer(configuration, answer);
        is_refused(&begin(), why);
    }
    let asked = oidc.provider.requests().len();
    assert_eq!(app.browser().get("/sign-in/provider").status, 422, "as a moment ago");
    assert_eq!(oidc.provider.requests().len(), asked);
    oidc.publish(json!({ "issuer": format!("{}/", oidc.issuer()) }));
    is_refused(&begin(), "for another issuer");
    oidc.publish(json!({ "authorization_endpoint": "javascript:alert(1)" }));
    is_refused(&begin(), "an address that this server does not lead to");
    oidc.publish(json!({}));
    app.advance(3);

    for (answer, why) in [
        (
            Answer::json(400, json!({ "error": "invalid_grant", "error_description": format!("{SECRET} a-code") })),
            "invalid_grant: *** ***",
        ),
        (Answer::json(401, "no"), "status 401"),
        (Answer::json(200, "no"), "cannot be understood"),
        (Answer::json(200, json!({ "access_token": "x" })), "no ID token"),
        (Answer::redirect("http://169.254.169.254/"), "status 307"),
    ] {
        let mut browser = app.browser();
        let asked = oidc.begin(&mut browser, "/sign-in/provider");
        oidc.provider.answer("/token", answer);
        is_refused(&browser.get(&oidc.back(&asked, &[("code", "a-code")])), why);
    }
    // What it published is known: it may be away for a while.
    oidc.provider.always(configuration, Answer::json(503, "{}"));
    oidc.provider.always("/jwks", Answer::json(503, "{}"));
    app.advance(2 * 60 * 60);
    let mut claims = oidc.claims(&ada.email);
    claims["exp"] = json!(app.now().0 + 60);
    assert_eq!(oidc.sign_in(&mut app.browser(), claims).location(), "/settings");
}

#[test]
fn p4_people_are_created_only_when_allowed_and_get_the_role_of_their_groups() {
    let oidc = Oidc::start();
    let app = oidc.app(|entered| {
        entered.creates = true;
        entered.domains = "shop.example".into();
        entered.roles = "pos admins=admin\nmanagers=manager\ntill=staff".into();
        entered.groups_claim = "realm_access.roles".into();
    });
    let boss = app.shop().employee("Bo Boss", Role::Admin);
    let with = |email: &str, groups: Value| {
        let mut claims = oidc.claims(email);
        claims["realm_access"] = json!({ "roles": groups });
        claims
    };
    let role = || app.shop().word("SELECT role AS word FROM employees WHERE email = 'ada@shop.example'");

    is_refused(&oidc.sign_in(&mut app.browser(), with("ada@evil.example", json!(["till"]))), "your domain");
    is_refused(&oidc.sign_in(&mut app.browser(), with("ada@sub.shop.example", json!(["till"]))), "your domain");
    is_refused(
        &oidc.sign_in(&mut app.browser(), with("ada@shop.example", json!(["others"]))),
        "none of the provider's groups",
    );
    let mut unverified = with("ada@shop.example", json!(["till"]));
    unverified["email_verified"] = json!("no");
    is_refused(&oidc.sign_in(&mut app.browser(), unverified), "verified your e-mail address");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees WHERE name = 'Ada Example'"), 0);

    // The groups come from the userinfo endpoint, if the ID token has none.
    let mut bare = oidc.claims("ada@shop.example");
    let groups =
        |sub: Value| Answer::json(200, json!({ "sub": sub, "realm_access": { "roles": ["till", "managers"] } }));
    oidc.provider.answer("/userinfo", groups(json!("somebody-else")));
    is_refused(&oidc.sign_in(&mut app.browser(), bare.clone()), "about somebody else");
    oidc.provider.answer("/userinfo", groups(bare["sub"].clone()));
    bare["name"] = json!("Ada\u{202e} Example");
    let mut ada = app.browser();
    assert_eq!(oidc.sign_in(&mut ada, bare).location(), "/settings");
    assert_eq!(role(), "manager");
    assert!(ada.open("/settings/profile").text().contains("Ada Example"));
    let mut admin = app.sign_in(&boss);
    assert!(admin.open("/settings/employees?state=active").text().contains("Ada Example"));
    assert!(!admin.open("/settings/employees?state=invited").text().contains("Ada Example"));

    for (groups, expected) in [(json!(["till", "pos admins"]), "admin"), (json!("till"), "staff")] {
        assert_eq!(oidc.sign_in(&mut app.browser(), with("ada@shop.example", groups)).location(), "/settings");
        assert_eq!(role(), expected);
    }
    let log = admin.open("/settings/activity").text();
    for entry in [
        "Employee added",
        "as Store manager, through Harbour ID",
        "from Store manager to Admin",
        "the groups of Harbour ID",
    ] {
        assert!(log.contains(entry), "{entry}: {log}");
    }
    // The last admin who has a password stays one, and somebody who is locked stays out.
    assert_eq!(oidc.sign_in(&mut app.browser(), with(&boss.email, json!(["till"]))).status, 422, "another domain");
    app.shop()
        .sql("UPDATE employees SET email = 'bo@shop.example', email_fold = 'bo@shop.example' WHERE name = 'Bo Boss'");
    assert_eq!(oidc.sign_in(&mut app.browser(), with("bo@shop.example", json!(["till"]))).location(), "/settings");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employees WHERE role = 'admin'"), 1);
    app.shop().sql("UPDATE employees SET locked_at = 1 WHERE email = 'ada@shop.example'");
    is_refused(&oidc.sign_in(&mut app.browser(), with("ada@shop.example", json!(["till"]))), "not active");
}

#[test]
fn p6_who_has_to_sign_in_again_does_so_at_the_provider_as_the_same_person() {
    let oidc = Oidc::start();
    let app = oidc.app(|_| ());
    let ada = app.shop().staff("Stina Staff");
    let other = app.shop().staff("Olle Other");
    let mut browser = app.browser();
    let again = "/sign-in/provider?next=/settings/profile&again=1";
    oidc.sign_in(&mut browser, oidc.claims(&ada.email));
    oidc.sign_in(&mut app.browser(), oidc.claims(&other.email));

    let asked = oidc.begin(&mut browser, again);
    assert_eq!((value(&asked, "prompt"), value(&asked, "max_age")), ("login", "0"));
    let with = |email: &str, authenticated: Value| {
        let mut claims = oidc.claims(email);
        claims["auth_time"] = authenticated;
        claims
    };
    let now = app.now().0;
    let refused = |page: Page, why: &str| {
        assert_eq!((page.status, page.heading().as_str()), (422, "Not confirmed"), "{}", page.text());
        assert!(page.text().contains(why), "{}", page.text());
    };
    refused(oidc.sign_in_at(&mut browser, again, with(&ada.email, Value::Null)), "does not say when you signed in");
    refused(
        oidc.sign_in_at(&mut browser, again, with(&ada.email, json!(now - 61))),
        "did not ask you to sign in again",
    );
    refused(oidc.sign_in_at(&mut browser, again, with(&other.email, json!(now))), "as somebody else");
    refused(oidc.sign_in_at(&mut browser, again, with("new@shop.example", json!(now))), "as somebody else");
    let done = oidc.sign_in_at(&mut browser, again, with(&ada.email, json!(now)));

    assert_eq!(done.location(), "/settings/profile");
    assert!(browser.cookie("confirmed").is_some());
    assert!(browser.open("/settings/profile").text().contains("Stina Staff"));
    let asked = oidc.begin(&mut browser, again);
    let page = browser.open("/settings/profile");
    browser.submit(&page, "/sign-out", &[]);
    assert_eq!(browser.get(&oidc.back(&asked, &[("code", "a-code")])).status, 400, "signed out since");
}

#[test]
fn p6_an_act_that_asks_for_a_fresh_sign_in_goes_on_after_the_provider_confirmed_it() {
    let oidc = Oidc::start();
    let app = oidc.app(|entered| entered.roles = "bosses=admin".into());
    let (ada, stina) = (app.shop().employee("Ada Admin", Role::Admin), app.shop().staff("Stina Staff"));
    let with = |authenticated: i64| {
        let mut claims = oidc.claims(&ada.email);
        claims["groups"] = json!(["bosses"]);
        claims["auth_time"] = json!(authenticated);
        claims
    };
    let role = || app.shop().word("SELECT role AS word FROM employees WHERE name = 'Stina Staff'");
    let change = |browser: &mut crate::support::Browser, role: &str| {
        let page = browser.open(&stina.path());
        browser.submit(&page, "/role", &[("role", role)])
    };
    let now = app.now().0;

    // Signed in here just now, and at the provider sixteen minutes ago.
    let mut browser = app.browser();
    oidc.sign_in(&mut browser, with(now - 16 * 60));
    let asked = change(&mut browser, "manager");
    assert_eq!((asked.status, asked.heading().as_str()), (403, "Confirm it is you"), "{}", asked.text());
    let path = asked.link("Confirm with Harbour ID").unwrap();
    let back = oidc.sign_in_at(&mut browser, &path, with(now));
    assert_eq!((back.status, back.heading().as_str()), (200, "Confirmed"), "{}", back.text());
    assert_eq!(role(), "staff", "a link does nothing yet");
    let form = back.attribute("form.confirm, .confirm form", "action").unwrap();
    let csrf = back.attribute(".confirm input[name=csrf]", "value").unwrap();
    let done = browser.post(&form, &[("csrf", &csrf)]);
    assert_eq!((done.status, role().as_str()), (303, "manager"), "{}", done.text());
    assert_eq!(change(&mut browser, "staff").status, 303, "it is not asked again");
    let log = app.admin().open("/settings/activity?kind=sign-in+confirmed").rows("#activity");
    assert_eq!(log.len(), 1, "{log:?}");

    // What never waited has no button, whoever made the link: nor has what continued, or waits at another address.
    let lock = format!("{}/lock", stina.path());
    for next in [format!("{lock}%3Fconfirm=1"), format!("{lock}%3Fconfirm=x"), form.replace('?', "%3F")] {
        let path = format!("/sign-in/provider?next={next}&again=1");
        let back = oidc.sign_in_at(&mut browser, &path, with(now));
        assert_eq!((back.status, back.location().as_str()), (303, "/settings"), "{next}");
    }

    let mut fresh = app.browser();
    oidc.sign_in(&mut fresh, with(now - 60));
    assert_eq!(change(&mut fresh, "manager").status, 303, "signed in there a minute ago");
}
