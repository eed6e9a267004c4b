//! The provider that an admin enters, passwords switched off, and the break-glass admin.

use client_api_access::commands::rotate_key::rotate;
use client_api_access::scopes::Role;
use client_api_access::secrets::MasterKey;
use serde_json::json;

use super::is_refused;
use super::provider::{CLIENT_ID, Oidc, SECRET};
use crate::notice_kinds::text;
use crate::person_mail::{app_with, mails_to};
use crate::second_factor::{ask, set_up};
use crate::security::stored::{everything, holds};
use crate::support::mail::MailServer;
use crate::support::provider::Answer;
use crate::support::{Browser, KEY, PASSWORD, Page, TestApp};

const PATH: &str = "/settings/account/sign-in";

fn enter(admin: &mut Browser, oidc: &Oidc, changes: &[(&str, &str)]) -> Page {
    let form = admin.open(PATH);
    let good = [("issuer", oidc.issuer()), ("client-id", CLIENT_ID), ("client-secret", SECRET), ("name", "Harbour ID")];
    let mut fields: Vec<(&str, &str)> =
        good.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name)).copied().collect();
    fields.extend(changes);
    admin.submit(&form, "/sign-in", &fields)
}

#[test]
fn a_provider_that_an_admin_enters_is_asked_first_and_its_secret_is_never_shown() {
    let oidc = Oidc::start();
    let app = TestApp::start();
    let mut admin = app.admin();
    let mona = app.shop().employee("Mona Manager", Role::Manager);

    for (changes, why) in [
        (vec![("issuer", "http://login.shop.example")], "must be https and public"),
        (vec![("issuer", "https://login.shop.example/?a=b")], "without a user name, a query"),
        (vec![("client-id", "")], "The client ID is missing"),
        (vec![("client-secret", "")], "The client secret is missing"),
        (vec![("scopes", "email")], "must contain openid"),
        (vec![("roles", "admins=owner")], "The roles are staff, manager and admin"),
        (vec![("domains", "nonsense")], "looks like shop.example"),
        (vec![("creates", "yes")], "Enter the allowed domains"),
        (vec![("no-passwords", "yes")], "Nobody has signed in through this provider yet"),
    ] {
        let page = enter(&mut admin, &oidc, &changes);
        assert!(page.status == 422 && page.text().contains(why), "{why}: {} {}", page.status, page.text());
        assert!(!page.body.contains(SECRET));
    }
    oidc.provider.answer("/.well-known/openid-configuration", Answer::json(404, "{}"));
    let page = enter(&mut admin, &oidc, &[]);
    assert!(page.status == 422 && page.text().contains("status 404"), "{}", page.text());
    assert_eq!(app.browser().get("/sign-in/provider").status, 404, "nothing is stored");

    let saved = enter(&mut admin, &oidc, &[("roles", "till=staff\r\nbosses=manager"), ("groups-claim", "roles")]);
    assert_eq!(admin.follow(&saved).notice(), "Identity provider saved.");
    let mut claims = oidc.claims(&mona.email);
    claims["roles"] = json!(["till"]);
    assert_eq!(oidc.sign_in(&mut app.browser(), claims.clone()).location(), "/settings");
    assert_eq!(app.shop().word("SELECT role AS word FROM employees WHERE name = 'Mona Manager'"), "staff");

    let page = admin.open(PATH);
    assert!(page.text().contains("A secret is stored and cannot be shown again") && !page.body.contains(SECRET));
    assert!(page.text().contains(&format!("{}/sign-in/back-channel-logout", app.origin())));
    let all = everything(&app);
    assert!(holds(&all, oidc.issuer()), "what is no secret is found");
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!holds(&all, SECRET) && !holds(&all, &hex));
    // An empty secret keeps the stored one for the same client only.
    assert_eq!(enter(&mut admin, &oidc, &[("client-secret", ""), ("roles", "")]).status, 303);
    assert_eq!(enter(&mut admin, &oidc, &[("client-secret", ""), ("client-id", "other")]).status, 422);
    let new = MasterKey::from_text("another key that only the tests know of").unwrap();
    let new = new.replacing(MasterKey::from_text(KEY).unwrap());
    let rotated = rotate(&mut app.database.connect(), &new, app.now()).unwrap();
    assert!(rotated.resealed >= 1 && rotated.unreadable == 0, "{rotated:?}");

    let form = admin.open(PATH);
    let removed = admin.submit(&form, "/sign-in/remove", &[]);
    assert_eq!(admin.follow(&removed).notice(), "Identity provider removed.");
    assert_eq!(app.browser().get("/sign-in/provider").status, 404);
    let log = admin.open("/settings/activity?kind=sign-in+changed").rows("#activity");
    assert_eq!(log.len(), 3, "{log:?}");
}

#[test]
fn what_the_environment_sets_wins_and_cannot_be_changed() {
    let oidc = Oidc::start();
    let app = oidc.app(|entered| {
        entered.domains = "shop.example".into();
        entered.roles = "till=staff".into();
    });
    let mut admin = app.admin();

    let page = admin.open(PATH);
    let csrf = admin.csrf();
    let fields = [
        ("csrf", csrf.as_str()),
        ("issuer", oidc.issuer()),
        ("client-id", "x"),
        ("client-secret", "y"),
        ("scopes", "openid"),
    ];
    let refused = admin.post(PATH, &fields);
    let refused = admin.follow(&refused).notice();
    let remove = admin.post(&format!("{PATH}/remove"), &[("csrf", &csrf)]);
    let remove = admin.follow(&remove).notice();

    for shown in ["Set by OIDC_ISSUER", oidc.issuer(), "shop.example", "till = staff", "Not shown"] {
        assert!(page.text().contains(shown), "{shown}: {}", page.text());
    }
    assert!(!page.body.contains(SECRET) && !page.has("#client-secret"));
    for told in [refused, remove] {
        assert!(told.contains("The environment sets the identity provider"), "{told}");
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM identity_settings"), 0);
}

#[test]
fn p7_passwords_that_are_switched_off_end_what_began_with_one() {
    let oidc = Oidc::start();
    let mail = MailServer::start();
    let app = app_with(&mail);
    let (mut admin, mut theirs) = (app.admin(), app.browser());
    let stina = app.shop().staff("Stina Staff");
    assert_eq!(theirs.sign_in(&stina.email, PASSWORD).status, 303);
    let (phone, _) = set_up(&app, &mut theirs);
    assert_eq!(enter(&mut admin, &oidc, &[]).status, 303);
    assert_eq!(oidc.sign_in(&mut app.browser(), oidc.claims(&stina.email)).location(), "/settings");
    let told = mails_to(&app, &mail, &stina.email);
    let linked =
        told.iter().filter(|mail| text(mail).contains("Sign-in through Harbour ID was linked to your account")).count();
    assert_eq!(linked, 1, "{told:?}");
    oidc.sign_in(&mut app.browser(), oidc.claims(&stina.email));
    let before = mails_to(&app, &mail, &stina.email).len();
    assert_eq!(before, told.len(), "linked once");

    let (mut waiting, form) = ask(&app, &stina);
    let profile = theirs.open("/settings/profile");
    assert_eq!(enter(&mut admin, &oidc, &[("no-passwords", "yes")]).status, 303);
    let refused = waiting.submit(&form, "/second-factor", &[("code", &phone.code(app.now()))]);
    assert!(refused.location().starts_with("/sign-in"), "{} {}", refused.status, refused.text());
    assert_eq!(waiting.get("/settings").status, 303, "the code is of no use without a password");
    let new = "gravel saxophone 12 tide";
    let fields = [("current", PASSWORD), ("password", new), ("again", new)];
    let refused = theirs.submit(&profile, "/password", &fields);
    let page = theirs.open("/settings/profile");
    assert!(!page.has("#current") && page.text().contains("You sign in through the identity provider."));
    assert!(refused.status == 410 && refused.text().contains("Passwords are switched off"), "{}", refused.text());
    let mut stranger = app.browser();
    let form = stranger.open("/forgot-password");
    assert_eq!(stranger.submit(&form, "/forgot-password", &[("email", &stina.email)]).status, 303);
    assert_eq!(mails_to(&app, &mail, &stina.email).len(), before, "a link would be a way around the provider");
}

#[test]
fn p7_with_passwords_off_only_the_break_glass_admin_has_one_and_is_warned_about() {
    let oidc = Oidc::start();
    let app = oidc.app(|entered| {
        entered.passwords = false;
        entered.roles = "till=staff\nbosses=admin".into();
    });
    let (first, second) = (app.shop().employee("Ada Admin", Role::Admin), app.shop().employee("Bo Boss", Role::Admin));
    let stina = app.shop().staff("Stina Staff");
    let enter = |person: &crate::support::Person| app.browser().sign_in(&person.email, PASSWORD);

    let form = app.browser().open("/sign-in");
    assert!(form.text().contains("Sign in with Harbour ID") && form.has("details #password"), "{}", form.text());
    for person in [&second, &stina] {
        assert_eq!(enter(person).notice(), "Incorrect e-mail or password.", "as if it were wrong");
    }
    let mut admin = app.browser();
    let signed_in = admin.sign_in(&first.email, PASSWORD);
    let warning = admin.follow(&signed_in).notice();
    assert!(warning.starts_with("You signed in as the break-glass admin."), "{warning}");
    let log = admin.open("/settings/activity?kind=break-glass+sign-in").rows("#activity");
    assert_eq!(log.len(), 1, "{log:?}");

    // Nothing at the provider changes the one who is left when it is down.
    let mut claims = oidc.claims(&first.email);
    claims["groups"] = json!(["till"]);
    is_refused(&oidc.sign_in(&mut app.browser(), claims), "break-glass admin, who signs in with a password");
    let page = admin.open(PATH);
    assert!(page.text().contains("Passwords are off now for everybody but Ada Admin"), "{}", page.text());
    let chosen = admin.submit(&page, "/break-glass", &[("employee", &second.id.to_string())]);
    assert_eq!(admin.follow(&chosen).notice(), "Break-glass admin saved.");
    let wrong = admin.submit(&page, "/break-glass", &[("employee", &stina.id.to_string())]);
    assert!(admin.follow(&wrong).notice().contains("Choose an admin who has a password"));
    assert_eq!(enter(&first).status, 422);
    assert_eq!(enter(&second).status, 303);
    // A link to choose a password is no way in either.
    let page = admin.open(&stina.path());
    let link = admin.submit(&page, "/link", &[]);
    let link = link.texts("#secret").pop().unwrap();
    let welcome = app.browser().get(&link[link.find("/welcome/").unwrap()..]);
    assert!(welcome.status == 410 && welcome.text().contains("Passwords are switched off"), "{}", welcome.text());
    // If the one who was chosen cannot sign in any more, it is the one who was added first again.
    app.shop().lock(&second);
    assert_eq!(enter(&first).status, 303);
}
