//! Which tokens there are, in which states: a plan of plain data, the same for the same seed, carried out in
//! [`crate::demo::fill`]. All times are seconds before now, so that the world is as fresh as its start.

use std::cmp::Reverse;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::demo::integrations::{Integration, LEDGERLY, LoadedClient, PARCELS, SHELFWISE};
use crate::demo::people::{Fate, INES, JONAS, MARTA, Person, TOMASZ};
use crate::demo::rhythm::{ASLEEP, Rhythm};
use crate::time::{DAY, HOUR, MINUTE};

/// How many tokens are made one by one to be looked at; what a larger world has beyond is made in bulk.
const BELIEVABLE: usize = 3_000;
// Access tokens expired for longer than this are not counted: they are deleted before anybody looks.
const KEPT: i64 = 30 * DAY;
// A grant outlives its last use by thirty days.
const LATELY: i64 = 27 * DAY;

/// One consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The integration let in.
    pub client: usize,
    /// The employee who let it in.
    pub employee: usize,
    /// What it may reach.
    pub scope: &'static str,
    /// Whether its access tokens live for a day instead of an hour.
    pub day_long: bool,
}

/// One API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Whose it is.
    pub client: usize,
    /// Whose rights it carries.
    pub employee: usize,
    /// What it may reach.
    pub scope: &'static str,
    /// What an admin called it.
    pub label: &'static str,
    /// Seconds from now to its end, negative when that has passed; without one it has none.
    pub ends_in: Option<i64>,
}

/// What a token was issued under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A grant, by its number: its first pair, or the next one.
    Grant(usize),
    /// A key, by its number.
    Key(usize),
}

/// One access token or API key being issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issue {
    /// How long ago.
    pub age: i64,
    /// How long ago it was last used, if ever.
    pub used: Option<i64>,
    /// Under what.
    pub of: Of,
}

/// All tokens of a world; the issues stand in the order in which they happened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The consents.
    pub grants: Vec<Grant>,
    /// The API keys.
    pub keys: Vec<Key>,
    /// Everything issued, oldest first.
    pub issues: Vec<Issue>,
}

/// Plans about `tokens` access tokens and API keys.
pub fn plan(tokens: usize, clients: &[Integration], people: &[Person], rng: StdRng) -> Plan {
    let able = (0..people.len()).filter(|i| *i != JONAS && has_granted_lately(&people[*i])).collect();
    let mut planner = Planner { clients, people, able, rng, plan: Plan::default(), kept: vec![0; clients.len()] };
    let believable = tokens.min(BELIEVABLE);
    if believable > 0 {
        planner.first_met();
        planner.keys(believable / 20);
        planner.everyday(believable);
        planner.bulk(tokens);
    }
    let mut plan = planner.plan;
    plan.issues.sort_by_key(|issue| Reverse(issue.age));
    plan
}

pub(crate) struct Planner<'a> {
    pub(crate) clients: &'a [Integration],
    pub(crate) people: &'a [Person],
    // Those who may have granted something. Jonas aside: what he granted is all known, so that a visitor who signs in as
    // him finds each kind once.
    able: Vec<usize>,
    pub(crate) rng: StdRng,
    plan: Plan,
    // Access tokens and API keys of each client that stay.
    pub(crate) kept: Vec<usize>,
}

impl Planner<'_> {
    pub(crate) fn total(&self) -> usize {
        self.kept.iter().sum()
    }

    // What a visitor is likely to open first.
    fn first_met(&mut self) {
        let rng = &mut self.rng;
        let met = [
            (LEDGERLY, MARTA, Rhythm { newest: 2 * MINUTE, gap: 9 * MINUTE, months: 8, ..Rhythm::busy(rng) }),
            (LEDGERLY, TOMASZ, Rhythm { newest: 11 * MINUTE, gap: 14 * MINUTE, months: 1, ..Rhythm::busy(rng) }),
            (LEDGERLY, JONAS, Rhythm { newest: 27 * DAY, months: 5, ..Rhythm::lapsing(rng) }),
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

    // A hundred and more live tokens of one client, then what chance brings.
    fn everyday(&mut self, until: usize) {
        for _ in 0..36 {
            if self.clients.len() > SHELFWISE && self.total() < until / 3 {
                let (employee, rhythm) = (self.any_person(), Rhythm::crowded(&mut self.rng));
                self.grant((SHELFWISE, employee), &rhythm, false);
            }
        }
        // Some grants leave nothing that counts, and where everybody is new none does: this ends all the same.
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

    // Nothing is issued after somebody was stopped, nor before everybody concerned was there.
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
            self.kept[client] += usize::from(age - lifetime < KEPT);
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
        let least = if self.clients[client].weight < ASLEEP { 11 } else { 0 };
        let idle = match rng.random_range(least..20) {
            0..6 => Some(rng.random_range(30..50 * MINUTE)),
            6..11 => Some(rng.random_range(HOUR..6 * DAY)),
            11..17 => Some(rng.random_range(35 * DAY..260 * DAY)),
            _ => None,
        };
        let ended = stopped.max(-ends_in.unwrap_or_default());
        let used = idle.map(|idle| (ended + idle).min(age));
        let label = self.clients[client].trade.labels().choose(rng).copied().unwrap_or_default();
        let scope = self.scope(client);
        self.plan.issues.push(Issue { age, used, of: Of::Key(self.plan.keys.len()) });
        self.plan.keys.push(Key { client, employee, scope, label, ends_in });
        self.kept[client] += 1;
    }

    // Between when the two could have anything to do with each other; nothing when they could not, or lately not.
    fn span(&self, client: usize, employee: usize) -> Option<(i64, i64)> {
        let (client, person) = (&self.clients[client], &self.people[employee]);
        let suspended = match client.find_unrevoked {
            LoadedClient::Pending => return None,
            LoadedClient::Active => 0,
            LoadedClient::Suspended(ago) => ago,
        };
        let stopped = suspended.max(person.stopped());
        let begun = client.age.min(person.age);
        let fits = has_granted_lately(person) && stopped < LATELY && begun > stopped + 2 * HOUR;
        fits.then_some((stopped, begun))
    }

    fn scope(&mut self, client: usize) -> &'static str {
        let scopes = self.clients[client].trade.scopes();
        // The usual one is asked for more often than all others together.
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

// What those granted who left earlier has lapsed and is gone.
fn has_granted_lately(person: &Person) -> bool {
    person.fate != Fate::Invited && person.stopped() < LATELY
}
