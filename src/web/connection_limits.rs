//! How many connections may be open. A connection counts for its network and for the server. Strangers leave a reserve to
//! networks in which somebody is signed in.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;
use ipnet::IpNet;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::network;

// Networks in which somebody is signed in: how many are remembered, and how long.
const MOST_KNOWN: usize = 1_000;
const KNOWN_FOR: Duration = Duration::from_secs(30 * 60);

/// The connections of one server.
pub struct ConnectionLimits {
    most: usize,
    most_of_network: usize,
    trusted: Vec<IpNet>,
    // How long after an answer the next request must have arrived.
    open: Mutex<Open>,
    metrics: Arc<Metrics>,
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
}

impl ConnectionLimits {
    /// The limits that the configuration states. Raises this process's limit of open files as they need.
    pub fn new(config: &Config, metrics: &Arc<Metrics>) -> Arc<ConnectionLimits> {
        raise_open_files(config);
        Arc::new(ConnectionLimits {
            most: config.limits.connections,
            most_of_network: config.limits.of_network,
            trusted: config.trusted_proxies.clone(),
            open: Mutex::default(),
            metrics: metrics.clone(),
        })
    }

    /// Counts a new connection, and says whose it is. Errors: too many are open.
    pub fn accept(self: &Arc<ConnectionLimits>, stream: &TcpStream) -> io::Result<(SocketAddr, OpenConnection)> {
        let peer = stream.peer_addr()?;
        let open = self.open(peer).map_err(|limit| {
            self.metrics.connection_refused(limit);
            log::debug!("a connection was refused: too many are open");
            io::Error::from(io::ErrorKind::QuotaExceeded)
        })?;
        Ok((peer, open))
    }

    /// How many connections are open.
    pub fn open_now(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    // Errors: whose limit is reached.
    fn open(self: &Arc<ConnectionLimits>, peer: SocketAddr) -> Result<OpenConnection, &'static str> {
        let ip = peer.ip().to_canonical();
        let network = (!self.trusted.iter().any(|net| net.contains(&ip))).then(|| network::of(&ip.to_string()));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let most = match &network {
            Some(network) if !open.knows(network) => self.most - self.most / 8,
            _ => self.most,
        };
        if open.all >= most {
            return Err("server");
        }
        if let Some(network) = &network {
            let count = open.of_network.entry(network.clone()).or_default();
            if *count >= self.most_of_network {
                return Err("network");
            }
            *count += 1;
        }
        open.all += 1;
        Ok(OpenConnection { network, limits: self.clone() })
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
    // The database and the log need some too.
    let needed = config.limits.connections as u64 + 200;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(most: usize, most_of_network: usize) -> Arc<ConnectionLimits> {
        let trusted = vec!["10.0.0.0/8".parse().expect("a network")];
        Arc::new(ConnectionLimits { most, most_of_network, trusted, open: Mutex::default(), metrics: Metrics::new() })
    }

    fn from(limits: &Arc<ConnectionLimits>, address: &str) -> Option<OpenConnection> {
        limits.open(SocketAddr::new(address.parse().expect("an address"), 1)).ok()
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
