//! The client list: filters, sorting and paging.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::clients::client::{Client, ClientState};
use crate::db::DbConnection;
use crate::db::keyset::PAGE;
use crate::db::text_enum::text_enum;
use crate::employees::Employee;
use crate::id::{ClientKey, EmployeeKey};
use crate::schema::{access_tokens, clients, refresh_tokens};
use crate::time::Timestamp;

text_enum! {
    /// How the list is sorted.
    ClientSort {
        /// By name, letter case aside.
        Name = "name",
        /// By when it was registered.
        Created = "created",
        /// By when a token of it was last used.
        LastUsed = "used",
    }
}

/// Which clients are shown.
#[derive(Clone, Debug, Default)]
pub struct ClientFilter {
    /// A part of the name.
    pub name: String,
    /// A part of the name of an employee who holds a token of it.
    pub employee: String,
    /// Only in this state.
    pub state: Option<ClientState>,
    /// Only with, or without, the Lightspeed Approved mark.
    pub lightspeed_approved: Option<bool>,
}

/// Where a page begins: the sort value of a row, and its id.
#[derive(Clone, Debug)]
pub struct ClientEdge {
    /// Its name as it is compared, or its time as a number.
    pub value: String,
    /// Its id.
    pub id: i64,
}

impl ClientFilter {
    /// Whether anything is filtered at all.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.employee.is_empty() && self.state.is_none() && self.lightspeed_approved.is_none()
    }
}

impl Client {
    /// A page in the direction asked for, at most one row more than fits, and how many there are in all.
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
                let employee_count = Employee::named(conn, &filter.employee)?;
                Some(held_by(conn, &employee_count)?)
            }
        };
        let matching = || {
            let mut query = clients::table.filter(clients::revoked_at.is_null()).into_boxed();
            if !filter.name.is_empty() {
                let pattern = crate::text::like_pattern(&filter.name);
                query = query.filter(clients::name_fold.like(pattern).escape('\\'));
            }
            if let Some(held) = &held {
                query = query.filter(clients::id.eq_any(held.clone()));
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
        };
        let total = matching().count().get_result(conn)?;
        let mut query = matching().select(Client::as_select()).limit(PAGE as i64 + 1);
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
        let number = || Timestamp(edge.and_then(|edge| edge.value.parse().ok()).unwrap_or_default());
        let rows: Vec<Client> = match sort {
            ClientSort::Name => page_by!(clients::name_fold, text()),
            ClientSort::LastUsed => page_by!(clients::last_used_at, number()),
            ClientSort::Created => page_by!(clients::created_at, number()),
        };
        Ok((rows, total))
    }

    /// The row's place in a list sorted so.
    pub fn edge(&self, sort: ClientSort) -> ClientEdge {
        let value = match sort {
            ClientSort::Name => self.name.to_lowercase(),
            ClientSort::LastUsed => self.last_used_at.0.to_string(),
            ClientSort::Created => self.created_at.0.to_string(),
        };
        ClientEdge { value, id: self.id.0 }
    }
}

// The clients that hold a token of one of these people. What a few people granted is soon read; of many, every client is
// likely to hold something, and the first token found is enough.
fn held_by(conn: &mut DbConnection, people: &[EmployeeKey]) -> QueryResult<Vec<ClientKey>> {
    const FEW: usize = 150;
    let granted = refresh_tokens::table.filter(refresh_tokens::employee_id.eq_any(people.to_vec()));
    let keys = access_tokens::table
        .filter(access_tokens::refresh_token_id.is_null())
        .filter(access_tokens::employee_id.eq_any(people.to_vec()));
    let mut held: Vec<ClientKey> = match people.len() {
        0 => Vec::new(),
        1..=FEW => granted.select(refresh_tokens::client_id).distinct().load(conn)?,
        _ => {
            let theirs = refresh_tokens::table.filter(refresh_tokens::client_id.eq(clients::id));
            // IS TRUE keeps SQLite from asking person by person instead of following the client's grants to the first of theirs.
            let ids: Vec<String> = people.iter().map(ToString::to_string).collect();
            let theirs = theirs.filter(sql::<Bool>(&format!("(employee_id IN ({})) IS TRUE", ids.join(","))));
            clients::table.filter(diesel::dsl::exists(theirs)).select(clients::id).load(conn)?
        }
    };
    held.extend(keys.select(access_tokens::client_id).distinct().load::<ClientKey>(conn)?);
    held.sort_unstable();
    held.dedup();
    Ok(held)
}
