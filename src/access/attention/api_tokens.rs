//! API tokens that nobody uses, that expire soon, or whose person is locked or archived.

use diesel::prelude::*;

use crate::access::attention::tokens::UNUSED_DAYS;
use crate::access::attention::{Found, Item, LOOKED_AT, Moment, Subject};
use crate::api_tokens::ApiToken;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::schema::{api_tokens, employees};
use crate::time::{DAY, Timestamp};
use crate::tokens::listing::EXPIRING_SOON_DAYS;

/// Which API tokens a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiTokenRule {
    /// They expire within a week, and were created for longer than that.
    ExpiringSoon,
    /// Their person is locked or archived.
    OwnerInactive,
    /// They were not used for 90 days; one that was never used counts from its creation.
    Unused,
}

impl ApiTokenRule {
    // Whether it is about this API token, and the time that says why.
    fn finds(self, token: &ApiToken, employee: &Employee, now: Timestamp) -> Option<Moment> {
        let used = token.last_used_at.max(token.created_at);
        let soon = EXPIRING_SOON_DAYS * DAY;
        match self {
            ApiTokenRule::ExpiringSoon => {
                let is_soon = token.expires_at.since(now) < soon && token.expires_at.since(token.created_at) > soon;
                is_soon.then_some(Moment::Expires(token.expires_at))
            }
            ApiTokenRule::OwnerInactive => (!employee.is_active()).then_some(Moment::Expires(token.expires_at)),
            ApiTokenRule::Unused => {
                let is_unused = now.since(used) >= UNUSED_DAYS * DAY;
                is_unused.then_some(Moment::LastUsed(token.last_used_at))
            }
        }
    }
}

/// The API tokens that a rule finds, newest first. It reads all that work or would work if their person was active.
pub fn find(
    conn: &mut DbConnection,
    rule: ApiTokenRule,
    now: Timestamp,
    is_quiet: &dyn Fn(Subject) -> bool,
) -> QueryResult<Found> {
    let rows: Vec<(ApiToken, Employee)> = api_tokens::table
        .inner_join(employees::table)
        .filter(api_tokens::revoked_at.is_null())
        .filter(api_tokens::expires_at.gt(now))
        .order(api_tokens::id.desc())
        .limit(LOOKED_AT)
        .select((ApiToken::as_select(), Employee::as_select()))
        .load(conn)?;
    let is_end = (rows.len() as i64) < LOOKED_AT;
    let item = |(token, employee): (ApiToken, Employee)| {
        let moment = rule.finds(&token, &employee, now)?;
        let subject = Subject::ApiToken(token.id);
        let item = Item {
            subject,
            name: token.mask.characters().to_string(),
            label: token.name,
            client: None,
            employee: Some((employee.id, employee.name)),
            moment,
        };
        (!is_quiet(subject)).then_some(item)
    };
    Ok(Found::new(rows.into_iter().filter_map(item).collect(), is_end))
}
