//! The admin API under `/api/v1`: each route with the area that an API token needs.

use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::from_fn;
use actix_web::{Resource, web};

use crate::api;
use crate::api_tokens::Area::{Activity, Attention, Clients, Connections, Employees, ResourceServers, Tokens};
use crate::api_tokens::AreaAccess::{Read, Write};
use crate::routes::routes;

fn guarded(resource: Resource) -> impl HttpServiceFactory + 'static {
    resource.default_service(web::to(api::guard::method_not_allowed)).wrap(from_fn(api::guard::stand))
}

routes! {
    /// The routes of the admin API.
    ROUTES;
    /// Adds them, behind their guard.
    guarded_routes in guarded;

    "/api/v1/clients" { GET Api(Clients, Read) => api::clients::list }
    "/api/v1/clients/{client}" {
        GET Api(Clients, Read) => api::clients::show,
        PATCH ApiAdmin(Clients, Write) => api::edits::edit_client,
    }
    "/api/v1/clients/{client}/approve" { POST ApiAdmin(Clients, Write) => api::client_acts::approve }
    "/api/v1/clients/{client}/suspend" { POST ApiAdmin(Clients, Write) => api::client_acts::suspend }
    "/api/v1/clients/{client}/resume" { POST ApiAdmin(Clients, Write) => api::client_acts::resume }
    "/api/v1/clients/{client}/revoke" { POST ApiAdmin(Clients, Write) => api::client_acts::revoke }
    "/api/v1/clients/{client}/refresh-tokens" { GET Api(Tokens, Read) => api::token_lists::refresh_tokens }
    "/api/v1/clients/{client}/access-tokens" { GET Api(Tokens, Read) => api::token_lists::access_tokens }
    "/api/v1/clients/{client}/api-keys" {
        GET Api(Tokens, Read) => api::token_lists::api_keys,
        POST ApiAdmin(Tokens, Write) => api::api_keys::create,
    }
    "/api/v1/tokens/{token}" { GET Api(Tokens, Read) => api::tokens::show }
    "/api/v1/tokens/{token}/access-tokens" { GET Api(Tokens, Read) => api::token_lists::access_tokens_of_refresh_token }
    "/api/v1/tokens/{token}/revoke" { POST Api(Tokens, Write) => api::token_acts::revoke }
    "/api/v1/find-token" { POST Api(Tokens, Read) => api::find_token::find }
    "/api/v1/revocations" { POST Api(Tokens, Write) => api::revocations::create }
    "/api/v1/revocations/{revocation}" { GET Api(Tokens, Read) => api::revocations::show }
    "/api/v1/revocations/{revocation}/confirm" { POST Api(Tokens, Write) => api::revocations::confirm }
    "/api/v1/revocations/{revocation}/stop" { POST Api(Tokens, Write) => api::revocations::stop }
    "/api/v1/inventory" { GET Api(Tokens, Read) => api::inventory::list }

    "/api/v1/attention" { GET Api(Attention, Read) => api::attention::findings }
    "/api/v1/attention/{rule}" { GET Api(Attention, Read) => api::attention::items }
    "/api/v1/employees" { GET Api(Employees, Read) => api::employees::list }
    "/api/v1/employees/{employee}" {
        GET Api(Employees, Read) => api::employees::show,
        PATCH ApiAdmin(Employees, Write) => api::edits::edit_employee,
    }
    "/api/v1/employees/{employee}/lock" { POST ApiAdmin(Employees, Write) => api::employee_acts::lock }
    "/api/v1/employees/{employee}/unlock" { POST ApiAdmin(Employees, Write) => api::employee_acts::unlock }
    "/api/v1/employees/{employee}/revoke-all-access" { POST Api(Employees, Write) => api::employee_acts::revoke_all_access }
    "/api/v1/employees/{employee}/offboard" { POST Api(Employees, Write) => api::employee_acts::offboard }
    "/api/v1/activity" { GET Api(Activity, Read) => api::activity::list }
    "/api/v1/connections" {
        GET Api(Connections, Read) => api::connections::list,
        POST ApiAdmin(Connections, Write) => api::connection_acts::create,
    }
    "/api/v1/connections/{connection}" { GET Api(Connections, Read) => api::connections::show }
    "/api/v1/connections/{connection}/authorize" { POST ApiAdmin(Connections, Write) => api::connection_acts::authorize }
    "/api/v1/connections/{connection}/test" { POST ApiAdmin(Connections, Write) => api::connection_acts::test }
    "/api/v1/connections/{connection}/refresh" { POST ApiAdmin(Connections, Write) => api::connection_acts::refresh }
    "/api/v1/connections/{connection}/pause" { POST ApiAdmin(Connections, Write) => api::connection_acts::pause }
    "/api/v1/connections/{connection}/resume" { POST ApiAdmin(Connections, Write) => api::connection_acts::resume }
    "/api/v1/connections/{connection}/disconnect" { POST ApiAdmin(Connections, Write) => api::connection_acts::disconnect }
    "/api/v1/app-credentials" { GET ApiAdmin(Connections, Read) => api::connections::app_credentials }
    "/api/v1/resource-servers" {
        GET ApiAdmin(ResourceServers, Read) => api::resource_servers::list,
        POST ApiAdmin(ResourceServers, Write) => api::resource_server_acts::add,
    }
    "/api/v1/resource-servers/{resource_server}" { GET ApiAdmin(ResourceServers, Read) => api::resource_servers::show }

    "/api/v1/resource-servers/{resource_server}/regenerate" {
        POST ApiAdmin(ResourceServers, Write) => api::resource_server_acts::regenerate,
    }
    "/api/v1/resource-servers/{resource_server}/remove" {
        POST ApiAdmin(ResourceServers, Write) => api::resource_server_acts::remove,
    }

    "/api/v1/openapi.json" { GET Public => api::openapi::serve }
    "/api/v1/docs" { GET Public => api::docs::page }
    "/api/v1/problems/{problem}" { GET Public => api::problem::explain }
}

/// Adds the routes, and the answer for everything else below `/api/`.
pub fn add(config: &mut web::ServiceConfig) {
    guarded_routes(config);
    config.service(web::resource("/api/{path:.*}").default_service(web::to(api::guard::nothing_here)));
}
