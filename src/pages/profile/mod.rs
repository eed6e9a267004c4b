//! Your profile: password, second factor and sessions.

pub mod app_form;
pub mod authenticator_app;
mod browser_name;
pub mod passkeys;
#[expect(clippy::module_inception, reason = "a page file is named after its page")]
pub mod profile;
pub mod recovery_codes;
pub mod second_factor;
