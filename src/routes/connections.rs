//! Settings › Connections.

use crate::pages;
use crate::routes::{page, routes};

routes! {
    /// The pages of connections and app credentials.
    PAGES;
    /// Adds them, behind the session and the access guard.
    add in page;

    "/settings/connections" { GET SignedIn => pages::connections::connection_list::list }
    "/settings/connections/new" {
        GET Admin => pages::connections::edit_connection::new_form,
        POST Admin Asks(connection) => pages::connections::edit_connection::create,
    }
    "/settings/connections/clients" { GET Admin => pages::connections::app_credential_list::list }
    "/settings/connections/clients/new" {
        GET Admin => pages::connections::edit_app_credential::new_form,
        POST Admin Asks(secret) => pages::connections::edit_app_credential::create,
    }
    "/settings/connections/clients/{oauth_client}" {
        GET Admin => pages::connections::edit_app_credential::edit_form,
        POST Admin Asks(secret) => pages::connections::edit_app_credential::edit,
    }
    "/settings/connections/clients/{oauth_client}/delete" {
        GET Admin => pages::connections::delete_app_credential::delete_form,
        POST Admin Never(deletes) => pages::connections::delete_app_credential::delete,
    }
    "/settings/connections/callback/{callback}" { GET Public => pages::connections::authorize_connection::callback }
    "/settings/connections/{connection}" { GET SignedIn => pages::connections::connection_detail::detail }
    "/settings/connections/{connection}/edit" {
        GET Admin => pages::connections::edit_connection::edit_form,
        POST Admin Asks(connection) => pages::connections::edit_connection::edit,
    }
    "/settings/connections/{connection}/authorize" { POST Admin Asks(connection) => pages::connections::authorize_connection::authorize }
    "/settings/connections/{connection}/account" {
        GET Admin => pages::connections::confirm_account::account_form,
        POST Admin Never(completes) => pages::connections::confirm_account::account,
    }
    "/settings/connections/{connection}/test" { POST Admin Never(checks) => pages::connections::test_connection::test }
    "/settings/connections/{connection}/refresh" { POST Admin Never(refreshes) => pages::connections::refresh_connection::refresh }
    "/settings/connections/{connection}/pause" { POST Admin Never(pauses) => pages::connections::pause_connection::pause }
    "/settings/connections/{connection}/resume" { POST Admin Asks(access) => pages::connections::pause_connection::resume }
    "/settings/connections/{connection}/disconnect" {
        GET Admin => pages::connections::disconnect_connection::disconnect_form,
        POST Admin Never(disconnects) => pages::connections::disconnect_connection::disconnect,
    }
    "/settings/connections/{connection}/keys" { POST Admin Asks(key) => pages::connections::service_keys::create }
    "/settings/connections/{connection}/keys/{service_key}/revoke" {
        GET Admin => pages::connections::service_keys::revoke_form,
        POST Admin Never(revokes) => pages::connections::service_keys::revoke,
    }
}
