//! What the access guard and the error answers know of the routes: methods, patterns, and who may call them.
//!
//! `routes` writes the table; the application hands it down as `web::Data<RouteTable>`.

use actix_web::http::Method;
use actix_web::{HttpRequest, web};

use crate::api_tokens::{Area, AreaAccess};
use crate::error::{Error, Result};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone: sign-in, health checks.
    Public,
    /// Anyone who is signed in. The handler decides by what they own.
    SignedIn,
    /// Admins.
    Admin,
    /// A client or resource server, which the endpoint authenticates.
    Client,
    /// A caller with an access token or API key, which the endpoint checks.
    Bearer,
    /// One of the shop's own programs with a service key, which the endpoint checks.
    ServiceKey,
    /// A caller with an API token that includes this area. The handler decides by the role and by what they own.
    Api(Area, AreaAccess),
    /// A caller with an API token that includes this area and has the role of an admin.
    ApiAdmin(Area, AreaAccess),
}

/// Whether a route asks for a fresh sign-in, and the reason in a word.
///
/// Acts that give power ask: what they create, change or bring back gives access to somebody. Revoking never asks, so that
/// nothing that a sign-in needs can stop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreshSignIn {
    /// It asks, because of this.
    Asks(&'static str),
    /// It never asks, because of this.
    Never(&'static str),
    /// A route that only reads, or an endpoint that programs call. A page that accepts POST must decide.
    Undecided,
}

/// One method of one URL.
#[derive(Debug)]
pub struct Route {
    /// `GET` or `POST`; for proxied API calls also `PUT`, `PATCH` and `DELETE`.
    pub method: &'static str,
    /// The URL pattern.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Whether it asks for a fresh sign-in.
    pub fresh_sign_in: FreshSignIn,
}

/// Every route of the program.
#[derive(Clone, Copy, Debug)]
pub struct RouteTable {
    /// HTML pages, behind the session and the access guard.
    pub pages: &'static [&'static [Route]],
    /// Endpoints that programs call.
    pub endpoints: &'static [Route],
    /// The admin API, behind its own guard.
    pub api: &'static [&'static [Route]],
}

impl RouteTable {
    /// The table of the application that serves `request`.
    pub fn of(request: &HttpRequest) -> Result<RouteTable> {
        let table = request.app_data::<web::Data<RouteTable>>().ok_or_else(|| Error::internal("no route table"))?;
        Ok(***table)
    }

    /// Who may call `method` on the page `pattern`. HEAD counts as GET. `None` if there is no such route.
    pub fn access(&self, method: &Method, pattern: &str) -> Option<Access> {
        self.page(method, pattern).map(|route| route.access)
    }

    /// Whether `method` on the page `pattern` asks for a fresh sign-in.
    pub fn asks_for_fresh_sign_in(&self, method: &Method, pattern: &str) -> bool {
        self.page(method, pattern).is_some_and(|route| matches!(route.fresh_sign_in, FreshSignIn::Asks(_)))
    }

    /// The nearest page that can be opened: `path` itself, or the first one above it. `pattern` is the pattern of `path`.
    pub fn page_above<'a>(&self, pattern: &str, path: &'a str) -> &'a str {
        let (mut pattern, mut path) = (pattern, path);
        while self.page(&Method::GET, pattern).is_none() {
            match (pattern.rsplit_once('/'), path.rsplit_once('/')) {
                (Some((above, _)), Some((page, _))) if !above.is_empty() => (pattern, path) = (above, page),
                _ => return "/settings",
            }
        }
        path
    }

    fn page(&self, method: &Method, pattern: &str) -> Option<&'static Route> {
        let method = if method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
        self.pages.iter().copied().flatten().find(|route| route.method == method && route.path == pattern)
    }

    /// The methods of a pattern, for the Allow header.
    pub fn methods(&self, pattern: &str) -> String {
        let all = self.pages.iter().chain(self.api).copied().flatten().chain(self.endpoints);
        let all = all.filter(|route| route.path == pattern);
        all.map(|route| route.method).collect::<Vec<_>>().join(", ")
    }
}
