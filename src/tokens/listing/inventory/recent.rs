//! The valid refresh tokens and API keys of a client that were used most recently, and the people they act for.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::index_order::in_index_order;
use crate::id::{ClientKey, EmployeeKey};
use crate::time::Timestamp;
use crate::tokens::listing::SortBy;
use crate::tokens::listing::inventory::criteria::{Criteria, Scoped};
use crate::tokens::listing::inventory::filter::InventoryFilter;
use crate::tokens::listing::inventory::scan::Walk;
use crate::tokens::listing::row::ListedToken;

// The most rows that are read. In a large database each lies on a page of its own.
const READ: i64 = 300;

/// A person with valid tokens of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The person.
    pub employee: EmployeeKey,
    /// Their valid refresh tokens of the client.
    pub refresh_tokens: i64,
    /// Their valid API keys of the client.
    pub api_keys: i64,
    /// When any of them was last used.
    pub last_used_at: Timestamp,
}

/// The valid refresh tokens and API keys of a client that were used most recently.
#[derive(Clone, Debug)]
pub struct RecentTokens {
    /// The tokens, the one used last first.
    pub tokens: Vec<ListedToken>,
    /// Whether these are all of the client.
    pub is_complete: bool,
}

impl RecentTokens {
    /// Reads up to 300 tokens of a client.
    pub fn of(conn: &mut DbConnection, client: ClientKey, now: Timestamp) -> QueryResult<RecentTokens> {
        let all = Scoped { only: None, now, through: None };
        let mut criteria = Criteria::of(conn, &InventoryFilter::default(), all)?;
        criteria.restrict_to(client);
        let walk = Walk::in_order(&criteria, SortBy::LastUsed, true);
        let scan = in_index_order(conn, |conn| walk.scan(conn, &criteria, None, (usize::MAX, READ)))?;
        Ok(RecentTokens { tokens: scan.found, is_complete: scan.stopped.is_none() })
    }

    /// The people they act for, those with the most tokens first.
    pub fn holders(&self) -> Vec<Holder> {
        let mut people: HashMap<EmployeeKey, Holder> = HashMap::new();
        for token in &self.tokens {
            let none = Holder { employee: token.employee, refresh_tokens: 0, api_keys: 0, last_used_at: Timestamp(0) };
            let holder = people.entry(token.employee).or_insert(none);
            match token.refresh_token {
                Some(_) => holder.refresh_tokens += 1,
                None => holder.api_keys += 1,
            }
            holder.last_used_at = holder.last_used_at.max(token.last_used_at);
        }
        let mut people: Vec<Holder> = people.into_values().collect();
        people.sort_by_key(|one| (-(one.refresh_tokens + one.api_keys), -one.last_used_at.0, one.employee));
        people
    }
}
