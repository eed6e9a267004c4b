//! The `oauth2` crate, as an integration written in Rust uses it: code with PKCE, refresh, introspection, revocation.

use client_api_access::config::PublicUrl;
use client_api_access::scopes::Role;
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointSet, HttpRequest, HttpResponse,
    IntrospectionUrl, PkceCodeChallenge, RedirectUrl, RefreshToken, RequestTokenError, RevocationUrl, Scope,
    TokenIntrospectionResponse, TokenResponse, TokenUrl,
};

use crate::support::TestApp;
use crate::support::oauth::{Integration, answered, mark_lightspeed_approved, value};

const ADDRESS: &str = "https://pos.example";

/// Takes the crate's requests to the server, as a proxy with https in front of it does: the crate speaks plain http to
/// nobody when it revokes.
fn proxy(app: &TestApp) -> impl Fn(HttpRequest) -> Result<HttpResponse, std::io::Error> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
    let (agent, server) = (ureq::Agent::new_with_config(config), format!("http://{}", app.state.config.listen));
    move |request| {
        let (mut head, body) = request.into_parts();
        let path = head.uri.to_string();
        let path = path.strip_prefix(ADDRESS).ok_or_else(|| std::io::Error::other("another server"))?;
        head.uri = format!("{server}{path}").parse().map_err(std::io::Error::other)?;
        let answer = agent.run(ureq::http::Request::from_parts(head, body)).map_err(std::io::Error::other)?;
        let (head, mut body) = answer.into_parts();
        let body = body.read_to_vec().map_err(std::io::Error::other)?;
        Ok(HttpResponse::from_parts(head, body))
    }
}

type Client = oauth2::basic::BasicClient<EndpointSet, oauth2::EndpointNotSet, EndpointSet, EndpointSet, EndpointSet>;

fn client(integration: &Integration, by: AuthType) -> Client {
    let at = |path: &str| format!("{ADDRESS}{path}");
    BasicClient::new(ClientId::new(integration.client_id.clone()))
        .set_client_secret(ClientSecret::new(integration.secret.clone()))
        .set_auth_type(by)
        .set_auth_uri(AuthUrl::new(at("/auth/oauth/authorize")).unwrap())
        .set_token_uri(TokenUrl::new(at("/auth/oauth/token")).unwrap())
        .set_introspection_url(IntrospectionUrl::new(at("/auth/oauth/introspect")).unwrap())
        .set_revocation_url(RevocationUrl::new(at("/auth/oauth/revoke")).unwrap())
        .set_redirect_uri(RedirectUrl::new("https://app.example/cb".into()).unwrap())
}

#[test]
fn the_oauth2_crate_gets_in_refreshes_introspects_and_revokes() {
    let app = TestApp::start_with(|config| config.public_url = PublicUrl::parse(ADDRESS).unwrap());
    let integration = app.shop().integration("Ledgerly");
    let (mut browser, person) = app.sign_in_as(Role::Manager);
    let http = proxy(&app);

    for by in [AuthType::BasicAuth, AuthType::RequestBody] {
        let client = client(&integration, by);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(["employee:inventory", "employee:reports"].map(|scope| Scope::new(scope.into())))
            .set_pkce_challenge(challenge)
            .url();
        let page = browser.open(&url[url::Position::BeforePath..]);
        let sent = answered(&mark_lightspeed_approved(&mut browser, &page));
        assert_eq!((value(&sent, "state"), value(&sent, "iss")), (state.secret().as_str(), ADDRESS));

        let code = AuthorizationCode::new(value(&sent, "code").into());
        let first: BasicTokenResponse = client.exchange_code(code).set_pkce_verifier(verifier).request(&http).unwrap();
        assert!(app.works(first.access_token().secret()));
        assert_eq!(first.expires_in().unwrap().as_secs(), 3600);

        let refresh = |value: &RefreshToken| client.exchange_refresh_token(value).request(&http);
        let second: BasicTokenResponse = refresh(first.refresh_token().unwrap()).unwrap();
        assert_ne!(second.refresh_token().unwrap().secret(), first.refresh_token().unwrap().secret());
        assert!(app.works(second.access_token().secret()));

        let about = client.introspect(second.access_token()).request(&http).unwrap();
        assert!(about.active());
        assert_eq!(about.username(), Some(person.email.as_str()));
        assert_eq!(about.client_id().map(|id| id.as_str()), Some(integration.client_id.as_str()));
        let scopes: Vec<&str> = about.scopes().unwrap().iter().map(|scope| scope.as_str()).collect();
        assert_eq!(scopes, ["employee:inventory", "employee:reports"]);

        let newest = second.refresh_token().unwrap().clone();
        client.revoke_token(newest.clone().into()).unwrap().request(&http).unwrap();
        assert!(!app.works(first.access_token().secret()) && !app.works(second.access_token().secret()));
        assert!(!client.introspect(second.access_token()).request(&http).unwrap().active());
        match refresh(&newest) {
            Err(RequestTokenError::ServerResponse(error)) => {
                assert_eq!(error.error(), &BasicErrorResponseType::InvalidGrant);
            }
            other => panic!("{other:?}"),
        }
    }
}
