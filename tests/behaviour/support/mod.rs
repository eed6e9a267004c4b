//! The server under test, the browser in front of it, and what is in its database.

pub mod api;
mod app;
pub mod authenticator;
mod browser;
pub mod connections;
mod database;
pub mod foreign;
mod html;
pub mod mail;
pub mod oauth;
pub mod outbound;
mod paging;
pub mod postgres_pair;
mod process;
pub mod provider;
pub mod records;
pub mod snapshot;
mod timeout;

pub use app::{KEY, NOW, TestApp};
pub use browser::{Browser, Cookie, Page};
pub use database::{Database, is_postgres};
pub use html::Row;
pub use paging::{hrefs, there_and_back, walk};
pub use process::{Finished, Server, free_port, run, spawn};
pub use records::{Grant, Key, PASSWORD, Person, REDIRECT_URI, Shop, client_path, with_access_tokens};
pub use timeout::until;
