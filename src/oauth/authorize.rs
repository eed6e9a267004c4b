//! `GET /auth/oauth/authorize` (RFC 6749 section 4.1.1): the request, the sign-in leg, the consent page; and the answer.
//!
//! Client and redirect URI are checked before anything else: as long as they do not fit, nobody is sent anywhere. Consent
//! is asked for every time. Between the page and its answer nothing is stored: the form carries the request as it was, and
//! a signature over it that holds for this very session.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use percent_encoding::percent_decode;
use url::form_urlencoded;

use super::authorization_code::{AuthorizationCode, NewAuthorizationCode};
use super::error::OAuthError;
use super::pkce;
use super::scope::{Scope, ScopeGroup};
use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::app::App;
use crate::clients::pages::ClientFacts;
use crate::clients::{Client, ClientState, RedirectUri, WrongRedirectUri};
use crate::employees::sign_in;
use crate::error::{Error, Result};
use crate::time::{DAY, count};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, Section, Visit, html, see_other};
use crate::web::{form, headers};

/// The longest `state` that is echoed, in bytes.
pub const LONGEST_STATE: usize = 2_000;
// The sign-in and the consent form carry the whole request along, and a form has an end too (16 KiB).
const LONGEST_REQUEST: usize = 15_000;
const PATH: &str = "/auth/oauth/authorize";

// A request whose client and redirect URI fit together: whatever else is wrong may be told to the client.
struct Request {
    client: Client,
    redirect_uri: String,
    is_redirect_uri_given: bool,
    state: Vec<u8>,
}

// What a good request asks for.
struct Asked {
    scope: Scope,
    code_challenge: Option<String>,
}

#[derive(Template)]
#[template(path = "oauth/consent.html")]
struct Consent {
    page: Page,
    client: ClientFacts,
    shop: String,
    employee: String,
    email: String,
    role: &'static str,
    groups: Vec<ScopeGroup>,
    missing: Vec<String>,
    host: String,
    refresh_token: String,
    ends_after: Option<String>,
    query: String,
    signature: String,
    back: String,
}

/// `GET /auth/oauth/authorize`
pub async fn authorize(request: HttpRequest, app: web::Data<App>, visit: Option<Visit>) -> Result<HttpResponse> {
    let query = request.query_string();
    let raw = Raw::parse(query);
    let asking = Request::read(&app, &raw).await?;
    let asked = match fits_a_form(query).and_then(|()| asking.check(&raw)) {
        Ok(asked) => asked,
        Err(error) => return Ok(asking.refuse(&app, &error)),
    };
    let here = format!("{PATH}?{query}");
    let Some(visit) = visit else {
        return sign_in::leg(&request, &app, here).await;
    };
    consent(&app, &visit, &asking, &asked, (query, here))
}

// Better refused now than after the sign-in.
fn fits_a_form(query: &str) -> std::result::Result<(), OAuthError> {
    match form_urlencoded::byte_serialize(query.as_bytes()).map(str::len).sum() {
        0..=LONGEST_REQUEST => Ok(()),
        _ => Err(OAuthError::invalid_request("The request is too long")),
    }
}

fn consent(
    app: &App,
    visit: &Visit,
    asking: &Request,
    asked: &Asked,
    (query, here): (&str, String),
) -> Result<HttpResponse> {
    let client = &asking.client;
    let (groups, missing) = asked.scope.for_consent(visit.viewer.role);
    let mut page = visit.page(format!("Let {} in?", client.name), Section::Settings);
    page.viewer = None;
    let mut response = html(Consent {
        page,
        client: ClientFacts::of(client),
        shop: visit.account.name.clone(),
        employee: visit.viewer.name.clone(),
        email: visit.email().to_string(),
        role: visit.viewer.role.name(),
        groups,
        missing,
        host: destination(&asking.redirect_uri),
        refresh_token: lasting(app.config.lifetimes.refresh_token),
        ends_after: client.grants_end_after.map(lasting),
        query: query.to_string(),
        signature: sign(app, visit, query),
        back: here,
    })?;
    let policy = headers::policy_for_forms_that_lead_to(&form_targets(&asking.redirect_uri));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.parse().map_err(Error::internal)?);
    Ok(response)
}

/// `POST /auth/oauth/consent`: lets the client in, or keeps it out. When the session ended meanwhile, the request begins
/// again with the sign-in.
pub async fn decide(
    request: HttpRequest,
    app: web::Data<App>,
    visit: Option<Visit>,
    form: std::result::Result<ProtectedForm, Error>,
) -> Result<HttpResponse> {
    let Some(visit) = visit else {
        return match form::is_from_us(&request, app.config.public_url.origin()) {
            true => Ok(see_other(&format!("{PATH}?{}", request.query_string()))),
            false => Err(Error::ForgedForm),
        };
    };
    let form = form?;
    let query = form.get("request");
    if !app.keys.consent.verifies(&format!("{} {query}", visit.session_key), form.get("signature")) {
        return Err(Error::ForgedForm);
    }
    let raw = Raw::parse(query);
    let asking = Request::read(&app, &raw).await?;
    let asked = match asking.check(&raw) {
        Ok(asked) => asked,
        Err(error) => return Ok(asking.refuse(&app, &error)),
    };
    match form.get("decision") {
        "approve" => approve(&app, &visit, asking, asked).await,
        "deny" => deny(&app, &visit, asking, asked).await,
        _ => Err(Error::Invalid("Choose one of the two buttons.".into())),
    }
}

async fn approve(app: &App, visit: &Visit, asking: Request, asked: Asked) -> Result<HttpResponse> {
    let (client, employee, now) = (asking.client.id, visit.viewer.id, visit.now());
    let redirect_uri = asking.is_redirect_uri_given.then(|| asking.redirect_uri.clone());
    let code = app
        .db
        .write(move |conn| {
            let client = Client::find_standing(conn, client)?;
            let new = NewAuthorizationCode {
                client: client.id,
                employee,
                scope: &asked.scope,
                redirect_uri: redirect_uri.as_deref(),
                code_challenge: asked.code_challenge.as_deref(),
            };
            Ok(AuthorizationCode::issue(conn, &new, now)?)
        })
        .await?;
    Ok(asking.answer(app, &[("code", code.expose())]))
}

async fn deny(app: &App, visit: &Visit, asking: Request, asked: Asked) -> Result<HttpResponse> {
    let (viewer, peer, now) = (visit.viewer.clone(), visit.peer.clone(), visit.now());
    let client = asking.client.clone();
    app.db
        .write(move |conn| {
            NewActivity::new(Kind::ConsentDenied, Actor::person(viewer.id, &viewer.name), Subject::client(&client))
                .from(&peer)
                .with(Detail::note(asked.scope.in_words().join(", ")))
                .record(conn, now)
        })
        .await?;
    Ok(asking.refuse(app, &OAuthError::access_denied()))
}

fn sign(app: &App, visit: &Visit, query: &str) -> String {
    app.keys.consent.sign(&format!("{} {query}", visit.session_key))
}

impl Request {
    // Errors are pages: nobody is sent to an address that was not registered.
    async fn read(app: &App, raw: &Raw) -> Result<Request> {
        const AGAIN: &str = "Nothing was shared. Go back to the app that sent you and tell its developer.";
        let invalid = |why: String| Error::Invalid(format!("{why} {AGAIN}"));
        let id = match raw.text("client_id") {
            Ok(Some(id)) => id,
            Ok(None) => {
                return Err(invalid("The link does not say which client is asking (client_id is missing).".into()));
            }
            Err(how) => return Err(invalid(format!("The link's client_id {how}."))),
        };
        let given = match raw.text("redirect_uri") {
            Ok(given) => given,
            Err(how) => return Err(invalid(format!("The link's redirect_uri {how}."))),
        };
        let find = move |conn: &mut _| {
            let client = Client::find_by_client_id(conn, &id)?;
            let uris = client.as_ref().map(|client| RedirectUri::of_client(conn, client.id)).transpose()?;
            Ok(client.zip(uris))
        };
        let found = app.db.read(find).await?;
        let Some((client, registered)) = found.filter(|(client, _)| client.revoked_at.is_none()) else {
            return Err(invalid("No client is registered here under the client_id in the link.".into()));
        };
        let redirect_uri = RedirectUri::choose(&registered, given.as_deref()).map_err(|wrong| {
            let name = &client.name;
            invalid(match wrong {
                WrongRedirectUri::NoneRegistered => format!("{name} has no redirect URI registered yet."),
                WrongRedirectUri::Ambiguous => {
                    format!(
                        "{name} has several redirect URIs, and the link does not say which (redirect_uri is missing)."
                    )
                }
                WrongRedirectUri::NotRegistered => format!(
                    "The redirect_uri in the link, {}, is not registered for {name}.",
                    shown(given.as_deref().unwrap_or_default())
                ),
            })
        })?;
        match client.state() {
            ClientState::Active => {}
            ClientState::Pending => {
                return Err(Error::Invalid(format!(
                    "{} is waiting for an admin of the shop to admit it. Until then it cannot ask for access.",
                    client.name
                )));
            }
            ClientState::Suspended => {
                return Err(Error::Invalid(format!(
                    "{} is suspended. Until an admin of the shop resumes it, it cannot ask for access.",
                    client.name
                )));
            }
        }
        // A state that is too long, or stands twice, is refused below and not echoed.
        let state = raw.get("state").ok().flatten().filter(|state| state.len() <= LONGEST_STATE);
        Ok(Request {
            client,
            redirect_uri,
            is_redirect_uri_given: given.is_some(),
            state: state.unwrap_or_default().to_vec(),
        })
    }

    // Errors are told to the client.
    fn check(&self, raw: &Raw) -> std::result::Result<Asked, OAuthError> {
        if let Some(name) = raw.doubled() {
            return Err(OAuthError::invalid_request(format!("Send the `{name}` parameter once")));
        }
        let text = |name: &str| {
            raw.text(name).map_err(|how| OAuthError::invalid_request(format!("The `{name}` parameter {how}")))
        };
        if raw.get("state").ok().flatten().is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(OAuthError::invalid_request(format!("`state` has at most {LONGEST_STATE} bytes")));
        }
        match text("response_type")?.as_deref() {
            Some("code") => {}
            None => return Err(OAuthError::invalid_request("Check the `response_type` parameter")),
            Some(_) => return Err(OAuthError::unsupported_response_type()),
        }
        if text("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(OAuthError::invalid_request("Only `response_mode` query is served"));
        }
        let scope =
            text("scope")?.ok_or_else(|| OAuthError::invalid_scope("Check the `scope` parameter: it is missing"))?;
        let unknown = scope.split_whitespace().find(|word| Scope::parse(word).is_none());
        let scope = Scope::parse(&scope).ok_or_else(|| {
            OAuthError::invalid_scope(format!("Check the `{}` scope", shown(unknown.unwrap_or_default())))
        })?;
        let (challenge, method) = (text("code_challenge")?, text("code_challenge_method")?);
        let code_challenge = match (challenge, method.as_deref()) {
            (None, None) if self.client.requires_pkce() => {
                return Err(OAuthError::invalid_request("This client must send a `code_challenge` (PKCE, S256)"));
            }
            (None, None) => None,
            (None, Some(_)) => return Err(OAuthError::invalid_request("Check the `code_challenge` parameter")),
            (Some(challenge), Some("S256")) if pkce::is_challenge(&challenge) => Some(challenge),
            (Some(_), Some("S256")) => {
                let hint = "Check the `code_challenge` parameter: 43 characters of base64url";
                return Err(OAuthError::invalid_request(hint));
            }
            (Some(_), _) => return Err(OAuthError::invalid_request("`code_challenge_method` must be S256")),
        };
        Ok(Asked { scope, code_challenge })
    }

    fn refuse(&self, app: &App, error: &OAuthError) -> HttpResponse {
        let mut pairs = vec![("error", error.code), ("error_description", error.description.as_str())];
        if !error.hint.is_empty() {
            pairs.push(("hint", &error.hint));
        }
        self.answer(app, &pairs)
    }

    // 303 to the client, with state byte for byte, and iss (RFC 9207). The empty fragment at the end keeps one of an earlier
    // address from being carried over.
    fn answer(&self, app: &App, pairs: &[(&str, &str)]) -> HttpResponse {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        query.append_pair("iss", app.config.public_url.origin());
        let mut query = query.finish();
        if !self.state.is_empty() {
            let state: String = form_urlencoded::byte_serialize(&self.state).collect();
            query = format!("{query}&state={state}");
        }
        let join = match (self.redirect_uri.contains('?'), self.redirect_uri.ends_with(['?', '&'])) {
            (false, _) => "?",
            (true, true) => "",
            (true, false) => "&",
        };
        see_other(&format!("{}{join}{query}#", self.redirect_uri))
    }
}

/// The client that the query of an authorization request names, if it can be one.
pub fn client_id(query: &str) -> Option<String> {
    Raw::parse(query).text("client_id").ok().flatten()
}

// The parameters of a query by the byte.
struct Raw(Vec<(String, Vec<u8>)>);

impl Raw {
    fn parse(query: &str) -> Raw {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (String::from_utf8_lossy(&decode(name)).into_owned(), decode(value))
        });
        Raw(pairs.collect())
    }

    // An empty parameter counts as left out (RFC 6749 section 3.1). Errors: it stands there twice.
    fn get(&self, name: &str) -> std::result::Result<Option<&[u8]>, &'static str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_slice());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err("stands there twice"),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    fn text(&self, name: &str) -> std::result::Result<Option<String>, &'static str> {
        let Some(bytes) = self.get(name)? else {
            return Ok(None);
        };
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(char::is_control) => Ok(Some(text.to_string())),
            _ => Err("is not plain text"),
        }
    }

    // Which of the parameters we know stands there twice.
    fn doubled(&self) -> Option<&'static str> {
        const KNOWN: [&str; 8] = [
            "client_id",
            "redirect_uri",
            "response_type",
            "response_mode",
            "scope",
            "state",
            "code_challenge",
            "code_challenge_method",
        ];
        KNOWN.into_iter().find(|name| self.get(name).is_err())
    }
}

fn decode(text: &str) -> Vec<u8> {
    percent_decode(text.replace('+', " ").as_bytes()).collect()
}

// Something from a link, as it may stand in a sentence.
fn shown(text: &str) -> String {
    let shown: String = text.chars().filter(|c| !form::is_invisible(*c)).take(200).collect();
    shown
}

// Where the browser goes afterwards, in a word: the host, or the scheme of an app.
fn destination(redirect_uri: &str) -> String {
    let url = url::Url::parse(redirect_uri).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).map(str::to_string);
    host.unwrap_or_else(|| redirect_uri.split(':').next().unwrap_or_default().to_string())
}

// What the consent form may lead to. Chromium holds form-action against every redirect that follows the POST, also those
// the client makes on its own side, so it is the scheme: with the one origin alone, a client that sends people from its
// callback to another host would leave them on this page after the code was spent.
fn form_targets(redirect_uri: &str) -> String {
    match redirect_uri.split(':').next().unwrap_or_default() {
        // A program on this machine often ends on a page of its website.
        "http" => "http: https:".into(),
        scheme => format!("{scheme}:"),
    }
}

fn lasting(seconds: i64) -> String {
    match seconds {
        s if s >= DAY && s % DAY == 0 => count(s / DAY, "day"),
        s if s >= 3600 && s % 3600 == 0 => count(s / 3600, "hour"),
        s => count(s / 60, "minute"),
    }
}
