//! The list of API tokens: filters, sorting and paging.

use diesel::prelude::*;

use crate::api_tokens::api_token::{ApiToken, ApiTokenState};
use crate::db::DbConnection;
use crate::db::keyset::{Cursor, PAGE};
use crate::db::text_enum::text_enum;
use crate::employees::Employee;
use crate::id::EmployeeKey;
use crate::schema::{api_tokens, employees};
use crate::scopes::Role;
use crate::text::like_pattern;
use crate::time::Timestamp;

text_enum! {
    /// How a list of API tokens is sorted.
    ApiTokenSort {
        /// By when they were created.
        Created = "created",
        /// By when they were last used.
        LastUsed = "used",
        /// By when they expire.
        Expires = "expires",
    }
}

/// Which API tokens a list shows.
#[derive(Clone, Debug, Default)]
pub struct ApiTokenFilter {
    /// A part of the name of the token, or of its person.
    pub name: String,
    /// A part of the name of their person.
    pub person: String,
    /// Only those of this person.
    pub only: Option<EmployeeKey>,
    /// Only this role of the token.
    pub role: Option<Role>,
    /// Only this state; none means every one that is neither expired nor revoked.
    pub state: Option<ApiTokenState>,
}

impl ApiToken {
    /// The value that it is sorted by.
    pub fn sort_value(&self, sort: ApiTokenSort) -> i64 {
        match sort {
            ApiTokenSort::Created => self.created_at.0,
            ApiTokenSort::LastUsed => self.last_used_at.0,
            ApiTokenSort::Expires => self.expires_at.0,
        }
    }

    /// A page of API tokens with their persons, with one more than fits, and the total.
    ///
    /// It reads the whole table: retention and [`MOST_PER_PERSON`](crate::api_tokens::MOST_PER_PERSON) keep it short.
    ///
    /// Longer than 60 lines, because the filters and the page are one query, whose type has no name.
    pub fn list(
        conn: &mut DbConnection,
        filter: &ApiTokenFilter,
        (sort, descending): (ApiTokenSort, bool),
        cursor: Cursor,
        now: Timestamp,
    ) -> QueryResult<(Vec<(ApiToken, Employee)>, i64)> {
        let matching = || {
            let mut query = api_tokens::table.inner_join(employees::table).into_boxed();
            if !filter.name.trim().is_empty() {
                let pattern = like_pattern(&filter.name);
                let person = employees::name_fold.like(pattern.clone()).escape('\\');
                query = query.filter(api_tokens::name_fold.like(pattern).escape('\\').or(person));
            }
            if !filter.person.trim().is_empty() {
                let person = employees::name_fold.like(like_pattern(&filter.person)).escape('\\');
                query = query.filter(person);
            }
            if let Some(only) = filter.only {
                query = query.filter(api_tokens::employee_id.eq(only));
            }
            if let Some(role) = filter.role {
                query = query.filter(api_tokens::role.eq(role));
            }
            let is_inactive = employees::locked_at.is_not_null().or(employees::archived_at.is_not_null());
            match filter.state {
                Some(ApiTokenState::Revoked) => query.filter(api_tokens::revoked_at.is_not_null()),
                Some(ApiTokenState::Expired) => {
                    query.filter(api_tokens::revoked_at.is_null()).filter(api_tokens::expires_at.le(now))
                }
                None => query.filter(api_tokens::revoked_at.is_null()).filter(api_tokens::expires_at.gt(now)),
                Some(ApiTokenState::Inactive) => query
                    .filter(api_tokens::revoked_at.is_null())
                    .filter(api_tokens::expires_at.gt(now))
                    .filter(is_inactive),
                Some(ApiTokenState::Valid) => query
                    .filter(api_tokens::revoked_at.is_null())
                    .filter(api_tokens::expires_at.gt(now))
                    .filter(diesel::dsl::not(is_inactive)),
            }
        };
        let total = matching().count().get_result(conn)?;
        let mut query = matching().select((ApiToken::as_select(), Employee::as_select())).limit(PAGE as i64 + 1);
        let down = descending != cursor.is_backward();
        macro_rules! page_by {
            ($column:expr) => {{
                if let Some(place) = cursor.place() {
                    let tie = $column.eq(place.value);
                    query = match down {
                        true => query.filter($column.lt(place.value).or(tie.and(api_tokens::id.lt(place.id)))),
                        false => query.filter($column.gt(place.value).or(tie.and(api_tokens::id.gt(place.id)))),
                    };
                }
                match down {
                    true => query.order(($column.desc(), api_tokens::id.desc())).load(conn)?,
                    false => query.order(($column.asc(), api_tokens::id.asc())).load(conn)?,
                }
            }};
        }
        let rows = match sort {
            ApiTokenSort::Created => page_by!(api_tokens::created_at),
            ApiTokenSort::LastUsed => page_by!(api_tokens::last_used_at),
            ApiTokenSort::Expires => page_by!(api_tokens::expires_at),
        };
        Ok((rows, total))
    }
}
