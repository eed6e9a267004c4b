//! The conditions of an inventory filter, with names resolved, so that a row is checked without a query.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::{ClientKey, EmployeeKey};
use crate::schema::{clients, employees};
use crate::scopes::Role;
use crate::text::{fold, like_pattern};
use crate::time::Timestamp;
use crate::tokens::listing::inventory::by_id::newer_than;
use crate::tokens::listing::inventory::filter::{Expiry, InventoryFilter, Owner, Reach, TokenType, Usage};
use crate::tokens::listing::row::ListedToken;
use crate::tokens::listing::{EXPIRING_SOON_DAYS, List, revoked};

/// Whose tokens are listed, and as of when.
#[derive(Clone, Copy, Debug)]
pub struct Scoped {
    /// Only refresh tokens, and API keys, with ids up to these.
    pub through: Option<(i64, i64)>,
    /// Only the tokens of this employee.
    pub only: Option<EmployeeKey>,
    /// The time that the filter is judged by.
    pub now: Timestamp,
}

/// The conditions that a token of the inventory must meet.
#[derive(Debug)]
pub struct Criteria {
    pub(super) filter: InventoryFilter,
    pub(super) now: Timestamp,
    /// Only tokens of these clients.
    pub(super) clients: Option<HashSet<ClientKey>>,
    /// Only tokens of these employees.
    pub(super) employees: Option<HashSet<EmployeeKey>>,
    roles: HashMap<EmployeeKey, Role>,
    through: (i64, i64),
}

type Person = (EmployeeKey, String, Role, Option<Timestamp>, Option<Timestamp>);

impl Criteria {
    /// Resolves a filter.
    pub fn of(
        conn: &mut DbConnection,
        filter: &InventoryFilter,
        Scoped { only, now, through }: Scoped,
    ) -> QueryResult<Criteria> {
        let mut criteria = Criteria {
            filter: filter.clone(),
            now,
            clients: None,
            employees: None,
            roles: HashMap::new(),
            through: through.unwrap_or((i64::MAX, i64::MAX)),
        };
        if !filter.client.trim().is_empty() {
            let named = clients::table.filter(clients::name_fold.like(like_pattern(&filter.client)).escape('\\'));
            criteria.clients = Some(named.select(clients::id).load(conn)?.into_iter().collect());
        }
        let name = fold(filter.employee.trim());
        let chooses_people = !name.is_empty() || filter.owner.is_some() || only.is_some();
        if chooses_people || filter.reach.is_some() || !filter.scope.is_empty() {
            let columns =
                (employees::id, employees::name_fold, employees::role, employees::locked_at, employees::archived_at);
            let people: Vec<Person> = employees::table.select(columns).load(conn)?;
            criteria.roles = people.iter().map(|(id, _, role, ..)| (*id, *role)).collect();
            if chooses_people {
                let chosen = people.into_iter().filter(|person| {
                    person.1.contains(&name) && is_owned(filter.owner, person) && only.is_none_or(|id| id == person.0)
                });
                criteria.employees = Some(chosen.map(|person| person.0).collect());
            }
        }
        Ok(criteria)
    }

    /// Takes expired tokens instead of valid ones if this filter does.
    pub fn set_expired(&mut self, expiry: Option<Expiry>) {
        if expiry == Some(Expiry::Expired) {
            self.filter.expiry = expiry;
        }
    }

    /// Takes tokens of this client only.
    pub fn restrict_to(&mut self, client: ClientKey) {
        self.clients = Some(HashSet::from([client]));
    }

    /// Takes out tokens that are revoked and being deleted.
    pub fn take_out_revoked(&self, conn: &mut DbConnection, rows: &mut Vec<ListedToken>) -> QueryResult<()> {
        if !revoked::are_being_deleted(conn)? {
            return Ok(());
        }
        let (mut keys, mut grants): (Vec<ListedToken>, Vec<ListedToken>) =
            std::mem::take(rows).into_iter().partition(|row| row.refresh_token.is_none());
        revoked::take_out(conn, (List::ApiKeys, false), &mut keys)?;
        revoked::take_out(conn, (List::RefreshTokens, false), &mut grants)?;
        grants.append(&mut keys);
        *rows = grants;
        Ok(())
    }

    /// Counts matching refresh tokens and API keys with ids above these, among up to `limit` of each.
    pub fn count_newer(&self, conn: &mut DbConnection, through: (i64, i64), limit: i64) -> QueryResult<i64> {
        let mut rows = newer_than(conn, through, limit)?;
        rows.retain(|row| self.accept(row));
        self.take_out_revoked(conn, &mut rows)?;
        Ok(rows.len() as i64)
    }

    /// Whether no token can match.
    pub fn is_impossible(&self) -> bool {
        self.clients.as_ref().is_some_and(HashSet::is_empty) || self.employees.as_ref().is_some_and(HashSet::is_empty)
    }

    /// The tables to read.
    pub fn lists(&self) -> &'static [List] {
        match self.filter.token_type {
            None => &[List::RefreshTokens, List::ApiKeys],
            Some(TokenType::RefreshToken) => &[List::RefreshTokens],
            Some(TokenType::ApiKey) => &[List::ApiKeys],
        }
    }

    /// Whether expired tokens are listed.
    pub fn is_expired(&self) -> bool {
        self.filter.expiry == Some(Expiry::Expired)
    }

    /// Whether every valid token matches, or every expired one.
    pub fn takes_all(&self) -> bool {
        let Criteria { filter, clients, employees, .. } = self;
        let expiry = filter.expiry.filter(|expiry| *expiry != Expiry::Expired);
        clients.is_none()
            && employees.is_none()
            && InventoryFilter { expiry, token_type: None, ..filter.clone() }.is_empty()
    }

    /// The time until which a token must be valid to expire soon.
    pub fn soon(&self) -> Timestamp {
        self.now.plus(EXPIRING_SOON_DAYS * crate::time::DAY)
    }

    /// Whether a row matches.
    pub fn accept(&self, row: &ListedToken) -> bool {
        let filter = &self.filter;
        let is_api_key = row.refresh_token.is_none();
        let through = if is_api_key { self.through.1 } else { self.through.0 };
        row.id <= through
            && (row.expires_at <= self.now) == self.is_expired()
            && filter.token_type.is_none_or(|kind| (kind == TokenType::ApiKey) == is_api_key)
            && self.clients.as_ref().is_none_or(|clients| clients.contains(&row.client))
            && self.employees.as_ref().is_none_or(|employees| employees.contains(&row.employee))
            && filter.usage.is_none_or(|usage| self.is_unused(row, usage))
            && filter.expiry.is_none_or(|expiry| self.expires(row, expiry))
            && filter.created.is_none_or(|created| row.created_at >= created.since(self.now))
            && filter.reach.is_none_or(|reach| self.reaches(row, reach))
            && (filter.scope.is_empty() || self.role(row).is_some_and(|role| row.scope.allows(&filter.scope, role)))
    }

    fn role(&self, row: &ListedToken) -> Option<Role> {
        self.roles.get(&row.employee).copied()
    }

    fn is_unused(&self, row: &ListedToken, usage: Usage) -> bool {
        match usage.unused_since(self.now) {
            None => row.last_used_at == Timestamp::NEVER_YET,
            Some(since) => row.last_used_at.max(row.created_at) < since,
        }
    }

    fn expires(&self, row: &ListedToken, expiry: Expiry) -> bool {
        match expiry {
            Expiry::Never => row.expires_at == Timestamp::NO_END,
            Expiry::Soon => row.expires_at < self.soon(),
            Expiry::Expired => true,
        }
    }

    fn reaches(&self, row: &ListedToken, reach: Reach) -> bool {
        let Some(role) = self.role(row) else { return false };
        match reach {
            Reach::Full => row.scope.is_full(),
            Reach::Write => row.scope.writes(role),
            Reach::Read => !row.scope.writes(role),
            Reach::BeyondRole => row.scope.exceeds(role),
        }
    }
}

fn is_owned(owner: Option<Owner>, (_, _, role, locked, archived): &Person) -> bool {
    let is_active = locked.is_none() && archived.is_none();
    match owner {
        None => true,
        Some(Owner::Staff) => *role == Role::Staff,
        Some(Owner::Manager) => *role == Role::Manager,
        Some(Owner::Admin) => *role == Role::Admin,
        Some(Owner::Active) => is_active,
        Some(Owner::Inactive) => !is_active,
    }
}
