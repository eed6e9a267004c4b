//! The parameters of a request to an endpoint, from a urlencoded, JSON or multipart body. Each may be sent once.

use std::fmt;

use actix_multipart::Multipart;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpMessage, HttpRequest, web};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use url::form_urlencoded;

use crate::web::oauth_error::OAuthError;

/// The longest accepted body, in bytes.
pub const LONGEST_BODY: usize = 16 * 1024;
const MOST: usize = 50;

/// The parameters in the body of a POST. A parameter without a value counts as missing (RFC 6749 section 3.1).
#[derive(Default)]
pub struct Parameters(Vec<(String, String)>);

// A parameter may be a secret or a token.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parameters")
    }
}

impl Parameters {
    /// Reads a body. Errors: `invalid_request`, 413 and 415, with a hint.
    pub async fn read(request: &HttpRequest, body: Result<web::Bytes, actix_web::Error>) -> Result<Self, OAuthError> {
        if !request.query_string().is_empty() {
            let hint = "Send parameters in the body: URLs are logged";
            return Err(OAuthError::invalid_request(hint));
        }
        if request.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(OAuthError::unsupported_media_type());
        }
        let body = body.map_err(|error| match error.as_response_error().status_code().as_u16() {
            413 => OAuthError::too_large(),
            _ => OAuthError::invalid_request("The body was not received completely"),
        })?;
        if body.len() > LONGEST_BODY {
            return Err(OAuthError::too_large());
        }
        let pairs = match request.content_type().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => urlencoded(&body)?,
            "application/json" => json(&body)?,
            "multipart/form-data" => multipart(request.headers(), body).await?,
            "" if body.is_empty() => Vec::new(),
            _ => return Err(OAuthError::unsupported_media_type()),
        };
        Self::checked(pairs)
    }

    fn checked(pairs: Vec<(String, String)>) -> Result<Self, OAuthError> {
        if pairs.len() > MOST {
            return Err(OAuthError::invalid_request(format!("Send at most {MOST} parameters")));
        }
        for (i, (name, value)) in pairs.iter().enumerate() {
            if pairs[..i].iter().any(|(other, _)| other == name) {
                return Err(OAuthError::invalid_request(format!("Send the `{name}` parameter once")));
            }
            if name.contains(['\0', '\u{fffd}']) || value.contains(['\0', '\u{fffd}']) {
                return Err(OAuthError::invalid_request(format!("The `{name}` parameter is not plain UTF-8 text")));
            }
        }
        Ok(Parameters(pairs))
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The value of a required parameter. Errors: `invalid_request` that names it.
    pub fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::invalid_request(format!("Check the `{name}` parameter")))
    }
}

fn urlencoded(body: &[u8]) -> Result<Vec<(String, String)>, OAuthError> {
    Ok(form_urlencoded::parse(body).into_owned().take(MOST + 1).collect())
}

// A list, because a map would drop the first of two members with the same name.
struct Members(Vec<(String, serde_json::Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn json(body: &[u8]) -> Result<Vec<(String, String)>, OAuthError> {
    let Ok(Members(members)) = serde_json::from_slice(body) else {
        return Err(OAuthError::invalid_request("The body is not a JSON object in UTF-8"));
    };
    let text = |(name, value)| match value {
        serde_json::Value::String(text) => Ok((name, text)),
        _ => Err(OAuthError::invalid_request(format!("The `{name}` parameter must be a string"))),
    };
    members.into_iter().map(text).collect()
}

async fn multipart(headers: &HeaderMap, body: web::Bytes) -> Result<Vec<(String, String)>, OAuthError> {
    let wrong = || OAuthError::invalid_request("The body is not well-formed multipart/form-data");
    let mut parts = Multipart::new(headers, stream::iter([Ok(body)]).boxed_local());
    let mut pairs = Vec::new();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| wrong())?;
        let name = part.name().filter(|name| !name.is_empty()).ok_or_else(wrong)?.to_string();
        let chunks = part.map_err(|_| wrong()).try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        });
        let value = String::from_utf8(chunks.await?);
        let value = value.map_err(|_| OAuthError::invalid_request(format!("The `{name}` parameter is not UTF-8")))?;
        pairs.push((name, value));
        if pairs.len() > MOST {
            break;
        }
    }
    Ok(pairs)
}
