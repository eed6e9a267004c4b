//! Sign-in, first set-up and invitations.

pub mod authorize_sign_in;
pub mod sign_in_page;
