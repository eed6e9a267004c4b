//! The acts of the admin API: where each is, and what it does in words.

use serde_json::{Value, json};

use crate::activity::{Detail, TokenCount};
use crate::commands::access::source::{Done, Noun, Planned, Verb};

/// What an act is about.
pub(super) fn noun(verb: &Verb) -> Noun {
    match verb {
        Verb::ApproveClient | Verb::SuspendClient(_) | Verb::ResumeClient | Verb::RevokeClient => Noun::Clients,
        Verb::RevokeToken => Noun::Tokens,
        Verb::RevokeKey => Noun::Keys,
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
        Verb::RevokeToken | Verb::RevokeKey => ("tokens", "revoke"),
        Verb::OffboardEmployee => ("employees", "offboard"),
        Verb::RevokeAccess => ("employees", "revoke-all-access"),
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

/// Whether the server can say what an act would revoke.
pub(super) fn can_be_tried(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::RevokeClient | Verb::RevokeToken | Verb::RevokeKey | Verb::OffboardEmployee | Verb::RevokeAccess
    )
}

// The counts of an answer in words: `3 refresh tokens and 1 API key`.
fn counts(revoked: &Value) -> String {
    let n = |name: &str| TokenCount::exact(revoked[name].as_i64().unwrap_or(0));
    let (refresh_tokens, access_tokens, api_keys) = (n("refresh_tokens"), n("access_tokens"), n("api_keys"));
    let counts = Detail { refresh_tokens, access_tokens, api_keys, ..Detail::default() }.counts();
    match (counts.is_empty(), revoked["more"].as_bool()) {
        (true, _) => "no tokens".into(),
        (false, Some(true)) => format!("at least {counts}"),
        (false, _) => counts,
    }
}

fn names(list: &Value) -> String {
    let names: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    names.join(", ")
}

/// What an act on this does, and what follows. `foreseen` is the answer to a dry run.
pub(super) fn words(verb: &Verb, object: &Value, foreseen: &Value) -> (String, String) {
    const FINAL: &str = "This cannot be undone.";
    let name = object["name"].as_str().unwrap_or_default();
    let connections = match names(&foreseen["connections"]) {
        none if none.is_empty() => String::new(),
        names => format!("Connections that stop working: {names}. "),
    };
    let kept = match names(&foreseen["connections_kept"]) {
        none if none.is_empty() => String::new(),
        names => format!("Connections that keep working: {names}. "),
    };
    let final_after = || format!("{connections}{kept}{FINAL}");
    match verb {
        Verb::ApproveClient => (format!("Approve {name}"), "Employees can then authorize it.".into()),
        Verb::SuspendClient(_) => (format!("Suspend {name}"), "Its tokens stop working until it is resumed.".into()),
        Verb::ResumeClient => (format!("Resume {name}"), "Its tokens work again.".into()),
        Verb::RevokeClient => (format!("Revoke {name} with {}", counts(foreseen)), FINAL.into()),
        Verb::RevokeToken | Verb::RevokeKey => {
            let of = |key: &str| object[key]["name"].as_str().unwrap_or_default();
            let noun = match object["type"].as_str() {
                Some("refresh_token") => "refresh token",
                Some("access_token") => "access token",
                _ => "API key",
            };
            let token = object["token"].as_str().unwrap_or_default();
            (format!("Revoke the {noun} {token} of {} ({})", of("client"), of("employee")), FINAL.into())
        }
        Verb::OffboardEmployee => {
            (format!("Offboard {name}: lock them, sign them out and revoke {}", counts(foreseen)), final_after())
        }
        Verb::RevokeAccess => (format!("Revoke {} of {name}", counts(foreseen)), final_after()),
        Verb::LockEmployee => {
            (format!("Lock {name}"), "They are signed out, and the access they authorized stops working.".into())
        }
        Verb::UnlockEmployee => (format!("Unlock {name}"), "The access they authorized works again.".into()),
        Verb::PauseConnection => (format!("Pause {name}"), "Calls through it fail until you resume it.".into()),
        Verb::ResumeConnection => (format!("Resume {name}"), "Calls through it work again.".into()),
        Verb::DisconnectConnection => (format!("Disconnect {name}"), FINAL.into()),
    }
}

/// What the server's answer to an act says.
pub(super) fn done(planned: &Planned, answered: Value) -> Done {
    let changed = answered["changed"].as_bool().unwrap_or(true);
    let message = match (can_be_tried(&planned.verb), changed) {
        (true, _) => format!("Revoked {}.{}", counts(&answered), unconfirmed(&answered)),
        (false, true) => format!("Done: {}.", planned.sentence),
        (false, false) => "It was so already. Nothing was changed.".into(),
    };
    let object = match (noun(&planned.verb), answered) {
        (Noun::Employees, answered) if !can_be_tried(&planned.verb) => json!({ "employee": answered }),
        (_, mut answered) if answered.is_object() => {
            answered["id"] = planned.id.clone().into();
            answered
        }
        _ => json!({ "id": planned.id }),
    };
    Done { message, changed, object }
}

fn unconfirmed(answered: &Value) -> String {
    match names(&answered["unconfirmed"]) {
        none if none.is_empty() => String::new(),
        names => format!(" Not confirmed by the provider, so also remove the access there: {names}."),
    }
}
