//! The plan of all tokens as plain data; the same seed gives the same plan. [`crate::demo::fill`] issues them. Times are
//! seconds before now, so that the demo always looks recent.

use std::cmp::Reverse;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::demo::integrations::{ClientState, Integration, LEDGERLY, PARCELS, SHELFWISE};
use crate::demo::people::{INES, JONAS, MARTA, Person, PersonState, TOMASZ};
use crate::demo::rhythm::{RARELY_USED, Rhythm};
use crate::time::{DAY, HOUR, MINUTE};

/// How many tokens are planned individually, to be looked at; larger shops add the rest in bulk.
const DETAILED: usize = 3_000;
// Access tokens that expired earlier than this are not counted, because retention deletes them.
const RETENTION: i64 = 30 * DAY;
// A grant expires 30 days after its last use.
const RECENT: i64 = 27 * DAY;

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The client.
    pub client: usize,
    /// The employee who authorized it.
    pub employee: usize,
    /// The scope.
    pub scope: &'static str,
    /// Whether its access tokens are valid for a day instead of an hour.
    pub day_long: bool,
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The client.
    pub client: usize,
    /// The employee whose rights it has.
    pub employee: usize,
    /// The scope.
    pub scope: &'static str,
    /// Its label.
    pub label: &'static str,
    /// Seconds until it expires, negative if it has expired; nothing if it never expires.
    pub ends_in: Option<i64>,
}

/// What a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A grant, by index: the first token pair, or a refreshed one.
    Grant(usize),
    /// An API key, by index.
    Key(usize),
}

/// The issue of one access token or API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Seconds since the issue.
    pub age: i64,
    /// Seconds since the last use, if it was used.
    pub used: Option<i64>,
    /// What it belongs to.
    pub of: Of,
}

/// All tokens of a shop.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The grants.
    pub grants: Vec<Grant>,
    /// The API keys.
    pub keys: Vec<Key>,
    /// Everything issued, oldest first.
    pub issues: Vec<Issue>,
}

/// Plans about `tokens` access tokens and API keys.
pub fn plan(tokens: usize, clients: &[Integration], people: &[Person], rng: StdRng) -> Plan {
    let able = (0..people.len()).filter(|i| *i != JONAS && can_have_granted_recently(&people[*i])).collect();
    let mut planner = Planner { clients, people, able, rng, plan: Plan::default(), kept: vec![0; clients.len()] };
    let detailed = tokens.min(DETAILED);
    if detailed > 0 {
        planner.shown_first();
        planner.keys(detailed / 20);
        planner.everyday(detailed);
        planner.bulk(tokens);
    }
    let mut plan = planner.plan;
    plan.issues.sort_by_key(|issue| Reverse(issue.age));
    plan
}

pub(crate) struct Planner<'a> {
    pub(crate) clients: &'a [Integration],
    pub(crate) people: &'a [Person],
    // Employees who may have authorized something at random. Jonas is not among them: his grants are fixed, so that whoever
    // signs in as him sees one of each kind.
    able: Vec<usize>,
    pub(crate) rng: StdRng,
    plan: Plan,
    // Number of access tokens and API keys of each client that retention keeps.
    pub(crate) kept: Vec<usize>,
}

impl Planner<'_> {
    pub(crate) fn total(&self) -> usize {
        self.kept.iter().sum()
    }

    // The grants that people are likely to open first.
    fn shown_first(&mut self) {
        let rng = &mut self.rng;
        let met = [
            (LEDGERLY, MARTA, Rhythm { newest: 2 * MINUTE, gap: 9 * MINUTE, months: 8, ..Rhythm::busy(rng) }),
            (LEDGERLY, TOMASZ, Rhythm { newest: 11 * MINUTE, gap: 14 * MINUTE, months: 1, ..Rhythm::busy(rng) }),
            (LEDGERLY, JONAS, Rhythm { newest: 27 * DAY, months: 5, ..Rhythm::expiring(rng) }),
            (LEDGERLY, INES, Rhythm { newest: 2 * HOUR, months: 9, ..Rhythm::daily(rng) }),
            (3, JONAS, Rhythm::busy(rng)),
            (4, JONAS, Rhythm::daily(rng)),
            (5, JONAS, Rhythm::never_used(rng)),
            (6, JONAS, Rhythm::weekly(rng)),
            (PARCELS, JONAS, Rhythm::fresh(rng)),
            (SHELFWISE, JONAS, Rhythm::busy(rng)),
        ];
        for (client, employee, rhythm) in met {
            if client < self.clients.len() {
                self.grant((client, employee), &rhythm, false);
            }
        }
        if LEDGERLY < self.clients.len() {
            (0..3).for_each(|_| self.key(LEDGERLY));
        }
    }

    fn keys(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(client) = self.any_client() {
                self.key(client);
            }
        }
    }

    // More than a hundred valid tokens of one client, then random grants.
    fn everyday(&mut self, until: usize) {
        for _ in 0..36 {
            if self.clients.len() > SHELFWISE && self.total() < until / 3 {
                let (employee, rhythm) = (self.any_person(), Rhythm::crowded(&mut self.rng));
                self.grant((SHELFWISE, employee), &rhythm, false);
            }
        }
        // Some grants add no token that counts, so the number of attempts is limited.
        for _ in 0..until {
            if self.total() >= until {
                break;
            }
            if let Some(client) = self.any_client().filter(|client| *client != LEDGERLY || self.clients.len() == 1) {
                let (employee, rhythm) = (self.any_person(), Rhythm::any(self.clients[client].weight, &mut self.rng));
                self.grant((client, employee), &rhythm, false);
            }
        }
    }

    // Nothing is issued after the client or the employee was stopped, or before both existed.
    pub(crate) fn grant(&mut self, (client, employee): (usize, usize), rhythm: &Rhythm, day_long: bool) {
        let Some((stopped, begun)) = self.span(client, employee) else {
            return;
        };
        let lifetime = if day_long { DAY } else { HOUR };
        let mut ages: Vec<i64> = rhythm.ages(&mut self.rng).into_iter().map(|age| age + stopped).collect();
        ages.retain(|age| *age < begun);
        if ages.is_empty() {
            ages.push(stopped + (begun - stopped) / 2);
        }
        let of = Of::Grant(self.plan.grants.len());
        for age in ages {
            let used = rhythm.is_used.then(|| age - self.rng.random_range(0..=lifetime.min(age - stopped)));
            self.plan.issues.push(Issue { age, used, of });
            self.kept[client] += usize::from(age - lifetime < RETENTION);
        }
        let scope = self.scope(client);
        self.plan.grants.push(Grant { client, employee, scope, day_long });
    }

    fn key(&mut self, client: usize) {
        let employee = self.any_person();
        let Some((stopped, begun)) = self.span(client, employee) else {
            return;
        };
        let rng = &mut self.rng;
        let age = stopped + rng.random_range(0..(begun - stopped).min(700 * DAY));
        let ends_in = match rng.random_range(0..20) {
            0..2 => Some(rng.random_range(HOUR..6 * DAY)),
            2 if age > 40 * DAY => Some(-rng.random_range(DAY..25 * DAY)),
            2..10 => Some(rng.random_range(20 * DAY..360 * DAY)),
            _ => None,
        };
        let least = if self.clients[client].weight < RARELY_USED { 11 } else { 0 };
        let idle = match rng.random_range(least..20) {
            0..6 => Some(rng.random_range(30..50 * MINUTE)),
            6..11 => Some(rng.random_range(HOUR..6 * DAY)),
            11..17 => Some(rng.random_range(35 * DAY..260 * DAY)),
            _ => None,
        };
        let ended = stopped.max(-ends_in.unwrap_or_default());
        let used = idle.map(|idle| (ended + idle).min(age));
        let label = self.clients[client].category.labels().choose(rng).copied().unwrap_or_default();
        let scope = self.scope(client);
        self.plan.issues.push(Issue { age, used, of: Of::Key(self.plan.keys.len()) });
        self.plan.keys.push(Key { client, employee, scope, label, ends_in });
        self.kept[client] += 1;
    }

    // The period in which this employee could authorize this client; nothing if there was none recently.
    fn span(&self, client: usize, employee: usize) -> Option<(i64, i64)> {
        let (client, person) = (&self.clients[client], &self.people[employee]);
        let suspended = match client.state {
            ClientState::Pending => return None,
            ClientState::Active => 0,
            ClientState::Suspended(ago) => ago,
        };
        let stopped = suspended.max(person.stopped());
        let begun = client.age.min(person.age);
        let fits = can_have_granted_recently(person) && stopped < RECENT && begun > stopped + 2 * HOUR;
        fits.then_some((stopped, begun))
    }

    fn scope(&mut self, client: usize) -> &'static str {
        let scopes = self.clients[client].category.scopes();
        // Half of all requests use the most common scope.
        let usual = self.rng.random_bool(0.5);
        let scope = if usual { scopes.first() } else { scopes.choose(&mut self.rng) };
        scope.copied().unwrap_or("employee:all")
    }

    fn any_client(&mut self) -> Option<usize> {
        let all: Vec<usize> = (0..self.clients.len()).collect();
        all.choose_weighted(&mut self.rng, |i| self.clients[*i].weight).ok().copied()
    }

    fn any_person(&mut self) -> usize {
        self.able.choose(&mut self.rng).copied().unwrap_or(MARTA)
    }
}

// Grants of employees who left earlier have expired and were deleted.
fn can_have_granted_recently(person: &Person) -> bool {
    person.state != PersonState::Invited && person.stopped() < RECENT
}
