//! The demo's sample client: it requests access, exchanges the code for tokens, calls the API and refreshes, over HTTP like
//! any client, and shows each step. Its two pages work in the demo only.

use std::sync::{Mutex, OnceLock};

use actix_web::{HttpResponse, web};
use askama::Template;
use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    Scope, TokenResponse, TokenUrl,
};
use zeroize::Zeroizing;

use crate::clients::{Client, Contact, NewClient, RedirectUri, Registration, Website};
use crate::error::{Error, Result};
use crate::http::HttpClient;
use crate::id::ClientKey;
use crate::pages::clients::client_detail::path as client_path;
use crate::web::page::{Page, html, see_other};
use crate::web::query::Query;
use crate::web::state::State;

const NAME: &str = "Walk-through";
const CALLBACK: &str = "/demo/callback";
const RESULT: &str = "/demo/walk-through";
const SCOPE: [&str; 3] = ["employee:inventory_read", "employee:register_read", "employee:customers_read"];
const ACCOUNT: &str = "/API/V3/Account.json";

/// The sample client and its tokens.
pub struct WalkThrough {
    client: ClientKey,
    client_id: String,
    origin: String,
    state: String,
    verifier: Zeroizing<String>,
    authorize_url: String,
    http: HttpClient,
    held: Mutex<Progress>,
}

// The steps so far, and the newest access token.
#[derive(Clone, Default)]
struct Progress {
    steps: Vec<Step>,
    access_token: Option<Zeroizing<String>>,
}

/// One step of the walk-through.
#[derive(Clone, Debug)]
struct Step {
    title: &'static str,
    request: String,
    answer: String,
    ok: bool,
}

type ConfiguredClient = BasicClient<
    oauth2::EndpointSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointSet,
>;

impl WalkThrough {
    /// Registers the sample client.
    pub async fn register(app: &State) -> Result<WalkThrough> {
        let origin = app.config.public_url.origin().to_string();
        let redirect_uri = RedirectUri::on_this_server(&origin, CALLBACK);
        let now = app.clock.now();
        let (client, client_id) = app
            .db
            .write(move |conn| {
                let website = Website::parse("https://walk-through.example").map_err(Error::internal)?;
                // A publicly distributed client may use a plain http redirect URI on loopback.
                let registration = Registration {
                    redirect_uris: vec![redirect_uri.clone()],
                    publicly_distributed: true,
                    contact: Contact {
                        name: "The demo".into(),
                        email: "demo@walk-through.example".into(),
                        phone: String::new(),
                    },
                    ..Registration::default()
                };
                let new = NewClient {
                    name: NAME,
                    website: &website,
                    approved: true,
                    lightspeed_approved: false,
                    by: "the demo",
                    registration: &registration,
                };
                let client = Client::create(conn, &new, now)?;
                Ok((client, Client::find(conn, client)?.client_id))
            })
            .await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let state = CsrfToken::new_random();
        let mut walk = WalkThrough {
            client,
            client_id,
            origin,
            state: state.secret().clone(),
            verifier: Zeroizing::new(verifier.secret().clone()),
            authorize_url: String::new(),
            http: app.connections.http.clone(),
            held: Mutex::default(),
        };
        let oauth = walk.oauth()?;
        let request = oauth.authorize_url(|| state).set_pkce_challenge(challenge);
        let (url, _) = request.add_scopes(SCOPE.map(|scope| Scope::new(scope.into()))).url();
        walk.authorize_url = url.to_string();
        Ok(walk)
    }

    /// The authorization URL to start with.
    pub fn authorize_url(&self) -> &str {
        &self.authorize_url
    }

    fn oauth(&self) -> Result<ConfiguredClient> {
        let at = |path: &str| format!("{}{path}", self.origin);
        Ok(BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_auth_uri(AuthUrl::new(at("/auth/oauth/authorize")).map_err(Error::internal)?)
            .set_token_uri(TokenUrl::new(at("/auth/oauth/token")).map_err(Error::internal)?)
            .set_redirect_uri(RedirectUrl::new(at(CALLBACK)).map_err(Error::internal)?)
            .set_auth_type(oauth2::AuthType::RequestBody))
    }

    // Every step after the redirect with the code; stops at the first step that fails.
    async fn walk(&self, code: &str) -> Result<Progress> {
        let oauth = self.oauth()?;
        let http = |request| self.http.send(request);
        let mut held = Progress::default();
        let verifier = PkceCodeVerifier::new(self.verifier.to_string());
        let exchange =
            oauth.exchange_code(AuthorizationCode::new(code.into())).set_pkce_verifier(verifier).request_async(&http);
        let title = "Exchanged the code for tokens";
        let request = "POST /auth/oauth/token  grant_type=authorization_code".to_string();
        let first = match exchange.await {
            Ok(first) => first,
            Err(error) => return Ok(held.and(title, request, describe(&error), false)),
        };
        held = held.and(title, request, pair(&first), true);
        held = self.call(held, first.access_token().secret(), "Called the API").await;
        let Some(refresh_token) = first.refresh_token() else {
            return Ok(held);
        };
        let refresh_token = RefreshToken::new(refresh_token.secret().clone());
        let refresh = oauth.exchange_refresh_token(&refresh_token);
        let title = "Refreshed the tokens";
        let request = "POST /auth/oauth/token  grant_type=refresh_token".to_string();
        let second = match refresh.request_async(&http).await {
            Ok(second) => second,
            Err(error) => return Ok(held.and(title, request, describe(&error), false)),
        };
        held = held.and(title, request, pair(&second), true);
        Ok(self.call(held, second.access_token().secret(), "Called the API with the new access token").await)
    }

    async fn call(&self, mut held: Progress, token: &str, title: &'static str) -> Progress {
        held.access_token = Some(Zeroizing::new(token.to_string()));
        let request = format!("GET {ACCOUNT}  Authorization: Bearer {}", masked(token));
        match self.http.get_with_token(&format!("{}{ACCOUNT}", self.origin), token).await {
            Ok(answer) => {
                let ok = answer.status().is_success();
                let body = String::from_utf8_lossy(answer.body()).into_owned();
                held.and(title, request, format!("{} {body}", answer.status()), ok)
            }
            Err(error) => held.and(title, request, error.to_string(), false),
        }
    }

    fn keep(&self, held: Progress) {
        if let Ok(mut kept) = self.held.lock() {
            *kept = held;
        }
    }

    fn held(&self) -> Progress {
        self.held.lock().map(|held| held.clone()).unwrap_or_default()
    }
}

impl Progress {
    fn and(mut self, title: &'static str, request: String, answer: String, ok: bool) -> Progress {
        self.steps.push(Step { title, request, answer, ok });
        self
    }
}

fn pair(answer: &impl TokenResponse) -> String {
    let seconds = answer.expires_in().map_or(0, |time| time.as_secs());
    let refresh = answer.refresh_token().map(|token| masked(token.secret())).unwrap_or_default();
    format!(
        "token_type Bearer, expires_in {seconds}, access_token {}, refresh_token {refresh}",
        masked(answer.access_token().secret())
    )
}

fn masked(token: &str) -> String {
    format!("{} *** REDACTED ***", token.get(..7).unwrap_or_default())
}

fn describe<E: std::error::Error>(
    error: &oauth2::RequestTokenError<E, oauth2::StandardErrorResponse<oauth2::basic::BasicErrorResponseType>>,
) -> String {
    match error {
        oauth2::RequestTokenError::ServerResponse(refusal) => {
            format!("{}: {}", refusal.error(), refusal.error_description().map_or("", String::as_str))
        }
        other => other.to_string(),
    }
}

fn of(registered: &OnceLock<WalkThrough>) -> Result<&WalkThrough> {
    registered.get().ok_or(Error::NotFound)
}

/// `GET /demo/callback`: the redirect URI.
pub async fn callback(walk_through: web::Data<OnceLock<WalkThrough>>, query: Query) -> Result<HttpResponse> {
    let walk = of(&walk_through)?;
    let get = |name: &str| query.get(name).unwrap_or_default();
    let title = "Received the redirect";
    let request = format!("GET {CALLBACK}");
    let held = match (get("error"), get("code")) {
        _ if get("state") != walk.state || get("iss") != walk.origin => {
            let answer = "state or iss does not match. Request access again.";
            Progress::default().and(title, request, answer.into(), false)
        }
        ("", code) if !code.is_empty() => {
            let arrived = Step { title, request, answer: "code received; state and iss match".into(), ok: true };
            let mut held = walk.walk(code).await?;
            held.steps.insert(0, arrived);
            held
        }
        (error, _) => Progress::default().and(title, request, format!("error={error}"), false),
    };
    walk.keep(held);
    // Redirect, so that reloading the result does not send the code twice.
    Ok(see_other(RESULT))
}

#[derive(Template)]
#[template(path = "demo/walk_through.html")]
struct WalkThroughPage {
    page: Page,
    steps: Vec<Step>,
    holds_token: bool,
    client: String,
    authorize_url: String,
    again: &'static str,
}

/// `GET /demo/walk-through`: shows each step; with `call`, calls the API again first.
pub async fn result(walk_through: web::Data<OnceLock<WalkThrough>>, query: Query) -> Result<HttpResponse> {
    let walk = of(&walk_through)?;
    let mut held = walk.held();
    if let (Some(_), Some(token)) = (query.get("call"), held.access_token.clone()) {
        held.steps.retain(|step| step.title != AGAIN);
        held = walk.call(held, &token, AGAIN).await;
    }
    html(WalkThroughPage {
        page: Page::outside("Walk-through", "The demo's sample client", String::new()),
        holds_token: held.access_token.is_some(),
        steps: held.steps,
        client: client_path(walk.client),
        authorize_url: walk.authorize_url.clone(),
        again: "/demo/walk-through?call=again",
    })
}

const AGAIN: &str = "Called the API again";
