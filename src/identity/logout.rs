//! Signing out: back-channel logout, by which the provider signs people out here (OpenID Connect Back-Channel Logout 1.0), and
//! RP-initiated logout, by which they sign out there (OpenID Connect RP-Initiated Logout 1.0).

use diesel::prelude::*;
use serde_json::Value;
use url::Url;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{EmployeeKey, IdentityKey};
use crate::identity::claims::{seconds, session_id};
use crate::identity::jws::{Claims, Token};
use crate::identity::{Asking, Refusal};
use crate::schema::{employee_identities, sessions};
use crate::time::{MINUTE, Timestamp, count};

/// The path that the provider posts logout tokens to.
pub const BACK_CHANNEL: &str = "/sign-in/back-channel-logout";

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
// A logout token is posted at once. An older one may be a copy.
const LONGEST_AGE: i64 = 5 * MINUTE;

/// Whom a provider signs out: a subject, one of the provider's sessions, or one of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    issuer: String,
    subject: Option<String>,
    session: Option<String>,
    issued_at: Timestamp,
}

fn wrong(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(format!("The logout token is refused: {why}."))
}

impl Asking<'_> {
    /// Verifies a logout token (section 2.6).
    pub async fn logout_token(&self, text: &str) -> std::result::Result<LogoutRequest, Refusal> {
        let token = Token::read(text).map_err(wrong)?;
        if !matches!(token.kind().as_str(), "" | "jwt" | "logout+jwt") {
            return Err(wrong("it is another kind of token"));
        }
        let claims = self.verified(&token).await?.map_err(wrong)?;
        self.check_issued(&claims).map_err(wrong)?;
        self.logout_request(&claims).map_err(wrong)
    }

    fn logout_request(&self, claims: &Claims) -> std::result::Result<LogoutRequest, &'static str> {
        // What only an ID token has: it must not sign anybody out (section 2.4).
        if claims.contains_key("nonce") {
            return Err("it is an ID token");
        }
        if !claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object) {
            return Err("it does not name the event");
        }
        let issued_at = claims.get("iat").and_then(seconds).unwrap_or(Timestamp(0));
        if self.now.since(issued_at) > LONGEST_AGE {
            return Err("it is too old");
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (subject, session) = (text("sub").map(str::to_string), text("sid").map(session_id));
        // Section 2.4 requires it. That a copy signs nobody out again is ensured by the time: see `sign_out`.
        if text("jti").is_none() {
            return Err("it has no ID");
        }
        if subject.is_none() && session.is_none() {
            return Err("it names neither a person nor a session");
        }
        // PostgreSQL stores no NUL, and so nobody has such a name.
        if [&subject, &session].into_iter().flatten().any(|text| text.contains('\0')) {
            return Err("it cannot be read");
        }
        Ok(LogoutRequest { issuer: self.provider.issuer.clone(), subject, session, issued_at })
    }

    /// The URL at which the browser signs out of the provider; none if the provider has none.
    pub async fn logout_url(&self) -> std::result::Result<Option<Url>, Refusal> {
        let metadata = self.metadata().await?;
        let Some(endpoint) = metadata.end_session_endpoint.as_deref() else { return Ok(None) };
        let mut url = Url::parse(endpoint)
            .ok()
            .filter(|url| crate::http::may_be_called(url, self.http.allows_private()))
            .ok_or_else(|| Refusal::new("The address of the provider's sign-out page is not valid."))?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.provider.client_id)
            .append_pair("post_logout_redirect_uri", &format!("{}/sign-in", self.origin));
        Ok(Some(url))
    }
}

/// Signs out the sessions that a logout token names and records it; returns how many sessions that were. A session that began
/// after the token was issued stays, so that a copy of the token signs nobody out again.
pub fn sign_out(conn: &mut DbConnection, request: &LogoutRequest, provider: &str, now: Timestamp) -> Result<i64> {
    let mut found = sessions::table
        .inner_join(employee_identities::table)
        .filter(employee_identities::issuer.eq(&request.issuer))
        .filter(sessions::created_at.le(request.issued_at.plus(super::CLOCK_SKEW)))
        .select((sessions::id, employee_identities::employee_id))
        .into_boxed();
    if let Some(subject) = &request.subject {
        found = found.filter(employee_identities::subject.eq(subject));
    }
    if let Some(session) = &request.session {
        found = found.filter(sessions::provider_session.eq(session));
    }
    let mut found: Vec<(i64, EmployeeKey)> = found.load(conn)?;
    let ids: Vec<i64> = found.iter().map(|(id, _)| *id).collect();
    diesel::delete(sessions::table.filter(sessions::id.eq_any(&ids))).execute(conn)?;
    found.sort_by_key(|(_, employee)| *employee);
    for of_one in found.chunk_by(|(_, one), (_, other)| one == other) {
        let Some((_, employee)) = of_one.first() else { continue };
        let employee = Employee::find(conn, *employee)?;
        let note = format!("{} by {provider}", count(of_one.len() as i64, "session"));
        NewActivity::new(Kind::SessionRevoked, Actor::client(provider), employee.subject())
            .with(Detail::note(note))
            .record(conn, now)?;
    }
    Ok(ids.len() as i64)
}

/// Whether a session began at a provider.
pub fn is_of_provider(conn: &mut DbConnection, session: crate::id::SessionKey) -> QueryResult<bool> {
    let row = sessions::table.find(session).select(sessions::identity_id);
    let identity: Option<Option<IdentityKey>> = row.first(conn).optional()?;
    Ok(identity.flatten().is_some())
}
