//! Sign-in, first set-up and invitations.

pub mod sign_in_page;
