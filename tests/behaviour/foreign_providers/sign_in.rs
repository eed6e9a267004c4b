//! Employees who sign in through a provider that others wrote.

use client_api_access::scopes::Role;

use crate::support::outbound::SECRET;
use crate::support::provider::NodeProvider;
use crate::support::{Browser, Page, TestApp};

const PATH: &str = "/settings/account/sign-in";

fn through(provider: &NodeProvider, browser: &mut Browser, path: &str) -> Page {
    let there = browser.get(path).location();
    let back = url::Url::parse(&provider.walk(&there)).unwrap();
    browser.get(&back[url::Position::BeforePath..])
}

#[test]
#[ignore = "scripts/test providers runs it"]
fn employees_sign_in_through_oidc_provider_and_confirm_there_that_it_is_them() {
    let app = TestApp::start();
    // The provider's clock is the machine's.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    app.advance(i64::try_from(now.as_secs()).unwrap() - app.now().0);
    let redirect_uri = format!("{}/sign-in/callback", app.origin());
    let settings = [("CLIENT_ID", "pos"), ("CLIENT_SECRET", SECRET), ("REDIRECT_URI", redirect_uri.as_str())];
    let provider = NodeProvider::start("oidc_provider.js", &settings);
    let mut admin = app.admin();
    let form = admin.open(PATH);
    let entered = [
        ("issuer", provider.origin.as_str()),
        ("client-id", "pos"),
        ("client-secret", SECRET),
        ("domains", "shop.example"),
        ("creates", "yes"),
    ];
    let saved = admin.submit(&form, "/sign-in", &entered);
    assert_eq!(admin.follow(&saved).notice(), "Identity provider saved.");

    // Its claims come from the userinfo endpoint, and its keys are RSA.
    let mut browser = app.browser();
    let done = through(&provider, &mut browser, "/sign-in/provider?next=/settings/profile");
    assert_eq!(done.location(), "/settings/profile", "{}", done.text());
    assert!(browser.open("/settings/profile").text().contains("ada of Harbour & Pine"));
    let again = through(&provider, &mut browser, "/sign-in/provider?next=/settings/profile&again=1");
    assert_eq!(again.location(), "/settings/profile", "{}", again.text());
    assert!(browser.cookie("confirmed").is_some());
    assert_eq!(through(&provider, &mut app.browser(), "/sign-in/provider").location(), "/settings");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM employee_identities"), 1);
    let there = browser.get("/sign-in/provider/sign-out").location();
    assert!(there.starts_with(&format!("{}/session/end?", provider.origin)), "{there}");

    let nobody = NodeProvider::start("oidc_provider.js", &[&settings[..], &[("LOGIN", "nobody")]].concat());
    let mut admin = app.sign_in_as(Role::Admin).0;
    let form = admin.open(PATH);
    let entered = [("issuer", nobody.origin.as_str()), ("client-secret", SECRET)];
    assert_eq!(admin.submit(&form, "/sign-in", &entered).status, 303);
    let declined = through(&nobody, &mut app.browser(), "/sign-in/provider");
    assert!(
        declined.status == 422 && declined.text().contains("access_denied: Nobody consented"),
        "{}",
        declined.text()
    );
}
