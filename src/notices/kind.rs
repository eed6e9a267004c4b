//! The kinds of notices that admins choose from: one row each, with its words on the settings page and whether it is sent
//! by default.

use crate::db::text_enum::text_enum;

text_enum! {
    /// A kind of notice. The word is stored, and is the type of the webhook message of every kind but the first.
    NoticeKind {
        /// A connection needs authorization or is not working.
        ConnectionStopped = "connection.stopped",
        /// A connection works again.
        ConnectionRecovered = "connection.recovered",
        /// A refresh token or an authorization code was used twice.
        ReuseDetected = "token.reuse_detected",
        /// A client that its developer registered is pending approval.
        ClientPending = "client.pending",
        /// A client was registered by an admin.
        ClientRegistered = "client.registered",
        /// A client was revoked, or rejected while it was pending approval.
        ClientRevoked = "client.revoked",
        /// API keys expire within a week.
        ApiKeyExpires = "api_key.expires_soon",
        /// An employee was given the role of an admin.
        AdminAdded = "employee.became_admin",
        /// The break-glass admin signed in with a password while passwords were off.
        BreakGlassUsed = "employee.break_glass_used",
        /// The refresh requests of a client are refused again and again.
        RefreshesRefused = "client.refreshes_refused",
    }
}

/// What the settings page says about a kind, and how it is sent.
#[derive(Debug)]
pub struct KindWords {
    /// Its name.
    pub name: &'static str,
    /// When it is sent.
    pub when: &'static str,
    /// Whether it is sent unless an admin chooses otherwise.
    pub by_default: bool,
    /// Whether only so many are sent within an hour.
    pub is_limited: bool,
}

const fn words(name: &'static str, when: &'static str) -> KindWords {
    KindWords { name, when, by_default: true, is_limited: true }
}

impl NoticeKind {
    /// Its words.
    pub const fn words(self) -> KindWords {
        match self {
            NoticeKind::ConnectionStopped => KindWords {
                is_limited: false,
                ..words("Connection stops working", "Once, until it works again. Not when a person caused it here.")
            },
            NoticeKind::ConnectionRecovered => KindWords {
                is_limited: false,
                ..words("Connection works again", "After a notice that it stopped working.")
            },
            NoticeKind::ReuseDetected => words(
                "Token reuse detected",
                "An old refresh token or code was used again, and its access was revoked.",
            ),
            NoticeKind::ClientPending => {
                words("New client waits for approval", "A developer registered a client without signing in.")
            }
            NoticeKind::ClientRegistered => KindWords {
                by_default: false,
                ..words("Client registered", "An admin registered a client, which is active at once.")
            },
            NoticeKind::ClientRevoked => KindWords {
                by_default: false,
                ..words("Client revoked", "An admin revoked a client or rejected a pending one.")
            },
            NoticeKind::ApiKeyExpires => words("API key expires soon", "Once for each key, a week before it expires."),
            NoticeKind::AdminAdded => words("Somebody becomes an admin", "By a new role or by an invitation."),
            NoticeKind::BreakGlassUsed => {
                words("Break-glass admin signs in", "With a password, while passwords are off for everybody else.")
            }
            NoticeKind::RefreshesRefused => words(
                "Refreshes of a client are refused",
                "Five times within an hour. At most once a day for each client.",
            ),
        }
    }
}
