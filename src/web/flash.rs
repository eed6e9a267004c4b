//! A message shown once, on the next page: "Access revoked".

use serde::{Deserialize, Serialize};

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Success.
    Good,
    /// Information.
    Info,
    /// A warning.
    Warn,
    /// An error.
    Bad,
}

impl Tone {
    /// Its class in the stylesheet.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Info => "info",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
        }
    }

    /// Its ARIA role: screen readers announce errors at once.
    pub fn role(self) -> &'static str {
        match self {
            Tone::Bad => "alert",
            _ => "status",
        }
    }

    /// Its icon.
    pub fn icon(self) -> &'static str {
        match self {
            Tone::Good => "check-circle",
            Tone::Info => "info",
            Tone::Warn => "alert-triangle",
            Tone::Bad => "x-circle",
        }
    }
}

/// A message for the next page, kept in the session until then.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flash {
    /// How it is meant.
    pub tone: Tone,
    /// What it says.
    pub text: String,
}
