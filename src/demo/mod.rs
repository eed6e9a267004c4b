//! A made-up shop a shopkeeper would believe, made by the same code that issues real tokens.
//!
//! `world` plans it as plain data, the same for the same seed; `found`, `fill` and `history` carry the plan out.
//! Tokens and passwords are random all the same: a demo that can be reached is no easier to enter than a real shop.

mod bulk;
mod clear;
mod connections;
mod credentials;
mod fill;
mod found;
mod history;
mod integrations;
mod passphrase;
mod people;
mod plan;
mod progress;
mod rhythm;
mod shop;
mod statistics;
pub mod walk_through;
mod world;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use futures_util::future::try_join_all;

use crate::config::{Demo, Settings};
use crate::error::{Error, Result};
use crate::secrets::RandomSecret;
use crate::web::state::State;
use found::Hashes;
use people::{JONAS, MARTA, PRIYA};
use world::World;

pub use clear::clear;
pub use walk_through::WalkThrough;

const DEFAULT_FOLDER: &str = "./data";
const VISITORS: [(&str, usize); 3] = [("staff", JONAS), ("manager", MARTA), ("admin", PRIYA)];

/// The settings the demo runs with: a data folder of its own unless one is named, and connections that may lead to this
/// machine, because its own do.
pub fn settings(given: &Settings) -> Settings {
    let mut settings = given.clone();
    settings.outbound_private = "on".into();
    if settings.data_dir == DEFAULT_FOLDER {
        // When it cannot be made, the check of the settings says that it is missing.
        drop(clear::private_folder(Path::new(DEFAULT_FOLDER)));
        settings.data_dir = format!("{DEFAULT_FOLDER}/demo");
    }
    settings
}

/// Fills the database and prints how to sign in.
pub async fn make(app: &State, walk_through: &OnceLock<WalkThrough>, demo: &Demo) -> std::result::Result<(), String> {
    let passwords = fill(app, demo).await.map_err(|error| format!("the demo's data could not be made: {error}"))?;
    // A world that is only made is for measuring: nobody walks through it.
    if !demo.only_make {
        let walk = WalkThrough::register(app).await.map_err(|error| format!("the walk-through failed: {error}"))?;
        drop(walk_through.set(walk));
    }
    print(app, walk_through.get(), &passwords).map_err(|error| error.to_string())
}

async fn fill(app: &State, demo: &Demo) -> Result<[(String, String); 3]> {
    let now = app.clock.now();
    let world = Arc::new(World::new(demo.clients as usize, demo.tokens as usize, demo.seed));
    let passwords = [passphrase::generate(), passphrase::generate(), passphrase::generate()];
    let ids = found::found(app, &world, hash(app, &passwords).await?, now).await?;
    fill::issue_tokens(app, &world, &ids, now).await?;
    history::write(app, &world, &ids, demo.seed, now).await?;
    statistics::tidy(app).await?;
    fill::record_outcome(app, &world, &ids, now).await?;
    credentials::write(app, &ids, now).await?;
    // A world that is only made answers nobody, so nothing could be renewed.
    if !demo.only_make {
        connections::make(app, &ids, now).await?;
    }
    let addresses = VISITORS.map(|(_, person)| world.people[person].email.clone());
    let [staff, manager, admin] = addresses;
    let [first, second, third] = passwords;
    Ok([(staff, first), (manager, second), (admin, third)])
}

async fn hash(app: &State, passwords: &[String; 3]) -> Result<Hashes> {
    let unknown = RandomSecret::generate();
    let all = passwords.iter().map(String::as_str).chain([unknown.expose()]);
    let hashes = try_join_all(all.map(|password| app.hasher.hash(password))).await?;
    match <[String; 4]>::try_from(hashes) {
        Ok([first, second, third, others]) => Ok(Hashes { visitors: [first, second, third], others }),
        Err(_) => Err(Error::internal("a password was not hashed")),
    }
}

// Goes to the console and past the log: it holds passwords.
fn print(app: &State, walk: Option<&WalkThrough>, accounts: &[(String, String); 3]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let width = accounts.iter().map(|(address, _)| address.len()).max().unwrap_or_default();
    writeln!(out, "{} is ready at {}\n", shop::NAME, app.config.public_url.origin())?;
    for ((role, _), (address, password)) in VISITORS.iter().zip(accounts) {
        writeln!(out, "  {role:<7}  {address:<width$}  {password}")?;
    }
    if let Some(walk) = walk {
        let url = walk.authorize_url();
        writeln!(out, "\nLet an integration in, and see a token appear and die when you revoke it:\n\n  {url}")?;
    }
    writeln!(out)?;
    out.flush()
}
