//! Passkeys (W3C Web Authentication Level 3): a key pair whose private key stays in the person's device or password manager.
//! The browser makes sure that a passkey is used on this server's own pages only, so that it cannot be phished.
//!
//! Attestation is not asked for: which device a passkey is on does not matter.

mod challenge;
mod client_data;
mod cose;
mod credential;
mod data;
mod register;
mod use_passkey;
mod verify;

pub use challenge::{Purpose, RelyingParty, Verifier};
pub use cose::ALGORITHMS;
pub use credential::{MOST_PASSKEYS, Passkey};
pub use register::{NewPasskey, register, register_first, remove_passkey, rename_passkey, user_handle};
pub(super) use use_passkey::redeem;
pub use use_passkey::{PasskeyAnswer, Recognized, sign_in_with_passkey};
