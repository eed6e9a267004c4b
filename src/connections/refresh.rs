//! Refreshes connections in the background, and on demand for calls through the broker.
//!
//! A refresh claims the connection, calls the provider, and stores the outcome. It runs in its own task, so a caller that
//! disconnects cannot cancel it and lose the new tokens; shutdown waits for refreshes in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rand::seq::SliceRandom;
use tokio::sync::{mpsc, oneshot};

use crate::connections::connection::Connection;
use crate::connections::oauth_client::OAuthClient;
use crate::connections::provider::Provider;
use crate::connections::service::Connections;
use crate::connections::state;
use crate::connections::state::{Claim, LEASE, Pace};
use crate::connections::token_endpoint::Exchange;
use crate::connections::token_reply::{Failure, Outcome};
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::time::Timestamp;

// Concurrent refreshes on one node.
const MAX_AT_ONCE: usize = 32;
const MAX_DUE: i64 = 200;
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);
// A claim older than this is not used, because the lease could end during the call.
const STALE_CLAIM: Duration = Duration::from_secs(3);
const RETRY_STORE: Duration = Duration::from_secs(1);
const CANNOT_DECRYPT: &str = "The stored tokens cannot be decrypted with this server's secret key.";

/// Queues refreshes for a task on the main thread.
pub struct Refresher {
    queue: mpsc::UnboundedSender<QueuedRefresh>,
    in_flight: AtomicUsize,
}

type QueuedRefresh = (ConnectionKey, Pace, oneshot::Sender<()>);

/// The queue from [`Refresher::new`] that [`start`] takes.
pub type RefreshQueue = mpsc::UnboundedReceiver<QueuedRefresh>;

impl Refresher {
    /// A refresher and its queue.
    pub fn new() -> (Refresher, RefreshQueue) {
        let (queue, queued) = mpsc::unbounded_channel();
        (Refresher { queue, in_flight: AtomicUsize::new(0) }, queued)
    }

    /// Waits until no refresh is in flight, at most for one lease.
    pub async fn finish(&self) {
        let started = Instant::now();
        while self.in_flight.load(Ordering::SeqCst) > 0 && started.elapsed() < Duration::from_secs(LEASE as u64) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Queues a [`refresh`] and waits until it ends, whatever its outcome. Dropping this future does not cancel the
    /// refresh.
    pub async fn run(&self, id: ConnectionKey, pace: Pace) {
        let (done, ended) = oneshot::channel();
        if self.queue.send((id, pace, done)).is_ok() {
            // An error means that the task stopped, which ends the wait too.
            drop(ended.await);
        }
    }
}

/// Starts the task that works off the queue of [`Refresher`].
pub fn start(service: Arc<Connections>, mut queued: RefreshQueue) {
    tokio::task::spawn_local(async move {
        while let Some((id, pace, done)) = queued.recv().await {
            let service = service.clone();
            tokio::task::spawn_local(async move {
                report(id, refresh(&service, id, pace).await);
                // The caller may have disconnected.
                let _ = done.send(());
            });
        }
    });
}

/// Refreshes the connections that are due. Errors of single connections are logged.
pub async fn keep_fresh(service: &Connections) -> Result<()> {
    let now = service.clock.now();
    let mut due = service.db.lookup(move |conn| Ok(Connection::due(conn, now, MAX_DUE)?)).await?;
    // A random order, so that nodes do not compete for the same claims.
    due.shuffle(&mut rand::rng());
    let work = futures_util::stream::iter(due);
    work.for_each_concurrent(MAX_AT_ONCE, |id| async move { report(id, refresh(service, id, Pace::Regular).await) })
        .await;
    Ok(())
}

fn report(id: ConnectionKey, outcome: Result<()>) {
    match outcome {
        Ok(()) => {}
        Err(Error::Unavailable(why)) => log::warn!("connection {id}: refresh postponed: {why}"),
        Err(error) => log::error!("connection {id}: refresh failed: {error}"),
    }
}

/// Refreshes a connection, unless another node is refreshing it or the last attempt was seconds ago.
pub async fn refresh(service: &Connections, id: ConnectionKey, pace: Pace) -> Result<()> {
    service.refresher.in_flight.fetch_add(1, Ordering::SeqCst);
    let outcome = refresh_counted(service, id, pace).await;
    service.refresher.in_flight.fetch_sub(1, Ordering::SeqCst);
    outcome
}

async fn refresh_counted(service: &Connections, id: ConnectionKey, pace: Pace) -> Result<()> {
    let now = service.clock.now();
    let host = match service.db.lookup(move |conn| Ok(Connection::with_client(conn, id)?)).await {
        Err(Error::NotFound) => return Ok(()),
        found => found.and_then(|(connection, client)| {
            Ok(Provider::of(&client, &connection.domain_prefix, &service.hosts)?.host())
        })?,
    };
    if let Err(until) = service.breakers.check(&host, now) {
        return service.db.write(move |conn| Connection::postpone(conn, id, until, now)).await;
    }
    let started = Instant::now();
    let claimed = service
        .db
        .write(move |conn| {
            state::expire(conn, id, now)?;
            Connection::claim(conn, id, pace, now)
        })
        .await?;
    let Some(claim) = claimed else { return Ok(()) };
    let outcome = match started.elapsed() > STALE_CLAIM {
        true => {
            let message = "This server was overloaded, so no request was sent.".to_string();
            Outcome::Retry { message, retry_after: None, failure: Failure::Temporary }
        }
        false => request_tokens(service, &claim, &host, now).await,
    };
    record_outcome(service, claim, Arc::new(outcome)).await
}

async fn request_tokens(service: &Connections, claim: &Claim, host: &str, now: Timestamp) -> Outcome {
    let sealed = [&claim.client.client_secret, &claim.connection.refresh_token];
    // During a key rotation, another node may have the key that this one lacks.
    if sealed.into_iter().flatten().any(|sealed| !service.vault.knows(sealed)) {
        let message = "Its stored tokens are encrypted with a key that this server does not have.".to_string();
        return Outcome::Retry { message, retry_after: None, failure: Failure::Temporary };
    }
    let outcome = send_refresh(service, claim, now).await.unwrap_or_else(|error| {
        log::error!("connection {}: {error}", claim.connection.id);
        Outcome::Unusable { reason: CANNOT_DECRYPT.into() }
    });
    match &outcome {
        Outcome::Retry { retry_after, .. } => {
            service.breakers.record_failure(host, *retry_after, service.clock.now());
        }
        _ => service.breakers.record_success(host),
    }
    outcome
}

async fn send_refresh(service: &Connections, claim: &Claim, now: Timestamp) -> Result<Outcome> {
    let (connection, client) = (&claim.connection, &claim.client);
    let provider = Provider::of(client, &connection.domain_prefix, &service.hosts)?;
    let (secret, token) = (client.secret(&service.vault)?, connection.refresh_token(&service.vault)?);
    let outcome = exchange(service, &provider, client, secret.expose(), now).refresh(token.expose()).await?;
    Ok(check_domain_prefix(outcome, connection))
}

/// The token endpoint client for app credentials.
pub(super) fn exchange<'a>(
    service: &'a Connections,
    provider: &'a Provider,
    client: &'a OAuthClient,
    secret: &'a str,
    now: Timestamp,
) -> Exchange<'a> {
    let redirect_uri = format!("{}{}", service.origin, client.callback_path());
    Exchange { provider, client_id: &client.client_id, secret, redirect_uri, http: &service.http, now }
}

/// Refuses X-Series tokens that are for another retailer.
pub(super) fn check_domain_prefix(outcome: Outcome, connection: &Connection) -> Outcome {
    match &outcome {
        Outcome::Issued(reply)
            if reply
                .domain_prefix()
                .is_some_and(|prefix| !connection.domain_prefix.is_empty() && prefix != connection.domain_prefix) =>
        {
            Outcome::Unusable { reason: "The new tokens are for another domain prefix.".into() }
        }
        _ => outcome,
    }
}

// New tokens exist only in memory here, so storing them is retried until the database is available.
async fn record_outcome(service: &Connections, claim: Claim, outcome: Arc<Outcome>) -> Result<()> {
    let id = claim.connection.id;
    loop {
        let (claim, transition_context, outcome, now) =
            (claim.clone(), service.transition_context(), outcome.clone(), service.clock.now());
        let written = service
            .db
            .with_long_timeout()
            .write(move |conn| claim.record_outcome(conn, &transition_context, &outcome, now))
            .await;
        match written {
            Ok(true) => return Ok(()),
            Ok(false) => {
                log::warn!("connection {id}: outcome discarded, another claim is current");
                return Ok(());
            }
            Err(error) if error.is_unavailable() => {
                log::warn!("connection {id}: storing the outcome of a refresh will be retried: {error}");
                tokio::time::sleep(RETRY_STORE).await;
            }
            Err(error) => return Err(error),
        }
    }
}
