//! Keeping connections fresh, and handing fresh tokens to whoever calls through them.
//!
//! A refresh is: claim, call, settle. It runs apart from whoever waits for it, so that a caller who hangs up cannot take a
//! new pair down with it; and when the program stops, it waits for the refreshes that are on their way.

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
use crate::connections::state::{Claim, LEASE};
use crate::connections::token_endpoint::{Exchange, Outcome};
use crate::connections::{ApiType, state};
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::time::Timestamp;

// Refreshes on their way at once, on one node.
const MAX_AT_ONCE: usize = 32;
const MAX_DUE: i64 = 200;
// How long a call waits for a token: longer than a refresh may take.
const TIMEOUT: Duration = Duration::from_secs(13);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
// Time for the claim to be used in: who was held up longer might call after somebody else has.
const STALE_CLAIM: Duration = Duration::from_secs(3);
const SAVE_AGAIN: Duration = Duration::from_secs(1);

/// Asks for refreshes; the work is done by a task of the main thread.
pub struct Refresher {
    ask: mpsc::UnboundedSender<ParsedRequest>,
    in_flight: AtomicUsize,
}

type ParsedRequest = (ConnectionKey, oneshot::Sender<()>);

/// What comes from [`Refresher::new`] and goes to [`start`].
pub type RefreshQueue = mpsc::UnboundedReceiver<ParsedRequest>;

impl Refresher {
    /// A refresher, and the other end that [`start`] takes.
    pub fn new() -> (Refresher, RefreshQueue) {
        let (ask, asked) = mpsc::unbounded_channel();
        (Refresher { ask, in_flight: AtomicUsize::new(0) }, asked)
    }

    /// Waits until no refresh is on its way any more, or until one would have ended by itself.
    pub async fn finish(&self) {
        let begun = Instant::now();
        while self.in_flight.load(Ordering::SeqCst) > 0 && begun.elapsed() < Duration::from_secs(LEASE as u64) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Refreshes a connection as [`refresh`] does; returns when that is over, whatever it came to. Whoever hangs up
    /// meanwhile cuts nothing off.
    pub async fn run(&self, id: ConnectionKey) {
        let (done, retry_after_times) = oneshot::channel();
        if self.ask.send((id, done)).is_ok() {
            // An error only says that the work ended without a word.
            drop(retry_after_times.await);
        }
    }
}

/// Does what [`Refresher`] asks for, as long as the server's system runs.
pub fn start(service: Arc<Connections>, mut asked: RefreshQueue) {
    tokio::task::spawn_local(async move {
        while let Some((id, done)) = asked.recv().await {
            let service = service.clone();
            tokio::task::spawn_local(async move {
                report(id, refresh(&service, id).await);
                // Nobody may be waiting any more.
                let _ = done.send(());
            });
        }
    });
}

/// Renews what is due, for as long as something is; errors are in the log.
pub async fn keep_fresh(service: &Connections) -> Result<()> {
    let now = service.clock.now();
    let mut due = service.db.read(move |conn| Ok(Connection::due(conn, now, MAX_DUE)?)).await?;
    // Nodes that look at the same moment begin at different places.
    due.shuffle(&mut rand::rng());
    let work = futures_util::stream::iter(due);
    work.for_each_concurrent(MAX_AT_ONCE, |id| async move { report(id, refresh(service, id).await) }).await;
    Ok(())
}

fn report(id: ConnectionKey, outcome: Result<()>) {
    match outcome {
        Ok(()) => {}
        Err(Error::Unavailable(why)) => log::warn!("connection {id} waits: {why}"),
        Err(error) => log::error!("connection {id} could not be refreshed: {error}"),
    }
}

/// Refreshes one connection, unless somebody else does or it was just tried.
pub async fn refresh(service: &Connections, id: ConnectionKey) -> Result<()> {
    service.refresher.in_flight.fetch_add(1, Ordering::SeqCst);
    let outcome = refresh_counted(service, id).await;
    service.refresher.in_flight.fetch_sub(1, Ordering::SeqCst);
    outcome
}

async fn refresh_counted(service: &Connections, id: ConnectionKey) -> Result<()> {
    let now = service.clock.now();
    let host = match service.db.read(move |conn| Ok(Connection::with_client(conn, id)?)).await {
        Err(Error::NotFound) => return Ok(()),
        found => found.and_then(|(connection, client)| {
            Ok(Provider::of(&client, &connection.domain_prefix, &service.hosts)?.host())
        })?,
    };
    let transition_context = service.transition_context();
    if let Err(until) = service.breakers.check(&host, now) {
        return service.db.write(move |conn| Connection::postpone(conn, &transition_context, id, until, now)).await;
    }
    let begun = Instant::now();
    let claimed = service
        .db
        .write(move |conn| {
            state::expire(conn, &transition_context, id, now)?;
            Connection::claim(conn, id, now)
        })
        .await?;
    let Some(claim) = claimed else { return Ok(()) };
    let outcome = match begun.elapsed() > STALE_CLAIM {
        true => {
            let words = "This server was held up; nothing was sent.".to_string();
            Outcome::Later { words, wait: None, is_unknown: false }
        }
        false => asked(service, &claim, &host, now).await,
    };
    record_outcome(service, claim, Arc::new(outcome)).await
}

async fn asked(service: &Connections, claim: &Claim, host: &str, now: Timestamp) -> Outcome {
    let sealed = [&claim.client.client_secret, &claim.connection.refresh_token];
    // While keys are being changed, another node may have the key that this one lacks.
    if sealed.into_iter().flatten().any(|sealed| !service.vault.knows(sealed)) {
        let words = "What is stored for it is sealed with a key that this server does not have.".to_string();
        return Outcome::Later { words, wait: None, is_unknown: false };
    }
    let outcome = ask(service, claim, now).await.unwrap_or_else(|error| {
        log::error!("connection {}: {error}", claim.connection.id);
        let words = "what is stored for it cannot be opened with this installation's key.".to_string();
        Outcome::Refused { code: "unreadable".into(), words }
    });
    match &outcome {
        Outcome::Later { wait, .. } => service.breakers.failed(host, *wait, service.clock.now()),
        _ => service.breakers.worked(host),
    }
    outcome
}

async fn ask(service: &Connections, claim: &Claim, now: Timestamp) -> Result<Outcome> {
    let (connection, client) = (&claim.connection, &claim.client);
    let provider = Provider::of(client, &connection.domain_prefix, &service.hosts)?;
    let (secret, token) = (client.secret(&service.vault)?, connection.refresh_token(&service.vault)?);
    let outcome = exchange(service, &provider, client, secret.expose(), now).refresh(token.expose()).await?;
    Ok(checked(outcome, connection))
}

/// One client at one provider, by this installation's own way out.
pub fn exchange<'a>(
    service: &'a Connections,
    provider: &'a Provider,
    client: &'a OAuthClient,
    secret: &'a str,
    now: Timestamp,
) -> Exchange<'a> {
    let redirect_uri = format!("{}{}", service.origin, client.callback_path());
    Exchange { provider, client_id: &client.client_id, secret, redirect_uri, http: &service.http, now }
}

/// X-Series tokens say whose they are: those of another retailer are not this connection's.
pub fn checked(outcome: Outcome, connection: &Connection) -> Outcome {
    match &outcome {
        Outcome::Issued(reply)
            if reply
                .domain_prefix()
                .is_some_and(|prefix| !connection.domain_prefix.is_empty() && prefix != connection.domain_prefix) =>
        {
            let words = "the tokens it answered are for another domain prefix.".to_string();
            Outcome::Refused { code: "wrong_domain_prefix".into(), words }
        }
        _ => outcome,
    }
}

// A new pair is in memory only: it is saved, however long the database takes to come back.
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
                log::warn!("connection {id}: another claim came in between, this outcome does not count");
                return Ok(());
            }
            Err(error) if error.is_unavailable() => {
                log::warn!("connection {id}: the outcome of a refresh waits to be saved: {error}");
                tokio::time::sleep(SAVE_AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Why no call goes through a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// Somebody paused it.
    Paused,
    /// A person has to authorize it; why.
    NeedsAuthorization(String),
    /// Renewing does not work; why, and when it is tried again.
    Retrying(String, Timestamp),
    /// It was renewed a moment ago: the provider refuses what it just gave.
    JustRefreshed,
    /// The refresh that is on its way takes too long.
    Busy,
}

/// A connection whose access token is good for a while, refreshed first where it has to be. With `refused`, a connection
/// whose token the provider has just refused, its access token is another one than that.
pub async fn ready(
    service: &Connections,
    id: ConnectionKey,
    refused: Option<&Connection>,
) -> Result<std::result::Result<(Connection, OAuthClient), NotReady>> {
    let begun = Instant::now();
    let mut asked = false;
    loop {
        let now = service.clock.now();
        let (connection, client) = service.db.lookup(move |conn| Ok(Connection::with_client(conn, id)?)).await?;
        if connection.paused_at.is_some() {
            return Ok(Err(NotReady::Paused));
        }
        if connection.needs_authorization_since.is_some() {
            return Ok(Err(NotReady::NeedsAuthorization(connection.reason)));
        }
        let in_flight = connection.is_in_flight(now);
        let is_other = refused.is_none_or(|refused| !connection.holds_the_token_of(refused));
        // X-Series ends the present access token with the refresh.
        let ends_soon = in_flight && client.api_type == ApiType::XSeries;
        if is_other && connection.is_fresh(now) && !ends_soon {
            return Ok(Ok((connection, client)));
        }
        if begun.elapsed() > TIMEOUT {
            return Ok(Err(NotReady::Busy));
        }
        if in_flight {
            tokio::time::sleep(POLL_INTERVAL).await;
            continue;
        }
        if connection.failing_since.is_some() && connection.due_at > now {
            return Ok(Err(NotReady::Retrying(connection.last_error, connection.due_at)));
        }
        if asked || connection.lease_until > now {
            return Ok(Err(match is_other {
                true => NotReady::Busy,
                false => NotReady::JustRefreshed,
            }));
        }
        service.refresher.run(id).await;
        asked = true;
    }
}
