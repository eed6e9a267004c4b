//! Client API Access: see every integration that can reach a shop's data, and stop it.
//!
//! A request goes `routes` → a feature's `pages` → its model files → a template of the same name.
//!
//! | module | what is in it |
//! |---|---|
//! | [`routes`] | every URL, who may call it, and its handler |
//! | [`clients`] | the integrations: list, page, revoking one |
//! | [`tokens`] | refresh tokens, access tokens and API keys: issued, listed, revoked, found |
//! | [`employees`] | people: invited, locked, archived; signing in; what each granted |
//! | [`account`] | the shop itself, its businesses and locations; the settings index |
//! | [`activity`] | who did what; the hash chain over it |
//! | [`oauth`] | the authorization server: one file per endpoint |
//! | [`resource_servers`] | the APIs that may ask what a token is good for |
//! | [`connections`] | the shop's own links to other servers: authorized, kept fresh, used through a broker |
//! | [`notices`] | telling people when a connection stops working and when it works again |
//! | [`background`] | what is due while nobody asks |
//! | [`demo`] | a made-up shop, made by the code that issues tokens |
//! | [`web`] | what all pages share: page, forms, lists, sessions, guard, errors, headers |
//! | [`db`], [`schema`] | one query language over SQLite and PostgreSQL |
//! | [`app`], [`config`], [`logging`], [`error`], [`time`], [`secret`], [`id`], [`http`] | the frame |

pub mod account;
pub mod activity;
pub mod app;
pub mod background;
pub mod clients;
pub mod config;
pub mod connections;
pub mod db;
pub mod demo;
pub mod employees;
pub mod error;
pub mod http;
pub mod id;
pub mod logging;
pub mod notices;
pub mod oauth;
pub mod resource_servers;
pub mod routes;
pub mod schema;
pub mod secret;
pub mod time;
pub mod tokens;
pub mod web;
