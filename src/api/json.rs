//! What the JSON of the API has in common: answers, times, references to clients and employees, and bodies of requests.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::api::problem::{Answer, Failure, Kind, Problem};
use crate::clients::Client;
use crate::employees::Employee;
use crate::error::Error;
use crate::time::Timestamp;

/// The most bytes of a body.
const LONGEST_BODY: usize = 16 * 1024;

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
    /// The reference to an employee.
    pub fn of(employee: &Employee) -> EmployeeRef {
        EmployeeRef::new(employee.id.0, &employee.name)
    }

    /// A reference from an id and a name.
    pub fn new(id: i64, name: &str) -> EmployeeRef {
        EmployeeRef { id, name: name.into() }
    }
}

/// A JSON body and the bytes it was read from. Unknown members, and a member twice, are refused.
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// As it was sent.
    pub bytes: web::Bytes,
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Body<T>, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_json = is_json.map(|kind| kind.split(';').next().unwrap_or_default().trim() == "application/json");
        let body = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let bytes = body.await.map_err(|error| match error.as_response_error().status_code().as_u16() {
                413 => Failure::from(Error::TooLarge),
                _ => Error::Invalid("The body was not received completely. Send it again.".into()).into(),
            })?;
            if bytes.len() > LONGEST_BODY {
                return Err(Error::TooLarge.into());
            }
            // Acts without members need no body.
            let text = match (is_json, bytes.is_empty()) {
                (_, true) => &b"{}"[..],
                (Some(true), false) => &bytes[..],
                _ => return Err(Error::UnsupportedMediaType.into()),
            };
            let value = serde_json::from_slice(text).map_err(|error| {
                Problem::new(Kind::InvalidRequest, format!("The body is not as documented: {error}."))
            })?;
            Ok(Body { value, bytes })
        })
    }
}

/// A text from a body that PostgreSQL can store, in one line.
pub fn line(text: &str, name: &str, longest: usize) -> Result<String, Problem> {
    let text = text.trim();
    let wrong = |why: &str| Err(Problem::new(Kind::Unprocessable, format!("`{name}` {why}.")));
    match () {
        () if text.is_empty() => wrong("is empty"),
        () if text.chars().count() > longest => wrong(&format!("can have at most {longest} characters")),
        () if text.chars().any(crate::text::is_invisible) => wrong("contains an invisible character"),
        () => Ok(text.to_string()),
    }
}
