//! Acts on the local database: what each would do, and the act in one transaction.

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::access::named_token::{self, NamedToken, TokenName};
use crate::access::offboarding::{self, Offboarded, OffboardingImpact};
use crate::activity::Detail;
use crate::clients::client_state::{self, StateChange};
use crate::clients::find_for_update;
use crate::commands::access::failure::{Failure, Result};
use crate::commands::access::local::{Local, names};
use crate::commands::access::source::{Done, Planned, Verb, require_key};
use crate::connections::{Connection, OAuthClient};
use crate::db::{DbConnection, in_transaction};
use crate::employees::{Employee, EmployeeChange, change_employee};
use crate::error::{self, Error};
use crate::id::{ClientKey, EmployeeKey};
use crate::pages::confirmation::{added_since_confirmation, some_names};
use crate::scopes::Role;
use crate::time::count;
use crate::tokens::revocation::{self, RevocationImpact, Revoked, Target};

// Whoever may run commands on the machine may do what an admin may. No employee has the id 0, so nobody counts as oneself.
const CONSOLE: (EmployeeKey, Role) = (EmployeeKey(0), Role::Admin);
// The console has no client IP.
const NO_ADDRESS: &str = "";

type Disconnected = Vec<(Connection, OAuthClient)>;

const FINAL: &str = "This cannot be undone.";

pub(super) fn plan(conn: &mut DbConnection, verb: &Verb, name: &str) -> Result<Planned> {
    let planned = |id: String, sentence: String, consequence: &str, impact: Option<&RevocationImpact>| Planned {
        verb: verb.clone(),
        id,
        sentence,
        consequence: consequence.into(),
        seen: impact.map(|impact| impact.seen),
        foreseen: Value::Null,
    };
    match verb {
        Verb::ApproveClient | Verb::SuspendClient(_) | Verb::ResumeClient => {
            let client = names::client(conn, name)?.require_unrevoked().map_err(Failure::gone)?;
            let (word, consequence) = match verb {
                Verb::ApproveClient => ("Approve", "Employees can then authorize it."),
                Verb::ResumeClient => ("Resume", "Its tokens work again."),
                _ => ("Suspend", "Its tokens stop working until it is resumed."),
            };
            Ok(planned(client.id.to_string(), format!("{word} {}", client.name), consequence, None))
        }
        Verb::RevokeClient => {
            let client = names::client(conn, name)?.require_unrevoked().map_err(Failure::gone)?;
            let impact = RevocationImpact::of(conn, &Target::Client(client.clone()))?;
            let sentence = format!("Revoke {}{}", client.name, with(&impact.detail));
            Ok(planned(client.id.to_string(), sentence, FINAL, Some(&impact)))
        }
        Verb::RevokeToken | Verb::RevokeKey => {
            let token = names::token(conn, name)?;
            if *verb == Verb::RevokeKey {
                require_key(token.name())?;
            }
            let impact = token.impact(conn)?;
            let sentence = format!("Revoke the {}", token.in_words());
            Ok(planned(token.name().to_string(), sentence, FINAL, impact.as_ref()))
        }
        Verb::OffboardEmployee | Verb::RevokeAccess | Verb::LockEmployee | Verb::UnlockEmployee => {
            let id = names::employee(conn, name)?.id;
            let impact = OffboardingImpact::of(conn, id, Local::now())?;
            let (sentence, consequence) = about(verb, &impact);
            Ok(planned(id.to_string(), sentence, &consequence, Some(&impact.tokens)))
        }
        Verb::PauseConnection | Verb::ResumeConnection | Verb::DisconnectConnection => Err(not_here()),
    }
}

// ` with 3 refresh tokens and 1 API key of Anna Svensson`
fn with(detail: &Detail) -> String {
    let counts = detail.counts();
    match (counts.is_empty(), detail.employees.is_empty()) {
        (true, _) => ", which has no tokens".into(),
        (false, true) => format!(" with {counts}"),
        (false, false) => format!(" with {counts} of {}", some_names(&detail.employees, detail.has_more_employees)),
    }
}

// The sentence and the consequence of an act on an employee.
fn about(verb: &Verb, impact: &OffboardingImpact) -> (String, String) {
    let (name, counts) = (&impact.employee.name, impact.tokens.detail.counts());
    let tokens = if counts.is_empty() { "no tokens".to_string() } else { counts };
    let connections = match impact.connections.as_slice() {
        [] => String::new(),
        names => format!("Connections that stop working: {}. ", some_names(names, false)),
    };
    let last = format!("{connections}{FINAL}");
    match verb {
        Verb::LockEmployee => (
            format!("Lock {name}"),
            format!("They are signed out, and the access they authorized stops working: {tokens}."),
        ),
        Verb::UnlockEmployee => {
            (format!("Unlock {name}"), format!("The access they authorized works again: {tokens}."))
        }
        Verb::RevokeAccess => (format!("Revoke {tokens} of {name}"), last),
        _ => (format!("Offboard {name}: lock them, sign them out and revoke {tokens}"), last),
    }
}

// Runs an act in a transaction, which a dry run rolls back.
fn run<T>(
    conn: &mut DbConnection,
    dry_run: bool,
    act: &dyn Fn(&mut DbConnection) -> error::Result<T>,
) -> error::Result<T> {
    if !dry_run {
        return in_transaction(conn, &|conn| act(conn));
    }
    let done = RefCell::new(None);
    let rolled_back: error::Result<()> = in_transaction(conn, &|conn| {
        done.replace(None);
        done.replace(Some(act(conn)?));
        Err(Error::Conflict("a dry run".into()))
    });
    match (done.into_inner(), rolled_back) {
        (Some(done), _) => Ok(done),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(Error::internal("a dry run without an outcome")),
    }
}

pub(super) fn carry_out(conn: &mut DbConnection, planned: &Planned, dry_run: bool) -> Result<(Done, Disconnected)> {
    let done = |done: Done| (done, Vec::new());
    match &planned.verb {
        Verb::ApproveClient | Verb::SuspendClient(_) | Verb::ResumeClient => {
            Ok(done(change_client(conn, planned, dry_run)?))
        }
        Verb::RevokeClient => Ok(done(revoke_client(conn, planned, dry_run)?)),
        Verb::RevokeToken | Verb::RevokeKey => Ok(done(revoke_token(conn, planned, dry_run)?)),
        Verb::LockEmployee | Verb::UnlockEmployee => Ok(done(lock_or_unlock(conn, planned, dry_run)?)),
        Verb::OffboardEmployee | Verb::RevokeAccess => revoke_access(conn, planned, dry_run),
        Verb::PauseConnection | Verb::ResumeConnection | Verb::DisconnectConnection => Err(not_here()),
    }
}

// `connection_acts` has these.
fn not_here() -> Failure {
    Failure::from(Error::internal("an act on a connection"))
}

fn id(planned: &Planned) -> Result<i64> {
    planned.id.parse().map_err(|_| Failure::not_found("not found"))
}

fn change_client(conn: &mut DbConnection, planned: &Planned, dry_run: bool) -> Result<Done> {
    let (id, actor, now) = (ClientKey(id(planned)?), Local::actor(), Local::now());
    let by = (&actor, NO_ADDRESS);
    let StateChange { client, changed } = run(conn, dry_run, &|conn| match &planned.verb {
        Verb::ApproveClient => client_state::approve(conn, id, by, now),
        Verb::SuspendClient(reason) => client_state::suspend(conn, id, reason, by, now),
        _ => client_state::resume(conn, id, by, now),
    })?;
    let message = match (&planned.verb, changed) {
        (Verb::ApproveClient, true) => "is approved. Employees can now authorize it.",
        (Verb::ApproveClient, false) => "was already approved.",
        (Verb::SuspendClient(_), true) => "is suspended. Its tokens do not work until you resume it.",
        (Verb::SuspendClient(_), false) => "was already suspended.",
        (_, true) => "is resumed. Its tokens work again.",
        (_, false) => "was not suspended.",
    };
    let object = json!({ "client": { "id": client.id, "name": client.name } });
    Ok(Done { message: format!("{} {message}", client.name), changed, object })
}

// What was revoked, with the names of the admin API, and what it was revoked from.
fn revoked_of(what: &'static str, named: Value, revoked: &Revoked) -> Value {
    let detail = &revoked.detail;
    json!({
        what: named,
        "refresh_tokens": detail.refresh_tokens.n(),
        "access_tokens": detail.access_tokens.n(),
        "api_keys": detail.api_keys.n(),
        "more": detail.is_capped(),
        "deleting": revoked.is_purging,
    })
}

// What was revoked, and that rows are left to the server.
fn in_words(revoked: &Revoked) -> String {
    let counts = revoked.detail.counts();
    let revoked_now = if counts.is_empty() { "There were no tokens.".into() } else { format!("Revoked {counts}.") };
    let deleting = if revoked.is_purging { " The server deletes the records in the background." } else { "" };
    format!("{revoked_now}{deleting}{}", added_since_confirmation(revoked))
}

fn revoke_client(conn: &mut DbConnection, planned: &Planned, dry_run: bool) -> Result<Done> {
    let (id, actor, now) = (ClientKey(id(planned)?), Local::actor(), Local::now());
    let (client, revoked) = run(conn, dry_run, &|conn| {
        let client = find_for_update(conn, id)?;
        let revoked =
            revocation::revoke(conn, &Target::Client(client.clone()), planned.seen, (&actor, NO_ADDRESS), now)?;
        Ok((client, revoked))
    })
    .map_err(Failure::gone)?;
    let message = format!("Access revoked for {}. {}", client.name, in_words(&revoked));
    let object = revoked_of("client", json!({ "id": client.id, "name": client.name }), &revoked);
    Ok(Done { message, changed: true, object })
}

fn revoke_token(conn: &mut DbConnection, planned: &Planned, dry_run: bool) -> Result<Done> {
    let name = TokenName::parse(&planned.id).ok_or_else(|| Failure::not_found("not found"))?;
    let (actor, now) = (Local::actor(), Local::now());
    let (token, revoked) = run(conn, dry_run, &|conn| {
        let token = named_token::find(conn, name)?;
        let revoked = token.revoke(conn, planned.seen, (&actor, NO_ADDRESS), now)?;
        Ok((token, revoked))
    })
    .map_err(Failure::gone)?;
    let (client, mask) = match &token {
        NamedToken::Refresh(client, token, _) => (client, token.mask.to_string()),
        NamedToken::Access(client, token, _) => (client, token.mask.to_string()),
    };
    let (is_grant, is_key) = (revoked.is_some(), matches!(name, TokenName::ApiKey(_)));
    let issued = revoked.as_ref().map_or(i64::from(!is_grant && !is_key), |revoked| revoked.detail.access_tokens.n());
    let object = json!({
        "id": planned.id,
        "token": mask,
        "client": { "id": client.id, "name": client.name },
        "refresh_tokens": i64::from(is_grant),
        "access_tokens": issued,
        "api_keys": i64::from(is_key),
        "more": revoked.as_ref().is_some_and(|revoked| revoked.detail.is_capped()),
        "deleting": revoked.as_ref().is_some_and(|revoked| revoked.is_purging),
    });
    let issued_with = revoked.map_or(String::new(), |revoked| match revoked.detail.access_tokens.n() {
        0 => String::new(),
        n => format!(", together with {}", count(n, "access token")),
    });
    Ok(Done { message: format!("Revoked the {}{issued_with}.", token.in_words()), changed: true, object })
}

fn person(employee: &Employee) -> Value {
    json!({ "id": employee.id, "name": employee.name })
}

fn lock_or_unlock(conn: &mut DbConnection, planned: &Planned, dry_run: bool) -> Result<Done> {
    let (id, actor, now) = (EmployeeKey(id(planned)?), Local::actor(), Local::now());
    let locks = planned.verb == Verb::LockEmployee;
    let change = if locks { EmployeeChange::Lock } else { EmployeeChange::Unlock };
    let (employee, changed) = run(conn, dry_run, &|conn| {
        let employee = Employee::find(conn, id)?;
        match employee.locked_at.is_some() == locks {
            true => Ok((employee, false)),
            false => Ok((change_employee(conn, id, &change, (&actor, NO_ADDRESS), now)?, true)),
        }
    })?;
    let message = match (locks, changed) {
        (true, true) => "is locked and signed out. The access they authorized does not work.",
        (true, false) => "was already locked.",
        (false, true) => "is unlocked. The access they authorized works again.",
        (false, false) => "was not locked.",
    };
    let object = json!({ "employee": person(&employee) });
    Ok(Done { message: format!("{} {message}", employee.name), changed, object })
}

fn revoke_access(conn: &mut DbConnection, planned: &Planned, dry_run: bool) -> Result<(Done, Disconnected)> {
    let (id, actor, now) = (EmployeeKey(id(planned)?), Local::actor(), Local::now());
    let (by, offboards) = ((&actor, NO_ADDRESS), planned.verb == Verb::OffboardEmployee);
    let Offboarded { employee, tokens, connections, .. } = run(conn, dry_run, &|conn| match offboards {
        true => offboarding::offboard(conn, CONSOLE, id, planned.seen, by, now),
        false => offboarding::revoke_all_access(conn, id, planned.seen, by, now),
    })?;
    let what = match offboards {
        true => format!("{} is offboarded: locked and signed out.", employee.name),
        false => format!("All access of {} is revoked.", employee.name),
    };
    let names: Vec<&str> = connections.iter().map(|(connection, _)| connection.name.as_str()).collect();
    let mut object = revoked_of("employee", person(&employee), &tokens);
    object["connections"] = names.into();
    let done = Done { message: format!("{what} {}", in_words(&tokens)), changed: true, object };
    Ok((done, connections))
}
