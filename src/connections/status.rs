//! The status of a connection, derived from its row.

use crate::connections::connection::Connection;
use crate::db::text_enum::text_enum;

text_enum! {
    /// The status of a connection.
    Status {
        /// Calls work.
        Online = "online",
        /// Its tokens are being refreshed.
        Refreshing = "refreshing",
        /// The last refresh failed and will be retried.
        Retrying = "trouble",
        /// An admin must authorize it.
        NeedsAuthorization = "needs-authorization",
        /// An admin paused it.
        Paused = "paused",
    }
}

impl Status {
    /// The status as pages show it.
    pub fn label(self) -> &'static str {
        match self {
            Status::Online => "Online",
            Status::Refreshing => "Refreshing",
            Status::Retrying => "Retrying",
            Status::NeedsAuthorization => "Needs authorization",
            Status::Paused => "Paused",
        }
    }
}

impl Connection {
    /// Its status.
    pub fn status(&self) -> Status {
        match self {
            Connection { paused_at: Some(_), .. } => Status::Paused,
            Connection { needs_authorization_since: Some(_), .. } => Status::NeedsAuthorization,
            // Also when the node that claimed it has stopped: another node claims it when the lease ends.
            Connection { attempted_at: Some(_), .. } => Status::Refreshing,
            Connection { failing_since: Some(_), .. } => Status::Retrying,
            _ => Status::Online,
        }
    }
}
