//! What an entry says happened: the words that are stored, and the words that pages show.
//!
//! A stored word never changes, because the hash chain covers it; the label may change with the product's language.

use crate::db::text_enum::text_enum;
use crate::text::capitalized;

text_enum! {
    /// What happened. The word is the one stored, and the one in the address of a filtered list.
    Kind {
        /// An employee signed in.
        SignedIn = "signed in",
        /// An employee signed out.
        SignedOut = "signed out",
        /// A sign-in failed: wrong password, unknown address, or a locked or archived employee.
        SignInFailed = "sign-in failed",
        /// An employee confirmed that it is them, before an act that gives power.
        SignInConfirmed = "sign-in confirmed",
        /// An employee signed out their other sessions.
        SessionRevoked = "sign-in ended",
        /// The shop was set up.
        SetUp = "set up",
        /// A client was revoked with all its tokens.
        ClientRevoked = "client revoked",
        /// A refresh token was revoked with its access tokens.
        RefreshTokenRevoked = "refresh token revoked",
        /// An access token was revoked.
        AccessTokenRevoked = "access token revoked",
        /// An API key was revoked.
        ApiKeyRevoked = "API key revoked",
        /// A client was registered.
        ClientRegistered = "client registered",
        /// A client's registration was edited.
        ClientChanged = "client changed",
        /// A pending client was approved.
        ClientApproved = "client admitted",
        /// A client was marked as Lightspeed Approved.
        ClientLightspeedApproved = "client approved",
        /// The Lightspeed Approved mark was removed from a client.
        ClientLightspeedApprovedWithdrawn = "approval withdrawn",
        /// A client was suspended.
        ClientSuspended = "client suspended",
        /// A suspended client was resumed.
        ClientResumed = "client resumed",
        /// A client's secret was regenerated, or its previous secret revoked.
        SecretRegenerated = "secret regenerated",
        /// An employee allowed a client to access the shop.
        ClientAuthorized = "access granted",
        /// An employee denied a client access.
        ConsentDenied = "access denied",
        /// An API key was created.
        ApiKeyCreated = "API key created",
        /// A new value was created for an API key, or its previous value was revoked.
        ApiKeyRotated = "API key rotated",
        /// A replaced refresh token was used again: its grant was revoked.
        RefreshTokenReuseDetected = "refresh token replayed",
        /// An authorization code was used twice: its grant was revoked.
        CodeReuseDetected = "authorization code replayed",
        /// A resource server was added.
        ResourceServerAdded = "resource server added",
        /// A resource server's secret was regenerated.
        ResourceServerChanged = "resource server changed",
        /// A resource server was removed.
        ResourceServerRemoved = "resource server removed",
        /// The rows of a large revocation have been deleted.
        Purged = "deletion finished",
        /// All access that an employee had authorized was revoked.
        AllAccessRevoked = "grants ended",
        /// Many tokens of several clients were revoked together.
        BulkRevoked = "bulk revocation",
        /// All refresh tokens and API keys of a client were revoked; the client was kept.
        ClientTokensRevoked = "client tokens revoked",
        /// An employee was invited.
        EmployeeInvited = "employee invited",
        /// An employee was added at their first sign-in through the identity provider.
        EmployeeAdded = "employee added",
        /// An identity at the identity provider was linked to an employee.
        IdentityLinked = "identity linked",
        /// An admin changed how employees sign in.
        SignInChanged = "sign-in changed",
        /// An admin chose the break-glass admin.
        BreakGlassChosen = "break-glass admin chosen",
        /// The break-glass admin signed in with a password while passwords were off.
        BreakGlassUsed = "break-glass sign-in",
        /// An employee accepted an invitation and chose a password.
        InvitationAccepted = "invitation accepted",
        /// An employee was locked.
        EmployeeLocked = "employee locked",
        /// An employee was unlocked.
        EmployeeUnlocked = "employee unlocked",
        /// An employee was archived.
        EmployeeArchived = "employee archived",
        /// An archived employee was restored.
        EmployeeRestored = "employee restored",
        /// The personal data of an archived employee was erased.
        EmployeeErased = "personal data erased",
        /// An employee's role was changed.
        RoleChanged = "role changed",
        /// An employee's locations were changed.
        LocationsChanged = "locations changed",
        /// A link to choose a new password was created.
        ResetLinkCreated = "reset link made",
        /// An employee changed their password.
        PasswordChanged = "password changed",
        /// An employee set up a second factor.
        SecondFactorAdded = "second factor added",
        /// An employee removed a second factor.
        SecondFactorRemoved = "second factor removed",
        /// An employee renamed a passkey.
        PasskeyRenamed = "passkey renamed",
        /// A wrong or used second factor was entered after the right password.
        SecondFactorFailed = "second factor failed",
        /// An employee used a recovery code.
        RecoveryCodeUsed = "recovery code used",
        /// An employee created new recovery codes.
        RecoveryCodesCreated = "recovery codes created",
        /// All second factors of an employee were reset.
        SecondFactorReset = "second factor reset",
        /// The roles that need a second factor were changed.
        SecondFactorRequirementChanged = "second factor requirement changed",
        /// The shop's name or time zone was changed.
        AccountChanged = "account changed",
        /// A business or a location was added or removed.
        BusinessChanged = "business changed",
        /// A connection was created.
        ConnectionCreated = "connection created",
        /// A connection was edited.
        ConnectionChanged = "connection changed",
        /// An admin authorized a connection at its provider.
        ConnectionAuthorized = "connection authorized",
        /// A connection lost its access and must be authorized again.
        ConnectionLost = "connection needs authorization",
        /// A connection was paused.
        ConnectionPaused = "connection paused",
        /// A paused connection was resumed.
        ConnectionResumed = "connection resumed",
        /// A connection was disconnected and deleted.
        ConnectionDisconnected = "connection disconnected",
        /// App credentials from a provider were added.
        OAuthClientAdded = "OAuth 2.0 client added",
        /// App credentials were edited.
        OAuthClientChanged = "OAuth 2.0 client changed",
        /// App credentials were deleted.
        OAuthClientDeleted = "OAuth 2.0 client deleted",
        /// A service key was created.
        ServiceKeyCreated = "service key created",
        /// A service key was revoked.
        ServiceKeyRevoked = "service key revoked",
        /// Stored secrets were encrypted under a new secret key.
        KeyRotated = "secret key replaced",
        /// The database was restored from a backup.
        DatabaseRestored = "database restored",
        /// Entries of the activity log were archived.
        ActivityArchived = "activity archived",
        /// The choice of notices, a channel or the digest was changed.
        NoticesChanged = "notices changed",
        /// A test notice was sent.
        NoticeTested = "test notice sent",
        /// A full token was looked up.
        TokenLookedUp = "token looked up",
        /// Something that needs attention was acknowledged: it is quiet until a date.
        AttentionAcknowledged = "attention acknowledged",
        /// An acknowledgement was withdrawn.
        AttentionWithdrawn = "acknowledgement withdrawn",
        /// An API key was handed over to another employee.
        ApiKeyHandedOver = "API key handed over",
        /// API keys and connections of an employee were handed over to another.
        AccessHandedOver = "access handed over",
        /// A connection was handed over to another employee.
        ConnectionHandedOver = "connection handed over",
        /// An API token was created.
        ApiTokenCreated = "API token created",
        /// An API token was revoked.
        ApiTokenRevoked = "API token revoked",
    }
}

impl Kind {
    // Longer than 60 lines: one for each kind.
    /// What pages call it.
    pub fn label(self) -> &'static str {
        match self {
            Kind::SignedIn => "Signed in",
            Kind::SignedOut => "Signed out",
            Kind::SignInFailed => "Sign-in failed",
            Kind::SignInConfirmed => "Sign-in confirmed",
            Kind::SessionRevoked => "Sessions signed out",
            Kind::SetUp => "Set up",
            Kind::ClientRevoked => "Client revoked",
            Kind::RefreshTokenRevoked => "Refresh token revoked",
            Kind::AccessTokenRevoked => "Access token revoked",
            Kind::ApiKeyRevoked => "API key revoked",
            Kind::ClientRegistered => "Client registered",
            Kind::ClientChanged => "Client edited",
            Kind::ClientApproved => "Client approved",
            Kind::ClientLightspeedApproved => "Marked as Lightspeed Approved",
            Kind::ClientLightspeedApprovedWithdrawn => "Lightspeed Approved removed",
            Kind::ClientSuspended => "Client suspended",
            Kind::ClientResumed => "Client resumed",
            Kind::SecretRegenerated => "Secret regenerated",
            Kind::ClientAuthorized => "Access allowed",
            Kind::ConsentDenied => "Access denied",
            Kind::ApiKeyCreated => "API key created",
            Kind::ApiKeyRotated => "API key value replaced",
            Kind::RefreshTokenReuseDetected => "Token reuse detected",
            Kind::CodeReuseDetected => "Authorization code reuse detected",
            Kind::ResourceServerAdded => "Resource server added",
            Kind::ResourceServerChanged => "Resource server secret regenerated",
            Kind::ResourceServerRemoved => "Resource server removed",
            Kind::Purged => "Deletion finished",
            Kind::AllAccessRevoked => "All access revoked",
            Kind::BulkRevoked => "Tokens revoked in bulk",
            Kind::ClientTokensRevoked => "All tokens revoked",
            Kind::EmployeeInvited => "Employee invited",
            Kind::EmployeeAdded => "Employee added",
            Kind::IdentityLinked => "Identity linked",
            Kind::SignInChanged => "Sign-in settings changed",
            Kind::BreakGlassChosen => "Break-glass admin chosen",
            Kind::BreakGlassUsed => "Break-glass sign-in",
            Kind::InvitationAccepted => "Invitation accepted",
            Kind::EmployeeLocked => "Employee locked",
            Kind::EmployeeUnlocked => "Employee unlocked",
            Kind::EmployeeArchived => "Employee archived",
            Kind::EmployeeRestored => "Employee restored",
            Kind::EmployeeErased => "Personal data erased",
            Kind::RoleChanged => "Role changed",
            Kind::LocationsChanged => "Locations changed",
            Kind::ResetLinkCreated => "Password reset link created",
            Kind::PasswordChanged => "Password changed",
            Kind::SecondFactorAdded => "Second factor set up",
            Kind::SecondFactorRemoved => "Second factor removed",
            Kind::PasskeyRenamed => "Passkey renamed",
            Kind::SecondFactorFailed => "Second factor incorrect",
            Kind::RecoveryCodeUsed => "Recovery code used",
            Kind::RecoveryCodesCreated => "Recovery codes created",
            Kind::SecondFactorReset => "Second factor reset",
            Kind::SecondFactorRequirementChanged => "Second factor requirement changed",
            Kind::AccountChanged => "Account changed",
            Kind::BusinessChanged => "Business changed",
            Kind::ConnectionCreated => "Connection created",
            Kind::ConnectionChanged => "Connection edited",
            Kind::ConnectionAuthorized => "Connection authorized",
            Kind::ConnectionLost => "Connection needs authorization",
            Kind::ConnectionPaused => "Connection paused",
            Kind::ConnectionResumed => "Connection resumed",
            Kind::ConnectionDisconnected => "Connection disconnected",
            Kind::OAuthClientAdded => "App credentials added",
            Kind::OAuthClientChanged => "App credentials edited",
            Kind::OAuthClientDeleted => "App credentials deleted",
            Kind::ServiceKeyCreated => "Service key created",
            Kind::ServiceKeyRevoked => "Service key revoked",
            Kind::KeyRotated => "Secret key replaced",
            Kind::DatabaseRestored => "Database restored",
            Kind::ActivityArchived => "Activity archived",
            Kind::NoticesChanged => "Notices changed",
            Kind::NoticeTested => "Test notice sent",
            Kind::TokenLookedUp => "Token looked up",
            Kind::AttentionAcknowledged => "Acknowledged",
            Kind::AttentionWithdrawn => "Acknowledgement withdrawn",
            Kind::ApiKeyHandedOver => "API key handed over",
            Kind::AccessHandedOver => "Access handed over",
            Kind::ConnectionHandedOver => "Connection handed over",
            Kind::ApiTokenCreated => "API token created",
            Kind::ApiTokenRevoked => "API token revoked",
        }
    }
}

/// What pages call a stored word. A word of an older version that no [`Kind`] has is shown as it is, capitalized.
pub fn label_of(word: &str) -> String {
    match Kind::from_word(word) {
        Some(kind) => kind.label().into(),
        None => capitalized(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_stored_words_are_shown_in_todays_terms() {
        assert_eq!(label_of("client admitted"), "Client approved");
        assert_eq!(label_of("refresh token replayed"), "Token reuse detected");
        assert_eq!(label_of("grants ended"), "All access revoked");
        assert_eq!(label_of("something older"), "Something older");
    }
}
