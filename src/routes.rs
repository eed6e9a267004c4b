//! Every URL, its methods, who may call them, and their handlers: one page, read top to bottom.
//!
//! A route cannot be written here without stating its access, and nothing is reachable that is not written here.

use actix_web::Resource;
use actix_web::dev::HttpServiceFactory;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{guard, web};

use crate::web::guard::{Access, enforce};
use crate::web::{assets, endpoint, errors};
use crate::{account, activity, clients, connections, demo, employees, notices, oauth, resource_servers, tokens};

/// One method of one URL.
#[derive(Debug)]
pub struct Route {
    /// `GET` or `POST`; where calls are passed on also `PUT`, `PATCH` and `DELETE`.
    pub method: &'static str,
    /// The pattern.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
}

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

fn page(resource: Resource) -> impl HttpServiceFactory + 'static {
    resource.wrap(from_fn(enforce)).wrap(from_fn(errors::render))
}

fn endpoint(resource: Resource) -> impl HttpServiceFactory + 'static {
    let resource = resource.default_service(web::to(endpoint::method_not_allowed));
    resource.wrap(from_fn(endpoint::guard_against_panics))
}

routes! {
    /// What other programs call.
    ENDPOINTS;
    /// They authenticate by themselves.
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
        GET ServiceKey => connections::broker::forward,
        POST ServiceKey => connections::broker::forward,
        PUT ServiceKey => connections::broker::forward,
        PATCH ServiceKey => connections::broker::forward,
        DELETE ServiceKey => connections::broker::forward,
    }

    "/API/V3/Account.json" { GET Bearer => oauth::resources::account }
    "/API/Session.json" { GET Bearer => oauth::resources::session }
    "/oauth/userinfo" { GET Bearer => oauth::resources::userinfo }
    "/f/data/businesses" { GET Bearer => oauth::resources::businesses }
}

routes! {
    /// Every page there is.
    PAGES;
    /// The pages: all of them behind the session and the guard.
    with_session in page;

    "/" { GET SignedIn => account::pages::home }
    "/sign-in" {
        GET Public => employees::sign_in::form,
        POST Public => employees::sign_in::sign_in,
    }
    "/sign-out" { POST SignedIn => employees::sign_in::sign_out }
    "/set-up/{secret}" {
        GET Public => employees::sign_in::set_up_form,
        POST Public => employees::sign_in::set_up,
    }
    "/welcome/{secret}" {
        GET Public => employees::sign_in::welcome_form,
        POST Public => employees::sign_in::welcome,
    }

    "/auth/oauth/authorize" { GET Public => oauth::authorize::authorize }
    "/auth/oauth/consent" { POST Public => oauth::authorize::decide }

    "/demo/callback" { GET Public => demo::walk_through::callback }
    "/demo/walk-through" { GET Public => demo::walk_through::result }
    "/oauth/register" {
        GET Public => clients::public::form,
        POST Public => clients::public::register,
    }
    "/oauth/update" {
        GET Public => clients::update::sign_in_form,
        POST Public => clients::update::update,
    }

    "/settings" { GET SignedIn => account::pages::index }
    "/settings/client-api-access" { GET SignedIn => clients::pages::list }
    "/settings/client-api-access/find-token" {
        GET SignedIn => tokens::find_token::form,
        POST SignedIn => tokens::find_token::find,
    }
    "/settings/client-api-access/register" {
        GET Admin => clients::register::register_form,
        POST Admin => clients::register::register,
    }
    "/settings/client-api-access/clients/{client}/edit" {
        GET Admin => clients::register::edit_form,
        POST Admin => clients::register::edit,
    }
    "/settings/client-api-access/clients/{client}/admit" { POST Admin => clients::manage::admit }
    "/settings/client-api-access/clients/{client}/approve" { POST Admin => clients::manage::approve }
    "/settings/client-api-access/clients/{client}/unapprove" { POST Admin => clients::manage::unapprove }
    "/settings/client-api-access/clients/{client}/suspend" { POST Admin => clients::manage::suspend }
    "/settings/client-api-access/clients/{client}/resume" { POST Admin => clients::manage::resume }
    "/settings/client-api-access/clients/{client}/secret" {
        GET Admin => clients::secrets::secret_form,
        POST Admin => clients::secrets::regenerate,
    }
    "/settings/client-api-access/clients/{client}/secret/end-earlier" { POST Admin => clients::secrets::end_earlier }
    "/settings/client-api-access/clients/{client}" { GET SignedIn => clients::pages::detail }
    "/settings/client-api-access/clients/{client}/revoke" {
        GET Admin => clients::pages::revoke_form,
        POST Admin => clients::pages::revoke,
    }
    "/settings/client-api-access/clients/{client}/api-keys/new" {
        GET Admin => tokens::api_key::form,
        POST Admin => tokens::api_key::create,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}" {
        GET SignedIn => tokens::pages::refresh_token,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}/revoke" {
        GET SignedIn => tokens::pages::revoke_refresh_token_form,
        POST SignedIn => tokens::pages::revoke_refresh_token,
    }
    "/settings/client-api-access/clients/{client}/access-tokens/{access_token}" {
        GET SignedIn => tokens::pages::access_token,
    }
    "/settings/client-api-access/clients/{client}/access-tokens/{access_token}/revoke" {
        GET SignedIn => tokens::pages::revoke_access_token_form,
        POST SignedIn => tokens::pages::revoke_access_token,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}/access-tokens/{access_token}" {
        GET SignedIn => tokens::pages::access_token_of_refresh_token,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}/access-tokens/{access_token}/revoke" {
        GET SignedIn => tokens::pages::revoke_access_token_of_refresh_token_form,
        POST SignedIn => tokens::pages::revoke_access_token_of_refresh_token,
    }

    "/settings/connections" { GET SignedIn => connections::pages::list }
    "/settings/connections/new" {
        GET Admin => connections::form::new_form,
        POST Admin => connections::form::create,
    }
    "/settings/connections/clients" { GET Admin => connections::client_pages::list }
    "/settings/connections/clients/new" {
        GET Admin => connections::client_pages::new_form,
        POST Admin => connections::client_pages::create,
    }
    "/settings/connections/clients/{oauth_client}" {
        GET Admin => connections::client_pages::edit_form,
        POST Admin => connections::client_pages::edit,
    }
    "/settings/connections/clients/{oauth_client}/delete" {
        GET Admin => connections::client_pages::delete_form,
        POST Admin => connections::client_pages::delete,
    }
    "/settings/connections/callback/{callback}" { GET Public => connections::authorize::callback }
    "/settings/connections/{connection}" { GET SignedIn => connections::detail::detail }
    "/settings/connections/{connection}/edit" {
        GET Admin => connections::form::edit_form,
        POST Admin => connections::form::edit,
    }
    "/settings/connections/{connection}/authorize" { POST Admin => connections::authorize::authorize }
    "/settings/connections/{connection}/account" {
        GET Admin => connections::account_page::account_form,
        POST Admin => connections::account_page::account,
    }
    "/settings/connections/{connection}/test" { POST Admin => connections::actions::test }
    "/settings/connections/{connection}/refresh" { POST Admin => connections::actions::refresh }
    "/settings/connections/{connection}/pause" { POST Admin => connections::actions::pause }
    "/settings/connections/{connection}/resume" { POST Admin => connections::actions::resume }
    "/settings/connections/{connection}/disconnect" {
        GET Admin => connections::disconnect::disconnect_form,
        POST Admin => connections::disconnect::disconnect,
    }
    "/settings/connections/{connection}/keys" { POST Admin => connections::service_key_pages::create }
    "/settings/connections/{connection}/keys/{service_key}/revoke" {
        GET Admin => connections::service_key_pages::revoke_form,
        POST Admin => connections::service_key_pages::revoke,
    }

    "/settings/employees" { GET SignedIn => employees::pages::list }
    "/settings/employees/invite" {
        GET Admin => employees::links::invite_form,
        POST Admin => employees::links::invite,
    }
    "/settings/employees/{employee}" { GET SignedIn => employees::pages::detail }
    "/settings/employees/{employee}/role" { POST Admin => employees::pages::change_role }
    "/settings/employees/{employee}/locations" { POST Admin => employees::pages::change_locations }
    "/settings/employees/{employee}/lock" { POST Admin => employees::pages::lock }
    "/settings/employees/{employee}/unlock" { POST Admin => employees::pages::unlock }
    "/settings/employees/{employee}/archive" { POST Admin => employees::pages::archive }
    "/settings/employees/{employee}/restore" { POST Admin => employees::pages::restore }
    "/settings/employees/{employee}/link" { POST Admin => employees::links::make_link }
    "/settings/employees/{employee}/end-grants" {
        GET SignedIn => employees::grants::end_grants_form,
        POST SignedIn => employees::grants::end_grants,
    }

    "/settings/resource-servers" {
        GET Admin => resource_servers::pages::list,
        POST Admin => resource_servers::pages::add,
    }
    "/settings/resource-servers/{resource_server}/regenerate" {
        GET Admin => resource_servers::pages::regenerate_form,
        POST Admin => resource_servers::pages::regenerate,
    }
    "/settings/resource-servers/{resource_server}/remove" {
        GET Admin => resource_servers::pages::remove_form,
        POST Admin => resource_servers::pages::remove,
    }

    "/settings/activity" { GET SignedIn => activity::pages::list }
    "/settings/activity/export" { GET SignedIn => activity::pages::export }

    "/settings/account" {
        GET Admin => account::pages::account,
        POST Admin => account::pages::change_account,
    }
    "/settings/account/businesses" { POST Admin => account::pages::add_business }
    "/settings/account/businesses/{business}/remove" { POST Admin => account::pages::remove_business }
    "/settings/account/businesses/{business}/locations" { POST Admin => account::pages::add_location }
    "/settings/account/businesses/{business}/locations/{location}/remove" {
        POST Admin => account::pages::remove_location,
    }
    "/settings/account/notices/test" { POST Admin => notices::pages::test }

    "/settings/profile" { GET SignedIn => employees::profile::profile }
    "/settings/profile/password" { POST SignedIn => employees::profile::change_password }
    "/settings/profile/sessions/{session}/end" { POST SignedIn => employees::profile::end_session }
    "/settings/profile/sessions/end-others" { POST SignedIn => employees::profile::end_other_sessions }
}

/// What needs no session: what programs call, static files and the state of the process.
pub fn without_session(config: &mut web::ServiceConfig) {
    endpoints(config);
    config
        .route("/static/{name}", web::get().to(assets::serve))
        .route("/healthz", web::get().to(errors::healthz))
        .route("/readyz", web::get().to(errors::readyz));
}

/// What a call of `method` on the pattern `path` asks of its caller; nothing when there is no such route.
pub fn access(method: &Method, path: &str) -> Option<Access> {
    PAGES.iter().find(|route| route.method == method.as_str() && route.path == path).map(|route| route.access)
}

/// The methods of a pattern, for the Allow header.
pub fn methods(path: &str) -> String {
    let all = PAGES.iter().chain(ENDPOINTS).filter(|route| route.path == path);
    all.map(|route| route.method).collect::<Vec<_>>().join(", ")
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
