//! `grant_type=authorization_code` (RFC 6749 section 4.1.3).

use actix_web::web;

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::clients::Client;
use crate::db::{DbConnection, tally};
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::metrics::Act;
use crate::oauth::client_auth::require_active;
use crate::oauth::grants::{Issued, Outcome};
use crate::oauth::parameters::Parameters;
use crate::oauth::pkce;
use crate::secrets::TokenHash;
use crate::time::Timestamp;
use crate::tokens::authorization_code::AuthorizationCode;
use crate::tokens::issue::{Grant, Lifetimes};
use crate::tokens::revocation::Target;
use crate::tokens::{RefreshToken, issue, revocation};
use crate::web::oauth_error::OAuthError;
use crate::web::state::State;

struct Redemption {
    client: Client,
    code: TokenHash,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    client_ip: String,
}

/// Redeems an authorization code: issues the refresh token and the first access token.
pub async fn grant(app: &web::Data<State>, client: Client, parameters: &Parameters, client_ip: String) -> Outcome {
    let redemption = Redemption {
        client,
        code: TokenHash::of(parameters.required("code")?),
        redirect_uri: parameters.get("redirect_uri").map(str::to_string),
        code_verifier: parameters.get("code_verifier").map(str::to_string),
        client_ip,
    };
    if redemption.code_verifier.as_deref().is_some_and(|verifier| !pkce::is_verifier(verifier)) {
        return Err(OAuthError::invalid_request(
            "Check the `code_verifier` parameter: 43 to 128 unreserved characters",
        ));
    }
    let (lifetimes, now) = (app.config.lifetimes, app.clock.now());
    app.db.low_priority().write(move |conn| redeem(conn, &redemption, lifetimes, now)).await?
}

fn redeem(conn: &mut DbConnection, request: &Redemption, lifetimes: Lifetimes, now: Timestamp) -> Result<Outcome> {
    let refuse = |hint: String| Ok(Err(OAuthError::invalid_grant(hint)));
    let Some(code) = AuthorizationCode::find(conn, &request.code)? else {
        return refuse("Unknown authorization code".into());
    };
    if let Some(hint) = mismatch(&code, request) {
        return refuse(hint.into());
    }
    if code.redeemed_at.is_some() {
        return reuse_detected(conn, request, &code, now);
    }
    if now > code.expires_at {
        return refuse("Authorization code has expired".into());
    }
    // The client may have been revoked or suspended since the code was issued, and the employee locked or archived.
    let client = match Client::find(conn, request.client.id).map_err(Error::from) {
        Ok(client) => client,
        Err(Error::NotFound) => return Ok(Err(OAuthError::invalid_client("The client has been revoked"))),
        Err(error) => return Err(error),
    };
    if let Err(error) = require_active(&client) {
        return Ok(Err(error));
    }
    let employee = Employee::find(conn, code.employee_id)?;
    if !employee.is_active() {
        return refuse("The employee who authorized access is locked or archived".into());
    }
    if !AuthorizationCode::redeem(conn, code.id, now)? {
        let code = AuthorizationCode::find(conn, &request.code)?.unwrap_or(code);
        return reuse_detected(conn, request, &code, now);
    }
    let consent = Grant { client: client.id, employee: employee.id, scope: &code.scope };
    let pair = issue::grant(conn, &consent, lifetimes, now)?;
    AuthorizationCode::set_refresh_token(conn, code.id, pair.refresh_token_id)?;
    let (id, mask) = (pair.refresh_token_id.0, pair.refresh_token.mask());
    let subject = Subject::token("refresh_token", id, &mask, (client.id, &client.name), employee.id);
    NewActivity::new(Kind::ClientAuthorized, Actor::person(employee.id, &employee.name), subject)
        .from(&request.client_ip)
        .with(Detail::note(code.scope.in_words().join(", ")))
        .record(conn, now)?;
    crate::tokens::client_counters::recount(conn, client.id)?;
    Ok(Ok(Issued::new(pair, &code.scope, employee.role)))
}

// What in the request does not match the code: client, redirect URI or PKCE verifier (RFC 7636 section 4.6).
fn mismatch(code: &AuthorizationCode, request: &Redemption) -> Option<&'static str> {
    // Do not redeem a code of another client: a thief must not be able to use it up.
    if code.client_id != request.client.id {
        return Some("Authorization code was not issued to this client");
    }
    if code.redirect_uri != request.redirect_uri {
        return Some("Check the `redirect_uri` parameter: it must be the same as in the authorization request");
    }
    match (&code.code_challenge, &request.code_verifier) {
        (None, None) => None,
        (Some(challenge), Some(verifier)) if pkce::verifies(challenge, verifier) => None,
        (Some(_), Some(_)) => Some("Failed to verify `code_verifier`."),
        (Some(_), None) => Some("Check the `code_verifier` parameter: the authorization request had a code_challenge"),
        (None, Some(_)) => Some("Remove `code_verifier`: the authorization request had no code_challenge"),
    }
}

// A code that is used twice may have been stolen: revokes every token issued from it (RFC 6749 section 4.1.2).
fn reuse_detected(
    conn: &mut DbConnection,
    request: &Redemption,
    code: &AuthorizationCode,
    now: Timestamp,
) -> Result<Outcome> {
    const HINT: &str = "Authorization code reuse detected. Every token issued from it has been revoked";
    let refused = Ok(Err(OAuthError::invalid_grant(HINT)));
    // Lock the code before the refresh token. On PostgreSQL, a request that waited for the code's row holds it; revoking
    // the refresh token deletes the code, so the opposite order could deadlock.
    if !AuthorizationCode::lock(conn, code.id)? {
        return refused;
    }
    let Some(id) = code.refresh_token_id else {
        return refused;
    };
    let grant = match RefreshToken::find(conn, request.client.id, id) {
        Ok(grant) => grant,
        Err(diesel::result::Error::NotFound) => return refused,
        Err(error) => return Err(error.into()),
    };
    let note = format!("its authorization code was used again from {}", request.client_ip);
    let target = Target::RefreshToken(request.client.clone(), grant);
    let kind = (Kind::CodeReuseDetected, note.as_str());
    match revocation::revoke_as(conn, &target, kind, None, (&request.client.actor(), &request.client_ip), now) {
        Ok(_) => {
            tally(conn, Act::CodeReused, 1);
            refused
        }
        Err(Error::Conflict(_)) => refused,
        Err(error) => Err(error),
    }
}
