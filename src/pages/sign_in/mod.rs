//! Pages for people who are not signed in: sign-in, set-up, and choosing a password by a link, which they may have
//! sent to them.

pub mod back_channel;
pub mod confirm;
mod confirm_check;
mod confirmed;
pub mod forgot_password;
mod held_address;
pub(super) mod new_session;
pub mod passkey;
mod pending;
pub mod provider;
pub mod second_factor;
pub mod second_factor_set_up;
pub mod set_up;
#[expect(clippy::module_inception, reason = "a page file is named after its page")]
pub mod sign_in;
mod steps;
pub mod welcome;
