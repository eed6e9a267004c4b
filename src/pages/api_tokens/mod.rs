//! Settings › API tokens: the list, one token, creating and revoking it.

pub mod api_token_detail;
pub mod api_token_list;
pub mod new_api_token;
pub mod revoke_api_token;

use crate::api_tokens::ApiToken;
use crate::clients::ClientState;
use crate::employees::Employee;
use crate::id::ApiTokenKey;
use crate::time::{DisplayTime, TimeFormat, Timestamp};
use crate::tokens::{TokenDates, TokenStatus};
use crate::web::badge::Badge;

/// The path of the section.
pub const HOME: &str = "/settings/api-tokens";

/// The path of an API token's page.
pub fn path(id: ApiTokenKey) -> String {
    format!("{HOME}/{id}")
}

/// The badge of an API token; `employee` is its person.
pub fn badge(token: &ApiToken, employee: &Employee, now: Timestamp) -> Badge {
    if token.revoked_at.is_some() {
        return Badge::new("bad", "x-circle", "Revoked");
    }
    let dates =
        TokenDates { created_at: token.created_at, last_used_at: token.last_used_at, expires_at: token.expires_at };
    // It has no client that could keep it from working.
    TokenStatus::of(dates, employee, ClientState::Active, now).badge()
}

/// An API token in a list.
pub struct ApiTokenRow {
    /// Its page.
    pub href: String,
    /// What it is for.
    pub name: String,
    /// Its first characters.
    pub mask: String,
    /// The service that uses it; empty for a person's own token.
    pub service: String,
    /// Its person.
    pub person: String,
    /// The page of its person.
    pub person_href: String,
    /// The role it acts with now.
    pub role: &'static str,
    /// Whether that is lower than the role it was given.
    pub is_lowered: bool,
    /// What it may be used for, in words.
    pub areas: Vec<String>,
    /// When it was created.
    pub created: DisplayTime,
    /// When it was last used.
    pub last_used: DisplayTime,
    /// The address it was last used from; empty if it was not used.
    pub last_used_from: String,
    /// When it expires.
    pub expires: DisplayTime,
    /// Its status.
    pub badge: Badge,
}

impl ApiTokenRow {
    /// The row of an API token; `employee` is its person.
    pub fn of(token: &ApiToken, employee: &Employee, times: &TimeFormat) -> ApiTokenRow {
        let role = token.effective_role(employee);
        ApiTokenRow {
            href: path(token.id),
            name: token.name.clone(),
            mask: token.mask.characters().to_string(),
            service: token.service.clone(),
            person: employee.name.clone(),
            person_href: crate::pages::employees::path(employee.id),
            role: role.name(),
            is_lowered: role != token.role,
            areas: token.areas.in_words(),
            created: times.exact(token.created_at),
            last_used: times.ago(token.last_used_at),
            last_used_from: token.last_used_address.clone(),
            expires: times.until(token.expires_at),
            badge: badge(token, employee, times.now()),
        }
    }
}
