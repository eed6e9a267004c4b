//! Limits on connections and bodies, so that callers who are slow, many or greedy cannot take the server from others.
//!
//! A connection counts for its network and for the server. Strangers leave a reserve to networks in which somebody is signed
//! in. A body must arrive within a time, however slowly its parts come. A caller that sends requests without reading the
//! answers waits for the next one until it has read, because the HTTP library would keep them all in memory.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Extensions, Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::rt::net::TcpStream;
use actix_web::rt::time::{Sleep, sleep};
use actix_web::{HttpMessage, HttpResponse, web};
use futures_util::Stream;
use ipnet::IpNet;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::config::Config;
use crate::network;
use crate::web::state::State;

// How long a caller may take to read answers before its connection is closed, and how often that is checked.
const READ_WITHIN: Duration = Duration::from_secs(10);
const CHECKED_EVERY: Duration = Duration::from_millis(20);
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
    // The same socket, to ask whether it takes more answers.
    socket: OwnedFd,
}

impl ConnectionLimits {
    /// The limits that the configuration states. Raises this process's limit of open files as they need.
    pub fn new(config: &Config) -> Arc<ConnectionLimits> {
        raise_open_files(config);
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
        let open = stream.peer_addr().and_then(|peer| Ok((peer, stream.as_fd().try_clone_to_owned()?)));
        let open = open.ok().and_then(|(peer, socket)| self.open(peer, socket));
        match open {
            Some(open) => drop(data.insert(open)),
            None => {
                log::debug!("a connection was refused: too many are open");
                // An error means that it is closed already.
                let _ = rustix::net::shutdown(stream, rustix::net::Shutdown::Both);
            }
        }
    }

    fn open(self: &Arc<ConnectionLimits>, peer: SocketAddr, socket: OwnedFd) -> Option<OpenConnection> {
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
        Some(OpenConnection { network, limits: self.clone(), socket })
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

// Raises the limit of open files as far as it is allowed and the connections need; warns if that is not enough.
fn raise_open_files(config: &Config) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // Each connection has two, and the database and the log need some.
    let needed = 2 * config.limits.connections as u64 + 200;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(needed, |maximum| needed.min(maximum));
    if current.is_some_and(|current| current < wanted) {
        // An error leaves the limit as it was, which the next line tells.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
    if let Some(current) = getrlimit(Resource::Nofile).current.filter(|current| *current < needed) {
        log::warn!(
            "--max-connections / MAX_CONNECTIONS: {} connections need {needed} open files, and {current} are allowed \
             (ulimit -n, LimitNOFILE)",
            config.limits.connections
        );
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
    fn takes_answers(&self) -> bool {
        let mut socket = [PollFd::new(&self.socket, PollFlags::OUT)];
        // An error is left to whoever writes to the socket.
        rustix::event::poll(&mut socket, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) != Ok(0)
    }

    // The HTTP library would wait for ever to send what the caller does not read.
    fn shut_down(&self) {
        // An error means that it is closed already.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
    }
}

// Waits until the caller has read earlier answers; false if it does not.
async fn has_read(request: &ServiceRequest) -> bool {
    let begun = Instant::now();
    while request.conn_data::<OpenConnection>().is_some_and(|open| !open.takes_answers()) {
        if begun.elapsed() > READ_WITHIN {
            request.conn_data::<OpenConnection>().inspect(|open| open.shut_down());
            return false;
        }
        sleep(CHECKED_EVERY).await;
    }
    true
}

/// Middleware around everything: no answer for a caller that does not read, and the time for a body.
pub async fn apply<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    if !has_read(&request).await {
        let mut closed = HttpResponse::RequestTimeout();
        closed.force_close();
        return Ok(request.into_response(closed.finish()).map_into_right_body());
    }
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
    Ok(response.map_into_left_body())
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

    fn from(limits: &Arc<ConnectionLimits>, address: &str) -> Option<OpenConnection> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        limits.open(SocketAddr::new(address.parse().expect("an address"), 1), socket.into())
    }

    #[test]
    fn l2_a_network_has_a_share_of_the_connections_and_a_proxy_all() {
        let limits = limits(80, 3);
        let mut open: Vec<_> = (1..=3).filter_map(|n| from(&limits, &format!("2001:db8::{n}"))).collect();

        assert!(from(&limits, "2001:db8::4").is_none(), "the same /64");
        assert!(from(&limits, "2001:db8:0:1::4").is_some());
        open.extend((0..20).filter_map(|_| from(&limits, "10.0.0.1")));
        assert_eq!(open.len(), 23);
        open.clear();
        assert!(from(&limits, "2001:db8::4").is_some());
        assert!(limits.open.lock().expect("no panic").of_network.is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn l2_strangers_leave_connections_to_networks_in_which_somebody_is_signed_in() {
        let limits = limits(8, 100);
        limits.know("203.0.113.9");
        let strangers: Vec<_> = (0..8).filter_map(|_| from(&limits, "198.51.100.1")).collect();

        assert_eq!(strangers.len(), 7);
        assert!(from(&limits, "203.0.113.9").is_some());
    }
}
