//! Recognises the value that a client sent: which refresh token it belongs to, of which generation it is, and whether it may
//! be exchanged. [`rotation`](crate::tokens::rotation) acts on the answer.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::ClientKey;
use crate::schema::{employees, refresh_token_values, refresh_tokens};
use crate::scopes::Role;
use crate::secrets::PlainToken;
use crate::time::{MINUTE, Timestamp};
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::rotation::Refusal;

/// How many pairs of one generation are issued in a minute.
pub(super) const MAX_PAIRS_PER_MINUTE: i64 = 5;
// For how long after a refresh the previous value still works, in seconds.
const GRACE_PERIOD: i64 = 30;
// The grace period grows while many callers wait for a pair, by at most this many seconds.
const MAX_GRACE_EXTENSION: i64 = 10 * MINUTE;

/// A refresh token with the value that a client sent.
pub(super) struct Presented {
    /// The refresh token.
    pub token: RefreshToken,
    /// Its row; `None` when only the grant part is known: an older value, or one that was withdrawn.
    pub value: Option<Value>,
    /// The employee who authorized it.
    pub employee: GrantingEmployee,
}

/// How a value may be used.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// It is of the newest generation.
    Current,
    /// It is of the previous generation, which was replaced a moment ago: concurrent requests or a retry.
    Concurrent,
    /// It is of the previous generation, and nothing of the newest was used: the response was lost.
    ResponseLost,
    /// It expired at this time.
    Expired(Timestamp),
    /// Token reuse, with the time when the value was replaced or, if that is not known, when the newest was issued.
    Reused(Timestamp),
}

/// A row of `refresh_token_values`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_token_values)]
pub(super) struct Value {
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    generation: i64,
    replaced_at: Option<Timestamp>,
}

/// The employee who authorized a refresh token.
#[derive(Queryable, Selectable)]
#[diesel(table_name = employees)]
pub(super) struct GrantingEmployee {
    /// Their e-mail address.
    pub email: String,
    /// Their current role.
    pub role: Role,
    locked_at: Option<Timestamp>,
    archived_at: Option<Timestamp>,
    revoked_refresh_tokens_through: i64,
}

impl Presented {
    /// Finds the refresh token that `value` belongs or once belonged to.
    pub fn find(conn: &mut DbConnection, value: &PlainToken) -> QueryResult<Option<Presented>> {
        // Without a LIMIT: SQLite would plan the statements again each time one is bound. Both hashes are unique.
        let hash = value.hash();
        let found = crate::db::on_each!(conn, |conn| {
            refresh_token_values::table
                .inner_join(refresh_tokens::table.inner_join(employees::table))
                .filter(refresh_token_values::hash.eq(hash))
                .select((RefreshToken::as_select(), Value::as_select(), GrantingEmployee::as_select()))
                .get_result::<(RefreshToken, Value, GrantingEmployee)>(conn)
                .optional()
        })?;
        if let Some((token, value, employee)) = found {
            return Ok(Some(Presented { token, value: Some(value), employee }));
        }
        let Some(hash) = value.grant_hash() else {
            return Ok(None);
        };
        let found = crate::db::on_each!(conn, |conn| {
            refresh_tokens::table
                .inner_join(employees::table)
                .filter(refresh_tokens::grant_hash.eq(hash))
                .select((RefreshToken::as_select(), GrantingEmployee::as_select()))
                .get_result::<(RefreshToken, GrantingEmployee)>(conn)
                .optional()
        })?;
        Ok(found.map(|(token, employee)| Presented { token, value: None, employee }))
    }

    /// Why this client gets no tokens for the refresh token, whichever of its values it sends.
    pub fn refusal(&self, client: ClientKey) -> Option<Refusal> {
        let (token, employee) = (&self.token, &self.employee);
        let is_revoked = token.revoked_at.is_some() || employee.revoked_refresh_tokens_through >= token.id.0;
        match () {
            () if token.client_id != client => Some(Refusal::WrongClient),
            () if is_revoked => Some(Refusal::Revoked),
            () if employee.archived_at.is_some() => Some(Refusal::EmployeeArchived),
            () if employee.locked_at.is_some() => Some(Refusal::EmployeeLocked),
            () => None,
        }
    }

    /// Whether the value has a row.
    pub fn is_known(&self) -> bool {
        self.value.is_some()
    }

    /// How the value may be used at `now`.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let token = &self.token;
        let Some(value) = &self.value else {
            return Standing::Reused(token.rotated_at);
        };
        if let Some(withdrawn) = value.replaced_at {
            return Standing::Reused(withdrawn);
        }
        let standing = if value.generation == token.generation {
            Standing::Current
        } else if value.generation != token.generation - 1 {
            Standing::Reused(token.rotated_at)
        } else if is_in_grace_period(token, now) {
            Standing::Concurrent
        } else if token.generation_used_at.is_none() {
            Standing::ResponseLost
        } else {
            Standing::Reused(token.rotated_at)
        };
        match standing {
            Standing::Reused(_) => standing,
            _ if value.expires_at <= now => Standing::Expired(value.expires_at),
            _ => standing,
        }
    }
}

// A caller that had to wait for the next minute gets that minute on top of the grace period. The extension is limited, so
// repeated requests with an old value do not keep it valid. If the clock went back since, by more than the clocks of nodes
// differ, the period is over: a value that was no longer accepted is not accepted again.
fn is_in_grace_period(token: &RefreshToken, now: Timestamp) -> bool {
    let extension = (MINUTE * (token.pairs / MAX_PAIRS_PER_MINUTE)).min(MAX_GRACE_EXTENSION);
    (-GRACE_PERIOD..=GRACE_PERIOD + extension).contains(&now.since(token.rotated_at))
}
