//! The account at the provider that a token belongs to, read from a test call.

use serde_json::Value;

use crate::connections::provider::Provider;
use crate::connections::token_reply::safe;
use crate::http::HttpClient;

// The longest path of a member, in characters.
const LONGEST_MEMBER: usize = 100;
// How many members of an answer are named.
const MOST_MEMBERS: usize = 10;

/// An account at a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteAccount {
    /// Its id, with the kind of id in front: `account:797`.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl RemoteAccount {
    /// Whether this is another kind of id than `known`, or the first one.
    pub fn is_of_another_kind(&self, known: &str) -> bool {
        let kind = |id: &str| id.split(':').next().unwrap_or_default().to_string();
        kind(&self.id) != kind(known)
    }
}

/// Asks the provider which account a token belongs to. Errors: the reason as a clause, without secrets.
pub async fn fetch(http: &HttpClient, provider: &Provider, token: &str) -> Result<RemoteAccount, String> {
    let url = provider.test_call().ok_or("no test path is set")?;
    let answer = http.get_with_token(url.as_str(), token).await.map_err(|why| why.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("the API answered {} to the test call", answer.status().as_u16()));
    }
    read(answer.body(), &provider.account_member).map_err(|unnamed| unnamed.to_string())
}

/// Why an answer names no account, and the members that could name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnamed {
    // The chosen member, if there is one.
    member: String,
    members: Vec<String>,
}

impl Unnamed {
    /// What an admin can do about it, as a sentence; empty if there is nothing to choose from.
    pub fn advice(&self) -> String {
        let which = match self.members.len() {
            0 => return String::new(),
            1 => "it",
            _ => "the one that names the account",
        };
        format!("Enter {which} as account member in the app credentials.")
    }
}

impl std::fmt::Display for Unnamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.member.as_str() {
            "" => f.write_str("the answer names no account")?,
            member => write!(f, "the answer has no text or number at {member}")?,
        }
        match self.members.as_slice() {
            [] => Ok(()),
            [only] => write!(f, "; its only member is {only}"),
            [first @ .., last] => write!(f, "; its members are {} and {last}", first.join(", ")),
        }
    }
}

/// Reads the account from an answer: from `member` if it is not empty, otherwise as R-Series, K-Series, X-Series or an OpenID
/// Connect userinfo endpoint name it.
pub fn read(body: &[u8], member: &str) -> Result<RemoteAccount, Unnamed> {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let found = match member {
        "" => r_series(&json).or_else(|| k_series(&json)).or_else(|| x_series(&json)).or_else(|| openid(&json)),
        member => account(member, at(&json, member), &Value::Null),
    };
    let account = found.map(|found| RemoteAccount { id: safe(&found.id, &[]), name: safe(&found.name, &[]) });
    account.filter(|account| !account.id.is_empty()).ok_or_else(|| {
        let mut members = Vec::new();
        collect_members(&json, "", &mut members);
        Unnamed { member: member.into(), members }
    })
}

/// Whether a text is the name of a member, or several with dots between them.
pub fn is_member_path(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-@".contains(c);
    text.len() <= LONGEST_MEMBER && text.split('.').all(|name| !name.is_empty() && name.chars().all(is_plain))
}

fn at<'a>(json: &'a Value, member: &str) -> &'a Value {
    member.split('.').fold(json, |value, name| match value {
        Value::Array(values) => name.parse::<usize>().ok().and_then(|at| values.get(at)).unwrap_or(&Value::Null),
        value => &value[name],
    })
}

// The members with a text or a number, as paths: the first of an array, and the first few of all.
fn collect_members(json: &Value, path: &str, members: &mut Vec<String>) {
    let below = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
    match json {
        Value::Object(object) => object.iter().for_each(|(name, value)| collect_members(value, &below(name), members)),
        Value::Array(values) => values.iter().take(1).for_each(|value| collect_members(value, &below("0"), members)),
        value => {
            let is_named = text(value).is_some_and(|text| !text.trim().is_empty());
            if is_named && is_member_path(path) && members.len() < MOST_MEMBERS {
                members.push(path.into());
            }
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn account(kind: &str, id: &Value, name: &Value) -> Option<RemoteAccount> {
    let id = text(id).filter(|id| !id.trim().is_empty())?;
    let name = text(name).filter(|name| !name.trim().is_empty()).unwrap_or_else(|| id.clone());
    Some(RemoteAccount { id: format!("{kind}:{id}"), name })
}

fn r_series(json: &Value) -> Option<RemoteAccount> {
    account("account", &json["Account"]["accountID"], &json["Account"]["name"])
}

// The id lists every business the token can access: fewer businesses count as another account.
fn k_series(json: &Value) -> Option<RemoteAccount> {
    let list = json["_embedded"]["businessList"].as_array()?;
    let mut ids: Vec<String> = list.iter().filter_map(|business| text(&business["businessId"])).collect();
    let names: Vec<String> = list.iter().filter_map(|business| text(&business["businessName"])).collect();
    ids.sort();
    let name = if names.is_empty() { ids.join(", ") } else { names.join(", ") };
    (!ids.is_empty()).then(|| RemoteAccount { id: format!("businesses:{}", ids.join(",")), name })
}

fn x_series(json: &Value) -> Option<RemoteAccount> {
    account("retailer", &json["data"]["id"], &json["data"]["name"])
}

fn openid(json: &Value) -> Option<RemoteAccount> {
    account("subject", &json["sub"], &json["name"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_names_its_account() {
        let of = |json: &str| read(json.as_bytes(), "").ok().map(|account| (account.id, account.name));
        let pair = |id: &str, name: &str| Some((id.to_string(), name.to_string()));

        let r_series = r#"{"@attributes":{},"Account":{"accountID":"797","name":"Harbour & Pine","link":{}}}"#;
        assert_eq!(of(r_series), pair("account:797", "Harbour & Pine"));
        let k_series = r#"{"_embedded":{"businessList":[{"businessId":9,"businessName":"Bar"},{"businessId":7}]}}"#;
        assert_eq!(of(k_series), pair("businesses:7,9", "Bar"));
        assert_eq!(of(r#"{"data":{"id":"b-1","name":"Pine"}}"#), pair("retailer:b-1", "Pine"));
        assert_eq!(of(r#"{"sub":"42"}"#), pair("subject:42", "42"));
        assert_eq!(of("{}"), None);
        assert_eq!(of("<html>"), None);
        assert_eq!(of(r#"{"_embedded":{"businessList":[]}}"#), None);
    }
}
