//! The acts of the admin API: where each is, and what it does in words.

use serde_json::{Value, json};

use crate::commands::access::source::{Noun, Verb};
use crate::time::count;

/// What an act is about.
pub(super) fn noun(verb: &Verb) -> Noun {
    match verb {
        Verb::ApproveClient | Verb::SuspendClient(_) | Verb::ResumeClient | Verb::RevokeClient => Noun::Clients,
        Verb::RevokeToken => Noun::Tokens,
        Verb::OffboardEmployee | Verb::RevokeAccess | Verb::LockEmployee | Verb::UnlockEmployee => Noun::Employees,
        Verb::PauseConnection | Verb::ResumeConnection | Verb::DisconnectConnection => Noun::Connections,
    }
}

/// The path below `/api/v1`, and the body.
pub(super) fn route<'a>(verb: &Verb, id: &'a str) -> (Vec<&'a str>, Value) {
    let (noun, act) = match verb {
        Verb::ApproveClient => ("clients", "approve"),
        Verb::SuspendClient(_) => ("clients", "suspend"),
        Verb::ResumeClient => ("clients", "resume"),
        Verb::RevokeClient => ("clients", "revoke"),
        Verb::RevokeToken => ("tokens", "revoke"),
        Verb::OffboardEmployee => ("employees", "offboard"),
        Verb::RevokeAccess => ("employees", "revoke-access"),
        Verb::LockEmployee => ("employees", "lock"),
        Verb::UnlockEmployee => ("employees", "unlock"),
        Verb::PauseConnection => ("connections", "pause"),
        Verb::ResumeConnection => ("connections", "resume"),
        Verb::DisconnectConnection => ("connections", "disconnect"),
    };
    let body = match verb {
        Verb::SuspendClient(reason) if !reason.is_empty() => json!({ "reason": reason }),
        _ => json!({}),
    };
    (vec![noun, id, act], body)
}

/// What an act on this does, with the counts that the server has stored.
pub(super) fn words(verb: &Verb, object: &Value) -> (String, &'static str) {
    const FINAL: &str = "This cannot be undone.";
    let name = object["name"].as_str().unwrap_or_default();
    let n = |key: &str, noun| count(object[key].as_i64().unwrap_or(0), noun);
    match verb {
        Verb::ApproveClient => (format!("Approve {name}"), "Employees can then authorize it."),
        Verb::SuspendClient(_) => (format!("Suspend {name}"), "Its tokens stop working until it is resumed."),
        Verb::ResumeClient => (format!("Resume {name}"), "Its tokens work again."),
        Verb::RevokeClient => {
            let tokens = object["access_tokens_and_api_keys"].as_i64().unwrap_or(0);
            let others = if tokens == 1 { "access token or API key" } else { "access tokens and API keys" };
            (format!("Revoke {name} with {} and {tokens} {others}", n("refresh_tokens", "refresh token")), FINAL)
        }
        Verb::RevokeToken => {
            let of = |key: &str| object[key]["name"].as_str().unwrap_or_default();
            let noun = match object["type"].as_str() {
                Some("refresh_token") => "refresh token",
                Some("access_token") => "access token",
                _ => "API key",
            };
            let token = object["token"].as_str().unwrap_or_default();
            (format!("Revoke the {noun} {token} of {} ({})", of("client"), of("employee")), FINAL)
        }
        Verb::OffboardEmployee => {
            let tokens = n("tokens", "refresh token or API key");
            (
                format!("Offboard {name}: lock them, sign them out and revoke all access they authorized ({tokens})"),
                FINAL,
            )
        }
        Verb::RevokeAccess => (format!("Revoke all access of {name} ({})", n("tokens", "token")), FINAL),
        Verb::LockEmployee => {
            (format!("Lock {name}"), "They are signed out, and the access they authorized stops working.")
        }
        Verb::UnlockEmployee => (format!("Unlock {name}"), "The access they authorized works again."),
        Verb::PauseConnection => (format!("Pause {name}"), "Calls through it fail until you resume it."),
        Verb::ResumeConnection => (format!("Resume {name}"), "Calls through it work again."),
        Verb::DisconnectConnection => (format!("Disconnect {name}"), FINAL),
    }
}
