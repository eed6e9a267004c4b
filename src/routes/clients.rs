//! Settings › Client API Access and Access inventory: clients and their tokens.

use crate::pages;
use crate::routes::{page, routes};

routes! {
    /// The pages of clients and tokens.
    PAGES;
    /// Adds them, behind the session and the access guard.
    add in page;

    "/settings/access" { GET SignedIn => pages::access::inventory::list }
    "/settings/access/export" { GET SignedIn => pages::access::inventory_export::export }
    "/settings/access/revocations" { POST SignedIn Never(revokes) => pages::access::begin_revocation::start }
    "/settings/access/revocations/{revocation}" { GET SignedIn => pages::access::revocation::show }
    "/settings/access/revocations/{revocation}/revoke" { POST SignedIn Never(revokes) => pages::access::revocation::revoke }
    "/settings/access/revocations/{revocation}/stop" { POST SignedIn Never(keeps) => pages::access::revocation::stop }

    "/settings/client-api-access" { GET SignedIn => pages::clients::client_list::list }
    "/settings/client-api-access/find-token" {
        GET SignedIn => pages::tokens::find_token::form,
        POST SignedIn Never(reads) => pages::tokens::find_token::find,
    }
    "/settings/client-api-access/register" {
        GET Admin => pages::clients::register_client::register_form,
        POST Admin Asks(secret) => pages::clients::register_client::register,
    }
    "/settings/client-api-access/pending" { GET Admin => pages::clients::pending_clients::list, POST Admin Never(rejects) => pages::clients::reject_clients::confirm }
    "/settings/client-api-access/pending/reject" { POST Admin Never(rejects) => pages::clients::reject_clients::reject }
    "/settings/client-api-access/clients/{client}/edit" {
        GET Admin => pages::clients::edit_client::edit_form,
        POST Admin Asks(access) => pages::clients::edit_client::edit,
    }
    "/settings/client-api-access/clients/{client}/approve" { POST Admin Asks(access) => pages::clients::change_client_state::approve }
    "/settings/client-api-access/clients/{client}/lightspeed-approved" { POST Admin Never(badge) => pages::clients::change_client_state::mark_lightspeed_approved }
    "/settings/client-api-access/clients/{client}/lightspeed-approved/withdraw" { POST Admin Never(badge) => pages::clients::change_client_state::withdraw_lightspeed_approved }
    "/settings/client-api-access/clients/{client}/suspend" {
        GET Admin => pages::clients::change_client_state::suspend_form,
        POST Admin Never(suspends) => pages::clients::change_client_state::suspend,
    }
    "/settings/client-api-access/clients/{client}/resume" { POST Admin Asks(access) => pages::clients::change_client_state::resume }
    "/settings/client-api-access/clients/{client}/secret" {
        GET Admin => pages::clients::regenerate_secret::secret_form,
        POST Admin Asks(secret) => pages::clients::regenerate_secret::regenerate,
    }
    "/settings/client-api-access/clients/{client}/secret/revoke-previous" { POST Admin Never(revokes) => pages::clients::regenerate_secret::revoke_previous_secret }
    "/settings/client-api-access/clients/{client}" { GET SignedIn => pages::clients::client_detail::detail }
    "/settings/client-api-access/clients/{client}/revoke" {
        GET Admin => pages::clients::revoke_client::revoke_form,
        POST Admin Never(revokes) => pages::clients::revoke_client::revoke,
    }
    "/settings/client-api-access/clients/{client}/revoke-tokens" { POST SignedIn Never(revokes) => pages::clients::revoke_client_tokens::start }
    "/settings/client-api-access/clients/{client}/api-keys/new" {
        GET Admin => pages::clients::new_api_key::form,
        POST Admin Asks(key) => pages::clients::new_api_key::create,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}" {
        GET SignedIn => pages::tokens::refresh_token_detail::refresh_token_detail,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}/revoke" {
        GET SignedIn => pages::tokens::revoke_refresh_token::form,
        POST SignedIn Never(revokes) => pages::tokens::revoke_refresh_token::revoke,
    }
    "/settings/client-api-access/clients/{client}/access-tokens/{access_token}" {
        GET SignedIn => pages::tokens::access_token_detail::access_token_detail,
    }
    "/settings/client-api-access/clients/{client}/access-tokens/{access_token}/value" {
        GET Admin => pages::tokens::replace_key_value::form,
        POST Admin Asks(key) => pages::tokens::replace_key_value::replace,
    }
    "/settings/client-api-access/clients/{client}/access-tokens/{access_token}/value/revoke-previous" { POST Admin Never(revokes) => pages::tokens::replace_key_value::revoke_previous }
    "/settings/client-api-access/clients/{client}/access-tokens/{access_token}/revoke" {
        GET SignedIn => pages::tokens::revoke_access_token::form,
        POST SignedIn Never(revokes) => pages::tokens::revoke_access_token::revoke,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}/access-tokens/{access_token}" {
        GET SignedIn => pages::tokens::access_token_detail::access_token_detail_via_refresh_token,
    }
    "/settings/client-api-access/clients/{client}/refresh-tokens/{refresh_token}/access-tokens/{access_token}/revoke" {
        GET SignedIn => pages::tokens::revoke_access_token::form_via_refresh_token,
        POST SignedIn Never(revokes) => pages::tokens::revoke_access_token::revoke_via_refresh_token,
    }
}
