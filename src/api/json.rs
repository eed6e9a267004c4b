//! What the JSON of the API has in common: answers, times, references to clients and employees.

use actix_web::HttpResponse;
use actix_web::http::header;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::problem::Answer;
use crate::clients::Client;
use crate::error::Error;
use crate::time::Timestamp;

/// Answers JSON.
pub fn ok(value: &impl Serialize) -> Answer {
    let body = serde_json::to_string(value).map_err(Error::internal)?;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(body))
}

/// A time; none for one that has not come, and for an end that never comes.
pub fn time(at: Timestamp) -> Option<String> {
    (at != Timestamp::NEVER_YET && at < Timestamp::NO_END).then(|| at.iso())
}

/// A text; none if it is empty.
pub fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_string())
}

/// A client, named.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClientRef {
    /// Its id in paths.
    id: i64,
    /// Its name.
    name: String,
}

impl ClientRef {
    /// The reference to a client.
    pub fn of(client: &Client) -> ClientRef {
        ClientRef::new(client.id.0, &client.name)
    }

    /// A reference from an id and a name.
    pub fn new(id: i64, name: &str) -> ClientRef {
        ClientRef { id, name: name.into() }
    }
}

/// An employee, named.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EmployeeRef {
    /// Their id in paths.
    id: i64,
    /// Their name.
    name: String,
}

impl EmployeeRef {
    /// A reference from an id and a name.
    pub fn new(id: i64, name: &str) -> EmployeeRef {
        EmployeeRef { id, name: name.into() }
    }
}
