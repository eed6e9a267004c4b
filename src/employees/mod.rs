//! The shop's people: roles, sign-in, passwords, sessions and one-time links.

mod employee;
mod one_time_link;
pub mod password;
mod sign_in_attempts;

pub use employee::{Employee, EmployeeFilter, EmployeeState, NewEmployee};
pub use one_time_link::{OneTimeLink, Purpose, address as link_address};
pub use sign_in_attempts::{Attempt, Attempts};
