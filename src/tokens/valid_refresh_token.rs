//! A refresh token that its client could use now, as introspection describes it. Looking at one is no use of it.

use diesel::prelude::*;

use crate::clients::Client;
use crate::db::DbConnection;
use crate::id::EmployeeKey;
use crate::scopes::Scope;
use crate::secrets::PlainToken;
use crate::time::Timestamp;
use crate::tokens::presented::{Presented, Standing};

/// A value that the token endpoint would exchange for a new pair.
#[derive(Debug)]
pub struct ValidRefreshToken {
    /// What its access tokens may access now: its scope, limited to the role of its employee.
    pub scope: Scope,
    /// The employee who authorized it.
    pub employee: EmployeeKey,
    /// Their e-mail address.
    pub email: String,
    /// When the value was issued.
    pub issued_at: Timestamp,
    /// When the value expires.
    pub expires_at: Timestamp,
}

impl ValidRefreshToken {
    /// Finds the refresh token of a value that `client`, which must be active, could exchange at `now`. `None` for a value
    /// that is unknown, replaced, expired, revoked, of another client, or of an employee who is locked or archived.
    pub fn find(
        conn: &mut DbConnection,
        client: &Client,
        value: &PlainToken,
        now: Timestamp,
    ) -> QueryResult<Option<ValidRefreshToken>> {
        let Some(presented) = Presented::find(conn, value)? else {
            return Ok(None);
        };
        let is_exchanged = presented.refusal(client.id).is_none()
            && matches!(presented.standing(now), Standing::Current | Standing::Concurrent | Standing::ResponseLost);
        let Presented { token, value: Some(value), employee } = presented else {
            return Ok(None);
        };
        // An admin may have limited the client's grants after the value was issued.
        let last = client.grants_end_after.map_or(Timestamp::NO_END, |seconds| token.created_at.plus(seconds));
        let expires_at = value.expires_at.min(last);
        Ok((is_exchanged && expires_at > now).then(|| ValidRefreshToken {
            scope: token.scope.effective(employee.role),
            employee: token.employee_id,
            email: employee.email,
            issued_at: value.created_at,
            expires_at,
        }))
    }
}
