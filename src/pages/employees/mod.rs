//! Settings › Employees.

pub mod employee_detail;
pub mod invite_employee;
pub mod revoke_all_access;
