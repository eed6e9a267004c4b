//! Revoking all access of a person in one act: the tokens they authorized, and the connections they authorized.

use crate::activity::Actor;
use crate::connections::{Connection, OAuthClient, provider_revocation};
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::time::Timestamp;
use crate::tokens::revocation::{self, RevocationImpact, Revoked, Seen, Target};

/// What revoking all access of a person will revoke.
pub struct OffboardingImpact {
    /// The person.
    pub employee: Employee,
    /// Their tokens.
    pub tokens: RevocationImpact,
    /// The names of the connections they authorized that hold tokens.
    pub connections: Vec<String>,
}

impl OffboardingImpact {
    /// The impact for an employee.
    pub fn of(conn: &mut DbConnection, id: EmployeeKey) -> Result<OffboardingImpact> {
        let employee = Employee::find(conn, id)?;
        let tokens = RevocationImpact::of(conn, &Target::Grants(employee.clone()))?;
        let authorized = Connection::authorized_by(conn, id)?.into_iter().map(|(connection, _)| connection);
        let connections = authorized.filter(Connection::has_token).map(|connection| connection.name).collect();
        Ok(OffboardingImpact { employee, tokens, connections })
    }
}

/// What was revoked.
pub struct Offboarded {
    /// The person.
    pub employee: Employee,
    /// Their tokens.
    pub tokens: Revoked,
    /// The connections as they were before, for [`provider_revocation::revoke_all`].
    pub connections: Vec<(Connection, OAuthClient)>,
}

/// Revokes all tokens that a person authorized, and drops the tokens of the connections they authorized. `seen` is what
/// the confirmation page showed. The caller revokes the connections' tokens at their providers afterwards.
pub fn revoke_all_access(
    conn: &mut DbConnection,
    id: EmployeeKey,
    seen: Option<Seen>,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Offboarded> {
    let employee = Employee::find(conn, id)?;
    let tokens = revocation::revoke(conn, &Target::Grants(employee.clone()), seen, (actor, client_ip), now)?;
    // Without the name, which may be erased later.
    let reason = "All access of the employee who authorized it was revoked.";
    let connections = provider_revocation::delete_tokens_authorized_by(conn, (id, reason), (actor, client_ip), now)?;
    Ok(Offboarded { employee, tokens, connections })
}
