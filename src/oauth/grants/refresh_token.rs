//! `grant_type=refresh_token` (RFC 6749 section 6): who may refresh is decided in `tokens::rotation`, here it gets words.

use actix_web::web;

use crate::account::Account;
use crate::activity::{Activity, Kind};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::oauth::client_auth::require_active;
use crate::oauth::grants::Outcome;
use crate::oauth::parameters::Parameters;
use crate::scopes::Scope;
use crate::secrets::{NotAToken, PlainToken, TokenKind};
use crate::time::{TimeFormat, Timestamp};
use crate::tokens::issue::Lifetimes;
use crate::tokens::rotation;
use crate::tokens::rotation::{Refresh, Refusal, Rotation};
use crate::web::oauth_error::OAuthError;
use crate::web::state::State;

/// Refreshes.
pub async fn grant(app: &web::Data<State>, client: Client, parameters: &Parameters, client_ip: String) -> Outcome {
    let text = parameters.required("refresh_token")?;
    let value = match PlainToken::parse(text) {
        Ok(value) if value.kind() == TokenKind::RefreshToken => value,
        Ok(_) => return Err(OAuthError::invalid_grant("That is a token of another kind, not a refresh token")),
        Err(NotAToken::Mistyped) => {
            return Err(OAuthError::invalid_grant("The refresh token is mistyped or cut: its checksum does not fit"));
        }
        Err(NotAToken::Foreign) => {
            return Err(OAuthError::invalid_grant("That is not a refresh token of this server"));
        }
    };
    let scope = match parameters.get("scope") {
        None => None,
        Some(text) => Some(Scope::parse(text).ok_or_else(|| OAuthError::invalid_scope("Check the `scope` parameter"))?),
    };
    let (lifetimes, now) = (app.config.lifetimes, app.clock.now());
    app.db
        .low_priority()
        .write(move |conn| refresh(conn, &client, &value, scope.as_ref(), &client_ip, lifetimes, now))
        .await?
}

fn refresh(
    conn: &mut DbConnection,
    client: &Client,
    value: &PlainToken,
    scope: Option<&Scope>,
    client_ip: &str,
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Result<Outcome> {
    // It may have been stopped since it was authenticated.
    let client = match Client::find(conn, client.id).map_err(Error::from) {
        Ok(client) => client,
        Err(Error::NotFound) => return Ok(Err(OAuthError::invalid_client("The client has been revoked"))),
        Err(error) => return Err(error),
    };
    if let Err(error) = require_active(&client) {
        return Ok(Err(error));
    }
    let hash = value.hash();
    let asked = Refresh { client: &client, value: &hash, scope, client_ip };
    Ok(match rotation::refresh(conn, &asked, lifetimes, now)? {
        Rotation::Issued(pair) => Ok(pair),
        Rotation::TooMany(seconds) => {
            let hint = "This refresh token has been refreshed too often within a minute. Another worker of yours has the \
                        new one: use that, or try again later";
            Err(OAuthError::slow_down(seconds, hint))
        }
        Rotation::ReuseDetected(at) => {
            let at = utc(at);
            Err(OAuthError::invalid_grant(format!(
                "The refresh token was shown again although it had been replaced (the newest one was issued {at}). \
                 Somebody may have a copy, so the whole grant was ended: ask the employee to authorize again"
            )))
        }
        Rotation::Refused(refusal) => Err(refused(conn, &client, value, refusal)?),
    })
}

fn refused(conn: &mut DbConnection, client: &Client, value: &PlainToken, refusal: Refusal) -> Result<OAuthError> {
    let hint = match refusal {
        Refusal::Unknown => ending(conn, client, value)?,
        Refusal::WrongClient => "Token is not linked to client".into(),
        Refusal::Expired(at) => format!("Token has expired {}", utc(at)),
        Refusal::Revoked => "Token has been revoked and is being deleted".into(),
        Refusal::EmployeeLocked => "The employee who granted it is locked; unlocking brings it back".into(),
        Refusal::EmployeeArchived => {
            "The employee who granted it has left (archived). Ask another employee to authorize".into()
        }
        Refusal::WiderScope => return Ok(OAuthError::invalid_scope("More was asked for than the employee granted")),
    };
    Ok(OAuthError::invalid_grant(hint))
}

// A value that is not there may be remembered by its seven characters: who ended it, and when.
fn ending(conn: &mut DbConnection, client: &Client, value: &PlainToken) -> Result<String> {
    let name = format!("{} of {}", value.mask().characters(), client.name);
    let found = Activity::ending_of_token(conn, &name, value.mask().characters())?;
    let Some(entry) = found else {
        return Ok("There is no such refresh token: it may have been deleted long after its end".into());
    };
    let zone = Account::get(conn)?.time_zone;
    let at = TimeFormat::new(entry.at, &zone).exact(entry.at).text;
    Ok(match Kind::from_word(&entry.kind) {
        Some(Kind::RefreshTokenReuseDetected | Kind::CodeReuseDetected) => {
            format!("Token has been revoked on {at}, because a copy of it was used")
        }
        _ => format!("Token has been revoked by {} on {at}", entry.actor_name),
    })
}

fn utc(at: Timestamp) -> String {
    format!("at {} UTC", TimeFormat::new(at, "UTC").exact(at).text)
}
