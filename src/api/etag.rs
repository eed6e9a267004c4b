//! `ETag` and `If-Match` (RFC 9110 section 13.1.1): an edit takes effect only on what its caller has read.
//!
//! The tag covers what can be edited, not counts and times that change by themselves.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use serde::Serialize;

use crate::api::json::ok;
use crate::api::problem::{Answer, Failure, Kind, Problem};
use crate::error::{Error, Result};
use crate::secrets::TokenHash;

/// The tag of what can be edited.
pub fn tag(version: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(version).map_err(Error::internal)?;
    Ok(format!("\"{}\"", TokenHash::of(&text).short_hex()))
}

/// Answers JSON with its tag.
pub fn tagged(value: &impl Serialize, tag: &str) -> Answer {
    let mut response = ok(value)?;
    if let Ok(tag) = header::HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// The tags in `If-Match`. Without the header the request is refused with 428.
#[derive(Clone, Debug)]
pub struct IfMatch(Vec<String>);

impl IfMatch {
    /// The problem unless this tag is one of them.
    pub fn require(&self, tag: &str) -> std::result::Result<(), Problem> {
        match self.0.iter().any(|known| known == "*" || known == tag) {
            true => Ok(()),
            false => Err(Problem::new(Kind::Changed, Kind::Changed.meaning())),
        }
    }
}

impl FromRequest for IfMatch {
    type Error = Failure;
    type Future = Ready<std::result::Result<IfMatch, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let values = request.headers().get_all(header::IF_MATCH).filter_map(|value| value.to_str().ok());
        let tags: Vec<String> = values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_string()).collect();
        ready(match tags.is_empty() {
            true => Err(Problem::new(Kind::IfMatchMissing, Kind::IfMatchMissing.meaning()).into()),
            false => Ok(IfMatch(tags)),
        })
    }
}
