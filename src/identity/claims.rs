//! What the claims of a provider say about a person.

use serde_json::Value;

use crate::config::IdentityProvider;
use crate::identity::jws::Claims;
use crate::text::is_invisible;
use crate::time::Timestamp;

const LONGEST_NAME: usize = 100;
const LONGEST_EMAIL: usize = 254;
const MOST_GROUPS: usize = 2_000;

/// A person whom the provider's signature proves.
#[derive(Clone, Debug)]
pub struct VerifiedIdentity {
    /// The provider's name for them, which never changes and never belongs to somebody else.
    pub subject: String,
    /// Their e-mail address, if the provider says that it verified it.
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
        // Entra ID has `xms_edov` in its place: the owner of the domain is verified.
        let is_true = |value: &Value| *value == true || *value == 1 || *value == "true" || *value == "1";
        let is_verified = ["email_verified", "xms_edov"].iter().any(|name| get(name).is_some_and(is_true));
        let email = get(&provider.email_claim).and_then(Value::as_str).filter(|email| is_address(email));
        let name = get("name").and_then(Value::as_str).map(visible).filter(|name| !name.is_empty());
        let from_email = || email.and_then(|email| email.split('@').next()).map(visible);
        VerifiedIdentity {
            subject: subject.into(),
            email: email.filter(|_| is_verified).map(str::to_string),
            name: name.or_else(from_email).unwrap_or_else(|| "Unnamed".into()),
            groups: get(&provider.groups_claim).map(words).unwrap_or_default(),
            session: claims.get("sid").and_then(Value::as_str).unwrap_or_default().chars().take(255).collect(),
            authenticated_at: claims.get("auth_time").and_then(seconds),
        }
    }

    /// Whether the ID token alone lacks a claim that is needed.
    pub(super) fn lacks_claims(provider: &IdentityProvider, claims: &Claims) -> bool {
        let lacks = |name: &str| claim(claims, name).is_none();
        lacks(&provider.email_claim)
            || (lacks("email_verified") && lacks("xms_edov"))
            || (!provider.roles.is_empty() && lacks(&provider.groups_claim))
    }
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
