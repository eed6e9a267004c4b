//! Forms, protected against CSRF. A handler can only read a form that was sent from our own origin and has the CSRF
//! token of its session or, before sign-in, of its browser.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secrets::RandomSecret;
use crate::text::is_invisible;
use crate::web::page::RequestContext;
use crate::web::state::State;

const LONGEST_BODY: usize = 16 * 1024;
const MOST_FIELDS: usize = 500;

/// The fields of a form that passed the CSRF check. Unknown fields are ignored.
pub struct ProtectedForm(Vec<(String, String)>);

// A field may hold a password or a secret.
impl fmt::Debug for ProtectedForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProtectedForm")
    }
}

impl ProtectedForm {
    /// The first value of a field as it was sent; empty if it is missing.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Every value of a field, such as the checked boxes of a list.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A line of text: trimmed, not empty, at most `longest` characters, without invisible characters.
    pub fn line(&self, name: &str, label: &str, longest: usize) -> Result<String> {
        let value = self.get(name).trim();
        if value.is_empty() {
            return Err(Error::Invalid(format!("{label} is missing. Enter it and send the form again.")));
        }
        if value.chars().count() > longest {
            return Err(Error::Invalid(format!("{label} can have at most {longest} characters. Shorten it.")));
        }
        if value.chars().any(is_invisible) {
            return Err(Error::Invalid(format!(
                "{label} contains an invisible character. Type it instead of pasting it."
            )));
        }
        Ok(value.to_string())
    }

    /// Every field, URL-encoded as a browser sends them.
    pub fn encoded(&self) -> Zeroizing<String> {
        Zeroizing::new(form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish())
    }

    /// A number from a hidden field.
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
            if !is_same_origin(&request, app.config.public_url.origin()) {
                return Err(Error::ForgedForm);
            }
            if request.content_type() != "application/x-www-form-urlencoded" {
                return Err(Error::UnsupportedMediaType);
            }
            let body = body.await.map_err(|error| match error.as_response_error().status_code().as_u16() {
                413 => Error::TooLarge,
                _ => Error::Invalid("The form was not received completely. Send it again.".into()),
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

/// Whether a POST was sent from our own origin. Pages cannot set Sec-Fetch-Site; browsers too old for it send Origin.
pub fn is_same_origin(request: &HttpRequest, origin: &str) -> bool {
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

/// The CSRF protection of forms before sign-in: a random cookie for the browser, and the CSRF token derived from it.
pub struct BrowserToken {
    /// The CSRF token for the form.
    pub csrf: String,
    /// The cookie to set, if the browser has none yet.
    pub cookie: Option<Cookie<'static>>,
}

impl BrowserToken {
    /// Adds the new cookie, if there is one, to a response.
    pub fn set_cookie(self, response: HttpResponse) -> Result<HttpResponse> {
        with_cookie(response, self.cookie)
    }

    /// The token for the browser that sent `request`, with a new cookie if it sent none.
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

/// Adds a cookie, if there is one, to a response.
pub fn with_cookie(mut response: HttpResponse, cookie: Option<Cookie<'static>>) -> Result<HttpResponse> {
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie).map_err(Error::internal)?;
    }
    Ok(response)
}
