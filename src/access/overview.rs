//! The counts that the home page shows.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::schema::{clients, connections, employees};

/// How much there is of everything, and how much of it needs attention.
pub struct Overview {
    /// Clients that are not revoked.
    pub clients: i64,
    /// Clients that wait for approval.
    pub pending_clients: i64,
    /// Connections.
    pub connections: i64,
    /// Employees who are not archived.
    pub employees: i64,
    /// Employees who are locked and not archived.
    pub locked_employees: i64,
}

impl Overview {
    /// Counts everything.
    pub fn load(conn: &mut DbConnection) -> QueryResult<Overview> {
        let clients = clients::table.filter(clients::revoked_at.is_null());
        let employees = employees::table.filter(employees::archived_at.is_null());
        Ok(Overview {
            clients: clients.count().get_result(conn)?,
            pending_clients: clients.filter(clients::approved_at.is_null()).count().get_result(conn)?,
            connections: connections::table.count().get_result(conn)?,
            employees: employees.count().get_result(conn)?,
            locked_employees: employees.filter(employees::locked_at.is_not_null()).count().get_result(conn)?,
        })
    }
}
