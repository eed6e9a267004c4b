//! `Idempotency-Key`: an act that is sent twice has one effect, and both requests get the same answer.
//!
//! The key is stored in the transaction of the act, so either both are there or neither. An act that failed changed nothing and
//! is not stored: it can be repeated with the same key. An act that calls another server is stored as in progress first.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::context::ApiContext;
use crate::api::json::Body;
use crate::api::problem::{Answer, Failure, Kind, Problem};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::ApiTokenKey;
use crate::schema::idempotency_keys;
use crate::secrets::TokenHash;
use crate::secrets::sealed::{Place, Sealed, Vault};
use crate::time::{DAY, MINUTE, Timestamp};
use crate::web::state::State;

/// For how long a key is kept, in seconds.
pub const KEPT: i64 = DAY;

// An act in progress for longer was interrupted: it may be sent again.
const INTERRUPTED_AFTER: i64 = 5 * MINUTE;
const LONGEST_KEY: usize = 255;
// Rows deleted at once.
const BATCH: i64 = 1_000;

crate::db::sealed_columns::sealed_columns!(SEALED_COLUMNS: idempotency_keys.answer);

/// A request that must have its effect once: its body, and its `Idempotency-Key`.
pub struct Act<T> {
    /// What the body says.
    pub value: T,
    key: TokenHash,
    request: TokenHash,
}

impl<T: DeserializeOwned + 'static> FromRequest for Act<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Act<T>, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = key_of(request);
        let about = format!("{} {}\n", request.method(), request.uri());
        let body = Body::<T>::from_request(request, payload);
        Box::pin(async move {
            let key = TokenHash::of(&key?);
            let Body { value, bytes } = body.await?;
            let request = TokenHash::of(&format!("{about}{}", String::from_utf8_lossy(&bytes)));
            Ok(Act { value, key, request })
        })
    }
}

fn key_of(request: &HttpRequest) -> std::result::Result<String, Problem> {
    let name = HeaderName::from_static("idempotency-key");
    let mut values = request.headers().get_all(&name);
    let wrong = || {
        let why = format!("`Idempotency-Key` has 1 to {LONGEST_KEY} printable characters, and is sent once.");
        Problem::new(Kind::InvalidRequest, why)
    };
    match (values.next(), values.next()) {
        (None, _) => Err(Problem::new(Kind::IdempotencyKeyMissing, Kind::IdempotencyKeyMissing.meaning())),
        (Some(value), None) => match value.to_str() {
            Ok(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(key.to_string()),
            _ => Err(wrong()),
        },
        (Some(_), Some(_)) => Err(wrong()),
    }
}

// What is known of a key.
enum Begun {
    // It is new; the row's id.
    New(i64),
    Answered(u16, String),
    Refused(Kind),
}

// What a transaction ended with.
enum Outcome {
    Done(u16, String),
    Repeated(u16, String),
    Refused(Kind),
}

#[derive(Clone)]
struct Once {
    token: ApiTokenKey,
    key: TokenHash,
    request: TokenHash,
    vault: Vault,
    now: Timestamp,
}

fn place(id: i64) -> Place {
    Place::new("idempotency_keys.answer", id)
}

impl Once {
    fn begin(&self, conn: &mut DbConnection) -> Result<Begun> {
        let own = idempotency_keys::table
            .filter(idempotency_keys::api_token_id.eq(self.token))
            .filter(idempotency_keys::key_hash.eq(&self.key));
        // Those that are due for deletion; and an act that was interrupted.
        let old = own.filter(idempotency_keys::created_at.le(self.now.plus(-KEPT)));
        diesel::delete(old).execute(conn)?;
        let interrupted = own
            .filter(idempotency_keys::status.is_null())
            .filter(idempotency_keys::created_at.le(self.now.plus(-INTERRUPTED_AFTER)));
        diesel::delete(interrupted).execute(conn)?;
        let row = (
            idempotency_keys::api_token_id.eq(self.token),
            idempotency_keys::key_hash.eq(&self.key),
            idempotency_keys::request_hash.eq(&self.request),
            idempotency_keys::created_at.eq(self.now),
        );
        // On PostgreSQL this waits for the transaction that has just inserted the same key.
        let inserted = crate::db::on_each!(conn, |inner| {
            diesel::insert_into(idempotency_keys::table).values(row).on_conflict_do_nothing().execute(inner)
        })?;
        let columns =
            (idempotency_keys::id, idempotency_keys::request_hash, idempotency_keys::status, idempotency_keys::answer);
        let found: (i64, TokenHash, Option<i32>, Option<Sealed>) = own.select(columns).first(conn)?;
        match found {
            (id, ..) if inserted == 1 => Ok(Begun::New(id)),
            (_, request, ..) if !request.matches(&self.request) => Ok(Begun::Refused(Kind::KeyReused)),
            (id, _, Some(status), Some(answer)) => {
                let text = self.vault.open(&answer, place(id))?.expose().to_string();
                Ok(Begun::Answered(u16::try_from(status).unwrap_or(200), text))
            }
            _ => Ok(Begun::Refused(Kind::InProgress)),
        }
    }

    fn finish(&self, conn: &mut DbConnection, id: i64, status: u16, text: &str) -> Result<()> {
        let answer = self.vault.seal(text, place(id))?;
        let change = (idempotency_keys::status.eq(Some(i32::from(status))), idempotency_keys::answer.eq(Some(answer)));
        diesel::update(idempotency_keys::table.find(id)).set(change).execute(conn)?;
        Ok(())
    }
}

fn text_of(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

fn answer(status: u16, text: String, is_repeated: bool) -> Answer {
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
    if is_repeated {
        response.insert_header(("idempotency-replayed", "true"));
    }
    Ok(response.insert_header((header::CONTENT_TYPE, "application/json")).body(text))
}

fn answered(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Done(status, text) => answer(status, text, false),
        Outcome::Repeated(status, text) => answer(status, text, true),
        Outcome::Refused(kind) => Err(Problem::new(kind, kind.meaning()).into()),
    }
}

impl<T> Act<T> {
    fn once(&self, app: &State, context: &ApiContext) -> Once {
        Once {
            token: context.token,
            key: self.key.clone(),
            request: self.request.clone(),
            vault: app.connections.vault.clone(),
            now: context.now,
        }
    }

    /// Does an act of one transaction, and answers with this status what it returns.
    pub async fn in_one_transaction<A: Serialize>(
        &self,
        app: &State,
        context: &ApiContext,
        status: u16,
        act: impl Fn(&mut DbConnection) -> Result<A> + Send + 'static,
    ) -> Answer {
        let once = self.once(app, context);
        let outcome = app.db.write(move |conn| match once.begin(conn)? {
            Begun::New(id) => {
                let text = text_of(&act(conn)?)?;
                once.finish(conn, id, status, &text)?;
                Ok(Outcome::Done(status, text))
            }
            Begun::Answered(status, text) => Ok(Outcome::Repeated(status, text)),
            Begun::Refused(kind) => Ok(Outcome::Refused(kind)),
        });
        answered(outcome.await?)
    }

    /// Does an act that takes several steps, for example because it calls another server. Until it is answered, a repeat is
    /// refused as in progress.
    pub async fn in_steps<A: Serialize>(
        &self,
        app: &State,
        context: &ApiContext,
        status: u16,
        act: impl Future<Output = std::result::Result<A, Failure>>,
    ) -> Answer {
        let once = self.once(app, context);
        let beginning = once.clone();
        let id = match app.db.write(move |conn| beginning.begin(conn)).await? {
            Begun::New(id) => id,
            Begun::Answered(status, text) => return answered(Outcome::Repeated(status, text)),
            Begun::Refused(kind) => return answered(Outcome::Refused(kind)),
        };
        match act.await {
            Ok(value) => {
                let text = text_of(&value)?;
                let stored = text.clone();
                app.db.write(move |conn| once.finish(conn, id, status, &stored)).await?;
                answered(Outcome::Done(status, text))
            }
            Err(failure) => {
                let row =
                    move |conn: &mut DbConnection| Ok(diesel::delete(idempotency_keys::table.find(id)).execute(conn)?);
                app.db.write(row).await?;
                Err(failure)
            }
        }
    }
}

/// Deletes a batch of keys that are older than a day. Returns whether there may be more.
pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<bool> {
    let old = idempotency_keys::table.filter(idempotency_keys::created_at.le(now.plus(-KEPT)));
    let ids: Vec<i64> = old.order(idempotency_keys::created_at).select(idempotency_keys::id).limit(BATCH).load(conn)?;
    diesel::delete(idempotency_keys::table.filter(idempotency_keys::id.eq_any(&ids))).execute(conn)?;
    Ok(ids.len() as i64 == BATCH)
}
