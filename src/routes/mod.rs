//! Every URL with its methods, who may call them, and their handlers.
//!
//! A route cannot be added without stating its access. A page that accepts POST also states whether it asks for a fresh
//! sign-in, and why: `Asks(role)`, `Never(revokes)`. The pages have a file for each area.

mod api;
mod clients;
mod connections;
mod people;
mod shared;

use actix_web::Resource;
use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::from_fn;
use actix_web::{guard, web};

#[cfg(feature = "demo")]
use crate::demo;
use crate::pages::sign_in::confirm;
use crate::web::access_guard::enforce;
use crate::web::route_table::{Route, RouteTable};
use crate::web::{assets, endpoints, error_pages, health};
use crate::{broker, oauth, pages};

/// The pages of every area.
pub const PAGES: &[&[Route]] = &[shared::PAGES, clients::PAGES, connections::PAGES, people::PAGES, DEMO_PAGES];

/// The admin API.
pub const API: &[&[Route]] = &[api::ROUTES];

/// Every route, as the access guard and the error answers read it.
pub const TABLE: RouteTable = RouteTable { pages: PAGES, endpoints: ENDPOINTS, api: API };

macro_rules! routes {
    (@fresh) => { crate::web::route_table::FreshSignIn::Undecided };
    (@fresh $fresh:ident $why:ident) => { crate::web::route_table::FreshSignIn::$fresh(stringify!($why)) };
    (
        $(#[$table_doc:meta])* $table:ident; $(#[$configure_doc:meta])* $configure:ident in $around:ident;
        $($path:literal { $($method:ident $access:ident $(($($need:ident),+))? $($fresh:ident($why:ident))? => $handler:path),+ $(,)? })+
    ) => {
        $(#[$table_doc])*
        pub const $table: &[crate::web::route_table::Route] = &[
            $($(crate::web::route_table::Route {
                method: stringify!($method),
                path: $path,
                access: crate::web::route_table::Access::$access $(($($need),+))?,
                fresh_sign_in: crate::routes::routes!(@fresh $($fresh $why)?),
            },)+)+
        ];

        $(#[$configure_doc])*
        pub fn $configure(config: &mut actix_web::web::ServiceConfig) {
            $(config.service($around(
                actix_web::web::resource($path)$(.route(crate::routes::method(stringify!($method)).to($handler)))+,
            ));)+
        }
    };
}
use routes;

// Addresses that programs call. Some pages are below them, so this comes after all others.
const OF_PROGRAMS: [&str; 4] = ["/API/{path:.*}", "/auth/{path:.*}", "/oauth/{path:.*}", "/f/{path:.*}"];

fn page(resource: Resource) -> impl HttpServiceFactory + 'static {
    // The last one is the first to run: whoever may not do it is not asked to confirm that it is them.
    resource.wrap(from_fn(confirm::ask)).wrap(from_fn(enforce)).wrap(from_fn(error_pages::render))
}

fn endpoint(resource: Resource) -> impl HttpServiceFactory + 'static {
    let resource = resource.default_service(web::to(endpoints::method_not_allowed));
    resource.wrap(from_fn(endpoints::guard_against_panics)).wrap(from_fn(oauth::cors::answer))
}

routes! {
    /// Endpoints that programs call.
    ENDPOINTS;
    /// Adds the endpoints, which authenticate their callers themselves.
    endpoints in endpoint;

    "/auth/oauth/token" { POST Client => oauth::token::token }
    "/auth/oauth/revoke" { POST Client => oauth::revoke::revoke }
    "/auth/oauth/introspect" {
        POST Client => oauth::introspect::introspect,
        GET Bearer => oauth::introspect::introspect_own,
    }
    "/auth/oauth/verify" { GET Bearer => oauth::verify::verify }
    "/.well-known/oauth-authorization-server" { GET Public => oauth::metadata::metadata }

    // The logout token authenticates the identity provider.
    "/sign-in/back-channel-logout" { POST Public => pages::sign_in::back_channel::logout }

    "/connect/{connection}/{path:.*}" {
        GET ServiceKey => broker::forward::forward,
        POST ServiceKey => broker::forward::forward,
        PUT ServiceKey => broker::forward::forward,
        PATCH ServiceKey => broker::forward::forward,
        DELETE ServiceKey => broker::forward::forward,
    }

    "/API/V3/Account.json" { GET Bearer => oauth::resources::account::account }
    "/API/V3/Account/1" { GET Bearer => oauth::resources::account::account_by_id }
    "/API/V3/Account/1.json" { GET Bearer => oauth::resources::account::account_by_id }
    "/API/Session.json" { GET Bearer => oauth::resources::session::session }
    "/oauth/userinfo" { GET Bearer => oauth::resources::userinfo::userinfo }
    "/f/data/businesses" { GET Bearer => oauth::resources::businesses::businesses }
}

#[cfg(feature = "demo")]
routes! {
    /// Pages of the demo's own client; they answer 404 unless the demo runs.
    DEMO_PAGES;
    /// They run behind the session like every page.
    demo_pages in page;

    "/demo/callback" { GET Public => demo::walk_through::callback }
    "/demo/walk-through" { GET Public => demo::walk_through::result }
}
#[cfg(not(feature = "demo"))]
const DEMO_PAGES: &[Route] = &[];

/// Every page, behind the session and the access check; and the answer to programs for what nothing here serves.
pub fn with_session(config: &mut web::ServiceConfig) {
    shared::add(config);
    clients::add(config);
    connections::add(config);
    people::add(config);
    #[cfg(feature = "demo")]
    demo_pages(config);
    let not_served = web::resource(OF_PROGRAMS).default_service(web::to(endpoints::not_found));
    config.service(not_served.wrap(from_fn(endpoints::guard_against_panics)));
}

/// Adds what needs no session: endpoints, static files and health checks.
pub fn without_session(config: &mut web::ServiceConfig) {
    endpoints(config);
    api::add(config);
    config
        .route("/static/{name}", web::get().to(assets::serve))
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz));
}

// A page answers HEAD as it answers GET.
fn method(name: &str) -> actix_web::Route {
    match name {
        "GET" => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
        "PUT" => web::put(),
        "PATCH" => web::patch(),
        "DELETE" => web::delete(),
        _ => web::post(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Area;
    use crate::web::observe::area;

    #[test]
    fn every_route_is_counted_in_an_area() {
        for route in PAGES.iter().chain(API).copied().flatten().chain(ENDPOINTS) {
            assert_ne!(area(route.path), Area::Other, "{}", route.path);
        }
        assert_eq!(area("/nowhere"), Area::Other);
    }
}
