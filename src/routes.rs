//! Every URL with its methods, who may call them, and their handlers.
//!
//! A route cannot be added without stating its access.
//!
//! Longer than 300 lines: the table of every URL is read as one.

use actix_web::Resource;
use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::from_fn;
use actix_web::{guard, web};

#[cfg(feature = "demo")]
use crate::demo;
use crate::web::access_guard::enforce;
use crate::web::route_table::{Access, Route, RouteTable};
use crate::web::{assets, endpoints, error_pages, health};
use crate::{broker, oauth, pages};

/// Every route, as the access guard and the error answers read it.
pub const TABLE: RouteTable = RouteTable { pages: &[PAGES, DEMO_PAGES], endpoints: ENDPOINTS };

macro_rules! routes {
    (
        $(#[$table_doc:meta])* $table:ident; $(#[$configure_doc:meta])* $configure:ident in $around:ident;
        $($path:literal { $($method:ident $access:ident => $handler:path),+ $(,)? })+
    ) => {
        $(#[$table_doc])*
        pub const $table: &[Route] = &[
            $($(Route { method: stringify!($method), path: $path, access: Access::$access },)+)+
        ];

        $(#[$configure_doc])*
        pub fn $configure(config: &mut web::ServiceConfig) {
            $(config.service($around(
                web::resource($path)$(.route(method(stringify!($method)).to($handler)))+,
            ));)+
        }
    };
}

// Addresses that programs call. Some pages are below them, so this comes after all others.
const OF_PROGRAMS: [&str; 4] = ["/API/{path:.*}", "/auth/{path:.*}", "/oauth/{path:.*}", "/f/{path:.*}"];

fn page(resource: Resource) -> impl HttpServiceFactory + 'static {
    resource.wrap(from_fn(enforce)).wrap(from_fn(error_pages::render))
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

routes! {
    /// HTML pages.
    PAGES;
    /// Adds the pages, behind the session and the access guard.
    page_routes in page;

    "/" { GET SignedIn => pages::home::root }
    "/sign-in" {
        GET Public => pages::sign_in::sign_in::form,
        POST Public => pages::sign_in::sign_in::sign_in,
    }
    "/sign-out" { POST SignedIn => pages::sign_in::sign_in::sign_out }
    "/set-up/{secret}" {
        GET Public => pages::sign_in::set_up::form,
        POST Public => pages::sign_in::set_up::set_up,
    }
    "/welcome/{secret}" {
        GET Public => pages::sign_in::welcome::form,
        POST Public => pages::sign_in::welcome::welcome,
    }

    "/auth/oauth/authorize" { GET Public => oauth::authorize::authorize }
    "/auth/oauth/consent" { POST Public => oauth::consent::decide }

    "/oauth/register" {
        GET Public => pages::clients::public_registration::form,
        POST Public => pages::clients::public_registration::register,
    }
    "/oauth/update" {
        GET Public => pages::clients::public_update::sign_in_form,
        POST Public => pages::clients::public_update::update,
    }

    "/settings" { GET SignedIn => pages::home::home }
    "/settings/client-api-access" { GET SignedIn => pages::clients::client_list::list }
    "/settings/client-api-access/find-token" {
        GET SignedIn => pages::tokens::find_token::form,
        POST SignedIn => pages::tokens::find_token::find,
    }
    "/settings/client-api-access/register" {
        GET Admin => pages::clients::register_client::register_form,
        POST Admin => pages::clients::register_client::register,
    }
    "/settings/client-api-access/pending" { GET Admin => pages::clients::pending_clients::list, POST Admin => pages::clients::reject_clients::confirm }
    "/settings/client-api-access/pending/reject" { POST Admin => pages::clients::reject_clients::reject }
    "/settings/client-api-access/clients/{client}/edit" {
        GET Admin => pages::clients::edit_client::edit_form,
        POST Admin => pages::clients::edit_client::edit,
    }
    "/settings/client-api-access/clients/{client}/approve" { POST Admin => pages::clients::change_client_state::approve }
    "/settings/client-api-access/clients/{client}/lightspeed-approved" { POST Admin => pages::clients::change_client_state::mark_lightspeed_approved }
    "/settings/client-api-access/clients/{client}/lightspeed-approved/withdraw" { POST Admin => pages::clients::change_client_state::withdraw_lightspeed_approved }
    "/settings/client-api-access/clients/{client}/suspend" { POST Admin => pages::clients::change_client_state::suspend }
    "/settings/client-api-access/clients/{client}/resume" { POST Admin => pages::clients::change_client_state::resume }
    "/settings/client-api-access/clients/{client}/secret" {
        GET Admin => pages::clients::regenerate_secret::secret_form,
        POST Admin => pages::clients::regenerate_secret::regenerate,
    }
    "/settings/client-api-access/clients/{client}/secret/revoke-previous" { POST Admin => pages::clients::regenerate_secret::revoke_previous_secret }
    "/settings/client-api-access/clients/{client}" { GET SignedIn => pages::clients::client_detail::detail }
    "/settings/client-api-access/clients/{client}/revoke" {
        GET Admin => pages::clients::revoke_client::revoke_form,
        POST Admin => pages::clients::revoke_client::revoke,
    }
    "/settings/client-api-access/clients/{client}/api-keys/new" {
        GET Admin => pages::clients::new_api_key::form,
        POST Admin => pages::clients::new_api_key::create,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}" {
        GET SignedIn => pages::tokens::refresh_token_detail::refresh_token_detail,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}/revoke" {
        GET SignedIn => pages::tokens::revoke_refresh_token::form,
        POST SignedIn => pages::tokens::revoke_refresh_token::revoke,
    }
    "/settings/client-api-access/clients/{client}/access-tokens/{access_token}" { GET SignedIn => pages::tokens::access_token_detail::access_token_detail }
    "/settings/client-api-access/clients/{client}/access-tokens/{access_token}/revoke" {
        GET SignedIn => pages::tokens::revoke_access_token::form,
        POST SignedIn => pages::tokens::revoke_access_token::revoke,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}/access-tokens/{access_token}" {
        GET SignedIn => pages::tokens::access_token_detail::access_token_detail_via_refresh_token,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}/access-tokens/{access_token}/revoke" {
        GET SignedIn => pages::tokens::revoke_access_token::form_via_refresh_token,
        POST SignedIn => pages::tokens::revoke_access_token::revoke_via_refresh_token,
    }

    "/settings/connections" { GET SignedIn => pages::connections::connection_list::list }
    "/settings/connections/new" {
        GET Admin => pages::connections::edit_connection::new_form,
        POST Admin => pages::connections::edit_connection::create,
    }
    "/settings/connections/clients" { GET Admin => pages::connections::app_credential_list::list }
    "/settings/connections/clients/new" {
        GET Admin => pages::connections::edit_app_credential::new_form,
        POST Admin => pages::connections::edit_app_credential::create,
    }
    "/settings/connections/clients/{oauth_client}" {
        GET Admin => pages::connections::edit_app_credential::edit_form,
        POST Admin => pages::connections::edit_app_credential::edit,
    }
    "/settings/connections/clients/{oauth_client}/delete" {
        GET Admin => pages::connections::delete_app_credential::delete_form,
        POST Admin => pages::connections::delete_app_credential::delete,
    }
    "/settings/connections/callback/{callback}" { GET Public => pages::connections::authorize_connection::callback }
    "/settings/connections/{connection}" { GET SignedIn => pages::connections::connection_detail::detail }
    "/settings/connections/{connection}/edit" {
        GET Admin => pages::connections::edit_connection::edit_form,
        POST Admin => pages::connections::edit_connection::edit,
    }
    "/settings/connections/{connection}/authorize" { POST Admin => pages::connections::authorize_connection::authorize }
    "/settings/connections/{connection}/account" {
        GET Admin => pages::connections::confirm_account::account_form,
        POST Admin => pages::connections::confirm_account::account,
    }
    "/settings/connections/{connection}/test" { POST Admin => pages::connections::test_connection::test }
    "/settings/connections/{connection}/refresh" { POST Admin => pages::connections::refresh_connection::refresh }
    "/settings/connections/{connection}/pause" { POST Admin => pages::connections::pause_connection::pause }
    "/settings/connections/{connection}/resume" { POST Admin => pages::connections::pause_connection::resume }
    "/settings/connections/{connection}/disconnect" {
        GET Admin => pages::connections::disconnect_connection::disconnect_form,
        POST Admin => pages::connections::disconnect_connection::disconnect,
    }
    "/settings/connections/{connection}/keys" { POST Admin => pages::connections::service_keys::create }
    "/settings/connections/{connection}/keys/{service_key}/revoke" {
        GET Admin => pages::connections::service_keys::revoke_form,
        POST Admin => pages::connections::service_keys::revoke,
    }

    "/settings/employees" { GET SignedIn => pages::employees::employee_list::list }
    "/settings/employees/invite" {
        GET Admin => pages::employees::invite_employee::invite_form,
        POST Admin => pages::employees::invite_employee::invite,
    }
    "/settings/employees/{employee}" { GET SignedIn => pages::employees::employee_detail::detail }
    "/settings/employees/{employee}/role" { POST Admin => pages::employees::change_employee::change_role }
    "/settings/employees/{employee}/locations" { POST Admin => pages::employees::change_employee::change_locations }
    "/settings/employees/{employee}/lock" { POST Admin => pages::employees::change_employee::lock }
    "/settings/employees/{employee}/unlock" { POST Admin => pages::employees::change_employee::unlock }
    "/settings/employees/{employee}/archive" { POST Admin => pages::employees::change_employee::archive }
    "/settings/employees/{employee}/restore" { POST Admin => pages::employees::change_employee::restore }
    "/settings/employees/{employee}/erase" {
        GET Admin => pages::employees::erase_employee::form,
        POST Admin => pages::employees::erase_employee::erase,
    }
    "/settings/employees/{employee}/link" { POST Admin => pages::employees::invite_employee::create_link }
    "/settings/employees/{employee}/revoke-all-access" {
        GET SignedIn => pages::employees::revoke_all_access::revoke_all_access_form,
        POST SignedIn => pages::employees::revoke_all_access::revoke_all_access,
    }

    "/settings/resource-servers" {
        GET Admin => pages::resource_servers::resource_server_list::list,
        POST Admin => pages::resource_servers::resource_server_list::add,
    }
    "/settings/resource-servers/{resource_server}/regenerate" {
        GET Admin => pages::resource_servers::regenerate_secret::regenerate_form,
        POST Admin => pages::resource_servers::regenerate_secret::regenerate,
    }
    "/settings/resource-servers/{resource_server}/remove" {
        GET Admin => pages::resource_servers::remove_resource_server::remove_form,
        POST Admin => pages::resource_servers::remove_resource_server::remove,
    }

    "/settings/activity" { GET SignedIn => pages::activity::activity_list::list }
    "/settings/activity/export" { GET SignedIn => pages::activity::activity_list::export }

    "/settings/account" {
        GET Admin => pages::account::account_page::account,
        POST Admin => pages::account::account_page::change_account,
    }
    "/settings/account/businesses" { POST Admin => pages::account::businesses::add_business }
    "/settings/account/businesses/{business}/remove" { POST Admin => pages::account::businesses::remove_business }
    "/settings/account/businesses/{business}/locations" { POST Admin => pages::account::businesses::add_location }
    "/settings/account/businesses/{business}/locations/{location}/remove" {
        POST Admin => pages::account::businesses::remove_location,
    }
    "/settings/account/notices/test" { POST Admin => pages::account::notice_settings::test }

    "/settings/profile" { GET SignedIn => pages::profile::profile::profile }
    "/settings/profile/password" { POST SignedIn => pages::profile::profile::change_password }
    "/settings/profile/sessions/{session}/revoke" { POST SignedIn => pages::profile::profile::revoke_session }
    "/settings/profile/sessions/revoke-others" { POST SignedIn => pages::profile::profile::revoke_other_sessions }
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
    page_routes(config);
    #[cfg(feature = "demo")]
    demo_pages(config);
    let not_served = web::resource(OF_PROGRAMS).default_service(web::to(endpoints::not_found));
    config.service(not_served.wrap(from_fn(endpoints::guard_against_panics)));
}

/// Adds what needs no session: endpoints, static files and health checks.
pub fn without_session(config: &mut web::ServiceConfig) {
    endpoints(config);
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
