//! The shop's people: who they are, what they may do, how they sign in, and what they granted.

mod attempts;
mod employee;
pub mod grants;
pub mod links;
mod one_time_link;
pub mod pages;
pub mod password;
pub mod profile;
pub mod sign_in;

pub use attempts::{Attempt, Attempts};
pub use employee::{Employee, EmployeeFilter, EmployeeState, NewEmployee, Role, fold, pattern};
pub use one_time_link::{OneTimeLink, Purpose, address as link_address};
