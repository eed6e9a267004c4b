//! A realistic made-up shop, created through the same code that issues real tokens.
//!
//! `world` plans it as plain data, the same for the same seed; `found`, `fill` and `history` create it. Tokens and passwords
//! are always random, so a public demo is as hard to break into as a real shop.

mod bulk;
mod category;
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
mod usage;
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
const SIGN_INS: [(&str, usize); 3] = [("staff", JONAS), ("manager", MARTA), ("admin", PRIYA)];

/// The demo's settings: its own data folder unless another is set, and private addresses allowed, because its connections
/// call this server.
pub fn settings(given: &Settings) -> Settings {
    let mut settings = given.clone();
    settings.outbound_private = "on".into();
    if settings.data_dir == DEFAULT_FOLDER {
        // If this fails, the check of the settings reports the missing folder.
        drop(clear::private_folder(Path::new(DEFAULT_FOLDER)));
        settings.data_dir = format!("{DEFAULT_FOLDER}/demo");
    }
    settings
}

/// Creates the shop and prints how to sign in.
pub async fn make(app: &State, walk_through: &OnceLock<WalkThrough>, demo: &Demo) -> std::result::Result<(), String> {
    let passwords = fill(app, demo).await.map_err(|error| format!("could not create the demo's data: {error}"))?;
    // With --only-make there is no server for the walk-through.
    if !demo.only_make {
        let walk = WalkThrough::register(app)
            .await
            .map_err(|error| format!("could not register the walk-through: {error}"))?;
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
    usage::write(app, &world, &ids, demo.seed, now).await?;
    credentials::write(app, &ids, now).await?;
    // With --only-make there is no server to refresh connections with.
    if !demo.only_make {
        connections::make(app, &ids, now).await?;
    }
    let addresses = SIGN_INS.map(|(_, person)| world.people[person].email.clone());
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

// Printed to standard output and not logged: it contains passwords.
fn print(app: &State, walk: Option<&WalkThrough>, accounts: &[(String, String); 3]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let width = accounts.iter().map(|(address, _)| address.len()).max().unwrap_or_default();
    writeln!(out, "{} is running at {}\n", shop::NAME, app.config.public_url.origin())?;
    for ((role, _), (address, password)) in SIGN_INS.iter().zip(accounts) {
        writeln!(out, "  {role:<7}  {address:<width$}  {password}")?;
    }
    if let Some(walk) = walk {
        let url = walk.authorize_url();
        writeln!(out, "\nAuthorize a sample client and watch its tokens until you revoke them:\n\n  {url}")?;
    }
    writeln!(out)?;
    out.flush()
}
