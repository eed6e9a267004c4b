//! The shop's people: who they are, what they may do, how they sign in, and what they granted.

mod attempts;
mod employee;
mod one_time_link;
pub mod pages;
pub mod password;
pub mod sign_in;

pub use attempts::{Attempt, Attempts};
pub use employee::{Employee, EmployeeFilter, EmployeeState, NewEmployee, Role, fold, pattern};
pub use one_time_link::{OneTimeLink, Purpose, address as link_address};
