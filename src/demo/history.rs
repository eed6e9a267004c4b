//! The activity log of the last weeks: everyday entries, and a few revocations that are really carried out.

use std::cmp::Reverse;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::clients::{Client, NewClient, Registration, Website};
use crate::db::DbConnection;
use crate::demo::fill::Ids;
use crate::demo::integrations::{ClientState, Integration, REVOKED_CLIENT};
use crate::demo::people::{EACH_ROLE, MARTA, PRIYA, PersonState, TOMASZ};
use crate::demo::shop::BUSINESSES;
use crate::demo::world::World;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::scopes::{Role, Scope};
use crate::time::{DAY, HOUR, MINUTE, Timestamp};
use crate::tokens::issue::{Grant, Lifetimes};
use crate::tokens::revocation::{DeletionJob, Target, revoke, revoke_access_token, revoke_as};
use crate::tokens::{AccessToken, RefreshToken, issue};
use crate::web::state::State;

const SHOWN_FIRST: usize = 7;
const REUSE: &str = "a replaced refresh token was used from 198.51.100.7; the newest was issued to 203.0.113.24";
// How far back sign-ins and state changes are logged.
const WEEKS: i64 = 45 * DAY;

/// An act of an employee, with its age in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Act {
    age: i64,
    by: usize,
    action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    /// An act on an employee, possibly oneself.
    To(usize, Kind, String),
    /// A failed sign-in with this employee's e-mail address.
    FailedToSignIn(usize),
    /// All access that this employee authorized is revoked.
    RevokeAllAccess(usize),
    /// An old client is revoked.
    RevokeClient,
    /// A refresh token is revoked after this many seconds.
    RevokeRefreshToken(i64),
    /// An API key is revoked after this many seconds.
    RevokeKey(i64),
    /// Somebody uses an older value of a refresh token that was issued so many seconds before.
    ReuseToken(i64),
}

/// Writes the log, oldest first.
pub async fn write(app: &State, world: &Arc<World>, ids: &Ids, seed: u64, now: Timestamp) -> Result<()> {
    let acts = acts(world, StdRng::seed_from_u64(seed));
    let (world, ids) = (world.clone(), ids.clone());
    app.db
        .with_long_timeout()
        .write(move |conn| acts.iter().try_for_each(|act| act.perform(conn, &world, &ids, now)))
        .await
}

fn acts(world: &World, mut rng: StdRng) -> Vec<Act> {
    let rng = &mut rng;
    let people = &world.people;
    let mut acts = vec![
        Act { age: people[PRIYA].age, by: PRIYA, action: Action::To(PRIYA, Kind::SetUp, String::new()) },
        Act { age: 11 * DAY + 3 * HOUR, by: PRIYA, action: Action::RevokeClient },
        Act { age: 6 * DAY + 5 * HOUR, by: MARTA, action: Action::RevokeRefreshToken(33 * DAY) },
        Act { age: 18 * DAY + 2 * HOUR, by: PRIYA, action: Action::RevokeKey(140 * DAY) },
        Act { age: 4 * DAY + 7 * HOUR, by: PRIYA, action: Action::ReuseToken(12 * DAY) },
    ];
    let settled = |role: Role| {
        let fits = move |i: &usize| {
            people[*i].state == PersonState::Active && people[*i].role == role && people[*i].age > WEEKS
        };
        (TOMASZ + 1..people.len()).filter(fits)
    };
    for (i, ago) in settled(Role::Manager).zip([9 * DAY, 24 * DAY, 37 * DAY]) {
        acts.push(Act {
            age: ago,
            by: PRIYA,
            action: Action::To(i, Kind::RoleChanged, "from Staff to Store manager".into()),
        });
        let places =
            people[i].locations.iter().filter_map(|place| location_name(*place)).collect::<Vec<_>>().join(", ");
        acts.push(Act { age: ago - 2 * MINUTE, by: PRIYA, action: Action::To(i, Kind::LocationsChanged, places) });
    }
    for (i, ago) in settled(Role::Staff).zip([3 * DAY, 20 * DAY]) {
        acts.push(Act { age: ago, by: PRIYA, action: Action::To(i, Kind::ResetLinkCreated, String::new()) });
        acts.push(Act { age: ago - HOUR, by: i, action: Action::To(i, Kind::PasswordChanged, String::new()) });
    }
    for (i, ago) in settled(Role::Admin).zip([2 * DAY, 2 * DAY - MINUTE, 13 * DAY, 29 * DAY]) {
        acts.push(Act { age: ago + 4 * HOUR, by: i, action: Action::FailedToSignIn(i) });
    }
    let left = |i: &usize| matches!(people[*i].state, PersonState::Archived(ago) if ago < WEEKS);
    if let Some(i) = (0..people.len()).filter(left).nth(1) {
        acts.push(Act { age: people[i].stopped() - 5 * MINUTE, by: PRIYA, action: Action::RevokeAllAccess(i) });
    }
    // With a thousand employees, their sign-ins would hide the rest.
    for i in 0..people.len().min(4 * EACH_ROLE) {
        sign_ins_and_state_changes(world, i, &mut acts, rng);
    }
    acts.sort_by_key(|act| Reverse(act.age));
    acts
}

fn sign_ins_and_state_changes(world: &World, i: usize, acts: &mut Vec<Act>, rng: &mut StdRng) {
    let person = &world.people[i];
    let mut tell = |age: i64, by: usize, kind: Kind, note: &str| {
        if (0..WEEKS).contains(&age) {
            acts.push(Act { age, by, action: Action::To(i, kind, note.into()) });
        }
    };
    tell(person.age, PRIYA, Kind::EmployeeInvited, &format!("as {}", person.role.name()));
    if person.state != PersonState::Invited {
        let accepted = (person.age - rng.random_range(MINUTE..2 * HOUR)).max(person.signed_in.unwrap_or(0));
        tell(accepted, i, Kind::InvitationAccepted, "");
    }
    match person.state {
        PersonState::Locked(ago) => tell(ago, PRIYA, Kind::EmployeeLocked, "1 session signed out"),
        PersonState::Archived(ago) => tell(ago, PRIYA, Kind::EmployeeArchived, "1 session signed out"),
        PersonState::Active | PersonState::Invited => {}
    }
    let Some(last) = person.signed_in else {
        return;
    };
    tell(last, i, Kind::SignedIn, "");
    let before = last + rng.random_range(1..9) * DAY + rng.random_range(0..3 * HOUR);
    if before < person.age - DAY && rng.random_bool(0.6) {
        tell(before, i, Kind::SignedIn, "");
        tell(before - rng.random_range(10 * MINUTE..3 * HOUR), i, Kind::SignedOut, "");
    }
}

fn location_name(place: usize) -> Option<&'static str> {
    BUSINESSES.iter().flat_map(|business| business.4).nth(place).copied()
}

// Addresses reserved for documentation, one per location.
fn client_ip(world: &World, person: usize) -> String {
    let place = world.people[person].locations.first().copied().unwrap_or_default();
    format!("192.0.2.{}", 10 + place)
}

impl Act {
    fn perform(&self, conn: &mut DbConnection, world: &World, ids: &Ids, now: Timestamp) -> Result<()> {
        let at = now.plus(-self.age);
        let by = (&Actor::person(ids.people[self.by], &world.people[self.by].name), &*client_ip(world, self.by));
        match &self.action {
            Action::To(whom, kind, note) => {
                let subject = Employee::find(conn, ids.people[*whom])?.subject();
                let entry = NewActivity::new(*kind, by.0.clone(), subject).from(by.1);
                entry.with(Detail::note(note.clone())).record(conn, at)
            }
            Action::FailedToSignIn(who) => {
                let subject = Employee::find(conn, ids.people[*who])?.subject();
                NewActivity::new(Kind::SignInFailed, Actor::nobody(), subject).from(by.1).record(conn, at)
            }
            Action::RevokeAllAccess(whom) => {
                let employee = ids.people[*whom];
                let target = Target::Grants(Employee::find(conn, employee)?);
                revoke(conn, &target, None, by, at)?;
                // What was too much for one transaction was deleted long ago.
                while let Some(job) = DeletionJob::of(conn, "employee", employee.0)? {
                    job.step(conn, 1_000, at)?;
                }
                Ok(())
            }
            Action::RevokeClient => {
                let target = Target::Client(old_client(conn, ids, at)?);
                revoke(conn, &target, None, by, at).map(drop)
            }
            Action::RevokeRefreshToken(after) => match some_client(world, ids, *after + self.age) {
                Some(client) => {
                    let target = refresh_token(conn, client, ids, at.plus(-after))?;
                    revoke(conn, &target, None, by, at).map(drop)
                }
                None => Ok(()),
            },
            Action::ReuseToken(after) => match some_client(world, ids, *after + self.age) {
                Some(client) => {
                    let target = refresh_token(conn, client, ids, at.plus(-after))?;
                    let kind = (Kind::RefreshTokenReuseDetected, REUSE);
                    let by = (&Client::find(conn, client)?.actor(), "198.51.100.7");
                    revoke_as(conn, &target, kind, None, by, at).map(drop)
                }
                None => Ok(()),
            },
            Action::RevokeKey(after) => match some_client(world, ids, *after + self.age) {
                Some(client) => revoke_key(conn, client, ids, (after, at), by),
                None => Ok(()),
            },
        }
    }
}

// Skips the clients that people open first: nothing was ever revoked there.
fn some_client(world: &World, ids: &Ids, age: i64) -> Option<ClientKey> {
    let fits = |client: &Integration| client.state == ClientState::Active && client.age > age;
    world.clients.iter().zip(&ids.clients).skip(SHOWN_FIRST).find(|(client, _)| fits(client)).map(|(_, id)| *id)
}

// An old client: two API keys unused for a long time, and a grant that is still refreshed sometimes.
fn old_client(conn: &mut DbConnection, ids: &Ids, until: Timestamp) -> Result<Client> {
    let (name, host) = REVOKED_CLIENT;
    let website = Website::parse(&format!("https://{host}")).map_err(Error::internal)?;
    let new = NewClient {
        name,
        website: &website,
        approved: true,
        lightspeed_approved: false,
        by: "",
        registration: &Registration::default(),
    };
    let at = until.plus(-1_100 * DAY);
    let client = Client::create(conn, &new, at)?;
    let scope = scope("employee:register_read employee:customers_read")?;
    for label in ["Till export", "Till export, second till"] {
        let grant = Grant { client, employee: ids.people[PRIYA], scope: &scope };
        let key = issue::api_key(conn, &grant, label, Timestamp::NO_END, at.plus(DAY))?;
        AccessToken::touch(conn, key.id, until.plus(-97 * DAY), None)?;
    }
    let grant = Grant { client, employee: ids.people[TOMASZ], scope: &scope };
    issue::grant(conn, &grant, Lifetimes::default(), until.plus(-4 * DAY))?;
    Ok(Client::find(conn, client)?)
}

// A refresh token of this client that is about to be revoked.
fn refresh_token(conn: &mut DbConnection, client: ClientKey, ids: &Ids, at: Timestamp) -> Result<Target> {
    let scope = scope("employee:inventory_read")?;
    let grant = Grant { client, employee: ids.people[TOMASZ], scope: &scope };
    let pair = issue::grant(conn, &grant, Lifetimes::default(), at)?;
    let token = RefreshToken::find(conn, client, pair.refresh_token_id)?;
    Ok(Target::RefreshToken(Client::find(conn, client)?, token))
}

fn revoke_key(
    conn: &mut DbConnection,
    client: ClientKey,
    ids: &Ids,
    (after, at): (&i64, Timestamp),
    by: (&Actor, &str),
) -> Result<()> {
    let scope = scope("employee:reports")?;
    let grant = Grant { client, employee: ids.people[PRIYA], scope: &scope };
    let id = issue::api_key(conn, &grant, "Trial of a dashboard", Timestamp::NO_END, at.plus(-after))?.id;
    let (client, token) = (Client::find(conn, client)?, AccessToken::find(conn, client, id)?);
    revoke_access_token(conn, (&client, &token), by, at)
}

fn scope(text: &str) -> Result<Scope> {
    Scope::parse(text).ok_or_else(|| Error::internal(format!("unknown scope: {text}")))
}
