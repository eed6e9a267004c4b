//! What an employee proves besides their password: a code of an authenticator app (TOTP, RFC 6238), a passkey, or one of
//! ten recovery codes. A code works once; guesses are limited and recorded.

mod attempts;
mod authenticator_app;
mod check;
mod overview;
pub mod passkey;
mod recovery_codes;
mod requirement;
mod reset;
mod tell;
mod totp;

pub use authenticator_app::{AppSetUp, remove_app, set_up_app, set_up_first_app};
pub use check::{Checked, Given, check};
pub use overview::SecondFactors;
pub(super) use overview::delete_all;
pub use recovery_codes::{RECOVERY_CODES, RecoveryCode, renew_recovery_codes};
pub use requirement::{NextStep, is_required, next_step, require_for_roles, require_proof, required_roles};
pub use reset::reset;
pub use totp::TotpSecret;

crate::db::sealed_columns::sealed_columns!(SEALED_COLUMNS: second_factors.app_secret);
