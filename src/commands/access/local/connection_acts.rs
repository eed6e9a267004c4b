//! Pauses, resumes and disconnects a connection.

use serde_json::{Value, json};

use crate::commands::access::failure::{Failure, Result};
use crate::commands::access::local::service::with_service;
use crate::commands::access::local::{Opened, names};
use crate::commands::access::source::{Done, Planned, Verb};
use crate::commands::one;
use crate::config::Config;
use crate::connections::{Connection, Requester, with_keys};
use crate::db::DbConnection;
use crate::id::ConnectionKey;
use crate::pages::connections::revocation_message;
use crate::time::count;

/// Whether an act is one of these.
pub(super) fn handles(verb: &Verb) -> bool {
    matches!(verb, Verb::PauseConnection | Verb::ResumeConnection | Verb::DisconnectConnection)
}

pub(super) fn plan(conn: &mut DbConnection, verb: &Verb, name: &str) -> Result<Planned> {
    let connection = names::connection(conn, name)?;
    let (connection, keys) = with_keys(conn, connection.id)?;
    let name = &connection.name;
    let (sentence, consequence) = match verb {
        Verb::PauseConnection => (format!("Pause {name}"), "Calls through it fail until you resume it."),
        Verb::ResumeConnection => (format!("Resume {name}"), "Calls through it work again."),
        _ => {
            let keys = count(keys.len() as i64, "service key");
            (format!("Disconnect {name} and revoke {keys}"), "This cannot be undone.")
        }
    };
    let id = connection.id.to_string();
    Ok(Planned { verb: verb.clone(), id, sentence, consequence: consequence.into(), seen: None, foreseen: Value::Null })
}

pub(super) fn carry_out(
    conn: &mut DbConnection,
    with: Option<(&Config, &Opened)>,
    planned: &Planned,
    dry_run: bool,
) -> Result<Done> {
    let id = planned.id.parse().map(ConnectionKey).map_err(|_| Failure::not_found("not found"))?;
    let connection = Connection::find(conn, id)?;
    let Some(with) = with else { return Err(Failure::from(one("the secret key was not read"))) };
    let done = |message: String, changed: bool| Done {
        message,
        changed,
        object: json!({ "connection": { "id": id, "name": connection.name } }),
    };
    let pauses = planned.verb == Verb::PauseConnection;
    if planned.verb == Verb::DisconnectConnection {
        if dry_run {
            return Ok(done(String::new(), true));
        }
        let work = with_service(with, |service| async move { service.disconnect(id, Requester::console()).await });
        let (name, revocation) = work.map_err(one)??;
        let message = revocation_message::message(revocation);
        return Ok(done(format!("{name} is disconnected. {message}"), true));
    }
    let changed = match dry_run {
        true => connection.paused_at.is_some() != pauses,
        false => {
            let work = |service: std::sync::Arc<crate::connections::Connections>| async move {
                service.set_paused(id, pauses, Requester::console()).await
            };
            with_service(with, work).map_err(one)??
        }
    };
    let message = match (changed, pauses) {
        (true, true) => "is paused. Calls through it fail until you resume it.",
        (true, false) => "is resumed.",
        (false, true) => "was already paused.",
        (false, false) => "was not paused.",
    };
    Ok(done(format!("{} {message}", connection.name), changed))
}
