//! What people and programs see of the server, over HTTP, on SQLite and, with `TEST_DATABASE_URL` set, on PostgreSQL.
//!
//! One binary, because each further file in `tests/` would link the world again. Every test has its own server and its
//! own database; names are sentences, and a row of the security checks begins with its id. The rows A, C, D, F, I, L, S
//! and T live in `security/`; the other files follow what a user sees.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

mod access_inventory;
mod access_token_detail;
mod account;
mod activity;
mod activity_archive;
mod activity_filters;
mod activity_key;
mod admin_api;
mod admin_api_acts;
mod api_key_values;
mod api_keys;
mod api_token_ends;
mod api_tokens;
mod attention;
mod backup;
mod broker;
mod bulk_revocation;
mod cli;
mod client_counts;
mod client_detail;
mod client_list;
mod client_manage;
mod client_page;
mod client_tokens;
mod commands;
mod connection_detail;
mod connection_form;
mod connection_list;
mod cors;
mod deletion_races;
mod deletion_steps;
mod doctor;
mod effective_access;
mod employees;
mod ended_tokens;
mod erase_employee;
mod faults;
mod find_token;
mod foreign_clients;
mod foreign_providers;
mod gateway;
mod granted_scope;
mod identity;
mod invitations;
mod large_revoke;
mod last_use;
mod logging;
mod metrics;
mod notice_digest;
mod notice_kinds;
mod notice_settings;
mod notices;
mod oauth2_crate;
mod oauth_clients;
mod oauth_flow;
mod offboarding;
mod passkeys;
mod pending_clients;
mod person_mail;
mod profile;
mod provider_support;
mod public_registration;
mod rate_limits;
mod readiness;
mod recent_failures;
mod refresh_token_detail;
mod refresh_token_introspection;
mod refused_refreshes;
mod registration;
mod remote_accounts;
mod resource_servers;
mod resources;
mod restore;
mod retail_sdk;
mod revoke_client;
mod revoke_tokens;
mod schema;
mod sealing;
mod second_factor;
mod second_factor_rules;
mod security;
mod set_up;
mod sign_in;
mod time_limits;
mod token_filters;
mod token_lists;
mod upgrade;
mod usage;
