//! PostgreSQL's planner statistics. Autovacuum would gather them only minutes later; until then PostgreSQL keeps the query
//! plans for empty tables and scans whole tables for each token.

use diesel::connection::SimpleConnection;

use crate::db;
use crate::db::DatabaseUrl;
use crate::error::{Error, Result};
use crate::web::state::State;

const TABLES: &str = "clients, employees, refresh_tokens, refresh_token_values, access_tokens, activity";

/// Updates the statistics while the tables grow.
pub async fn gather(app: &State) -> Result<()> {
    run(app, "ANALYZE").await
}

/// Vacuums the tables and updates the statistics.
pub async fn tidy(app: &State) -> Result<()> {
    run(app, "VACUUM ANALYZE").await
}

async fn run(app: &State, command: &'static str) -> Result<()> {
    let url = app.config.database.clone();
    if let DatabaseUrl::Sqlite(_) = url {
        return Ok(());
    }
    let work = actix_web::rt::task::spawn_blocking(move || {
        let mut conn = db::connect(&url)?;
        conn.batch_execute(&format!("{command} {TABLES}")).map_err(|error| error.to_string())
    });
    work.await.map_err(Error::internal)?.map_err(Error::internal)
}
