//! The names of the people and clients that entries store by id.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;

use crate::activity::{Activity, Detail, Subject};
use crate::db::DbConnection;
use crate::id::{ClientKey, EmployeeKey};
use crate::schema::{clients, employees};
use crate::secrets::TokenHash;
use crate::text::fold;

// The most ids in one statement; SQLite allows 32,766 values.
const AT_ONCE: usize = 10_000;
// How many e-mail addresses are compared with those that entries of earlier versions have as a hash.
const ADDRESSES: i64 = 10_000;
const ADDRESS: &str = "address ";

/// How entries name an e-mail address that nobody has: by its hash, because it may be a password typed into the wrong field.
/// Earlier versions named every address so.
pub fn unknown_address(email: &str) -> String {
    format!("{ADDRESS}{}", TokenHash::of(&fold(email)).short_hex())
}

/// The present names of the people in some entries. Somebody whose personal data was erased is called "Former employee 12".
#[derive(Debug, Default)]
pub struct Names {
    people: HashMap<EmployeeKey, String>,
    clients: BTreeSet<ClientKey>,
    // Who has an e-mail address that an entry names by its hash.
    addresses: HashMap<String, EmployeeKey>,
}

impl Names {
    /// Looks up the names in some entries and those of further people, in one query for up to ten thousand people, and one for
    /// the clients.
    pub fn of(
        conn: &mut DbConnection,
        entries: &[&Activity],
        further: impl Iterator<Item = EmployeeKey>,
    ) -> QueryResult<Names> {
        let mut names = Names::default();
        if entries.iter().any(|entry| is_address(entry)) {
            names.read_addresses(conn)?;
        }
        let mut ids: BTreeSet<EmployeeKey> = entries.iter().flat_map(|entry| people(entry)).collect();
        ids.extend(further);
        ids.extend(entries.iter().filter_map(|entry| names.addresses.get(&entry.subject_name)));
        names.read_people(conn, ids)?;
        let ids: BTreeSet<ClientKey> = entries.iter().flat_map(|entry| entry.clients()).collect();
        let ids: Vec<i64> = ids.into_iter().map(|id| id.0).collect();
        for ids in ids.chunks(AT_ONCE) {
            let found = clients::table.filter(clients::id.eq_any(ids)).filter(clients::revoked_at.is_null());
            names.clients.extend(found.select(clients::id).load::<ClientKey>(conn)?);
        }
        Ok(names)
    }

    fn read_people(&mut self, conn: &mut DbConnection, ids: BTreeSet<EmployeeKey>) -> QueryResult<()> {
        let ids: Vec<EmployeeKey> = ids.into_iter().collect();
        for ids in ids.chunks(AT_ONCE) {
            let found = employees::table.filter(employees::id.eq_any(ids)).select((employees::id, employees::name));
            self.people.extend(found.load::<(EmployeeKey, String)>(conn)?);
        }
        Ok(())
    }

    fn read_addresses(&mut self, conn: &mut DbConnection) -> QueryResult<()> {
        let all = employees::table.order(employees::id).limit(ADDRESSES).select((employees::id, employees::email));
        let all: Vec<(EmployeeKey, String)> = all.load(conn)?;
        self.addresses = all.into_iter().map(|(id, email)| (unknown_address(&email), id)).collect();
        Ok(())
    }

    /// Who acted.
    pub fn actor(&self, entry: &Activity) -> String {
        let Some(id) = entry.actor_id else { return entry.actor_name.clone() };
        match entry.actor_name.starts_with("API token “") {
            true => format!("{}, with {}", self.person(id, ""), entry.actor_name),
            false => self.person(id, &entry.actor_name),
        }
    }

    /// What was acted on.
    pub fn subject(&self, entry: &Activity) -> String {
        match self.subject_employee(entry) {
            Some(id) => self.person(id, &entry.subject_name),
            None if is_address(entry) => "an e-mail address that nobody has".into(),
            None => entry.subject_name.clone(),
        }
    }

    /// The employee that was acted on, or whose e-mail address it was.
    pub fn subject_employee(&self, entry: &Activity) -> Option<EmployeeKey> {
        subject(entry).or_else(|| self.addresses.get(&entry.subject_name).copied().filter(|_| is_address(entry)))
    }

    /// The one client that the entry is about, if it still exists.
    pub fn client(&self, entry: &Activity) -> Option<ClientKey> {
        let clients = entry.clients();
        clients.first().copied().filter(|id| clients.len() == 1 && self.clients.contains(id))
    }

    /// The detail, with the names of the people in it.
    pub fn detail(&self, entry: &Activity) -> Detail {
        let mut detail = entry.details();
        let names = detail.employee_ids.iter().map(|id| self.person(*id, ""));
        detail.employees.extend(names.collect::<Vec<_>>());
        if let Some(id) = detail.for_employee {
            detail.note = format!("{} for {}", detail.note, self.person(id, "")).trim_start().into();
        }
        detail
    }

    /// The present name of somebody, or what an entry has stored, or else their number.
    pub fn person(&self, id: EmployeeKey, stored: &str) -> String {
        match self.people.get(&id) {
            Some(name) => name.clone(),
            None if stored.is_empty() => format!("Employee {id}"),
            None => stored.into(),
        }
    }
}

fn subject(entry: &Activity) -> Option<EmployeeKey> {
    (entry.subject_kind == Subject::EMPLOYEE).then_some(EmployeeKey(entry.subject_id))
}

fn is_address(entry: &Activity) -> bool {
    entry.subject_kind == "sign_in" && entry.subject_name.starts_with(ADDRESS)
}

fn people(entry: &Activity) -> impl Iterator<Item = EmployeeKey> + use<> {
    let detail = entry.details();
    entry.actor_id.into_iter().chain(subject(entry)).chain(detail.employee_ids).chain(detail.for_employee)
}
