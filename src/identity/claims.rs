//! What the claims of a provider say about a person.

use serde_json::Value;

use crate::config::{EMAIL_CLAIM, IdentityProvider};
use crate::identity::jws::Claims;
use crate::text::is_invisible;
use crate::time::Timestamp;

const LONGEST_NAME: usize = 100;
const LONGEST_EMAIL: usize = 254;
const LONGEST_SESSION: usize = 255;
const MOST_GROUPS: usize = 2_000;

/// A person whom the provider's signature proves.
#[derive(Clone, Debug)]
pub struct VerifiedIdentity {
    /// The provider's name for them, which never changes and never belongs to somebody else.
    pub subject: String,
    /// Their e-mail address, if the same document says that the provider verified it.
    pub email: Option<String>,
    /// Their name.
    pub name: String,
    /// Their groups.
    pub groups: Vec<String>,
    /// The provider's ID of its own session; empty if it has none.
    pub session: String,
    /// When they proved there who they are, if the provider says so.
    pub authenticated_at: Option<Timestamp>,
}

impl VerifiedIdentity {
    /// Reads the claims of a verified ID token, and `more` claims of the same subject.
    pub(super) fn of(provider: &IdentityProvider, subject: &str, claims: &Claims, more: &Claims) -> VerifiedIdentity {
        let get = |name: &str| claim(claims, name).or_else(|| claim(more, name));
        let email = get(&provider.email_claim).and_then(Value::as_str).filter(|email| is_address(email));
        // An address and its proof are of one document: another may speak of another address.
        let speaks_of_email = if lacks_proven_email(provider, claims) { more } else { claims };
        let name = get("name").and_then(Value::as_str).map(visible).filter(|name| !name.is_empty());
        let from_email = || email.and_then(|email| email.split('@').next()).map(visible);
        VerifiedIdentity {
            subject: subject.into(),
            email: verified_email(provider, speaks_of_email),
            name: name.or_else(from_email).unwrap_or_else(|| "Unnamed".into()),
            groups: get(&provider.groups_claim).map(words).unwrap_or_default(),
            session: claims.get("sid").and_then(Value::as_str).map(session_id).unwrap_or_default(),
            authenticated_at: claims.get("auth_time").and_then(seconds),
        }
    }

    /// Whether the ID token alone lacks a claim that is needed.
    pub(super) fn lacks_claims(provider: &IdentityProvider, claims: &Claims) -> bool {
        let lacks = |name: &str| claim(claims, name).is_none();
        lacks_proven_email(provider, claims) || (!provider.roles.is_empty() && lacks(&provider.groups_claim))
    }
}

// The claims that say whether the address is verified: `email_verified` speaks of `email` only (OpenID Connect Core 1.0
// section 5.1), and so does Entra ID's `xms_edov`: the owner of the domain is verified.
fn proofs(provider: &IdentityProvider) -> Vec<String> {
    let mut names = vec![format!("{}_verified", provider.email_claim)];
    if provider.email_claim == EMAIL_CLAIM {
        names.push("xms_edov".into());
    }
    names
}

fn lacks_proven_email(provider: &IdentityProvider, claims: &Claims) -> bool {
    claim(claims, &provider.email_claim).is_none()
        || proofs(provider).iter().all(|proof| claim(claims, proof).is_none())
}

fn verified_email(provider: &IdentityProvider, claims: &Claims) -> Option<String> {
    let is_true = |value: &Value| *value == true || *value == 1 || *value == "true" || *value == "1";
    let email = claim(claims, &provider.email_claim).and_then(Value::as_str).filter(|email| is_address(email))?;
    let is_verified = proofs(provider).iter().any(|proof| claim(claims, proof).is_some_and(is_true));
    is_verified.then(|| email.to_string())
}

/// The ID of a provider's session as it is stored and compared: its first 255 characters.
pub(super) fn session_id(sid: &str) -> String {
    sid.chars().take(LONGEST_SESSION).collect()
}

/// A number of seconds since 1970.
pub(super) fn seconds(value: &Value) -> Option<Timestamp> {
    // RFC 7519 section 2 allows fractions.
    #[expect(clippy::cast_possible_truncation, reason = "a number out of range saturates and is then far from now")]
    let number = value.as_i64().or_else(|| value.as_f64().map(|number| number as i64));
    number.map(Timestamp)
}

// A claim by its name, or by a path: realm_access.roles.
fn claim<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    let mut value = claims.get(first)?;
    for part in rest.split('.') {
        value = value.get(part)?;
    }
    Some(value)
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(word) => vec![word.clone()],
        Value::Array(words) => words.iter().take(MOST_GROUPS).filter_map(Value::as_str).map(str::to_string).collect(),
        _ => Vec::new(),
    }
}

fn is_address(text: &str) -> bool {
    let is_plain = |c: char| !c.is_whitespace() && !is_invisible(c);
    text.chars().count() <= LONGEST_EMAIL
        && text.chars().all(is_plain)
        && text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'))
}

fn visible(text: &str) -> String {
    let text: String = text.chars().filter(|c| !is_invisible(*c)).take(LONGEST_NAME).collect();
    text.trim().to_string()
}
