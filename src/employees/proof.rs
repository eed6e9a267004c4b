//! By what somebody proved who they are when they signed in.

use crate::db::text_enum::text_enum;

text_enum! {
    /// By what somebody proved who they are when they signed in.
    Proof {
        /// A password alone, or a one-time link by which they chose one.
        Password = "password",
        /// A password, and a code of their authenticator app.
        AuthenticatorApp = "authenticator app",
        /// A password, and a recovery code.
        RecoveryCode = "recovery code",
        /// A sign-in at the identity provider, which decides about second factors itself.
        Provider = "identity provider",
        /// A passkey: after the password, or alone if it has checked a PIN, a fingerprint or a face.
        Passkey = "passkey",
    }
}

impl Proof {
    /// Whether it is enough for somebody who has a second factor, or whose role needs one.
    pub fn has_second_factor(self) -> bool {
        self != Proof::Password
    }

    /// Whether a password was part of it.
    pub fn has_password(self) -> bool {
        self != Proof::Provider
    }

    /// What the activity entry of the sign-in says; empty for a password alone.
    pub fn note(self) -> &'static str {
        match self {
            Proof::Password | Proof::Provider => "",
            Proof::AuthenticatorApp => "with an authenticator app",
            Proof::RecoveryCode => "with a recovery code",
            Proof::Passkey => "with a passkey",
        }
    }
}
