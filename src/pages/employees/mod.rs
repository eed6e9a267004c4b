//! Settings › Employees: the list, one employee, and what admins change about them.

pub mod change_employee;
pub mod confirm_change;
pub mod employee_detail;
pub mod employee_list;
pub mod erase_employee;
pub mod hand_over;
pub mod invite_employee;
pub mod offboard;
pub mod reset_second_factor;
pub mod revoke_all_access;

use crate::account::{Business, Location};
use crate::employees::{Employee, EmployeeState};
use crate::id::{EmployeeKey, LocationKey};
use crate::time::{DisplayTime, TimeFormat, Timestamp};
use crate::web::badge::Badge;

/// The path of the section.
pub const HOME: &str = "/settings/employees";

/// The path of an employee's page.
pub fn path(id: EmployeeKey) -> String {
    format!("{HOME}/{id}")
}

fn badge(employee: &Employee) -> Badge {
    match employee.state() {
        EmployeeState::Active => Badge::new("good", "check-circle", "Active"),
        EmployeeState::Invited => Badge::new("warn", "mail", "Invited"),
        EmployeeState::Locked => Badge::new("bad", "lock", "Locked"),
        EmployeeState::Archived => Badge::new("", "archive", "Archived"),
    }
}

fn last_signed_in(employee: &Employee, times: &TimeFormat) -> DisplayTime {
    match employee.last_signed_in_at {
        Timestamp::NEVER_YET => DisplayTime { text: "never".into(), ..DisplayTime::default() },
        at => times.ago(at),
    }
}

/// A business with its locations as checkboxes.
pub struct BusinessChoice {
    name: String,
    // Id, name, and whether it is checked.
    locations: Vec<(LocationKey, String, bool)>,
}

impl BusinessChoice {
    /// The checkboxes for these businesses, with the locations in `chosen` checked.
    fn all(businesses: Vec<(Business, Vec<Location>)>, chosen: &[LocationKey]) -> Vec<BusinessChoice> {
        let choice = |(business, locations): (Business, Vec<Location>)| BusinessChoice {
            name: business.name,
            locations: locations.into_iter().map(|at| (at.id, at.name, chosen.contains(&at.id))).collect(),
        };
        businesses.into_iter().map(choice).collect()
    }

    fn chosen_names(choices: &[BusinessChoice]) -> Vec<&str> {
        let all = choices.iter().flat_map(|choice| &choice.locations);
        all.filter(|(_, _, is_chosen)| *is_chosen).map(|(_, name, _)| name.as_str()).collect()
    }
}
