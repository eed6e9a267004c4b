//! The query string of a request. Unknown parameters, and a parameter twice, are refused, so that a filter that is spelled
//! wrongly never lists, or revokes, more than was meant.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;

use crate::api::problem::{Failure, Kind, Problem};
use crate::web::query::Query;

/// The parameters of a request.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = Failure;
    type Future = Ready<Result<Params<T>, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()))
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<Params<T>, Failure> {
    // Lengths and control characters.
    Query::parse(text)?;
    match web::Query::<T>::from_query(text) {
        Ok(values) => Ok(Params(values.into_inner())),
        Err(error) => {
            let why = error.to_string();
            let why = why.trim_start_matches("Query deserialize error: ");
            Err(Problem::new(Kind::InvalidRequest, format!("The query is not as documented: {why}.")).into())
        }
    }
}

/// The value that a parameter's word stands for; none if the parameter is missing or empty.
pub fn word<T>(name: &str, text: &Option<String>, from_word: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    match text.as_deref() {
        None | Some("") => Ok(None),
        Some(word) => match from_word(word) {
            Some(value) => Ok(Some(value)),
            None => Err(Problem::new(Kind::InvalidRequest, format!("`{name}` cannot be “{word}”."))),
        },
    }
}

/// The text of a parameter; empty if it is missing.
pub fn text(text: &Option<String>) -> String {
    text.as_deref().unwrap_or_default().trim().to_string()
}
