//! The list of connections: filters, sorting and paging.

use diesel::prelude::*;

use crate::connections::api_type::ApiType;
use crate::connections::connection::{Connection, Status, connections_needing_attention};
use crate::db::DbConnection;
use crate::db::keyset::PAGE;
use crate::db::text_enum::text_enum;
use crate::id::{BusinessKey, ConnectionKey, EmployeeKey};
use crate::schema::{businesses, connections, employees, oauth_clients};
use crate::time::Timestamp;

text_enum! {
    /// How the list is sorted.
    ConnectionSort {
        /// By name, letter case aside.
        Name = "name",
        /// By when the access token ends.
        Expires = "expires",
        /// By when the tokens were last renewed.
        Refreshed = "refreshed",
        /// By when a call last went through.
        Used = "used",
    }
}

/// Which connections are shown.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFilter {
    /// A part of the name.
    pub name: String,
    /// Only to this kind of server.
    pub api_type: Option<ApiType>,
    /// Only those that are doing so.
    pub status: Option<Status>,
    /// Only for this business.
    pub business: Option<BusinessKey>,
}

impl ConnectionFilter {
    /// Whether anything is filtered at all.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.api_type.is_none() && self.status.is_none() && self.business.is_none()
    }
}

/// A connection with what stands beside it in a list.
#[derive(Clone, Debug)]
pub struct ListedConnection {
    /// The connection.
    pub connection: Connection,
    /// The kind of server it leads to.
    pub api_type: ApiType,
    /// The business it is for.
    pub business: Option<String>,
    /// The name of who authorized it.
    pub authorized_by: Option<String>,
}

type Row = (Connection, ApiType, Option<String>, Option<String>);

impl From<Row> for ListedConnection {
    fn from((connection, api_type, business, authorized_by): Row) -> ListedConnection {
        ListedConnection { connection, api_type, business, authorized_by }
    }
}

impl Connection {
    /// A page in the direction asked for, at most one row more than fits, and how many there are in all. `edge` is the
    /// sort value and the id of the row it begins at.
    pub fn list(
        conn: &mut DbConnection,
        filter: &ConnectionFilter,
        (sort, descending): (ConnectionSort, bool),
        (edge, backward): (Option<(&str, i64)>, bool),
    ) -> QueryResult<(Vec<ListedConnection>, i64)> {
        let matching = || {
            let all = connections::table
                .inner_join(oauth_clients::table)
                .left_join(businesses::table)
                .left_join(employees::table);
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
            // The same order of rules as in `Connection::status`.
            let works = connections::paused_at.is_null().and(connections::needs_authorization_since.is_null());
            let at_rest = connections::attempted_at.is_null();
            match filter.status {
                None => query,
                Some(Status::Paused) => query.filter(connections::paused_at.is_not_null()),
                Some(Status::NeedsAuthorization) => query
                    .filter(connections::paused_at.is_null())
                    .filter(connections::needs_authorization_since.is_not_null()),
                Some(Status::Refreshing) => query.filter(works).filter(connections::attempted_at.is_not_null()),
                Some(Status::Retrying) => {
                    query.filter(works).filter(at_rest).filter(connections::failing_since.is_not_null())
                }
                Some(Status::Online) => {
                    query.filter(works).filter(at_rest).filter(connections::failing_since.is_null())
                }
            }
        };
        let total = matching().count().get_result(conn)?;
        let mut query = matching()
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

    /// Its sort value in a list sorted so.
    pub fn edge(&self, sort: ConnectionSort) -> String {
        match sort {
            ConnectionSort::Name => self.name.to_lowercase(),
            ConnectionSort::Expires => self.access_expires_at.0.to_string(),
            ConnectionSort::Refreshed => self.last_refreshed_at.0.to_string(),
            ConnectionSort::Used => self.last_used_at.0.to_string(),
        }
    }

    /// The first few that wait for a person, by name.
    pub fn first_that_need_a_person(conn: &mut DbConnection, most: i64) -> QueryResult<Vec<(ConnectionKey, String)>> {
        connections_needing_attention()
            .order((connections::name_fold, connections::id))
            .limit(most)
            .select((connections::id, connections::name))
            .load(conn)
    }

    /// What one person authorized, by name.
    pub fn authorized_by(conn: &mut DbConnection, person: EmployeeKey) -> QueryResult<Vec<(Connection, ApiType)>> {
        connections::table
            .inner_join(oauth_clients::table)
            .filter(connections::authorized_by.eq(person))
            .order((connections::name_fold, connections::id))
            .select((Connection::as_select(), oauth_clients::api_type))
            .load(conn)
    }
}
