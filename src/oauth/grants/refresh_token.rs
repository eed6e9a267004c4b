//! `grant_type=refresh_token` (RFC 6749 section 6). `tokens::rotation` decides; this file maps its results to OAuth errors.

use actix_web::web;

use crate::activity::{Activity, Kind};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::oauth::client_auth::require_active;
use crate::oauth::grants::{Issued, Outcome};
use crate::oauth::parameters::Parameters;
use crate::scopes::Scope;
use crate::secrets::{NotAToken, PlainToken, TokenKind};
use crate::time::Timestamp;
use crate::tokens::issue::Lifetimes;
use crate::tokens::rotation;
use crate::tokens::rotation::{Refresh, Refusal, Rotation};
use crate::web::oauth_error::OAuthError;
use crate::web::state::State;

/// Rotates a refresh token: issues a new one and an access token.
pub async fn grant(app: &web::Data<State>, client: Client, parameters: &Parameters, client_ip: String) -> Outcome {
    let text = parameters.required("refresh_token")?;
    let value = match PlainToken::parse(text) {
        Ok(value) if value.kind() == TokenKind::RefreshToken => value,
        Ok(_) => return Err(OAuthError::invalid_grant("This is another kind of token, not a refresh token")),
        Err(NotAToken::Mistyped) => {
            return Err(OAuthError::invalid_grant(
                "The refresh token is incomplete or mistyped: its checksum is wrong",
            ));
        }
        Err(NotAToken::Foreign) => {
            return Err(OAuthError::invalid_grant("This is not a refresh token of this server"));
        }
    };
    let scope = match parameters.get("scope") {
        None => None,
        Some(text) => Some(Scope::parse(text).ok_or_else(|| OAuthError::invalid_scope("Check the `scope` parameter"))?),
    };
    let (lifetimes, now) = (app.config.lifetimes, app.clock.now());
    let state = app.clone();
    let change = move |conn: &mut DbConnection| {
        let (grant_key, scope, client_ip) = (&state.keys.grant, scope.as_ref(), client_ip.as_str());
        let asked = Refresh { client: &client, value: &value, grant_key, scope, client_ip };
        refresh(conn, &asked, lifetimes, now)
    };
    app.db.low_priority().write(change).await?
}

fn refresh(conn: &mut DbConnection, asked: &Refresh<'_>, lifetimes: Lifetimes, now: Timestamp) -> Result<Outcome> {
    // The client may have been revoked or suspended since it was authenticated.
    let client = match Client::find(conn, asked.client.id).map_err(Error::from) {
        Ok(client) => client,
        Err(Error::NotFound) => return Ok(Err(OAuthError::invalid_client("The client has been revoked"))),
        Err(error) => return Err(error),
    };
    if let Err(error) = require_active(&client) {
        return Ok(Err(error));
    }
    let asked = Refresh { client: &client, ..*asked };
    Ok(match rotation::refresh(conn, &asked, lifetimes, now)? {
        Rotation::Issued(pair, granted) => Ok(Issued::new(pair, &granted.scope, granted.role)),
        Rotation::TooMany(seconds) => {
            let hint = "This refresh token was used too often within a minute. Another of your processes has the new \
                        one: use that, or try again later";
            Err(OAuthError::slow_down(seconds, hint))
        }
        Rotation::ReuseDetected(at) => Err(OAuthError::invalid_grant(format!(
            "Token reuse detected: this refresh token was used after it had been replaced (the newest one was issued at \
             {}). All tokens of the grant have been revoked. Ask the employee to authorize again",
            at.iso()
        ))),
        Rotation::Refused(refusal) => Err(refused(conn, &client, asked.value, refusal)?),
    })
}

fn refused(conn: &mut DbConnection, client: &Client, value: &PlainToken, refusal: Refusal) -> Result<OAuthError> {
    let hint = match refusal {
        Refusal::Unknown => revoked_by(conn, client, value)?
            .unwrap_or_else(|| "Unknown refresh token: it may have been revoked, or expired and deleted".into()),
        Refusal::WrongClient => "Token is not linked to client".into(),
        Refusal::Expired(at) => format!("Token has expired at {}", at.iso()),
        Refusal::Revoked => {
            revoked_by(conn, client, value)?.unwrap_or_else(|| "Token has been revoked and is being deleted".into())
        }
        Refusal::EmployeeLocked => {
            "The employee who authorized access is locked. The token works again when they are unlocked".into()
        }
        Refusal::EmployeeArchived => {
            "The employee who authorized access is archived. Ask another employee to authorize".into()
        }
        Refusal::Restored => {
            "The server was restored from a backup that is older than this token. Ask the employee to authorize again"
                .into()
        }
        Refusal::WiderScope => return Ok(OAuthError::invalid_scope("The scope exceeds what the employee granted")),
    };
    Ok(OAuthError::invalid_grant(hint))
}

// The activity log may know a revoked token by its first seven characters: whether the shop or the client revoked it, and
// when. The client's developer is not told the names of employees.
fn revoked_by(conn: &mut DbConnection, client: &Client, value: &PlainToken) -> Result<Option<String>> {
    let name = format!("{} of {}", value.mask().characters(), client.name);
    let found = Activity::ending_of_token(conn, &name, value.mask().characters())?;
    let Some(entry) = found else {
        return Ok(None);
    };
    let at = entry.at.iso();
    let is_own = entry.actor_id.is_none() && entry.actor_name == client.name;
    Ok(Some(match Kind::from_word(&entry.kind) {
        Some(Kind::RefreshTokenReuseDetected) => format!("Token has been revoked at {at}: token reuse detected"),
        Some(Kind::CodeReuseDetected) => format!("Token has been revoked at {at}: authorization code reuse detected"),
        _ if is_own => format!("Token has been revoked by this client at {at}"),
        _ => format!("Token has been revoked by the shop at {at}"),
    }))
}
