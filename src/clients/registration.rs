//! Registering a client and editing one. Both write the client, its redirect URIs and the activity entry in the caller's
//! transaction.

use diesel::prelude::*;

use crate::activity::{Activity, Actor, Detail, Kind, NewActivity};
use crate::clients::client::Client;
use crate::clients::client_secret::ClientSecret;
use crate::clients::rates::Rates;
use crate::clients::redirect_uri::RedirectUri;
use crate::clients::website::Website;
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::ClientKey;
use crate::network;
use crate::notices::{self, Notice};
use crate::schema::clients;
use crate::secrets::{PlainToken, random_name};
use crate::time::{DAY, Timestamp, count};

/// The contact person of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = clients)]
pub struct Contact {
    /// Their name.
    #[diesel(column_name = contact_name)]
    pub name: String,
    /// Their e-mail address.
    #[diesel(column_name = contact_email)]
    pub email: String,
    /// Their phone number; may be empty.
    #[diesel(column_name = contact_phone)]
    pub phone: String,
}

/// What is registered about a client besides its name and website.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Where users may return after they authorize the client.
    pub redirect_uris: Vec<RedirectUri>,
    /// Whether the client runs on its users' own devices. Editing does not change it.
    pub publicly_distributed: bool,
    /// Whether the client must use PKCE.
    pub requires_pkce: bool,
    /// Seconds after which a grant expires however often it is refreshed; `None` for never.
    pub grants_end_after: Option<i64>,
    /// The contact person.
    pub contact: Contact,
    /// The rate limits at the API routes.
    pub rates: Rates,
}

impl Default for Registration {
    fn default() -> Registration {
        Registration {
            redirect_uris: Vec::new(),
            publicly_distributed: false,
            requires_pkce: true,
            grants_end_after: None,
            contact: Contact::default(),
            rates: Rates::default(),
        }
    }
}

/// Everything a registration form states, after validation.
#[derive(Clone, Debug)]
pub struct ClientDetails {
    /// The name people see.
    pub name: String,
    /// Its website.
    pub website: Website,
    /// Everything else.
    pub registration: Registration,
}

/// A client to insert.
#[derive(Debug)]
pub struct NewClient<'a> {
    /// The name people see.
    pub name: &'a str,
    /// Its website.
    pub website: &'a Website,
    /// Whether it is active at once instead of pending approval.
    pub approved: bool,
    /// Whether it is marked as Lightspeed Approved.
    pub lightspeed_approved: bool,
    /// The admin who registers it; empty when its developer does.
    pub by: &'a str,
    /// Everything else.
    pub registration: &'a Registration,
}

impl Client {
    /// Inserts a client under a new public id. Public ids are never reused.
    pub fn create(conn: &mut DbConnection, new: &NewClient<'_>, now: Timestamp) -> QueryResult<ClientKey> {
        let registration = new.registration;
        let id = diesel::insert_into(clients::table)
            .values((
                clients::client_id.eq(random_name(43)),
                clients::name.eq(new.name),
                clients::name_fold.eq(new.name.to_lowercase()),
                clients::website.eq(new.website),
                clients::created_at.eq(now),
                clients::lightspeed_approved_at.eq(new.lightspeed_approved.then_some(now)),
                clients::lightspeed_approved_by.eq(if new.lightspeed_approved { new.by } else { "" }),
                clients::approved_at.eq(new.approved.then_some(now)),
                clients::approved_by.eq(if new.approved { new.by } else { "" }),
                clients::publicly_distributed.eq(registration.publicly_distributed),
                clients::requires_pkce.eq(registration.requires_pkce),
                clients::grants_end_after.eq(registration.grants_end_after),
                clients::contact_name.eq(&registration.contact.name),
                clients::contact_email.eq(&registration.contact.email),
                clients::contact_phone.eq(&registration.contact.phone),
                clients::bucket_size.eq(registration.rates.bucket_size),
                clients::drip_rate_tenths.eq(registration.rates.drip_rate_tenths),
                clients::burst_limit.eq(registration.rates.burst_limit),
            ))
            .returning(clients::id)
            .get_result::<i64>(conn)
            .map(ClientKey)?;
        RedirectUri::set_for_client(conn, id, &registration.redirect_uris)?;
        Ok(id)
    }

    /// Stores what can be edited about a client; whether it is publicly distributed cannot.
    fn update(conn: &mut DbConnection, id: ClientKey, details: &ClientDetails) -> QueryResult<()> {
        let registration = &details.registration;
        diesel::update(clients::table.find(id))
            .set((
                clients::name.eq(&details.name),
                clients::name_fold.eq(details.name.to_lowercase()),
                clients::website.eq(&details.website),
                clients::requires_pkce.eq(registration.requires_pkce),
                clients::grants_end_after.eq(registration.grants_end_after),
                clients::contact_name.eq(&registration.contact.name),
                clients::contact_email.eq(&registration.contact.email),
                clients::contact_phone.eq(&registration.contact.phone),
                clients::bucket_size.eq(registration.rates.bucket_size),
                clients::drip_rate_tenths.eq(registration.rates.drip_rate_tenths),
                clients::burst_limit.eq(registration.rates.burst_limit),
            ))
            .execute(conn)?;
        RedirectUri::set_for_client(conn, id, &registration.redirect_uris)
    }
}

/// Registers a client and returns its secret, which cannot be read again. With `approved`, the client is active at once
/// and the actor is recorded as the admin who approved it; otherwise it is pending approval.
pub fn register_client(
    conn: &mut DbConnection,
    details: &ClientDetails,
    approved: bool,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<(Client, PlainToken)> {
    let new = NewClient {
        name: &details.name,
        website: &details.website,
        approved,
        lightspeed_approved: false,
        by: if approved { actor.name() } else { "" },
        registration: &details.registration,
    };
    let id = Client::create(conn, &new, now)?;
    let secret = ClientSecret::issue(conn, id, 0, now)?;
    let client = Client::find(conn, id)?;
    NewActivity::new(Kind::ClientRegistered, actor.clone(), client.subject())
        .from(client_ip)
        .with(Detail::note(if approved { "" } else { "pending approval" }))
        .record(conn, now)?;
    let (named, website) = ((id, client.name.as_str()), client.website.as_str());
    let notice = match approved {
        true => Notice::client_registered(named, website, actor.name()),
        false => Notice::client_pending(named, website),
    };
    notices::raise(conn, &notice, now)?;
    Ok((client, secret))
}

/// Changes a client to `details` and records which fields changed; false when none did.
pub fn edit_client(
    conn: &mut DbConnection,
    client: &Client,
    details: &ClientDetails,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<bool> {
    let changes = details.changes(client, &RedirectUri::of_client(conn, client.id)?);
    if changes.is_empty() {
        return Ok(false);
    }
    Client::update(conn, client.id, details)?;
    NewActivity::new(Kind::ClientChanged, actor.clone(), client.subject())
        .from(client_ip)
        .with(Detail::note(changes.join("; ")))
        .record(conn, now)?;
    Ok(true)
}

impl ClientDetails {
    // Old and new values are named for the fields that an attacker would change to take the client over.
    fn changes(&self, client: &Client, redirect_uris: &[String]) -> Vec<String> {
        let new = &self.registration;
        let mut changes = Vec::new();
        if self.name != client.name {
            changes.push(format!("name from {} to {}", client.name, self.name));
        }
        if self.website != client.website {
            changes.push(format!("website from {} to {}", client.website.as_str(), self.website.as_str()));
        }
        let uris: Vec<&str> = new.redirect_uris.iter().map(RedirectUri::as_str).collect();
        if uris != redirect_uris {
            changes.push(format!("redirect URIs from {} to {}", redirect_uris.join(" "), uris.join(" ")));
        }
        if new.contact != client.contact {
            changes.push("contact".into());
        }
        if new.requires_pkce != client.requires_pkce() {
            changes.push(if new.requires_pkce { "PKCE required" } else { "PKCE no longer required" }.into());
        }
        if new.grants_end_after != client.grants_end_after {
            changes.push(match new.grants_end_after {
                Some(seconds) => format!("access expires after {}", count(seconds / DAY, "day")),
                None => "access no longer expires after a fixed time".into(),
            });
        }
        if new.rates != client.rates {
            changes.push(format!("rate limits from {} to {}", client.rates, new.rates));
        }
        changes
    }
}

// How many of the newest registrations are looked at.
const NEWEST: i64 = 200;

/// How many clients strangers of the network of `client_ip` registered within a day.
pub fn registered_from(conn: &mut DbConnection, client_ip: &str, now: Timestamp) -> QueryResult<usize> {
    let (network, since) = (network::of(client_ip), now.plus(-DAY));
    let newest = Activity::newest_of(conn, Kind::ClientRegistered, NEWEST)?;
    let own = newest.iter().filter(|entry| entry.actor_id.is_none() && entry.at > since);
    Ok(own.filter(|entry| network::of(&entry.client_ip) == network).count())
}
