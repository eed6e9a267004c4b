//! The account at the provider that a token belongs to, read from a test call.

use serde_json::Value;

use crate::connections::provider::Provider;
use crate::connections::token_reply::safe;
use crate::http::HttpClient;

/// An account at a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteAccount {
    /// Its id, with the kind of id in front: `account:797`.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Asks the provider which account a token belongs to. Errors: the reason as a clause, without secrets.
pub async fn fetch(http: &HttpClient, provider: &Provider, token: &str) -> Result<RemoteAccount, String> {
    let url = provider.test_call().ok_or("no test path is set")?;
    let answer = http.get_with_token(url.as_str(), token).await.map_err(|why| why.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("the API answered {} to the test call", answer.status().as_u16()));
    }
    read(answer.body()).ok_or_else(|| "the answer names no account".to_string())
}

/// Reads the account from an answer of R-Series, K-Series, X-Series or an OpenID Connect userinfo endpoint.
pub(crate) fn read(body: &[u8]) -> Option<RemoteAccount> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let found = r_series(&json).or_else(|| k_series(&json)).or_else(|| x_series(&json)).or_else(|| openid(&json))?;
    let account = RemoteAccount { id: safe(&found.id, &[]), name: safe(&found.name, &[]) };
    (!account.id.is_empty()).then_some(account)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn account(kind: &str, id: &Value, name: &Value) -> Option<RemoteAccount> {
    let id = text(id)?;
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
        let of = |json: &str| read(json.as_bytes()).map(|account| (account.id, account.name));
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
