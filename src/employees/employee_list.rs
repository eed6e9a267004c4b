//! The list of employees: filters, sorting and paging.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::keyset::PAGE;
use crate::db::text_enum::text_enum;
use crate::employees::employee::{Employee, EmployeeFilter, EmployeeState};
use crate::schema::employees;
use crate::text::like_pattern;

text_enum! {
    /// How a list of employees is sorted.
    EmployeeSort {
        /// By name, ignoring case.
        Name = "name",
        /// By the number of valid refresh tokens and API keys.
        Grants = "tokens",
    }
}

impl Employee {
    /// A page of employees, with one more than fits, and the total. `edge` is the sort value, the folded name or the number of
    /// tokens, and the id that it starts after.
    pub fn list(
        conn: &mut DbConnection,
        filter: &EmployeeFilter,
        (sort, descending): (EmployeeSort, bool),
        edge: Option<(&str, i64)>,
        backward: bool,
    ) -> QueryResult<(Vec<Employee>, i64)> {
        let matching = || {
            let mut query = employees::table.into_boxed();
            if !filter.name.is_empty() {
                let pattern = like_pattern(&filter.name);
                let email = employees::email_fold.like(pattern.clone()).escape('\\');
                query = query.filter(employees::name_fold.like(pattern).escape('\\').or(email));
            }
            if let Some(role) = filter.role {
                query = query.filter(employees::role.eq(role));
            }
            match filter.state {
                None => query.filter(employees::archived_at.is_null()),
                Some(EmployeeState::Archived) => query.filter(employees::archived_at.is_not_null()),
                Some(EmployeeState::Locked) => {
                    query.filter(employees::locked_at.is_not_null()).filter(employees::archived_at.is_null())
                }
                Some(EmployeeState::Invited) => query
                    .filter(employees::password_hash.is_null())
                    .filter(employees::linked_at.is_null())
                    .filter(employees::locked_at.is_null())
                    .filter(employees::archived_at.is_null()),
                Some(EmployeeState::Active) => query
                    .filter(employees::password_hash.is_not_null().or(employees::linked_at.is_not_null()))
                    .filter(employees::locked_at.is_null())
                    .filter(employees::archived_at.is_null()),
            }
        };
        let total = matching().count().get_result(conn)?;
        let mut query = matching().select(Employee::as_select()).limit(PAGE as i64 + 1);
        let down = descending != backward;
        macro_rules! page_by {
            ($column:expr, $value:expr) => {{
                if let Some((value, id)) = edge {
                    let value = $value(value);
                    let tie = $column.eq(value.clone());
                    query = match down {
                        true => query.filter($column.lt(value).or(tie.and(employees::id.lt(id)))),
                        false => query.filter($column.gt(value).or(tie.and(employees::id.gt(id)))),
                    };
                }
                match down {
                    true => query.order(($column.desc(), employees::id.desc())).load(conn)?,
                    false => query.order(($column.asc(), employees::id.asc())).load(conn)?,
                }
            }};
        }
        let rows = match sort {
            EmployeeSort::Name => page_by!(employees::name_fold, |text: &str| text.to_string()),
            EmployeeSort::Grants => page_by!(employees::grant_count, |text: &str| text.parse::<i64>().unwrap_or(0)),
        };
        Ok((rows, total))
    }
}
