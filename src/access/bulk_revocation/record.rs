//! The stored state of a bulk revocation.

use std::collections::{BTreeMap, HashSet};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde::{Deserialize, Serialize};

use crate::access::bulk_revocation::Selection;
use crate::activity::{Actor, Detail, TokenCount};
use crate::db::DbConnection;
use crate::db::keyset::Place;
use crate::db::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::id::{BulkRevocationKey, ClientKey, EmployeeKey};
use crate::schema::{bulk_revocations, employees};
use crate::time::{DAY, Timestamp};
use crate::tokens::listing::ListedToken;

text_enum! {
    /// How far a bulk revocation is.
    BulkState {
        /// The dry run counts.
        Counting = "counting",
        /// The dry run is complete: somebody has to confirm.
        Counted = "counted",
        /// Access is being ended.
        Revoking = "revoking",
        /// All access has ended; rows are being deleted.
        Deleting = "deleting",
        /// It is over.
        Finished = "finished",
    }
}

// How many clients and employees a tally holds.
const MOST_OWNERS: usize = 1_000;
// How many open records take turns.
const OPEN_AT_ONCE: i64 = 100;

/// What a dry run found, beside the number of tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Refresh tokens.
    pub refresh_tokens: i64,
    /// API keys.
    pub api_keys: i64,
    /// Access tokens issued with the refresh tokens; counting stops beyond a thousand.
    pub access_tokens: i64,
    /// How many tokens each client has, by its id.
    pub clients: BTreeMap<i64, i64>,
    /// How many tokens each employee has, by their id.
    pub employees: BTreeMap<i64, i64>,
    /// When any of them was last used.
    pub last_used_at: i64,
    /// The first characters of revoked tokens, at most a hundred.
    pub masks: Vec<String>,
    /// Matching tokens that were created after the dry run, and kept; counting stops beyond a thousand.
    pub newer: i64,
    /// Tokens of a client that were created after the dry run, and revoked.
    pub added: i64,
}

impl Tally {
    /// Adds tokens of the dry run.
    pub(super) fn add(&mut self, tokens: &[ListedToken]) {
        for token in tokens {
            match token.refresh_token {
                Some(_) => self.refresh_tokens += 1,
                None => self.api_keys += 1,
            }
            self.last_used_at = self.last_used_at.max(token.last_used_at.0);
            for (owners, id) in [(&mut self.clients, token.client.0), (&mut self.employees, token.employee.0)] {
                if owners.len() < MOST_OWNERS || owners.contains_key(&id) {
                    *owners.entry(id).or_default() += 1;
                }
            }
        }
    }
}

/// A bulk revocation.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = bulk_revocations)]
pub struct BulkRevocation {
    /// Its id.
    pub id: BulkRevocationKey,
    /// How far it is.
    pub state: BulkState,
    selection: String,
    /// Who began it.
    pub actor_id: EmployeeKey,
    actor_name: String,
    pub(super) client_ip: String,
    /// The time that its filter is judged by.
    pub judged_at: Timestamp,
    pub(super) refresh_tokens_through: i64,
    pub(super) access_tokens_through: i64,
    pub(super) place_value: Option<i64>,
    pub(super) place_id: Option<i64>,
    /// How many tokens the dry run has looked at.
    pub searched: i64,
    /// How many of them match.
    pub matched: i64,
    tally: String,
    /// How many refresh tokens were revoked.
    pub revoked_refresh_tokens: i64,
    /// How many API keys were revoked.
    pub revoked_api_keys: i64,
    /// How many of the refresh tokens were deleted.
    pub deleted_refresh_tokens: i64,
    /// How many access tokens were deleted with them.
    pub deleted_access_tokens: i64,
    /// Why it ended before all that matches was revoked; empty if it did not.
    pub ended_early: String,
    /// When somebody asked to stop it.
    pub stop_requested_at: Option<Timestamp>,
    /// Who asked.
    pub stopped_by: String,
    /// When all access had ended.
    pub access_ended_at: Option<Timestamp>,
}

impl BulkRevocation {
    /// The bulk revocation with this id.
    pub fn find(conn: &mut DbConnection, id: BulkRevocationKey) -> QueryResult<BulkRevocation> {
        bulk_revocations::table.find(id.0).select(BulkRevocation::as_select()).first(conn)
    }

    /// The next one with work to do after the id `last`, in turn; without those in `skipped`.
    pub fn next_after(
        conn: &mut DbConnection,
        last: i64,
        skipped: &HashSet<BulkRevocationKey>,
    ) -> QueryResult<Option<BulkRevocation>> {
        // Literals, as in the condition of the partial index.
        let open = bulk_revocations::table.filter(sql::<Bool>("state IN ('counting', 'revoking', 'deleting')"));
        let open = open.order(bulk_revocations::id).limit(OPEN_AT_ONCE);
        let mut open: Vec<BulkRevocation> = open.select(BulkRevocation::as_select()).load(conn)?;
        open.retain(|bulk| !skipped.contains(&bulk.id));
        let next = open.iter().position(|bulk| bulk.id.0 > last).unwrap_or(0);
        Ok((next < open.len()).then(|| open.swap_remove(next)))
    }

    /// How many are being counted or carried out; counting stops at a hundred.
    pub fn waiting(conn: &mut DbConnection) -> QueryResult<usize> {
        // Literals, as in the condition of the partial index.
        let open = bulk_revocations::table.filter(sql::<Bool>("state IN ('counting', 'revoking', 'deleting')"));
        open.select(bulk_revocations::id).limit(OPEN_AT_ONCE).load::<i64>(conn).map(|ids| ids.len())
    }

    /// Deletes dry runs that nobody confirmed for a day, and the records of what ended 30 days ago.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        let forgotten = bulk_revocations::table
            .filter(bulk_revocations::confirmed_at.is_null())
            .filter(bulk_revocations::judged_at.lt(now.plus(-DAY).0));
        let ended = bulk_revocations::table.filter(bulk_revocations::finished_at.lt(now.plus(-30 * DAY).0));
        Ok(diesel::delete(forgotten).execute(conn)? + diesel::delete(ended).execute(conn)?)
    }

    /// What it covers.
    pub fn selection(&self) -> Result<Selection> {
        serde_json::from_str(&self.selection).map_err(Error::internal)
    }

    /// What its dry run found.
    pub fn tally(&self) -> Tally {
        serde_json::from_str(&self.tally).unwrap_or_default()
    }

    pub(super) fn stored_tally(&self) -> &str {
        &self.tally
    }

    /// Stores that what its client got until now is covered too.
    pub(super) fn cover(&self, conn: &mut DbConnection, through: (i64, i64)) -> Result<()> {
        let mut selection = self.selection()?;
        if let Some(client) = &mut selection.client {
            client.confirmed_through = Some(through);
        }
        let text = serde_json::to_string(&selection).map_err(Error::internal)?;
        let row = bulk_revocations::table.find(self.id.0);
        diesel::update(row).set(bulk_revocations::selection.eq(text)).execute(conn)?;
        Ok(())
    }

    pub(super) fn set_tally(&mut self, tally: &Tally) -> Result<()> {
        self.tally = serde_json::to_string(tally).map_err(Error::internal)?;
        Ok(())
    }

    /// Who began it.
    pub fn actor(&self) -> Actor {
        Actor::person(self.actor_id, &self.actor_name)
    }

    /// How many tokens were revoked.
    pub fn revoked(&self) -> i64 {
        self.revoked_refresh_tokens + self.revoked_api_keys
    }

    /// The last place that was looked at.
    pub(super) fn place(&self) -> Option<Place> {
        Some(Place { value: self.place_value?, id: self.place_id? })
    }

    /// What was revoked, for the activity log and for messages.
    pub fn detail(&self, conn: &mut DbConnection) -> QueryResult<Detail> {
        let tally = self.tally();
        let most = Detail::MOST_NAMES as usize;
        let ids: Vec<i64> = tally.employees.keys().take(most).copied().collect();
        let names = employees::table.filter(employees::id.eq_any(ids)).order((employees::name_fold, employees::id));
        Ok(Detail {
            refresh_tokens: TokenCount::exact(self.revoked_refresh_tokens),
            api_keys: TokenCount::exact(self.revoked_api_keys),
            masks: tally.masks.clone(),
            employee_ids: names.select(employees::id).load(conn)?,
            has_more_employees: tally.employees.len() > most,
            clients: tally.clients.keys().take(most).map(|id| ClientKey(*id)).collect(),
            ..Detail::default()
        })
    }
}
