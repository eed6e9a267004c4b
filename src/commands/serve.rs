//! `serve`: opens the database, prints the set-up link if there is no admin yet, and serves until SIGTERM.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::ServerHandle;

use crate::app::App;
use crate::commands::data_lock::DataLock;
use crate::commands::{Outcome, one};
use crate::config::Config;
use crate::employees::is_set_up;
use crate::employees::{OneTimeLink, Purpose, link_address};
use crate::jobs;
use crate::secrets::RandomSecret;
use crate::time::Clock;

pub(super) fn run(config: Config) -> Outcome {
    let key = config.open_data()?;
    let lock = DataLock::take(&config)?;
    lock.require_intact(&config)?;
    let listener = listen(&config)?;
    actix_web::rt::System::new().block_on(async move {
        let app = App::open(config, &key, Clock::System).await.map_err(one)?;
        lock.note_running();
        print_set_up_link(&app).await.map_err(one)?;
        log::info!("listening on {}, public URL {}", app.state.config.listen, app.state.config.public_url.origin());
        log::info!("database: {}", app.state.config.database.describe());
        let outcome = until_stopped(app, listener).await;
        lock.note_ended();
        outcome
    })
}

/// Binds the configured address.
pub(super) fn listen(config: &Config) -> Result<TcpListener, Vec<String>> {
    let cannot = |error| one(format!("--listen / LISTEN: {}: {error}", config.listen));
    TcpListener::bind(config.listen).map_err(cannot)
}

/// Serves until the process is told to stop, then writes what is buffered in memory.
pub(super) async fn until_stopped(app: Arc<App>, listener: TcpListener) -> Outcome {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let metrics = match app.state.config.metrics_listen {
        Some(address) => Some(serve_metrics(&app, address)?),
        None => None,
    };
    let server = app.clone().serve(listener, workers, true).map_err(one)?;
    server.await.map_err(one)?;
    if let Some(metrics) = metrics {
        metrics.stop(false).await;
    }
    app.state.connections.refresher.finish().await;
    if let Err(error) = jobs::flush(&app.state).await {
        log::warn!("could not write buffered times: {error}");
    }
    Ok(())
}

fn serve_metrics(app: &App, address: SocketAddr) -> Result<ServerHandle, Vec<String>> {
    let cannot = |error| one(format!("--metrics-listen / METRICS_LISTEN: {address}: {error}"));
    let server = TcpListener::bind(address).and_then(|listener| app.serve_metrics(listener)).map_err(cannot)?;
    let handle = server.handle();
    actix_web::rt::spawn(server);
    log::info!("metrics on http://{address}/metrics");
    Ok(handle)
}

// Printed to standard output and not logged: the link contains a secret.
async fn print_set_up_link(app: &App) -> Result<(), String> {
    let secret = RandomSecret::generate();
    let (hash, now) = (secret.hash(), app.state.clock.now());
    let issued = app.state.db.write(move |conn| {
        if is_set_up(conn)? {
            return Ok(false);
        }
        OneTimeLink::issue(conn, Purpose::SetUp, None, &hash, now)?;
        Ok(true)
    });
    if issued.await.map_err(|error| error.to_string())? {
        let link = link_address(app.state.config.public_url.origin(), Purpose::SetUp, &secret);
        println!(
            "\nThere is no admin yet. Open this link to create the first one. It works once, within 24 hours:\n\n  {link}\n"
        );
    }
    Ok(())
}
