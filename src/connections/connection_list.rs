//! The list of connections: filters, sorting and paging.

use diesel::prelude::*;

use crate::connections::api_type::ApiType;
use crate::connections::connection::Connection;
use crate::connections::status::Status;
use crate::db::keyset::PAGE;
use crate::db::text_enum::text_enum;
use crate::db::{Backend, DbConnection};
use crate::id::{BusinessKey, ConnectionKey, EmployeeKey};
use crate::schema::{businesses, connections, employees, oauth_clients};
use crate::time::Timestamp;

text_enum! {
    /// The sort order of the list.
    ConnectionSort {
        /// By name, ignoring case.
        Name = "name",
        /// By when the access token expires.
        Expires = "expires",
        /// By when the tokens were last refreshed.
        Refreshed = "refreshed",
        /// By when a call last used it.
        Used = "used",
    }
}

/// The filters of the list.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFilter {
    /// A part of the name.
    pub name: String,
    /// Only this API type.
    pub api_type: Option<ApiType>,
    /// Only this status.
    pub status: Option<Status>,
    /// Only this business.
    pub business: Option<BusinessKey>,
}

impl ConnectionFilter {
    /// Whether no filter is set.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.api_type.is_none() && self.status.is_none() && self.business.is_none()
    }
}

/// A connection with the columns of the list.
#[derive(Clone, Debug)]
pub struct ListedConnection {
    /// The connection.
    pub connection: Connection,
    /// Its API type.
    pub api_type: ApiType,
    /// The name of its business.
    pub business: Option<String>,
    /// The name of the employee who authorized it.
    pub authorized_by: Option<String>,
}

type Row = (Connection, ApiType, Option<String>, Option<String>);

impl From<Row> for ListedConnection {
    fn from((connection, api_type, business, authorized_by): Row) -> ListedConnection {
        ListedConnection { connection, api_type, business, authorized_by }
    }
}

type Joined = diesel::dsl::LeftJoin<
    diesel::dsl::LeftJoin<diesel::dsl::InnerJoin<connections::table, oauth_clients::table>, businesses::table>,
    employees::table,
>;

fn matching(filter: &ConnectionFilter) -> diesel::dsl::IntoBoxed<'_, Joined, Backend> {
    let all =
        connections::table.inner_join(oauth_clients::table).left_join(businesses::table).left_join(employees::table);
    let mut query = all.into_boxed();
    if !filter.name.is_empty() {
        let pattern = crate::text::like_pattern(&filter.name);
        query = query.filter(connections::name_fold.like(pattern).escape('\\'));
    }
    if let Some(api_type) = filter.api_type {
        query = query.filter(oauth_clients::api_type.eq(api_type));
    }
    if let Some(business) = filter.business {
        query = query.filter(connections::business_id.eq(business));
    }
    // The same order of conditions as in `Connection::status`.
    let active = connections::paused_at.is_null().and(connections::needs_authorization_since.is_null());
    let not_refreshing = connections::attempted_at.is_null();
    match filter.status {
        None => query,
        Some(Status::Paused) => query.filter(connections::paused_at.is_not_null()),
        Some(Status::NeedsAuthorization) => {
            query.filter(connections::paused_at.is_null()).filter(connections::needs_authorization_since.is_not_null())
        }
        Some(Status::Refreshing) => query.filter(active).filter(connections::attempted_at.is_not_null()),
        Some(Status::Retrying) => {
            query.filter(active).filter(not_refreshing).filter(connections::failing_since.is_not_null())
        }
        Some(Status::Online) => {
            query.filter(active).filter(not_refreshing).filter(connections::failing_since.is_null())
        }
    }
}

impl Connection {
    /// A page of the list, at most one row more than fits, and the total. The page starts after `edge`, the sort value and
    /// id of a row, and goes backward from it if asked to.
    pub fn list(
        conn: &mut DbConnection,
        filter: &ConnectionFilter,
        (sort, descending): (ConnectionSort, bool),
        (edge, backward): (Option<(&str, i64)>, bool),
    ) -> QueryResult<(Vec<ListedConnection>, i64)> {
        let total = matching(filter).count().get_result(conn)?;
        let mut query = matching(filter)
            .select((
                Connection::as_select(),
                oauth_clients::api_type,
                businesses::name.nullable(),
                employees::name.nullable(),
            ))
            .limit(PAGE as i64 + 1);
        let down = descending != backward;
        macro_rules! page_by {
            ($column:expr, $value:expr) => {{
                if let Some((_, id)) = edge {
                    let (value, tie) = ($value, $column.eq($value));
                    query = match down {
                        true => query.filter($column.lt(value).or(tie.and(connections::id.lt(id)))),
                        false => query.filter($column.gt(value).or(tie.and(connections::id.gt(id)))),
                    };
                }
                match down {
                    true => query.order(($column.desc(), connections::id.desc())).load::<Row>(conn)?,
                    false => query.order(($column.asc(), connections::id.asc())).load::<Row>(conn)?,
                }
            }};
        }
        let text = || edge.map(|(value, _)| value.to_string()).unwrap_or_default();
        let moment = || Timestamp(edge.and_then(|(value, _)| value.parse().ok()).unwrap_or_default());
        let rows = match sort {
            ConnectionSort::Name => page_by!(connections::name_fold, text()),
            ConnectionSort::Expires => page_by!(connections::access_expires_at, moment()),
            ConnectionSort::Refreshed => page_by!(connections::last_refreshed_at, moment()),
            ConnectionSort::Used => page_by!(connections::last_used_at, moment()),
        };
        Ok((rows.into_iter().map(ListedConnection::from).collect(), total))
    }

    /// Its value in the column of a sort order.
    pub fn edge(&self, sort: ConnectionSort) -> String {
        match sort {
            ConnectionSort::Name => self.name.to_lowercase(),
            ConnectionSort::Expires => self.access_expires_at.0.to_string(),
            ConnectionSort::Refreshed => self.last_refreshed_at.0.to_string(),
            ConnectionSort::Used => self.last_used_at.0.to_string(),
        }
    }

    /// The connections that are due for a refresh or an expiry check, at most `most`.
    pub fn due(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<Vec<ConnectionKey>> {
        connections::table
            .filter(connections::due_at.le(now))
            .filter(connections::lease_until.le(now))
            .order((connections::due_at, connections::id))
            .limit(most)
            .select(connections::id)
            .load(conn)
    }

    /// How many connections are due, counting up to `most`; and since when the oldest of them has been.
    pub fn overdue(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<(usize, Option<Timestamp>)> {
        let due = connections::table.filter(connections::due_at.le(now)).order((connections::due_at, connections::id));
        let due: Vec<Timestamp> = due.limit(most).select(connections::due_at).load(conn)?;
        Ok((due.len(), due.first().copied()))
    }

    /// The connections that an employee authorized, by name.
    pub fn authorized_by(conn: &mut DbConnection, employee: EmployeeKey) -> QueryResult<Vec<(Connection, ApiType)>> {
        connections::table
            .inner_join(oauth_clients::table)
            .filter(connections::authorized_by.eq(employee))
            .order((connections::name_fold, connections::id))
            .select((Connection::as_select(), oauth_clients::api_type))
            .load(conn)
    }
}
