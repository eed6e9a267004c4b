//! Employees to choose from: those whose access works, found by a part of their name or e-mail address.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::employees::Employee;
use crate::schema::employees;
use crate::text::{fold, like_pattern};

/// The first `most` employees by name who are neither locked nor archived and have `part` in their name or e-mail address,
/// and how many there are.
pub fn find_active(conn: &mut DbConnection, part: &str, most: i64) -> QueryResult<(Vec<Employee>, i64)> {
    let matching = || {
        let mut query = employees::table
            .filter(employees::locked_at.is_null())
            .filter(employees::archived_at.is_null())
            .into_boxed::<crate::db::Backend>();
        if !fold(part.trim()).is_empty() {
            let pattern = like_pattern(part.trim());
            let email = employees::email_fold.like(pattern.clone()).escape('\\');
            query = query.filter(employees::name_fold.like(pattern).escape('\\').or(email));
        }
        query
    };
    let total = matching().count().get_result(conn)?;
    let by_name = matching().order((employees::name_fold, employees::id)).limit(most);
    Ok((by_name.select(Employee::as_select()).load(conn)?, total))
}
