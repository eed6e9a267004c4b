//! What the activity log holds of the last weeks: signs of everyday life, and a few revokes that really happen.

use std::cmp::Reverse;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::clients::{Client, NewClient, Registration, Website};
use crate::db::DbConnection;
use crate::demo::fill::Ids;
use crate::demo::integrations::{Integration, LoadedClient, REVOKED_CLIENT};
use crate::demo::people::{EACH_ROLE, Fate, MARTA, PRIYA, TOMASZ};
use crate::demo::shop::BUSINESSES;
use crate::demo::world::World;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::scopes::{Role, Scope};
use crate::secrets::TokenHash;
use crate::text::fold;
use crate::time::{DAY, HOUR, MINUTE, Timestamp};
use crate::tokens::issue::{Grant, Lifetimes};
use crate::tokens::revocation::{Target, revoke, revoke_access_token};
use crate::tokens::{AccessToken, RefreshToken, issue};
use crate::web::state::State;

const MET_FIRST: usize = 7;
// What the log tells of somebody's coming and going begins here.
const WEEKS: i64 = 45 * DAY;

/// Something that somebody did, so many seconds ago.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Act {
    age: i64,
    by: usize,
    deed: Deed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Deed {
    /// To somebody, maybe to oneself.
    To(usize, Kind, String),
    /// A password that was wrong, for somebody's address.
    FailedToSignIn(usize),
    /// Everything somebody granted has ended.
    RevokeAllAccess(usize),
    /// An old integration goes, with all it has.
    RevokeClient,
    /// A refresh token goes, after so many seconds.
    RevokeRefreshToken(i64),
    /// An API key goes, after so many seconds.
    RevokeKey(i64),
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
        Act { age: people[PRIYA].age, by: PRIYA, deed: Deed::To(PRIYA, Kind::SetUp, String::new()) },
        Act { age: 11 * DAY + 3 * HOUR, by: PRIYA, deed: Deed::RevokeClient },
        Act { age: 6 * DAY + 5 * HOUR, by: MARTA, deed: Deed::RevokeRefreshToken(33 * DAY) },
        Act { age: 18 * DAY + 2 * HOUR, by: PRIYA, deed: Deed::RevokeKey(140 * DAY) },
    ];
    let settled = |role: Role| {
        let fits =
            move |i: &usize| people[*i].fate == Fate::Active && people[*i].role == role && people[*i].age > WEEKS;
        (TOMASZ + 1..people.len()).filter(fits)
    };
    for (i, ago) in settled(Role::Manager).zip([9 * DAY, 24 * DAY, 37 * DAY]) {
        acts.push(Act {
            age: ago,
            by: PRIYA,
            deed: Deed::To(i, Kind::RoleChanged, "from Staff to Store manager".into()),
        });
        let places = people[i].locations.iter().filter_map(|place| place_name(*place)).collect::<Vec<_>>().join(", ");
        acts.push(Act { age: ago - 2 * MINUTE, by: PRIYA, deed: Deed::To(i, Kind::LocationsChanged, places) });
    }
    for (i, ago) in settled(Role::Staff).zip([3 * DAY, 20 * DAY]) {
        acts.push(Act { age: ago, by: PRIYA, deed: Deed::To(i, Kind::ResetLinkCreated, String::new()) });
        acts.push(Act { age: ago - HOUR, by: i, deed: Deed::To(i, Kind::PasswordChanged, String::new()) });
    }
    for (i, ago) in settled(Role::Admin).zip([2 * DAY, 2 * DAY - MINUTE, 13 * DAY, 29 * DAY]) {
        acts.push(Act { age: ago + 4 * HOUR, by: i, deed: Deed::FailedToSignIn(i) });
    }
    let left = |i: &usize| matches!(people[*i].fate, Fate::Archived(ago) if ago < WEEKS);
    if let Some(i) = (0..people.len()).filter(left).nth(1) {
        acts.push(Act { age: people[i].stopped() - 5 * MINUTE, by: PRIYA, deed: Deed::RevokeAllAccess(i) });
    }
    // A log of a thousand people would hide the rest.
    for i in 0..people.len().min(4 * EACH_ROLE) {
        comings_and_goings(world, i, &mut acts, rng);
    }
    acts.sort_by_key(|act| Reverse(act.age));
    acts
}

fn comings_and_goings(world: &World, i: usize, acts: &mut Vec<Act>, rng: &mut StdRng) {
    let person = &world.people[i];
    let mut tell = |age: i64, by: usize, kind: Kind, note: &str| {
        if (0..WEEKS).contains(&age) {
            acts.push(Act { age, by, deed: Deed::To(i, kind, note.into()) });
        }
    };
    tell(person.age, PRIYA, Kind::EmployeeInvited, &format!("as {}", person.role.name()));
    if person.fate != Fate::Invited {
        let accepted = (person.age - rng.random_range(MINUTE..2 * HOUR)).max(person.signed_in.unwrap_or(0));
        tell(accepted, i, Kind::InvitationAccepted, "");
    }
    match person.fate {
        Fate::Locked(ago) => tell(ago, PRIYA, Kind::EmployeeLocked, "1 session signed out"),
        Fate::Archived(ago) => tell(ago, PRIYA, Kind::EmployeeArchived, "1 session signed out"),
        Fate::Active | Fate::Invited => {}
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

fn place_name(place: usize) -> Option<&'static str> {
    BUSINESSES.iter().flat_map(|business| business.4).nth(place).copied()
}

// The addresses that are set apart for examples: one for each location.
fn client_ip(world: &World, person: usize) -> String {
    let place = world.people[person].locations.first().copied().unwrap_or_default();
    format!("192.0.2.{}", 10 + place)
}

impl Act {
    fn perform(&self, conn: &mut DbConnection, world: &World, ids: &Ids, now: Timestamp) -> Result<()> {
        let at = now.plus(-self.age);
        let by = (&Actor::person(ids.people[self.by], &world.people[self.by].name), &*client_ip(world, self.by));
        match &self.deed {
            Deed::To(whom, kind, note) => {
                let subject = Employee::find(conn, ids.people[*whom])?.subject();
                let entry = NewActivity::new(*kind, by.0.clone(), subject).from(by.1);
                entry.with(Detail::note(note.clone())).record(conn, at)
            }
            Deed::FailedToSignIn(who) => {
                let address = TokenHash::of(&fold(&world.people[*who].email)).short_hex();
                let subject = Subject::named("sign_in", 0, &format!("address {address}"));
                NewActivity::new(Kind::SignInFailed, Actor::nobody(), subject).from(by.1).record(conn, at)
            }
            Deed::RevokeAllAccess(whom) => {
                let target = Target::Grants(Employee::find(conn, ids.people[*whom])?);
                revoke(conn, &target, None, by, at).map(drop)
            }
            Deed::RevokeClient => {
                let target = Target::Client(old_client(conn, ids, at)?);
                revoke(conn, &target, None, by, at).map(drop)
            }
            Deed::RevokeRefreshToken(after) => match some_client(world, ids, *after + self.age) {
                Some(client) => revoke_refresh_token(conn, client, ids, (after, at), by),
                None => Ok(()),
            },
            Deed::RevokeKey(after) => match some_client(world, ids, *after + self.age) {
                Some(client) => revoke_key(conn, client, ids, (after, at), by),
                None => Ok(()),
            },
        }
    }
}

// Not one of those that a visitor opens first: nothing was ever wrong with them.
fn some_client(world: &World, ids: &Ids, age: i64) -> Option<ClientKey> {
    let fits = |client: &Integration| client.find_unrevoked == LoadedClient::Active && client.age > age;
    world.clients.iter().zip(&ids.clients).skip(MET_FIRST).find(|(client, _)| fits(client)).map(|(_, id)| *id)
}

// An integration of the first days: two keys, long unused, and a grant that is still refreshed now and then.
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
        AccessToken::touch(conn, key.id, until.plus(-97 * DAY))?;
    }
    let grant = Grant { client, employee: ids.people[TOMASZ], scope: &scope };
    issue::grant(conn, &grant, Lifetimes::default(), until.plus(-4 * DAY))?;
    Ok(Client::find(conn, client)?)
}

fn revoke_refresh_token(
    conn: &mut DbConnection,
    client: ClientKey,
    ids: &Ids,
    (after, at): (&i64, Timestamp),
    by: (&Actor, &str),
) -> Result<()> {
    let scope = scope("employee:inventory_read")?;
    let grant = Grant { client, employee: ids.people[TOMASZ], scope: &scope };
    let pair = issue::grant(conn, &grant, Lifetimes::default(), at.plus(-after))?;
    let token = RefreshToken::find(conn, client, pair.refresh_token_id)?;
    let target = Target::RefreshToken(Client::find(conn, client)?, token);
    revoke(conn, &target, None, by, at).map(drop)
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
    Scope::parse(text).ok_or_else(|| Error::internal(format!("no scope: {text}")))
}
