//! The conditions of a filter, with names resolved to employees, so that a row can be checked without a query.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::employees::Employee;
use crate::id::EmployeeKey;
use crate::schema::employees;
use crate::time::{DAY, Timestamp};
use crate::tokens::listing::row::ListedToken;
use crate::tokens::listing::{EXPIRING_SOON_DAYS, List, StatusFilter, TokenFilter, UNUSED_DAYS, Within};

/// The conditions that a row of a list must meet.
#[derive(Debug)]
pub struct Criteria {
    list: List,
    within: Within,
    now: Timestamp,
    expired: bool,
    /// The first characters of the token.
    pub prefix: String,
    /// Only tokens of these employees.
    pub employees: Option<HashSet<EmployeeKey>>,
    /// Locked and archived employees, if their tokens are left out.
    inactive: HashSet<EmployeeKey>,
    /// The condition on the token's dates.
    pub status: Option<StatusFilter>,
}

impl Criteria {
    /// All valid tokens of a list, or all expired ones.
    pub fn all((list, within): (List, Within), expired: bool, now: Timestamp) -> Criteria {
        let (prefix, employees, inactive, status) = (String::new(), None, HashSet::new(), None);
        Criteria { list, within, now, expired, prefix, employees, inactive, status }
    }

    /// Resolves a filter; `None` when nothing can match.
    pub fn of(
        conn: &mut DbConnection,
        list: (List, Within),
        filter: &TokenFilter,
        now: Timestamp,
    ) -> QueryResult<Option<Criteria>> {
        let mut criteria = Criteria { status: filter.status, ..Self::all(list, filter.expired, now) };
        if filter.token.len() > 7 || !filter.token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        criteria.prefix = filter.token.clone();
        if !filter.employee.is_empty() {
            criteria.employees = Some(Employee::named(conn, &filter.employee)?.into_iter().collect());
        }
        match filter.status {
            Some(StatusFilter::EmployeeActive) => criteria.inactive = inactive_employees(conn)?,
            Some(StatusFilter::EmployeeInactive) => {
                let inactive = inactive_employees(conn)?;
                criteria.employees = Some(match criteria.employees {
                    None => inactive,
                    Some(named) => named.intersection(&inactive).copied().collect(),
                });
            }
            _ => {}
        }
        let nobody = criteria.employees.as_ref().is_some_and(HashSet::is_empty);
        Ok((!nobody).then_some(criteria))
    }

    /// Whether expired tokens are requested.
    pub fn is_expired(&self) -> bool {
        self.expired
    }

    /// Whether there is no condition except valid or expired.
    pub fn is_empty(&self) -> bool {
        self.prefix.is_empty() && self.employees.is_none() && self.status.is_none()
    }

    /// Whether a row is in the list and passes the filter.
    pub fn accept(&self, row: &ListedToken) -> bool {
        self.is_in_list(row)
            && (row.expires_at <= self.now) == self.expired
            && row.mask.characters().starts_with(&self.prefix)
            && self.employees.as_ref().is_none_or(|employees| employees.contains(&row.employee))
            && !self.inactive.contains(&row.employee)
            && self.status.is_none_or(|status| self.has_status(row, status))
    }

    fn is_in_list(&self, row: &ListedToken) -> bool {
        let of_list = match self.list {
            List::ApiKeys => row.refresh_token.is_none(),
            List::RefreshTokens | List::AccessTokens | List::EndedTokens => row.refresh_token.is_some(),
        };
        of_list
            && match self.within {
                Within::Client(client) => row.client == client,
                Within::RefreshToken(client, id) => row.client == client && row.refresh_token == Some(id),
                Within::Employee(employee) => row.employee == employee,
            }
    }

    fn has_status(&self, row: &ListedToken, status: StatusFilter) -> bool {
        match status {
            // `employees` and `inactive` already hold these conditions.
            StatusFilter::EmployeeActive | StatusFilter::EmployeeInactive => true,
            StatusFilter::NeverUsed => row.last_used_at == Timestamp::NEVER_YET,
            StatusFilter::Unused => {
                row.last_used_at > Timestamp::NEVER_YET && row.last_used_at < self.now.plus(-UNUSED_DAYS * DAY)
            }
            StatusFilter::ExpiringSoon => {
                row.expires_at.since(row.created_at) > EXPIRING_SOON_DAYS * DAY
                    && row.expires_at < self.now.plus(EXPIRING_SOON_DAYS * DAY)
            }
        }
    }
}

fn inactive_employees(conn: &mut DbConnection) -> QueryResult<HashSet<EmployeeKey>> {
    let inactive = employees::table.filter(employees::locked_at.is_not_null().or(employees::archived_at.is_not_null()));
    Ok(inactive.select(employees::id).load(conn)?.into_iter().collect())
}
