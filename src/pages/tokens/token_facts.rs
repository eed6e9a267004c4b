//! What the pages of refresh tokens, access tokens and API keys have in common.

use crate::clients::Client;
use crate::employees::Employee;
use crate::scopes::{EffectiveAccess, Scope};
use crate::time::DisplayTime;
use crate::tokens::{AccessToken, EndedToken, RefreshToken, TokenDates, TokenStatus};
use crate::web::badge::Badge;
use crate::web::page::RequestContext;

/// The facts shown about a token of any type.
pub struct TokenFacts {
    pub mask: String,
    pub label: String,
    pub employee: String,
    pub employee_role: &'static str,
    pub employee_href: Option<String>,
    /// What it can do; `None` for an ended token, whose scope is no longer stored.
    pub access: Option<EffectiveAccess>,
    pub created: DisplayTime,
    pub last_used: DisplayTime,
    /// The IP address it was last used from, which staff may not see.
    pub last_used_from: Option<String>,
    pub expires: DisplayTime,
    pub badge: Badge,
}

impl TokenFacts {
    fn of(
        context: &RequestContext,
        (mask, label, scope): (&str, &str, Option<&Scope>),
        (dates, address): (TokenDates, &str),
        (employee, client): (&Employee, &Client),
    ) -> TokenFacts {
        let times = &context.times;
        TokenFacts {
            mask: mask.into(),
            label: label.into(),
            employee: employee.name.clone(),
            employee_role: employee.role.name(),
            employee_href: context.viewer.employee_page(employee.id),
            access: scope.map(|scope| EffectiveAccess::of(scope, employee.role)),
            created: times.exact(dates.created_at),
            last_used: times.ago(dates.last_used_at),
            last_used_from: (context.viewer.is_manager() && !address.is_empty()).then(|| address.into()),
            expires: times.until(dates.expires_at),
            badge: TokenStatus::of(dates, employee, client.state(), times.now()).badge(),
        }
    }

    /// The facts of a refresh token.
    pub fn of_refresh_token(
        context: &RequestContext,
        client: &Client,
        (token, address): (&RefreshToken, &str),
        employee: &Employee,
    ) -> TokenFacts {
        let last_use = (token.dates(), address);
        Self::of(context, (token.mask.characters(), "", Some(&token.scope)), last_use, (employee, client))
    }

    /// The facts of an access token or API key.
    pub fn of_access_token(
        context: &RequestContext,
        client: &Client,
        token: &AccessToken,
        employee: &Employee,
    ) -> TokenFacts {
        Self::of(
            context,
            (token.mask.characters(), &token.label, Some(&token.scope)),
            (token.dates(), &token.last_used_address),
            (employee, client),
        )
    }

    /// The facts of an access token that has expired.
    pub fn of_ended_token(
        context: &RequestContext,
        client: &Client,
        token: &EndedToken,
        employee: &Employee,
    ) -> TokenFacts {
        Self::of(context, (token.mask.characters(), "", None), (token.dates(), ""), (employee, client))
    }
}
