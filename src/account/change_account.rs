//! What admins change about the account: the shop's name and time zone, its businesses and their locations.

use crate::account::{Account, Business, Location};
use crate::activity::{Actor, Detail, Kind, NewActivity, Subject};
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::{BusinessKey, LocationKey};
use crate::time::Timestamp;

/// A change to the account.
#[derive(Clone, Debug)]
pub enum AccountChange {
    /// Sets the shop's name and time zone.
    Rename {
        /// The shop's name.
        name: String,
        /// The IANA name of the time zone.
        time_zone: String,
    },
    /// Adds a business with its currency.
    AddBusiness {
        /// The legal name.
        name: String,
        /// The ISO 4217 code.
        currency: String,
    },
    /// Renames a business.
    RenameBusiness(BusinessKey, String),
    /// Removes a business that has no locations.
    RemoveBusiness(BusinessKey),
    /// Adds a location to a business.
    AddLocation {
        /// The business it belongs to.
        business: BusinessKey,
        /// The name on pages.
        name: String,
        /// The ISO 3166-1 alpha-2 code.
        country: String,
        /// The IANA name of the time zone.
        time_zone: String,
    },
    /// Renames a location of a business.
    RenameLocation(BusinessKey, LocationKey, String),
    /// Removes a location of a business.
    RemoveLocation(BusinessKey, LocationKey),
}

/// Changes the account and records it. Errors: [`crate::error::Error::Invalid`] when a business still has locations, or a
/// name is taken.
pub fn change_account(
    conn: &mut DbConnection,
    change: &AccountChange,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<()> {
    let (kind, subject, note) = apply(conn, change, now)?;
    NewActivity::new(kind, actor.clone(), subject).from(client_ip).with(Detail::note(note)).record(conn, now)
}

fn apply(conn: &mut DbConnection, change: &AccountChange, now: Timestamp) -> Result<(Kind, Subject, String)> {
    let (subject, note) = match change {
        AccountChange::Rename { name, time_zone } => {
            let before = Account::get(conn)?;
            Account::update(conn, name, time_zone)?;
            let note = format!("from {} ({}) to {name} ({time_zone})", before.name, before.time_zone);
            return Ok((Kind::AccountChanged, Subject::named("account", 1, name), note));
        }
        AccountChange::AddBusiness { name, currency } => {
            let id = Business::create(conn, name, currency, now)?;
            (Subject::named("business", id.0, name), format!("added, {currency}"))
        }
        AccountChange::RenameBusiness(id, name) => {
            let before = Business::rename(conn, *id, name)?;
            (Subject::named("business", id.0, name), format!("renamed from {before}"))
        }
        AccountChange::RemoveBusiness(id) => {
            let name = Business::delete(conn, *id)?;
            (Subject::named("business", id.0, &name), "removed".into())
        }
        AccountChange::AddLocation { business, name, country, time_zone } => {
            let id = Location::create(conn, *business, (name, country, time_zone), now)?;
            (Subject::named("location", id.0, name), "added".into())
        }
        AccountChange::RenameLocation(business, id, name) => {
            let before = Location::rename(conn, *business, *id, name)?;
            (Subject::named("location", id.0, name), format!("renamed from {before}"))
        }
        AccountChange::RemoveLocation(business, id) => {
            let name = Location::delete(conn, *business, *id)?;
            (Subject::named("location", id.0, &name), "removed".into())
        }
    };
    Ok((Kind::BusinessChanged, subject, note))
}
