//! The client list: filters, sorting and paging.

use diesel::prelude::*;

use crate::activity::{Activity, Subject};
use crate::clients::client::{Client, ClientState};
use crate::clients::held_by::held_by;
use crate::db::keyset::PAGE;
use crate::db::text_enum::text_enum;
use crate::db::{Backend, DbConnection};
use crate::employees::Employee;
use crate::id::ClientKey;
use crate::schema::clients;
use crate::time::Timestamp;

text_enum! {
    /// How the list is sorted.
    ClientSort {
        /// By name, ignoring case.
        Name = "name",
        /// By when it was registered.
        Created = "created",
        /// By when one of its tokens was last used.
        LastUsed = "used",
        /// By the number of employees who authorized it.
        Employees = "employees",
        /// By the number of its refresh tokens.
        RefreshTokens = "refresh-tokens",
        /// By the number of its access tokens and API keys.
        AccessTokens = "tokens",
        /// By what its tokens can do at most.
        Access = "access",
    }
}

/// Which clients the list shows.
#[derive(Clone, Debug, Default)]
pub struct ClientFilter {
    /// A part of the name.
    pub name: String,
    /// A part of the name of an employee who authorized the client or owns one of its API keys.
    pub employee: String,
    /// Only in this state.
    pub state: Option<ClientState>,
    /// Only those that no admin has approved yet, suspended or not.
    pub unapproved: bool,
    /// Only with, or only without, the Lightspeed Approved badge.
    pub lightspeed_approved: Option<bool>,
}

/// A position in the list: the sort value and id of a row.
#[derive(Clone, Debug)]
pub struct ClientEdge {
    /// The folded name, or the time in epoch seconds.
    pub value: String,
    /// Its id.
    pub id: i64,
}

impl ClientFilter {
    /// Whether no filter is set.
    pub fn is_empty(&self) -> bool {
        let has_text = !self.name.is_empty() || !self.employee.is_empty();
        !has_text && self.state.is_none() && !self.unapproved && self.lightspeed_approved.is_none()
    }
}

impl Client {
    /// The ids of clients whose name contains `part`, and of former ones with exactly this name.
    pub fn named(conn: &mut DbConnection, part: &str) -> QueryResult<Vec<ClientKey>> {
        let pattern = crate::text::like_pattern(part);
        let present = clients::table.filter(clients::name_fold.like(pattern).escape('\\')).order(clients::id);
        let mut ids: Vec<ClientKey> = present.select(clients::id).load(conn)?;
        let former = Activity::subjects_named(conn, Subject::CLIENT, part.trim())?;
        ids.extend(former.into_iter().map(ClientKey));
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Loads one page in the given direction, with at most one row more than a page holds, and counts all matches.
    pub fn list(
        conn: &mut DbConnection,
        filter: &ClientFilter,
        (sort, descending): (ClientSort, bool),
        edge: Option<&ClientEdge>,
        backward: bool,
    ) -> QueryResult<(Vec<Client>, i64)> {
        let held = match filter.employee.is_empty() {
            true => None,
            false => {
                let employees = Employee::named(conn, &filter.employee)?;
                Some(held_by(conn, &employees, matching(filter, None))?)
            }
        };
        let total = matching(filter, held.as_deref()).count().get_result(conn)?;
        let mut query = matching(filter, held.as_deref()).select(Client::as_select()).limit(PAGE as i64 + 1);
        let down = descending != backward;
        macro_rules! page_by {
            ($column:expr, $value:expr) => {{
                if let Some(edge) = edge {
                    let (value, tie) = ($value, $column.eq($value));
                    query = match down {
                        true => query.filter($column.lt(value).or(tie.and(clients::id.lt(edge.id)))),
                        false => query.filter($column.gt(value).or(tie.and(clients::id.gt(edge.id)))),
                    };
                }
                match down {
                    true => query.order(($column.desc(), clients::id.desc())).load(conn)?,
                    false => query.order(($column.asc(), clients::id.asc())).load(conn)?,
                }
            }};
        }
        let text = || edge.map(|edge| edge.value.clone()).unwrap_or_default();
        let number = || -> i64 { edge.and_then(|edge| edge.value.parse().ok()).unwrap_or_default() };
        let rows: Vec<Client> = match sort {
            ClientSort::Name => page_by!(clients::name_fold, text()),
            ClientSort::LastUsed => page_by!(clients::last_used_at, Timestamp(number())),
            ClientSort::Created => page_by!(clients::created_at, Timestamp(number())),
            ClientSort::Employees => page_by!(clients::employee_count, number()),
            ClientSort::RefreshTokens => page_by!(clients::valid_refresh_tokens, number()),
            ClientSort::AccessTokens => page_by!(clients::valid_access_tokens, number()),
            ClientSort::Access => page_by!(clients::access_level, number()),
        };
        Ok((rows, total))
    }

    /// The position of the row in a list with this sort order.
    pub fn edge(&self, sort: ClientSort) -> ClientEdge {
        let value = match sort {
            ClientSort::Name => self.name.to_lowercase(),
            ClientSort::LastUsed => self.last_used_at.0.to_string(),
            ClientSort::Created => self.created_at.0.to_string(),
            ClientSort::Employees => self.employee_count.to_string(),
            ClientSort::RefreshTokens => self.valid_refresh_tokens.to_string(),
            ClientSort::AccessTokens => self.valid_access_tokens.to_string(),
            ClientSort::Access => (self.access_level() as i64).to_string(),
        };
        ClientEdge { value, id: self.id.0 }
    }
}

// The clients that pass the filter; `held` are the clients of the employees it names.
fn matching(filter: &ClientFilter, held: Option<&[ClientKey]>) -> clients::BoxedQuery<'static, Backend> {
    let mut query = clients::table.filter(clients::revoked_at.is_null()).into_boxed();
    if !filter.name.is_empty() {
        let pattern = crate::text::like_pattern(&filter.name);
        query = query.filter(clients::name_fold.like(pattern).escape('\\'));
    }
    if let Some(held) = held {
        query = query.filter(clients::id.eq_any(held.to_vec()));
    }
    if filter.unapproved {
        query = query.filter(clients::approved_at.is_null());
    }
    query = match filter.state {
        None => query,
        Some(ClientState::Suspended) => query.filter(clients::suspended_at.is_not_null()),
        Some(ClientState::Pending) => {
            query.filter(clients::approved_at.is_null()).filter(clients::suspended_at.is_null())
        }
        Some(ClientState::Active) => {
            query.filter(clients::approved_at.is_not_null()).filter(clients::suspended_at.is_null())
        }
    };
    match filter.lightspeed_approved {
        None => query,
        Some(true) => query.filter(clients::lightspeed_approved_at.is_not_null()),
        Some(false) => query.filter(clients::lightspeed_approved_at.is_null()),
    }
}
