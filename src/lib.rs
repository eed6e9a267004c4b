//! Client API Access: shows a shop every app that can reach its data, and revokes access.
//!
//! A request passes `routes` → a handler in `pages`, `api`, `oauth` or `broker` → one service function of a domain module →
//! the database. The table lists the modules from top to bottom; each one imports only modules below it, and
//! `tests/structure` fails otherwise.
//!
//! | module | what is in it | layer |
//! |---|---|---|
//! | [`commands`] | what each subcommand of the program does | wiring |
//! | [`app`] | opens the database, creates the shared state, starts the HTTP server and the jobs | wiring |
//! | [`monitoring`] | what operators read: metrics, on a listener of their own | wiring |
//! | [`routes`] | every URL with its access level and its handler | wiring |
//! | [`demo`] | a made-up shop, created through the services below (cargo feature `demo`) | wiring |
//! | [`jobs`] | background jobs, one file each | wiring |
//! | [`pages`] | HTML pages, one folder per area, one file per page | delivery |
//! | [`api`] | the admin API under `/api/v1`: JSON for the shop's own programs | delivery |
//! | [`oauth`] | the authorization server, one file per endpoint | delivery |
//! | [`broker`] | API calls passed on through a connection | delivery |
//! | [`web`] | what pages and endpoints share: request context, forms, lists, sessions, errors, headers | delivery |
//! | [`identity`] | sign-in through an OpenID Connect provider: discovery, ID tokens, links, roles, logout | domain |
//! | [`access`] | acts that span areas: find a token, revoke many tokens or all access of a person, record what was last used and how much | domain |
//! | [`connections`] | the shop's connections to other OAuth 2.0 servers | domain |
//! | [`tokens`] | refresh tokens, access tokens, API keys and authorization codes: issue, rotate, list, revoke | domain |
//! | [`api_tokens`] | API tokens: people and services call the admin API with them | domain |
//! | [`clients`] | clients, their redirect URIs and secrets, and their failed token requests | domain |
//! | [`resource_servers`] | APIs that may validate tokens | domain |
//! | [`employees`] | people: sign-in, passwords, sessions, invitations, roles | domain |
//! | [`scopes`] | scopes, roles, and which role has which rights | domain |
//! | [`account`] | the shop's account, businesses and locations | domain |
//! | [`notices`] | e-mail and webhook notices, delivered from an outbox | domain |
//! | [`activity`] | the activity log and the hash chain over it | domain |
//! | [`db`] | one connection type over SQLite and PostgreSQL; paging by key; the write-behind buffer | ground |
//! | [`metrics`] | counters and histograms for operators, in Prometheus' text format | ground |
//! | [`config`] | flags and environment, read and checked once | ground |
//! | [`secrets`] | tokens, hashes, derived keys, encryption of stored secrets | ground |
//! | [`http`] | the HTTP client for other servers, and which addresses it may call | ground |
//! | [`time`] | timestamps and how they are shown | ground |
//! | [`schema`], [`id`] | the database tables; typed ids | ground |
//! | [`logging`], [`text`], [`network`] | the log; plain text helpers; the network of a caller | ground |
//! | [`threads`], [`error`] | threads for blocking work; the one error type | ground |

#[cfg(all(feature = "postgres-any", feature = "postgres-tls"))]
compile_error!(
    "choose one of the features `postgres` and `postgres-tls`: --no-default-features --features demo,postgres-tls"
);

pub mod access;
pub mod account;
pub mod activity;
pub mod api;
pub mod api_tokens;
pub mod app;
pub mod broker;
pub mod clients;
pub mod commands;
pub mod config;
pub mod connections;
pub mod db;
#[cfg(feature = "demo")]
pub mod demo;
pub mod employees;
pub mod error;
pub mod http;
pub mod id;
pub mod identity;
pub mod jobs;
pub mod logging;
pub mod metrics;
pub mod monitoring;
pub mod network;
pub mod notices;
pub mod oauth;
pub mod pages;
pub mod resource_servers;
pub mod routes;
pub mod schema;
pub mod scopes;
pub mod secrets;
pub mod text;
pub mod threads;
pub mod time;
pub mod tokens;
pub mod web;
