//! HTML pages: one folder per area, mirrored by `templates/`; one file per page or act.

pub mod access;
pub mod account;
pub mod activity;
pub mod api_tokens;
pub mod attention;
pub mod clients;
pub mod confirmation;
pub mod connections;
pub mod employees;
pub mod home;
pub mod profile;
pub mod resource_servers;
pub mod sign_in;
pub mod tokens;
pub mod usage_chart;
