//! What lists and `show` print, as JSON. The names are stable: scripts depend on them.

use serde_json::{Value, json};

use crate::access::attention::{Finding, Item, Moment, Severity};
use crate::access::find_token::FoundToken;
use crate::access::named_token::{NamedToken, TokenName};
use crate::activity::{Activity, Names, label_of};
use crate::clients::{AccessLevel, Client};
use crate::connections::{ApiType, Connection, ListedConnection};
use crate::employees::Employee;
use crate::scopes::{EffectiveAccess, Scope};
use crate::secrets::Mask;
use crate::time::Timestamp;
use crate::tokens::listing::ListedToken;
use crate::tokens::{TokenDates, TokenStatus};

// Null for a time that has not come, or an end that never comes.
fn time(at: Timestamp) -> Value {
    match at {
        Timestamp::NEVER_YET | Timestamp::NO_END => Value::Null,
        at => at.iso().into(),
    }
}

fn time_if(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, time)
}

// Null for a text that is empty.
fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

pub(super) fn client(client: &Client) -> Value {
    json!({
        "id": client.id,
        "client_id": client.client_id,
        "name": client.name,
        "website": client.website.as_str(),
        "status": client.state().word(),
        "lightspeed_approved": client.lightspeed_approved_at.is_some(),
        "access": access_word(client.access_level()),
        "employees": client.employee_count,
        "refresh_tokens": client.valid_refresh_tokens,
        "access_tokens_and_api_keys": client.valid_access_tokens,
        "created_at": time(client.created_at),
        "last_used_at": time(client.last_used_at),
    })
}

fn access_word(level: AccessLevel) -> &'static str {
    match level {
        AccessLevel::None => "none",
        AccessLevel::Read => "read",
        AccessLevel::Write => "write",
        AccessLevel::Full => "full",
    }
}

/// A client with its registration.
pub(super) fn client_detail(one: &Client, redirect_uris: &[String]) -> Value {
    let more = json!({
        "approved_at": time_if(one.approved_at),
        "approved_by": text(&one.approved_by),
        "suspended_at": time_if(one.suspended_at),
        "suspended_by": text(&one.suspended_by),
        "suspended_reason": text(&one.suspended_reason),
        "revoked_at": time_if(one.revoked_at),
        "publicly_distributed": one.publicly_distributed,
        "requires_pkce": one.requires_pkce(),
        "grants_end_after_seconds": one.grants_end_after,
        "contact": { "name": text(&one.contact.name), "email": text(&one.contact.email), "phone": text(&one.contact.phone) },
        "redirect_uris": redirect_uris,
    });
    merged(client(one), more)
}

fn merged(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

/// What every token has.
struct Facts<'a> {
    name: TokenName,
    mask: &'a Mask,
    label: &'a str,
    scope: &'a Scope,
    dates: TokenDates,
}

fn token(facts: &Facts<'_>, (client, employee): (&Client, &Employee), now: Timestamp) -> Value {
    let status = TokenStatus::of(facts.dates, employee, client.state(), now);
    json!({
        "id": facts.name.to_string(),
        "type": match facts.name {
            TokenName::RefreshToken(_) => "refresh_token",
            TokenName::AccessToken(_) => "access_token",
            TokenName::ApiKey(_) => "api_key",
        },
        "token": facts.mask.to_string(),
        "label": text(facts.label),
        // Of an access token: see `named_token`.
        "refresh_token": null,
        "client": { "id": client.id, "name": client.name },
        "employee": { "id": employee.id, "name": employee.name, "role": employee.role.word() },
        "scope": facts.scope.as_str(),
        "effective_scope": facts.scope.effective(employee.role).as_str(),
        "beyond_role": EffectiveAccess::of(facts.scope, employee.role).missing(),
        "created_at": time(facts.dates.created_at),
        "last_used_at": time(facts.dates.last_used_at),
        "expires_at": time(facts.dates.expires_at),
        "status": status_word(status),
    })
}

fn status_word(status: TokenStatus) -> &'static str {
    match status {
        TokenStatus::Active => "active",
        TokenStatus::Expired => "expired",
        TokenStatus::EmployeeArchived => "employee_archived",
        TokenStatus::EmployeeLocked => "employee_locked",
        TokenStatus::ClientSuspended => "client_suspended",
        TokenStatus::ClientPending => "client_pending",
        TokenStatus::ExpiresIn(_) => "expires_soon",
        TokenStatus::Unused(_) => "unused",
        TokenStatus::NeverUsed => "never_used",
    }
}

pub(super) fn listed_token(one: &ListedToken, of: (&Client, &Employee), now: Timestamp) -> Value {
    let name = match one.refresh_token {
        Some(_) => TokenName::RefreshToken(crate::id::RefreshTokenKey(one.id)),
        None => TokenName::ApiKey(crate::id::AccessTokenKey(one.id)),
    };
    token(&Facts { name, mask: &one.mask, label: &one.label, scope: &one.scope, dates: one.dates() }, of, now)
}

pub(super) fn named_token(one: &NamedToken, last_used_from: &str, now: Timestamp) -> Value {
    let name = one.name();
    let object = match one {
        NamedToken::Refresh(client, one, employee) => {
            let facts = Facts { name, mask: &one.mask, label: "", scope: &one.scope, dates: one.dates() };
            token(&facts, (client, employee), now)
        }
        NamedToken::Access(client, one, employee) => {
            let facts = Facts { name, mask: &one.mask, label: &one.label, scope: &one.scope, dates: one.dates() };
            let parent = one.refresh_token_id.map(|id| TokenName::RefreshToken(id).to_string());
            merged(token(&facts, (client, employee), now), json!({ "refresh_token": parent }))
        }
    };
    match last_used_from {
        "" => object,
        address => merged(object, json!({ "last_used_address": address })),
    }
}

/// One of several tokens that begin alike, in a line.
pub(super) fn alike(name: TokenName, found: &FoundToken) -> String {
    let of = found.token.as_ref().map_or(String::new(), |(_, employee, _)| format!(" ({})", employee.name));
    let owner = found.client.as_ref().map_or(found.name.as_str(), |client| &client.name);
    format!("{name}, of {owner}{of}")
}

pub(super) fn employee(one: &Employee) -> Value {
    json!({
        "id": one.id,
        "name": one.name,
        "email": if one.erased_at.is_some() { Value::Null } else { one.email.as_str().into() },
        "role": one.role.word(),
        "state": one.state().word(),
        "tokens": one.grant_count,
        "created_at": time(one.created_at),
        "last_signed_in_at": time(one.last_signed_in_at),
        "locked_at": time_if(one.locked_at),
        "archived_at": time_if(one.archived_at),
    })
}

pub(super) fn employee_detail(
    one: &Employee,
    (clients, connections, sessions): (Vec<String>, Vec<String>, usize),
) -> Value {
    merged(employee(one), json!({ "clients": clients, "connections": connections, "sessions": sessions }))
}

pub(super) fn connection(listed: &ListedConnection) -> Value {
    let (one, api_type): (&Connection, ApiType) = (&listed.connection, listed.api_type);
    json!({
        "id": one.id,
        "name": one.name,
        "type": api_type.word(),
        "status": one.status().word(),
        "business": listed.business,
        "account_id": text(&one.account_id),
        "account_name": text(&one.account_name),
        "authorized_by": listed.authorized_by,
        "authorized_at": time(one.authorized_at),
        "access_expires_at": time(one.access_expires_at),
        "last_refreshed_at": time(one.last_refreshed_at),
        "last_used_at": time(one.last_used_at),
    })
}

pub(super) fn connection_detail(listed: &ListedConnection) -> Value {
    let one = &listed.connection;
    let more = json!({
        "scope": text(&one.scope),
        "granted_scope": text(&one.granted_scope),
        "domain_prefix": text(&one.domain_prefix),
        "refresh_expires_at": time(one.refresh_expires_at),
        "failures": one.failures,
        "failing_since": time_if(one.failing_since),
        "last_error": text(&one.last_error),
        "needs_authorization_since": time_if(one.needs_authorization_since),
        "reason": text(&one.reason),
        "paused_at": time_if(one.paused_at),
        "created_at": time(one.created_at),
    });
    merged(connection(listed), more)
}

pub(super) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Urgent => "urgent",
        Severity::Soon => "soon",
        Severity::Review => "review",
    }
}

pub(super) fn finding(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.word,
        "severity": severity_word(finding.rule.severity),
        "count": finding.count.n,
        "more": finding.count.capped,
        "title": finding.title(),
        "advice": finding.rule.why,
    })
}

pub(super) fn item(item: &Item) -> Value {
    let (Moment::Created(at)
    | Moment::LastUsed(at)
    | Moment::Expires(at)
    | Moment::Happened(at)
    | Moment::Since(at)
    | Moment::FailingSince(at)) = item.moment;
    let (kind, id) = item.subject.stored();
    let name = match item.subject.is_token() {
        true => Mask::parse(&item.name).map_or_else(|| item.name.clone(), |mask| mask.to_string()),
        false => item.name.clone(),
    };
    json!({
        "id": match kind {
            "refresh_token" => format!("r{id}"),
            "api_key" => format!("k{id}"),
            _ => id.to_string(),
        },
        "type": kind,
        "name": name,
        "label": text(&item.label),
        "client": item.client.as_ref().map(|(id, name)| json!({ "id": id, "name": name })),
        "employee": item.employee.as_ref().map(|(id, name)| json!({ "id": id, "name": name })),
        "at": time(at),
    })
}

pub(super) fn entry(entry: &Activity, names: &Names) -> Value {
    json!({
        "id": entry.id,
        "at": time(entry.at),
        "kind": entry.kind,
        "what": label_of(&entry.kind),
        "actor": names.actor(entry),
        "subject": { "type": entry.subject_kind, "id": entry.subject_id, "name": names.subject(entry) },
        "detail": text(&names.detail(entry).line()),
        "client_ip": text(&entry.client_ip),
    })
}
