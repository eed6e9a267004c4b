//! An API token as it is stored.

use std::net::IpAddr;

use diesel::prelude::*;

use crate::activity::Subject;
use crate::api_tokens::area::Areas;
use crate::db::DbConnection;
use crate::db::text_enum::text_enum;
use crate::employees::Employee;
use crate::id::{ApiTokenKey, EmployeeKey};
use crate::network;
use crate::schema::api_tokens;
use crate::scopes::Role;
use crate::secrets::{Mask, TokenHash};
use crate::time::Timestamp;

text_enum! {
    /// Whether an API token works.
    ApiTokenState {
        /// It works.
        Valid = "valid",
        /// It does not work while its person is locked or archived.
        Inactive = "inactive",
        /// It has expired.
        Expired = "expired",
        /// It was revoked.
        Revoked = "revoked",
    }
}

/// A row of `api_tokens`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = api_tokens, belongs_to(Employee))]
pub struct ApiToken {
    /// Its id.
    pub id: ApiTokenKey,
    /// The person it belongs to, or the responsible person of the service.
    pub employee_id: EmployeeKey,
    /// The service that uses it; empty for a person's own token.
    pub service: String,
    /// What it is for, as an admin wrote it.
    pub name: String,
    /// Its first characters, which pages show.
    #[diesel(column_name = prefix)]
    pub mask: Mask,
    /// The most that it may do; see [`ApiToken::effective_role`].
    pub role: Role,
    /// What it may be used for.
    pub areas: Areas,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was last used, to within a few seconds; 0 for never.
    pub last_used_at: Timestamp,
    /// The IP address it was last used from; empty if it was not used.
    pub last_used_address: String,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl ApiToken {
    /// Finds an API token by its id.
    pub fn find(conn: &mut DbConnection, id: ApiTokenKey) -> QueryResult<ApiToken> {
        api_tokens::table.find(id).select(ApiToken::as_select()).first(conn)
    }

    /// Finds an API token by the hash of its value, also when it expired or was revoked.
    pub fn find_by_value(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<ApiToken>> {
        let row = api_tokens::table.filter(api_tokens::hash.eq(hash));
        row.select(ApiToken::as_select()).first(conn).optional()
    }

    /// The API tokens that begin with these seven characters, at most `most`.
    pub fn beginning_with(conn: &mut DbConnection, mask: &Mask, most: i64) -> QueryResult<Vec<ApiToken>> {
        let alike = api_tokens::table.filter(api_tokens::prefix.eq(mask)).order(api_tokens::id.desc()).limit(most);
        alike.select(ApiToken::as_select()).load(conn)
    }

    /// The API tokens of a person and of the services they are responsible for that are neither revoked nor expired, newest
    /// first: at most [`MOST_PER_PERSON`](crate::api_tokens::MOST_PER_PERSON).
    pub fn valid_of(conn: &mut DbConnection, employee: EmployeeKey, now: Timestamp) -> QueryResult<Vec<ApiToken>> {
        api_tokens::table
            .filter(api_tokens::employee_id.eq(employee))
            .filter(api_tokens::revoked_at.is_null())
            .filter(api_tokens::expires_at.gt(now))
            .order(api_tokens::id.desc())
            .select(ApiToken::as_select())
            .load(conn)
    }

    /// Stores when it was last used, and from where.
    pub fn touch(conn: &mut DbConnection, id: ApiTokenKey, at: Timestamp, from: Option<IpAddr>) -> QueryResult<usize> {
        let older = api_tokens::table.find(id).filter(api_tokens::last_used_at.lt(at));
        let change = (api_tokens::last_used_at.eq(at), api_tokens::last_used_address.eq(network::stored(from)));
        diesel::update(older).set(change).execute(conn)
    }

    /// Whether it works at `now`; `employee` is its person.
    pub fn state(&self, employee: &Employee, now: Timestamp) -> ApiTokenState {
        match () {
            () if self.revoked_at.is_some() => ApiTokenState::Revoked,
            () if self.expires_at <= now => ApiTokenState::Expired,
            () if !employee.is_active() => ApiTokenState::Inactive,
            () => ApiTokenState::Valid,
        }
    }

    /// The role it acts with: the lower of its own and that of its person now.
    pub fn effective_role(&self, employee: &Employee) -> Role {
        self.role.at_most(employee.role)
    }

    /// It as the subject of an activity entry.
    pub fn subject(&self) -> Subject {
        Subject::api_token(self.id.0, &self.mask, &self.name, self.employee_id)
    }
}
