//! The parameters of an authorization request as bytes: `state` need not be UTF-8 and is sent back unchanged.

use percent_encoding::percent_decode;

const KNOWN: [&str; 8] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// The decoded parameters of a query.
pub struct RawQuery(Vec<(String, Vec<u8>)>);

impl RawQuery {
    /// Decodes a query.
    pub fn parse(query: &str) -> RawQuery {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (String::from_utf8_lossy(&decode(name)).into_owned(), decode(value))
        });
        RawQuery(pairs.collect())
    }

    /// A parameter. An empty one counts as missing (RFC 6749 section 3.1). Errors: it was sent twice.
    pub fn get(&self, name: &str) -> Result<Option<&[u8]>, &'static str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_slice());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err("is sent twice"),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// A parameter as text. Errors: it was sent twice, or is not plain text.
    pub fn text(&self, name: &str) -> Result<Option<String>, &'static str> {
        let Some(bytes) = self.get(name)? else {
            return Ok(None);
        };
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(char::is_control) => Ok(Some(text.to_string())),
            _ => Err("is not plain text"),
        }
    }

    /// The first known parameter that was sent twice.
    pub fn repeated(&self) -> Option<&'static str> {
        KNOWN.into_iter().find(|name| self.get(name).is_err())
    }
}

fn decode(text: &str) -> Vec<u8> {
    percent_decode(text.replace('+', " ").as_bytes()).collect()
}
