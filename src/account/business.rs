//! Businesses of the account and their locations. An employee has access to the locations that are assigned to them.

use diesel::prelude::*;

use crate::account::account::Account;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{BusinessKey, EmployeeKey, LocationKey};
use crate::schema::{business_locations, businesses, employee_locations, employees};
use crate::time::Timestamp;

/// A business: a legal entity with a currency.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = businesses)]
pub struct Business {
    /// The primary key.
    pub id: BusinessKey,
    /// The legal name.
    pub name: String,
    /// The ISO 4217 code.
    pub currency: String,
}

/// A shop of a business.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = business_locations, belongs_to(Business))]
pub struct Location {
    /// The primary key.
    pub id: LocationKey,
    /// The business it belongs to.
    pub business_id: BusinessKey,
    /// The name on pages.
    pub name: String,
    /// The ISO 3166-1 alpha-2 code.
    pub country: String,
    /// The IANA name.
    pub time_zone: String,
}

impl Business {
    /// Every business with its locations, by name.
    pub fn all(conn: &mut DbConnection) -> QueryResult<Vec<(Business, Vec<Location>)>> {
        let all: Vec<Business> =
            businesses::table.order((businesses::name, businesses::id)).select(Business::as_select()).load(conn)?;
        let locations: Vec<Location> = Location::belonging_to(&all)
            .order((business_locations::name, business_locations::id))
            .select(Location::as_select())
            .load(conn)?;
        let grouped = locations.grouped_by(&all);
        Ok(all.into_iter().zip(grouped).collect())
    }

    /// Adds a business. Errors: [`Error::Invalid`] if the name is taken.
    pub fn create(conn: &mut DbConnection, name: &str, currency: &str, now: Timestamp) -> Result<BusinessKey> {
        Self::check_name(conn, name, None)?;
        let id = diesel::insert_into(businesses::table)
            .values((businesses::name.eq(name), businesses::currency.eq(currency), businesses::created_at.eq(now)))
            .returning(businesses::id)
            .get_result::<i64>(conn)?;
        Ok(BusinessKey(id))
    }

    /// Renames a business; returns its earlier name. Errors: [`Error::Invalid`] if the name is taken.
    pub fn rename(conn: &mut DbConnection, id: BusinessKey, name: &str) -> Result<String> {
        let row = businesses::table.find(id);
        let before = row.select(businesses::name).first::<String>(conn)?;
        Self::check_name(conn, name, Some(id))?;
        diesel::update(row).set(businesses::name.eq(name)).execute(conn)?;
        Ok(before)
    }

    // Names are compared ignoring case, which SQL does for ASCII only. The lock keeps two changes from taking one name.
    fn check_name(conn: &mut DbConnection, name: &str, own: Option<BusinessKey>) -> Result<()> {
        Account::lock(conn)?;
        let taken: Vec<(BusinessKey, String)> =
            businesses::table.select((businesses::id, businesses::name)).load(conn)?;
        refuse_taken(taken.iter().filter(|(id, _)| Some(*id) != own).map(|(_, name)| name), name, "A business")
    }

    /// Removes a business; returns its name. Errors: [`Error::Invalid`] while it has locations.
    pub fn delete(conn: &mut DbConnection, id: BusinessKey) -> Result<String> {
        let name = businesses::table.find(id).select(businesses::name).first::<String>(conn)?;
        let locations = business_locations::table.filter(business_locations::business_id.eq(id));
        if locations.count().get_result::<i64>(conn)? > 0 {
            return Err(Error::Invalid(format!("{name} still has locations. Remove them first.")));
        }
        diesel::delete(businesses::table.find(id)).execute(conn)?;
        Ok(name)
    }
}

impl Location {
    /// Adds a location. Errors: not found when the business does not exist, [`Error::Invalid`] if the business has one with
    /// this name.
    pub fn create(
        conn: &mut DbConnection,
        business: BusinessKey,
        (name, country, time_zone): (&str, &str, &str),
        now: Timestamp,
    ) -> Result<LocationKey> {
        let business: BusinessKey = businesses::table.find(business).select(businesses::id).first(conn)?;
        Self::check_name(conn, business, name, None)?;
        let id = diesel::insert_into(business_locations::table)
            .values((
                business_locations::business_id.eq(business),
                business_locations::name.eq(name),
                business_locations::country.eq(country),
                business_locations::time_zone.eq(time_zone),
                business_locations::created_at.eq(now),
            ))
            .returning(business_locations::id)
            .get_result::<i64>(conn)?;
        Ok(LocationKey(id))
    }

    /// Renames a location of a business; returns its earlier name. Errors: [`Error::Invalid`] if the business has another one
    /// with this name.
    pub fn rename(conn: &mut DbConnection, business: BusinessKey, id: LocationKey, name: &str) -> Result<String> {
        let row = business_locations::table.find(id).filter(business_locations::business_id.eq(business));
        let before = row.select(business_locations::name).first::<String>(conn)?;
        Self::check_name(conn, business, name, Some(id))?;
        diesel::update(row).set(business_locations::name.eq(name)).execute(conn)?;
        Ok(before)
    }

    fn check_name(conn: &mut DbConnection, business: BusinessKey, name: &str, own: Option<LocationKey>) -> Result<()> {
        Account::lock(conn)?;
        let taken: Vec<(LocationKey, String)> = business_locations::table
            .filter(business_locations::business_id.eq(business))
            .select((business_locations::id, business_locations::name))
            .load(conn)?;
        refuse_taken(taken.iter().filter(|(id, _)| Some(*id) != own).map(|(_, name)| name), name, "A location")
    }

    /// Removes a location of a business; returns its name.
    pub fn delete(conn: &mut DbConnection, business: BusinessKey, id: LocationKey) -> Result<String> {
        let row = business_locations::table.find(id).filter(business_locations::business_id.eq(business));
        let name = row.select(business_locations::name).first::<String>(conn)?;
        diesel::delete(business_locations::table.find(id)).execute(conn)?;
        Ok(name)
    }

    /// How many employees a location is assigned to, and the names of the first ten, by name.
    pub fn employees(conn: &mut DbConnection, id: LocationKey) -> QueryResult<(i64, Vec<String>)> {
        let assigned = employee_locations::table.filter(employee_locations::business_location_id.eq(id));
        let names = assigned
            .inner_join(employees::table)
            .order((employees::name_fold, employees::id))
            .limit(10)
            .select(employees::name);
        Ok((assigned.count().get_result(conn)?, names.load(conn)?))
    }

    /// The locations assigned to an employee.
    pub fn of_employee(conn: &mut DbConnection, employee: EmployeeKey) -> QueryResult<Vec<LocationKey>> {
        employee_locations::table
            .filter(employee_locations::employee_id.eq(employee))
            .select(employee_locations::business_location_id)
            .load(conn)
    }

    /// Replaces the locations of an employee. Ids without a location are ignored, because it may have been removed meanwhile.
    pub fn set_for_employee(
        conn: &mut DbConnection,
        employee: EmployeeKey,
        locations: &[LocationKey],
    ) -> QueryResult<()> {
        let chosen = business_locations::table.filter(business_locations::id.eq_any(locations.to_vec()));
        let chosen: Vec<LocationKey> = chosen.select(business_locations::id).load(conn)?;
        diesel::delete(employee_locations::table.filter(employee_locations::employee_id.eq(employee))).execute(conn)?;
        for location in chosen {
            diesel::insert_into(employee_locations::table)
                .values((
                    employee_locations::employee_id.eq(employee),
                    employee_locations::business_location_id.eq(location),
                ))
                .execute(conn)?;
        }
        Ok(())
    }
}

fn refuse_taken<'a>(mut taken: impl Iterator<Item = &'a String>, name: &str, what: &str) -> Result<()> {
    match taken.any(|other| other.to_lowercase() == name.to_lowercase()) {
        true => Err(Error::Invalid(format!("{what} with this name already exists. Choose another name."))),
        false => Ok(()),
    }
}
