//! Creates the shop: account, businesses, employees and clients, each with its own creation time.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::account::{Account, Business, Location};
use crate::clients::{Client, Contact, NewClient, RedirectUri, Registration, Website};
use crate::db::DbConnection;
use crate::demo::fill::Ids;
use crate::demo::integrations::{ClientState, Integration};
use crate::demo::people::{JONAS, MARTA, PRIYA, Person, PersonState};
use crate::demo::shop::{AGE, BUSINESSES, NAME, TIME_ZONE};
use crate::demo::world::World;
use crate::employees::{Employee, NewEmployee, OneTimeLink, Purpose};
use crate::error::{Error, Result};
use crate::id::{ClientKey, EmployeeKey, LocationKey};
use crate::secrets::RandomSecret;
use crate::time::Timestamp;
use crate::web::state::State;

const MAX_AT_ONCE: usize = 100;

/// Password hashes.
#[derive(Clone, Debug)]
pub struct Hashes {
    /// Of the three accounts to sign in with: staff, store manager, admin.
    pub visitors: [String; 3],
    /// Of all other employees: a password that nobody knows.
    pub others: String,
}

/// Creates the shop and returns the ids.
pub async fn found(app: &State, world: &Arc<World>, hashes: Hashes, now: Timestamp) -> Result<Ids> {
    let places = app.db.with_long_timeout().write(move |conn| businesses(conn, now)).await?;
    let mut ids = Ids { people: vec![EmployeeKey(0); world.people.len()], clients: Vec::new() };
    // Ids ascend with time, so the oldest are created first.
    for order in by_age(&world.people, |person| person.age).chunks(MAX_AT_ONCE) {
        let (world, hashes, places, order) = (world.clone(), hashes.clone(), places.clone(), order.to_vec());
        let add = move |conn: &mut DbConnection| {
            let add = |i: &usize| Ok((*i, employee(conn, &world.people[*i], hashes.of(*i), &places, now)?));
            order.iter().map(add).collect::<Result<Vec<(usize, EmployeeKey)>>>()
        };
        app.db.with_long_timeout().write(add).await?.into_iter().for_each(|(i, id)| ids.people[i] = id);
    }
    ids.clients = vec![ClientKey(0); world.clients.len()];
    for order in by_age(&world.clients, |client| client.age).chunks(MAX_AT_ONCE) {
        let (world, order) = (world.clone(), order.to_vec());
        let add = move |conn: &mut DbConnection| {
            let add = |i: &usize| Ok((*i, client(conn, &world.clients[*i], &world.people[PRIYA].name, now)?));
            order.iter().map(add).collect::<Result<Vec<(usize, ClientKey)>>>()
        };
        app.db.with_long_timeout().write(add).await?.into_iter().for_each(|(i, id)| ids.clients[i] = id);
    }
    Ok(ids)
}

impl Hashes {
    fn of(&self, person: usize) -> &str {
        match person {
            JONAS => &self.visitors[0],
            MARTA => &self.visitors[1],
            PRIYA => &self.visitors[2],
            _ => &self.others,
        }
    }
}

fn by_age<T>(all: &[T], age: impl Fn(&T) -> i64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|i| Reverse(age(&all[*i])));
    order
}

fn businesses(conn: &mut DbConnection, now: Timestamp) -> Result<Vec<LocationKey>> {
    let at = now.plus(-AGE);
    Account::update(conn, NAME, TIME_ZONE)?;
    let mut places = Vec::new();
    for (name, currency, country, zone, locations) in BUSINESSES {
        let business = Business::create(conn, name, currency, at)?;
        for place in locations {
            places.push(Location::create(conn, business, (place, country, zone), at)?);
        }
    }
    Ok(places)
}

fn employee(
    conn: &mut DbConnection,
    person: &Person,
    hash: &str,
    places: &[LocationKey],
    now: Timestamp,
) -> Result<EmployeeKey> {
    let at = now.plus(-person.age);
    let password_hash = (person.state != PersonState::Invited).then_some(hash);
    let new = NewEmployee { name: &person.name, email: &person.email, role: person.role, password_hash };
    let id = Employee::create(conn, &new, at)?;
    let reached: Vec<LocationKey> = person.locations.iter().filter_map(|i| places.get(*i)).copied().collect();
    Location::set_for_employee(conn, id, &reached)?;
    if let Some(ago) = person.signed_in {
        Employee::set_last_signed_in(conn, id, now.plus(-ago))?;
    }
    match person.state {
        PersonState::Active => {}
        PersonState::Locked(ago) => drop(Employee::set_locked(conn, id, Some(now.plus(-ago)))?),
        PersonState::Archived(ago) => drop(Employee::set_archived(conn, id, Some(now.plus(-ago)))?),
        // Nobody knows the secret of this link.
        PersonState::Invited => {
            OneTimeLink::issue(conn, Purpose::Invite, Some(id), &RandomSecret::generate().hash(), at)?;
        }
    }
    Ok(id)
}

fn client(conn: &mut DbConnection, integration: &Integration, by: &str, now: Timestamp) -> Result<ClientKey> {
    let website = Website::parse(&integration.website).map_err(Error::internal)?;
    let approved = integration.state != ClientState::Pending;
    let registration = Registration {
        redirect_uris: vec![
            RedirectUri::parse(&format!("{}/oauth/callback", integration.website), false).map_err(Error::internal)?,
        ],
        contact: Contact {
            name: format!("{} support", integration.name),
            email: format!("support@{}", website.short()),
            phone: String::new(),
        },
        ..Registration::default()
    };
    let new = NewClient {
        name: &integration.name,
        website: &website,
        approved,
        lightspeed_approved: integration.lightspeed_approved,
        by,
        registration: &registration,
    };
    let id = Client::create(conn, &new, now.plus(-integration.age))?;
    if let ClientState::Suspended(ago) = integration.state {
        Client::set_suspended(conn, id, Some(now.plus(-ago)), by)?;
    }
    Ok(id)
}
