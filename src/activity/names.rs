//! The names of the people that entries store by id.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;

use crate::activity::{Activity, Detail, Subject};
use crate::db::DbConnection;
use crate::id::EmployeeKey;
use crate::schema::employees;

// The most ids in one statement; SQLite allows 32,766 values.
const AT_ONCE: usize = 10_000;

/// The present names of the people in some entries. Somebody whose personal data was erased is called "Former employee 12".
#[derive(Debug, Default)]
pub struct Names(HashMap<EmployeeKey, String>);

impl Names {
    /// Looks the names up, in one query for up to ten thousand people.
    pub fn of(conn: &mut DbConnection, entries: &[Activity]) -> QueryResult<Names> {
        let ids: BTreeSet<EmployeeKey> = entries.iter().flat_map(people).collect();
        let ids: Vec<EmployeeKey> = ids.into_iter().collect();
        let mut names = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let found = employees::table.filter(employees::id.eq_any(ids)).select((employees::id, employees::name));
            names.extend(found.load::<(EmployeeKey, String)>(conn)?);
        }
        Ok(Names(names))
    }

    /// Who acted.
    pub fn actor(&self, entry: &Activity) -> String {
        entry.actor_id.map_or_else(|| entry.actor_name.clone(), |id| self.name(id, &entry.actor_name))
    }

    /// What was acted on.
    pub fn subject(&self, entry: &Activity) -> String {
        match subject(entry) {
            Some(id) => self.name(id, &entry.subject_name),
            None => entry.subject_name.clone(),
        }
    }

    /// The detail, with the names of the people in it.
    pub fn detail(&self, entry: &Activity) -> Detail {
        let mut detail = entry.details();
        let names = detail.employee_ids.iter().map(|id| self.name(*id, ""));
        detail.employees.extend(names.collect::<Vec<_>>());
        if let Some(id) = detail.for_employee {
            detail.note = format!("{} for {}", detail.note, self.name(id, "")).trim_start().into();
        }
        detail
    }

    fn name(&self, id: EmployeeKey, stored: &str) -> String {
        match self.0.get(&id) {
            Some(name) => name.clone(),
            None if stored.is_empty() => format!("Employee {id}"),
            None => stored.into(),
        }
    }
}

fn subject(entry: &Activity) -> Option<EmployeeKey> {
    (entry.subject_kind == Subject::EMPLOYEE).then_some(EmployeeKey(entry.subject_id))
}

fn people(entry: &Activity) -> impl Iterator<Item = EmployeeKey> + use<> {
    let detail = entry.details();
    entry.actor_id.into_iter().chain(subject(entry)).chain(detail.employee_ids).chain(detail.for_employee)
}
