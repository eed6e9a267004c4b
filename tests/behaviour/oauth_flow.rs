//! The whole way of an integration: consent, code, token, use, refresh, revoke.

use client_api_access::scopes::Role;

use crate::support::TestApp;
use crate::support::oauth::{pair, refusal};

#[test]
fn an_integration_is_let_in_uses_the_api_refreshes_and_is_stopped() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut browser, _) = app.sign_in_as(Role::Admin);

    let first = integration.grant(&app, &mut browser);
    let account = app.call("/API/V3/Account.json", &first.access_token);
    assert_eq!((account.status, &account.json()["Account"]["name"]), (200, &"Harbour & Pine".into()));

    let second = pair(&integration.refresh(&app, &first.refresh_token));
    assert_eq!(second.refresh_token[..7], first.refresh_token[..7], "every value begins alike");
    assert!(app.works(&second.access_token));

    let page = browser.open(&crate::support::client_path(integration.id));
    assert!(page.text().contains(&first.refresh_token[..7]), "it is seen on the client's page");
    let form = browser.open(&format!("{}/revoke", crate::support::client_path(integration.id)));
    let revoked = browser.submit(&form, "/revoke", &[]);
    assert_eq!(revoked.status, 303, "{}", revoked.text());

    assert!(!app.works(&first.access_token) && !app.works(&second.access_token));
    let (status, error, _) = refusal(&integration.refresh(&app, &second.refresh_token));
    assert_eq!((status, error.as_str()), (401, "invalid_client"));
}
