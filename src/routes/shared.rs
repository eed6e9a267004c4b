//! Sign-in, consent, public registration, and the settings home page.

use crate::routes::{page, routes};
use crate::{oauth, pages};

routes! {
    /// Pages outside the sections of Settings.
    PAGES;
    /// Adds them, behind the session and the access guard.
    add in page;

    "/" { GET SignedIn => pages::home::root }
    "/sign-in" {
        GET Public => pages::sign_in::sign_in::form,
        POST Public Never(public) => pages::sign_in::sign_in::sign_in,
    }
    "/sign-in/passkey" { POST Public Never(public) => pages::sign_in::passkey::sign_in }
    "/sign-in/second-factor" {
        GET Public => pages::sign_in::second_factor::form,
        POST Public Never(public) => pages::sign_in::second_factor::sign_in,
    }
    "/sign-in/second-factor/set-up" {
        GET Public => pages::sign_in::second_factor_set_up::form,
        POST Public Never(public) => pages::sign_in::second_factor_set_up::set_up,
    }
    "/sign-in/second-factor/set-up/passkey" {
        POST Public Never(public) => pages::sign_in::second_factor_set_up::add_passkey,
    }
    "/sign-out" { POST SignedIn Never(ends) => pages::sign_in::sign_in::sign_out }
    "/sign-in/provider" { GET Public => pages::sign_in::provider::begin }
    "/sign-in/provider/sign-out" { GET Public => pages::sign_in::provider::sign_out_there }
    "/sign-in/callback" { GET Public => pages::sign_in::provider::callback }
    "/set-up/{secret}" {
        GET Public => pages::sign_in::set_up::form,
        POST Public Never(public) => pages::sign_in::set_up::set_up,
    }
    "/forgot-password" {
        GET Public => pages::sign_in::forgot_password::form,
        POST Public Never(public) => pages::sign_in::forgot_password::request_link,
    }
    "/welcome/{secret}" {
        GET Public => pages::sign_in::welcome::form,
        POST Public Never(public) => pages::sign_in::welcome::welcome,
    }

    "/auth/oauth/authorize" { GET Public => oauth::authorize::authorize }
    "/auth/oauth/consent" { POST Public Never(consent) => oauth::consent::decide }

    "/oauth/register" {
        GET Public => pages::clients::public_registration::form,
        POST Public Never(public) => pages::clients::public_registration::register,
    }
    "/oauth/integration-guide" { GET Public => pages::clients::integration_guide::guide }
    "/oauth/update" {
        GET Public => pages::clients::public_update::sign_in_form,
        POST Public Never(public) => pages::clients::public_update::update,
    }

    "/settings" { GET SignedIn => pages::home::home }
    "/settings/attention/{rule}" { GET SignedIn => pages::attention::rule_page::rule_page }
    "/settings/attention/{rule}/acknowledge" {
        GET SignedIn => pages::attention::acknowledge::form,
        POST SignedIn Never(notes) => pages::attention::acknowledge::acknowledge,
    }
    "/settings/attention/{rule}/withdraw" { POST SignedIn Never(notes) => pages::attention::acknowledge::withdraw }
}
