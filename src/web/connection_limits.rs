//! Limits on connections and bodies, so that callers who are slow, many or greedy cannot take the server from others.
//!
//! A connection counts for its network and for the server. Strangers leave a reserve to networks in which somebody is signed
//! in. A body must arrive within a time, however slowly its parts come. A connection is closed after a number of requests
//! and bytes, because the HTTP library keeps the answers to a caller that sends requests without reading.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{Extensions, Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::{ConnectionType, header};
use actix_web::middleware::Next;
use actix_web::rt::net::TcpStream;
use actix_web::rt::time::{Sleep, sleep};
use actix_web::{HttpMessage, HttpResponse, web};
use futures_util::Stream;
use ipnet::IpNet;

use crate::config::Config;
use crate::network;
use crate::web::state::State;

// After as many requests or bytes of answers, a connection is closed.
const MOST_REQUESTS: u32 = 5_000;
const MOST_BYTES: u64 = 1024 * 1024;
// Networks in which somebody is signed in: how many are remembered, and how long.
const MOST_KNOWN: usize = 1_000;
const KNOWN_FOR: Duration = Duration::from_secs(30 * 60);

/// The connections of one server.
pub struct ConnectionLimits {
    most: usize,
    most_of_network: usize,
    trusted: Vec<IpNet>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    of_network: HashMap<String, usize>,
    known: HashMap<String, Instant>,
}

/// An open connection, which counts until it is dropped.
pub struct OpenConnection {
    // None for a connection from a trusted proxy, whose callers are many.
    network: Option<String>,
    limits: Arc<ConnectionLimits>,
    requests: Cell<u32>,
    bytes: Cell<u64>,
}

impl ConnectionLimits {
    /// The limits that the configuration states.
    pub fn new(config: &Config) -> Arc<ConnectionLimits> {
        Arc::new(ConnectionLimits {
            most: config.limits.connections,
            most_of_network: config.limits.of_network,
            trusted: config.trusted_proxies.clone(),
            open: Mutex::default(),
        })
    }

    /// Counts a new connection; one too many is shut down at once. For `HttpServer::on_connect`.
    pub fn accept(self: &Arc<ConnectionLimits>, connection: &dyn Any, data: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
        let Ok(peer) = stream.peer_addr() else { return };
        match self.open(peer) {
            Some(open) => drop(data.insert(open)),
            None => {
                log::debug!("a connection was refused: too many are open");
                // An error means that it is closed already.
                drop(socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Both));
            }
        }
    }

    fn open(self: &Arc<ConnectionLimits>, peer: SocketAddr) -> Option<OpenConnection> {
        let ip = peer.ip().to_canonical();
        let network = (!self.trusted.iter().any(|net| net.contains(&ip))).then(|| network::of(&ip.to_string()));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let most = match &network {
            Some(network) if !open.knows(network) => self.most - self.most / 8,
            _ => self.most,
        };
        if open.all >= most {
            return None;
        }
        if let Some(network) = &network {
            let count = open.of_network.entry(network.clone()).or_default();
            if *count >= self.most_of_network {
                return None;
            }
            *count += 1;
        }
        open.all += 1;
        Some(OpenConnection { network, limits: self.clone(), requests: Cell::default(), bytes: Cell::default() })
    }

    /// Remembers that somebody is signed in at this client IP.
    pub fn know(&self, client_ip: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.known.len() >= MOST_KNOWN {
            open.known.retain(|_, seen| seen.elapsed() < KNOWN_FOR);
        }
        if open.known.len() < MOST_KNOWN {
            open.known.insert(network::of(client_ip), Instant::now());
        }
    }
}

impl Open {
    fn knows(&self, network: &str) -> bool {
        self.known.get(network).is_some_and(|seen| seen.elapsed() < KNOWN_FOR)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut open = self.limits.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        let Some(network) = &self.network else { return };
        match open.of_network.get_mut(network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.of_network.remove(network)),
        }
    }
}

impl OpenConnection {
    // Counts an answer. Returns whether the connection has had enough.
    fn count(&self, size: BodySize) -> bool {
        // Headers are a few hundred bytes.
        let bytes = 500 + if let BodySize::Sized(bytes) = size { bytes } else { 0 };
        self.requests.set(self.requests.get().saturating_add(1));
        self.bytes.set(self.bytes.get().saturating_add(bytes));
        self.requests.get() >= MOST_REQUESTS || self.bytes.get() >= MOST_BYTES
    }
}

/// Middleware around everything: the time for a body, and the end of a connection that has had enough.
pub async fn apply<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let is_late = Rc::new(Cell::new(false));
    if has_body(&request) {
        let time = request.app_data::<web::Data<State>>().map_or(10, |app| app.config.limits.body_seconds);
        let payload = request.take_payload();
        let body = TimedBody { payload, end: Box::pin(sleep(Duration::from_secs(time))), is_late: is_late.clone() };
        request.set_payload(Payload::Stream { payload: Box::pin(body) });
    }
    let response = next.call(request).await?;
    if is_late.get() {
        let mut late = HttpResponse::RequestTimeout();
        late.force_close();
        let late =
            late.content_type("text/plain; charset=utf-8").body("The body did not arrive in time. Send it again.\n");
        let (request, _) = response.into_parts();
        return Ok(ServiceResponse::new(request, late).map_into_right_body());
    }
    let size = response.response().body().size();
    let enough = response.request().conn_data::<OpenConnection>().is_some_and(|open| open.count(size));
    let mut response = response.map_into_left_body();
    if enough {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

fn has_body(request: &ServiceRequest) -> bool {
    let length = request.headers().get(header::CONTENT_LENGTH);
    length.is_some_and(|length| length != "0") || request.headers().contains_key(header::TRANSFER_ENCODING)
}

// A body that fails when it is not complete by the end of its time.
struct TimedBody {
    payload: Payload,
    end: Pin<Box<Sleep>>,
    is_late: Rc<Cell<bool>>,
}

impl Stream for TimedBody {
    type Item = Result<web::Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.payload).poll_next(cx);
        if next.is_pending() && self.end.as_mut().poll(cx).is_ready() {
            self.is_late.set(true);
            let late = std::io::Error::new(std::io::ErrorKind::TimedOut, "the body did not arrive in time");
            return Poll::Ready(Some(Err(PayloadError::Io(late))));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(most: usize, most_of_network: usize) -> Arc<ConnectionLimits> {
        let trusted = vec!["10.0.0.0/8".parse().expect("a network")];
        Arc::new(ConnectionLimits { most, most_of_network, trusted, open: Mutex::default() })
    }

    fn from(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().expect("an address"), 1)
    }

    #[test]
    fn l2_a_network_has_a_share_of_the_connections_and_a_proxy_all() {
        let limits = limits(80, 3);
        let mut open: Vec<_> = (1..=3).filter_map(|n| limits.open(from(&format!("2001:db8::{n}")))).collect();

        assert!(limits.open(from("2001:db8::4")).is_none(), "the same /64");
        assert!(limits.open(from("2001:db8:0:1::4")).is_some());
        open.extend((0..20).filter_map(|_| limits.open(from("10.0.0.1"))));
        assert_eq!(open.len(), 23);
        open.clear();
        assert!(limits.open(from("2001:db8::4")).is_some());
        assert!(limits.open.lock().expect("no panic").of_network.is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn l2_strangers_leave_connections_to_networks_in_which_somebody_is_signed_in() {
        let limits = limits(8, 100);
        limits.know("203.0.113.9");
        let strangers: Vec<_> = (0..8).filter_map(|_| limits.open(from("198.51.100.1"))).collect();

        assert_eq!(strangers.len(), 7);
        assert!(limits.open(from("203.0.113.9")).is_some());
    }
}
