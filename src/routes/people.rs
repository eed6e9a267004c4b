//! Settings › Employees, Resource servers, API tokens, Activity and Account, and the viewer's profile.

use crate::pages;
use crate::routes::{page, routes};

routes! {
    /// The pages of people and of the shop.
    PAGES;
    /// Adds them, behind the session and the access guard.
    add in page;

    "/settings/employees" { GET SignedIn => pages::employees::employee_list::list }
    "/settings/employees/invite" {
        GET Admin => pages::employees::invite_employee::invite_form,
        POST Admin Asks(invites) => pages::employees::invite_employee::invite,
    }
    "/settings/employees/{employee}" { GET SignedIn => pages::employees::employee_detail::detail }
    "/settings/employees/{employee}/role" { POST Admin Asks(role) => pages::employees::change_employee::change_role }
    "/settings/employees/{employee}/locations" { POST Admin Never(places) => pages::employees::change_employee::change_locations }
    "/settings/employees/{employee}/lock" {
        GET Admin => pages::employees::confirm_change::lock_form,
        POST Admin Never(locks) => pages::employees::change_employee::lock,
    }
    "/settings/employees/{employee}/unlock" { POST Admin Asks(unlocks) => pages::employees::change_employee::unlock }
    "/settings/employees/{employee}/archive" {
        GET Admin => pages::employees::confirm_change::archive_form,
        POST Admin Never(archives) => pages::employees::change_employee::archive,
    }
    "/settings/employees/{employee}/restore" { POST Admin Asks(restores) => pages::employees::change_employee::restore }
    "/settings/employees/{employee}/erase" {
        GET Admin => pages::employees::erase_employee::form,
        POST Admin Asks(erases) => pages::employees::erase_employee::erase,
    }
    "/settings/employees/{employee}/link" {
        GET Admin => pages::employees::confirm_change::reset_form,
        POST Admin Asks(password) => pages::employees::invite_employee::create_link,
    }
    "/settings/employees/{employee}/second-factor" {
        GET Admin => pages::employees::reset_second_factor::form,
        POST Admin Asks(factor) => pages::employees::reset_second_factor::reset,
    }
    "/settings/employees/{employee}/offboard" {
        GET SignedIn => pages::employees::offboard::offboard_form,
        POST SignedIn Asks(offboards) => pages::employees::offboard::offboard,
    }
    "/settings/employees/{employee}/hand-over" {
        GET Admin => pages::employees::hand_over::hand_over_form,
        POST Admin Asks(owner) => pages::employees::hand_over::hand_over,
    }
    "/settings/employees/{employee}/revoke-all-access" {
        GET SignedIn => pages::employees::revoke_all_access::revoke_all_access_form,
        POST SignedIn Never(revokes) => pages::employees::revoke_all_access::revoke_all_access,
    }

    "/settings/resource-servers" {
        GET Admin => pages::resource_servers::resource_server_list::list,
        POST Admin Asks(secret) => pages::resource_servers::resource_server_list::add,
    }
    "/settings/resource-servers/{resource_server}/regenerate" {
        GET Admin => pages::resource_servers::regenerate_secret::regenerate_form,
        POST Admin Asks(secret) => pages::resource_servers::regenerate_secret::regenerate,
    }
    "/settings/resource-servers/{resource_server}/remove" {
        GET Admin => pages::resource_servers::remove_resource_server::remove_form,
        POST Admin Never(deletes) => pages::resource_servers::remove_resource_server::remove,
    }

    "/settings/api-tokens" { GET Admin => pages::api_tokens::api_token_list::list }
    "/settings/api-tokens/new" {
        GET Admin => pages::api_tokens::new_api_token::form,
        POST Admin Asks(key) => pages::api_tokens::new_api_token::create,
    }
    "/settings/api-tokens/{api_token}" { GET Admin => pages::api_tokens::api_token_detail::detail }
    "/settings/api-tokens/{api_token}/revoke" {
        GET Admin => pages::api_tokens::revoke_api_token::form,
        POST Admin Never(revokes) => pages::api_tokens::revoke_api_token::revoke,
    }

    "/settings/activity" { GET SignedIn => pages::activity::activity_list::list }
    "/settings/activity/export" { GET SignedIn => pages::activity::activity_list::export }

    "/settings/account" {
        GET Admin => pages::account::account_page::account,
        POST Admin Never(names) => pages::account::account_page::change_account,
    }
    "/settings/account/businesses" { POST Admin Never(names) => pages::account::businesses::add_business }
    "/settings/account/businesses/{business}/rename" {
        GET Admin => pages::account::rename::business_form,
        POST Admin Never(names) => pages::account::rename::business,
    }
    "/settings/account/businesses/{business}/remove" {
        GET Admin => pages::account::confirm_removal::remove_business_form,
        POST Admin Never(deletes) => pages::account::businesses::remove_business,
    }
    "/settings/account/businesses/{business}/locations" { POST Admin Never(names) => pages::account::businesses::add_location }
    "/settings/account/businesses/{business}/locations/{location}/rename" {
        GET Admin => pages::account::rename::location_form,
        POST Admin Never(names) => pages::account::rename::location,
    }
    "/settings/account/businesses/{business}/locations/{location}/remove" {
        GET Admin => pages::account::confirm_removal::remove_location_form,
        POST Admin Never(deletes) => pages::account::businesses::remove_location,
    }
    "/settings/account/second-factors" { POST Admin Asks(factor) => pages::account::second_factors::choose }
    "/settings/account/notices" {
        GET Admin => pages::account::notice_settings::notices,
        POST Admin Never(choices) => pages::account::notice_settings::choose,
    }
    "/settings/account/notices/digest" { POST Admin Never(choices) => pages::account::notice_settings::digest }
    "/settings/account/notices/email" {
        GET Admin => pages::account::mail_form::mail,
        POST Admin Asks(secret) => pages::account::mail_form::save_mail,
    }
    "/settings/account/notices/email/test" { POST Admin Never(checks) => pages::account::notice_channel::test_mail }
    "/settings/account/notices/email/remove" {
        GET Admin => pages::account::notice_channel::remove_mail_form,
        POST Admin Never(deletes) => pages::account::notice_channel::remove_mail,
    }
    "/settings/account/notices/webhook" {
        GET Admin => pages::account::webhook_form::webhook,
        POST Admin Asks(secret) => pages::account::webhook_form::save_webhook,
    }
    "/settings/account/notices/webhook/test" { POST Admin Never(checks) => pages::account::notice_channel::test_webhook }
    "/settings/account/notices/webhook/remove" {
        GET Admin => pages::account::notice_channel::remove_webhook_form,
        POST Admin Never(deletes) => pages::account::notice_channel::remove_webhook,
    }

    "/settings/account/sign-in" {
        GET Admin => pages::account::identity_form::form,
        POST Admin Asks(provider) => pages::account::identity_form::save,
    }
    "/settings/account/sign-in/break-glass" { POST Admin Asks(password) => pages::account::identity_form::break_glass }
    "/settings/account/sign-in/remove" {
        GET Admin => pages::account::identity_form::remove_form,
        POST Admin Asks(passwords) => pages::account::identity_form::remove,
    }

    "/settings/profile" { GET SignedIn => pages::profile::profile::profile }
    "/settings/profile/password" { POST SignedIn Never(itself) => pages::profile::profile::change_password }
    "/settings/profile/second-factor" { GET SignedIn => pages::profile::second_factor::page }
    "/settings/profile/second-factor/app" {
        GET SignedIn => pages::profile::authenticator_app::form,
        POST SignedIn Asks(factor) => pages::profile::authenticator_app::set_up,
    }
    "/settings/profile/second-factor/app/remove" {
        GET SignedIn => pages::profile::authenticator_app::remove_form,
        POST SignedIn Asks(factor) => pages::profile::authenticator_app::remove,
    }
    "/settings/profile/second-factor/passkeys" {
        GET SignedIn => pages::profile::passkeys::add_form,
        POST SignedIn Asks(factor) => pages::profile::passkeys::add,
    }
    "/settings/profile/second-factor/passkeys/{passkey}/rename" {
        GET SignedIn => pages::profile::passkeys::rename_form,
        POST SignedIn Never(names) => pages::profile::passkeys::rename,
    }
    "/settings/profile/second-factor/passkeys/{passkey}/remove" {
        GET SignedIn => pages::profile::passkeys::remove_form,
        POST SignedIn Asks(factor) => pages::profile::passkeys::remove,
    }
    "/settings/profile/second-factor/recovery-codes" {
        GET SignedIn => pages::profile::recovery_codes::form,
        POST SignedIn Asks(factor) => pages::profile::recovery_codes::renew,
    }
    "/settings/profile/sessions/{session}/revoke" { POST SignedIn Never(revokes) => pages::profile::profile::revoke_session }
    "/settings/profile/sessions/revoke-others" { POST SignedIn Never(revokes) => pages::profile::profile::revoke_other_sessions }
}
