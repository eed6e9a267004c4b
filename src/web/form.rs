//! Forms. A handler can only read one that proved where it came from: the browser says it was sent from our own origin,
//! and it carries the token of the very session (or, before sign-in, of the very browser) that asked for it.

use std::future::Future;
use std::pin::Pin;

use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use url::form_urlencoded;

use crate::error::{Error, Result};
use crate::secrets::RandomSecret;
use crate::text::is_invisible;
use crate::web::page::RequestContext;
use crate::web::state::State;

const LONGEST_BODY: usize = 16 * 1024;
const MOST_FIELDS: usize = 500;

/// The fields of a form that has passed its checks. Fields nobody asks for are ignored.
#[derive(Debug)]
pub struct ProtectedForm(Vec<(String, String)>);

impl ProtectedForm {
    /// The first value of a field, as it was sent; empty when it was not.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Every value of a field: a list of ticked boxes.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A line of text: trimmed, not empty, at most `longest` characters, nothing invisible in it.
    pub fn line(&self, name: &str, label: &str, longest: usize) -> Result<String> {
        let value = self.get(name).trim();
        if value.is_empty() {
            return Err(Error::Invalid(format!("{label} is missing. Fill it in and send the form again.")));
        }
        if value.chars().count() > longest {
            return Err(Error::Invalid(format!("{label} is too long: at most {longest} characters.")));
        }
        if value.chars().any(is_invisible) {
            return Err(Error::Invalid(format!(
                "{label} holds an invisible character. Type it instead of pasting it."
            )));
        }
        Ok(value.to_string())
    }

    /// A number that a page of ours put there.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }
}

impl FromRequest for ProtectedForm {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<ProtectedForm>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let body = web::Bytes::from_request(&request, payload);
        Box::pin(async move {
            let app = request.app_data::<web::Data<State>>().ok_or_else(|| Error::internal("no application"))?.clone();
            if !is_from_us(&request, app.config.public_url.origin()) {
                return Err(Error::ForgedForm);
            }
            if request.content_type() != "application/x-www-form-urlencoded" {
                return Err(Error::UnsupportedMediaType);
            }
            let body = body.await.map_err(|error| match error.as_response_error().status_code().as_u16() {
                413 => Error::TooLarge,
                _ => Error::Invalid("The form did not arrive whole. Send it again.".into()),
            })?;
            if body.len() > LONGEST_BODY {
                return Err(Error::TooLarge);
            }
            let fields: Vec<(String, String)> =
                form_urlencoded::parse(&body).into_owned().take(MOST_FIELDS + 1).collect();
            if fields.len() > MOST_FIELDS {
                return Err(Error::TooLarge);
            }
            let form = ProtectedForm(fields);
            let subject = csrf_subject(&request, &app).ok_or(Error::ForgedForm)?;
            match app.keys.csrf.verifies(&subject, form.get("csrf")) {
                true => Ok(form),
                false => Err(Error::ForgedForm),
            }
        })
    }
}

/// Whether a browser says that a POST was sent from one of our own pages. Sec-Fetch-Site cannot be set by a page; browsers
/// too old for it say where a POST came from in Origin.
pub fn is_from_us(request: &HttpRequest, origin: &str) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match header("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => header(header::ORIGIN.as_str()) == Some(origin),
    }
}

fn csrf_subject(request: &HttpRequest, app: &State) -> Option<String> {
    if let Some(context) = request.extensions().get::<RequestContext>() {
        return Some(format!("session {}", context.session_key));
    }
    request.cookie(&browser_cookie(app)).map(|cookie| format!("browser {}", cookie.value()))
}

fn browser_cookie(app: &State) -> String {
    app.config.public_url.cookie_name("browser")
}

/// What the forms before sign-in carry: a random cookie for this browser, and the token that fits it.
pub struct BrowserToken {
    /// For the form.
    pub csrf: String,
    /// To be set, when the browser has none yet.
    pub cookie: Option<Cookie<'static>>,
}

impl BrowserToken {
    /// The answer with the new cookie, if there is one.
    pub fn set_cookie(self, mut response: HttpResponse) -> Result<HttpResponse> {
        if let Some(cookie) = self.cookie {
            response.add_cookie(&cookie).map_err(Error::internal)?;
        }
        Ok(response)
    }

    /// The token for the browser that sent `request`; a new cookie when it sent none.
    pub fn for_request(app: &State, request: &HttpRequest) -> BrowserToken {
        let name = browser_cookie(app);
        if let Some(context) = request.extensions().get::<RequestContext>() {
            return BrowserToken { csrf: context.csrf().to_string(), cookie: None };
        }
        let (value, cookie) = match request.cookie(&name) {
            Some(cookie) if cookie.value().len() == 43 => (cookie.value().to_string(), None),
            _ => {
                let value = RandomSecret::generate().expose().to_string();
                let cookie = Cookie::build(name, value.clone())
                    .path("/")
                    .http_only(true)
                    .secure(app.config.public_url.is_https())
                    .same_site(SameSite::Lax)
                    .finish();
                (value, Some(cookie))
            }
        };
        BrowserToken { csrf: app.keys.csrf.sign(&format!("browser {value}")), cookie }
    }
}
