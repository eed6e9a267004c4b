//! Hashes passwords three at a time, with queues in which a flood keeps nobody else out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::PasswordCost;
use crate::employees::argon2id;
use crate::error::{Error, Result};
use crate::threads::Threads;

// How many hashes run at once: of strangers, and of people whose browser is known.
const OF_STRANGERS: usize = 2;
const OF_KNOWN: usize = 1;
// How many may wait: strangers in all, strangers of one network, and people whose browser is known.
const STRANGERS_WAITING: usize = 96;
const OF_ONE_NETWORK: usize = 8;
const KNOWN_WAITING: usize = 16;
const TIMEOUT: Duration = Duration::from_secs(5);
// How long each refused caller waits, for each of those who wait already, and at most.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
// No server error: a flood must not fill the log.
const BUSY: Error = Error::TooManyRequests(2);

/// Hashes and verifies passwords, three at a time, so that memory stays bounded. More wait in a queue; when it is full, or
/// after five seconds, the answer is 429. Strangers of one network have a few places in it. People whose browser is known
/// have a queue and a thread of their own, so that a flood neither keeps them out nor lets them wait.
pub struct PasswordHasher {
    cost: PasswordCost,
    strangers_running: Arc<Semaphore>,
    known_running: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    networks: Networks,
    threads: Threads,
    hashes: AtomicU64,
    refused: AtomicUsize,
}

type Networks = Arc<Mutex<HashMap<String, usize>>>;

/// A place in the queue.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    // None for people whose browser is known.
    of_network: Option<OfNetwork>,
}

impl Place {
    fn is_of_stranger(&self) -> bool {
        self.of_network.is_some()
    }
}

// Counts for a network until it is dropped.
struct OfNetwork {
    network: String,
    networks: Networks,
}

impl OfNetwork {
    fn take(networks: &Networks, network: &str) -> Option<OfNetwork> {
        let mut taken = networks.lock().ok()?;
        let count = taken.entry(network.to_string()).or_default();
        if *count >= OF_ONE_NETWORK {
            return None;
        }
        *count += 1;
        Some(OfNetwork { network: network.to_string(), networks: networks.clone() })
    }
}

impl Drop for OfNetwork {
    fn drop(&mut self) {
        let Ok(mut taken) = self.networks.lock() else { return };
        match taken.get_mut(&self.network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.network)),
        }
    }
}

impl PasswordHasher {
    /// A hasher with an empty queue, whose new hashes have this cost. Errors: its threads cannot be prepared.
    pub fn new(cost: PasswordCost) -> std::io::Result<PasswordHasher> {
        let places = |count| Arc::new(Semaphore::new(count));
        Ok(PasswordHasher {
            cost,
            strangers_running: places(OF_STRANGERS),
            known_running: places(OF_KNOWN),
            strangers: places(STRANGERS_WAITING),
            known: places(KNOWN_WAITING),
            networks: Networks::default(),
            threads: Threads::start("passwords", OF_STRANGERS + OF_KNOWN)?,
            hashes: AtomicU64::new(0),
            refused: AtomicUsize::new(0),
        })
    }

    /// A place in the queue for a stranger of a network. Errors: 429 when there is none.
    pub fn place_for_stranger(&self, network: &str) -> Result<Place> {
        let of_network = OfNetwork::take(&self.networks, network).ok_or(BUSY)?;
        let permit = self.strangers.clone().try_acquire_owned().map_err(|_| BUSY)?;
        Ok(Place { _permit: permit, of_network: Some(of_network) })
    }

    /// A place in the queue for somebody who is signed in, or whose browser is known. Errors: 429 when there is none.
    pub fn place_for_known(&self) -> Result<Place> {
        let permit = self.known.clone().try_acquire_owned().map_err(|_| BUSY)?;
        Ok(Place { _permit: permit, of_network: None })
    }

    /// The hash of a new password.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let place = self.place_for_known()?;
        let (password, cost) = (password.to_string(), self.cost);
        self.run(place, move || argon2id::hash(&password, cost)).await
    }

    /// Whether a stored hash has another cost than new ones, so that the password must be hashed again at sign-in.
    pub fn is_outdated(&self, hash: &str) -> bool {
        argon2id::is_outdated(hash, self.cost)
    }

    /// Whether `password` has this hash. Without a hash (unknown e-mail address), does the same work and returns false.
    pub async fn verify(&self, place: Place, password: &str, hash: Option<&str>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.map_or_else(|| argon2id::of_no_password(self.cost), str::to_string);
        let password = password.to_string();
        let fits = self.run(place, move || argon2id::verify(&password, &hash));
        Ok(fits.await? && known)
    }

    /// Lets a refused caller wait, at most a second: longer, the more of them there are, so that a flood of refused attempts
    /// takes little time of the processor.
    pub async fn hold_up(&self) {
        // Counts while it waits, and no longer if the caller leaves.
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let others = self.refused.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.refused);
        tokio::time::sleep(pause(others)).await;
    }

    /// How many hashes have been computed.
    pub fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let running = if place.is_of_stranger() { &self.strangers_running } else { &self.known_running };
        let permit = tokio::time::timeout(TIMEOUT, running.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(BUSY) };
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let work = self.threads.run(move || {
            let (_permit, _place) = (permit, place);
            work()
        });
        work.await.map_err(Error::internal)?
    }
}

fn pause(others: usize) -> Duration {
    PAUSE.saturating_mul(u32::try_from(others).unwrap_or(u32::MAX)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_and_every_character_matters() {
        let hasher = PasswordHasher::new(PasswordCost::default()).expect("threads");
        let known = || hasher.place_for_known().expect("a place");
        let long = "x".repeat(72);
        let hash = hasher.hash(&format!("{long}y")).await.expect("hashes");

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(!hasher.is_outdated(&hash));
        assert!(hasher.verify(known(), &format!("{long}y"), Some(&hash)).await.expect("verifies"));
        assert!(!hasher.verify(known(), &format!("{long}z"), Some(&hash)).await.expect("verifies"));
        assert!(!hasher.verify(known(), "anything", None).await.expect("verifies"));
        assert_eq!(hasher.hashes(), 4);
    }

    #[tokio::test]
    async fn l6_the_more_callers_are_refused_the_longer_each_waits() {
        let hasher = PasswordHasher::new(PasswordCost::default()).expect("threads");
        let refused = |hasher: &PasswordHasher| hasher.refused.load(Ordering::Relaxed);

        assert_eq!([0, 7, 50_000].map(pause), [0, 70, 1_000].map(Duration::from_millis));
        hasher.refused.store(100, Ordering::Relaxed);
        assert!(tokio::time::timeout(Duration::from_millis(1), hasher.hold_up()).await.is_err(), "it waits");
        assert_eq!(refused(&hasher), 100, "a caller who left does not count");
        hasher.refused.store(0, Ordering::Relaxed);
        hasher.hold_up().await;
        assert_eq!(refused(&hasher), 0);
    }

    #[test]
    fn s4_a_network_of_strangers_has_a_few_places_and_known_people_have_their_own() {
        let hasher = PasswordHasher::new(PasswordCost::default()).expect("threads");

        let mut taken: Vec<Place> =
            (0..OF_ONE_NETWORK).map(|_| hasher.place_for_stranger("203.0.113.9").expect("a place")).collect();
        assert!(hasher.place_for_stranger("203.0.113.9").is_err());
        while let Ok(place) = hasher.place_for_stranger(&format!("198.51.100.{}", taken.len())) {
            taken.push(place);
        }

        assert_eq!(taken.len(), STRANGERS_WAITING);
        let known = hasher.place_for_known().expect("a place");
        assert!(!known.is_of_stranger() && taken.iter().all(Place::is_of_stranger));
        taken.clear();
        assert!(hasher.networks.lock().expect("no panic").is_empty(), "nothing is kept of who has gone");
        assert!(hasher.place_for_stranger("203.0.113.9").is_ok());
    }
}
