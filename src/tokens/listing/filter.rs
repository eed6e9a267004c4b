//! The filters of a token list, and the SQL conditions they become.
//!
//! The conditions contain numbers and base62 characters only: names are resolved to employee ids first.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::employees::Employee;
use crate::schema::employees;
use crate::time::{DAY, Timestamp};
use crate::tokens::listing::Table;
use crate::tokens::listing::conditions::{comma_separated, without_index};

/// Days without use after which a token counts as unused.
pub const UNUSED_DAYS: i64 = 30;
/// A token counts as expiring soon when it expires within this many days.
pub const EXPIRING_SOON_DAYS: i64 = 7;

// When at least this percentage of all employees match a name, their tokens are frequent in every list.
const COMMON_PERCENT: i64 = 5;

text_enum! {
    /// API keys or access tokens.
    TokenType {
        /// API keys only.
        ApiKey = "api-key",
        /// Access tokens only.
        AccessToken = "access-token",
    }
}

text_enum! {
    /// What the status filter selects; expired tokens have a list of their own.
    StatusFilter {
        /// The employee is active.
        EmployeeActive = "employee-active",
        /// The token was never used.
        NeverUsed = "never-used",
        /// The token was used, but not in the last 30 days.
        Unused = "unused",
        /// The token expires within a week; access tokens always do and are left out.
        ExpiringSoon = "expiring-soon",
        /// The employee is locked or archived.
        EmployeeInactive = "employee-inactive",
    }
}

/// Which tokens are listed.
#[derive(Clone, Default)]
pub struct TokenFilter {
    /// The first characters of the token, case-sensitive, at most seven.
    pub token: String,
    /// A part of the employee's name.
    pub employee: String,
    /// Only tokens of this type.
    pub token_type: Option<TokenType>,
    /// Only tokens with this status.
    pub status: Option<StatusFilter>,
    /// Expired tokens instead of live ones.
    pub expired: bool,
}

impl TokenFilter {
    /// Whether no filter is set; live or expired is not a filter.
    pub fn is_empty(&self) -> bool {
        self.token.is_empty() && self.employee.is_empty() && self.token_type.is_none() && self.status.is_none()
    }
}

/// A filter as SQL conditions.
pub struct FilterConditions {
    /// The conditions, all of which must be true.
    pub conditions: Vec<String>,
    /// Whether the employees the filter matches own a good share of all tokens.
    pub has_common_employees: bool,
}

impl FilterConditions {
    /// Builds the conditions; `None` when nothing can match.
    pub fn of(
        conn: &mut DbConnection,
        (table, filter): (Table, &TokenFilter),
        now: Timestamp,
    ) -> QueryResult<Option<FilterConditions>> {
        let mut conditions = Vec::new();
        let mut has_common_employees = true;
        if !filter.token.is_empty() {
            let Some(range) = prefix_range(&filter.token) else {
                return Ok(None);
            };
            conditions.push(range);
        }
        if !filter.employee.is_empty() {
            let ids = Employee::named(conn, &filter.employee)?;
            if ids.is_empty() {
                return Ok(None);
            }
            let all_employees: i64 = employees::table.count().get_result(conn)?;
            has_common_employees = ids.len() as i64 * 100 >= COMMON_PERCENT * all_employees;
            conditions.push(format!("employee_id IN ({})", comma_separated(ids.iter().map(|id| id.0))));
        }
        match filter.token_type {
            None => {}
            Some(TokenType::ApiKey) => conditions.push("refresh_token_id IS NULL".into()),
            Some(TokenType::AccessToken) => conditions.push("refresh_token_id IS NOT NULL".into()),
        }
        conditions.extend(filter.status.iter().flat_map(|status| status_conditions(*status, table, now)));
        Ok(Some(FilterConditions { conditions, has_common_employees }))
    }
}

fn status_conditions(status: StatusFilter, table: Table, now: Timestamp) -> Vec<String> {
    const INACTIVE: &str = "SELECT id FROM employees WHERE locked_at IS NOT NULL OR archived_at IS NOT NULL";
    match status {
        StatusFilter::EmployeeActive => vec![format!("employee_id NOT IN ({INACTIVE})")],
        StatusFilter::EmployeeInactive => vec![format!("employee_id IN ({INACTIVE})")],
        StatusFilter::NeverUsed => vec!["last_used_at = 0".into()],
        StatusFilter::Unused => {
            vec![format!("last_used_at > 0 AND last_used_at < {}", now.plus(-UNUSED_DAYS * DAY).0)]
        }
        StatusFilter::ExpiringSoon => {
            // An access token lives for hours. Only a token with a longer lifetime than the warning can expire "soon".
            let lifetime = format!("expires_at - created_at > {}", EXPIRING_SOON_DAYS * DAY);
            let soon = format!("expires_at < {}", now.plus(EXPIRING_SOON_DAYS * DAY).0);
            match table {
                Table::RefreshTokens => vec![lifetime, soon],
                Table::AccessTokens => vec![lifetime, without_index(&soon), "refresh_token_id IS NULL".into()],
            }
        }
    }
}

// The first characters of a token are base62, so "begins with" is a range of strings, which an index can serve.
fn prefix_range(start: &str) -> Option<String> {
    if start.len() > 7 || !start.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    if start.len() == 7 {
        return Some(format!("prefix = '{start}'"));
    }
    let (head, last) = start.split_at(start.len() - 1);
    let after = char::from(last.as_bytes()[0] + 1);
    Some(format!("prefix >= '{start}' AND prefix < '{head}{after}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_filter_becomes_a_range_of_strings_and_other_characters_are_refused() {
        assert_eq!(prefix_range("Zk3").as_deref(), Some("prefix >= 'Zk3' AND prefix < 'Zk4'"));
        assert_eq!(prefix_range("z").as_deref(), Some("prefix >= 'z' AND prefix < '{'"));
        assert_eq!(prefix_range("Zk3f9aB").as_deref(), Some("prefix = 'Zk3f9aB'"));
        assert_eq!(prefix_range("' OR 1"), None);
        assert_eq!(prefix_range("Zk3f9aBx"), None);
    }
}
