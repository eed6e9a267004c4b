//! Passwords: Argon2id hashes, computed two at a time, and the rules for a new password. The rules follow NIST SP 800-63B-4
//! section 3.1.1.2: a minimum length and a check against easily guessed passwords, but no composition rules.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};
use crate::threads::Threads;

/// The fewest characters of a password.
pub const SHORTEST: usize = 15;
/// The most characters of a password. A longer one would only make hashing slow.
pub const LONGEST: usize = 256;

// OWASP's first choice: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const MAX_AT_ONCE: usize = 2;
// How many more may wait: strangers in all, strangers of one network, and people whose browser is known.
const STRANGERS_WAITING: usize = 96;
const OF_ONE_NETWORK: usize = 8;
const KNOWN_WAITING: usize = 16;
const TIMEOUT: Duration = Duration::from_secs(5);
// No server error: a flood must not fill the log.
const BUSY: Error = Error::TooManyRequests(2);

/// Hashes and verifies passwords, two at a time, so that memory stays bounded. More wait in a queue; when it is full, or
/// after five seconds, the answer is 429. Strangers of one network have a few places in it, and people whose browser is
/// known have places of their own, so that a flood does not keep them out.
pub struct PasswordHasher {
    running: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    networks: Networks,
    threads: Threads,
    hashes: AtomicU64,
    dummy: String,
}

type Networks = Arc<Mutex<HashMap<String, usize>>>;

/// A place in the queue.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    _of_network: Option<OfNetwork>,
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
    /// A hasher with an empty queue. Errors: its threads cannot be prepared.
    pub fn new() -> std::io::Result<PasswordHasher> {
        let places = |count| Arc::new(Semaphore::new(count));
        Ok(PasswordHasher {
            running: places(MAX_AT_ONCE),
            strangers: places(STRANGERS_WAITING),
            known: places(KNOWN_WAITING),
            networks: Networks::default(),
            threads: Threads::start("passwords", MAX_AT_ONCE)?,
            hashes: AtomicU64::new(0),
            // Verified for unknown e-mail addresses, so that they take as long as known ones.
            dummy: format!(
                "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$c29tZXNhbHRzb21lc2FsdA$\
                 MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA"
            ),
        })
    }

    /// A place in the queue for a stranger of a network. Errors: 429 when there is none.
    pub fn place_for_stranger(&self, network: &str) -> Result<Place> {
        let of_network = OfNetwork::take(&self.networks, network).ok_or(BUSY)?;
        let permit = self.strangers.clone().try_acquire_owned().map_err(|_| BUSY)?;
        Ok(Place { _permit: permit, _of_network: Some(of_network) })
    }

    /// A place in the queue for somebody who is signed in, or whose browser is known. Errors: 429 when there is none.
    pub fn place_for_known(&self) -> Result<Place> {
        let permit = self.known.clone().try_acquire_owned().map_err(|_| BUSY)?;
        Ok(Place { _permit: permit, _of_network: None })
    }

    /// The hash of a new password.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let place = self.place_for_known()?;
        let password = password.to_string();
        self.run(place, move || {
            let hash = argon2().hash_password(password.as_bytes()).map_err(Error::internal)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` has this hash. Without a hash (unknown e-mail address), does the same work and returns false.
    pub async fn verify(&self, place: Place, password: &str, hash: Option<&str>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.dummy).to_string();
        let password = password.to_string();
        let fits = self.run(place, move || {
            let hash = PasswordHash::new(&hash).map_err(Error::internal)?;
            Ok(argon2().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(fits.await? && known)
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
        let permit = tokio::time::timeout(TIMEOUT, self.running.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(BUSY) };
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let work = self.threads.run(move || {
            let (_permit, _place) = (permit, place);
            work()
        });
        work.await.map_err(Error::internal)?
    }
}

/// Whether a stored hash has other parameters than new ones, so that the password must be hashed again at sign-in.
pub fn is_outdated(hash: &str) -> bool {
    !hash.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},"))
}

fn argon2() -> Argon2<'static> {
    // Never the default: the parameters are constants within Argon2's limits.
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Checks a new password and its confirmation; `about` is what an attacker would try first: name, e-mail address, shop.
/// Errors: [`Error::Invalid`] with the reason.
pub fn check_new(password: &str, confirmation: &str, about: &[&str]) -> Result<()> {
    match password == confirmation {
        true => check(password, about),
        false => Err(Error::Invalid("The passwords do not match.".into())),
    }
}

/// Checks a new password. Errors: [`Error::Invalid`] with the reason.
pub fn check(password: &str, about: &[&str]) -> Result<()> {
    let length = password.chars().count();
    if length < SHORTEST {
        let sentence = format!(
            "The password must have at least {SHORTEST} characters; yours has {length}. Use several unrelated words."
        );
        return Err(Error::Invalid(sentence));
    }
    if length > LONGEST {
        return Err(Error::Invalid(format!(
            "The password must have at most {LONGEST} characters; yours has {length}."
        )));
    }
    let folded = password.to_lowercase();
    for word in about.iter().flat_map(|text| std::iter::once(*text).chain(text.split(['@', '.', ' ', '-']))) {
        let word = word.to_lowercase();
        let rest = if word.chars().count() >= 4 { folded.replace(&word, "") } else { folded.clone() };
        if rest.chars().filter(|c| c.is_alphanumeric()).count()
            < folded.chars().filter(|c| c.is_alphanumeric()).count() / 2
        {
            let sentence =
                format!("The password is mostly “{word}”, which is easy to guess. Use several unrelated words.");
            return Err(Error::Invalid(sentence));
        }
    }
    let estimate = zxcvbn::zxcvbn(password, about);
    if u8::from(estimate.score()) < 3 {
        let reason = estimate.feedback().and_then(|feedback| feedback.warning()).map(|warning| warning.to_string());
        let reason = reason.unwrap_or_else(|| "It can be guessed quickly.".into());
        return Err(Error::Invalid(format!(
            "The password is too easy to guess. {reason} Use several unrelated words."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: [&str; 3] = ["Harbour & Pine", "Marta Lindqvist", "marta@harbourandpine.example"];

    #[test]
    fn length_counts_and_composition_does_not() {
        assert!(check("tulip raft 49 k", &ABOUT).is_ok());
        assert!(check("tulip raft 49 ", &ABOUT).is_err());
        assert!(check("ett långt lösenord med många ord på svenska och lite till", &ABOUT).is_ok());
        assert!(check(&"correct horse battery staple ".repeat(3), &ABOUT).is_ok());
    }

    #[test]
    fn what_is_guessed_first_is_refused_with_the_reason() {
        for weak in ["passwordpassword", "aaaaaaaaaaaaaaaa", "1234567890123456", "harbour & pine1", "martalindqvist12"]
        {
            let Err(Error::Invalid(sentence)) = check(weak, &ABOUT) else { panic!("{weak} was accepted") };
            assert!(!sentence.contains(weak));
        }
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_and_every_character_matters() {
        let hasher = PasswordHasher::new().expect("threads");
        let known = || hasher.place_for_known().expect("a place");
        let long = "x".repeat(72);
        let hash = hasher.hash(&format!("{long}y")).await.expect("hashes");

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(!is_outdated(&hash));
        assert!(hasher.verify(known(), &format!("{long}y"), Some(&hash)).await.expect("verifies"));
        assert!(!hasher.verify(known(), &format!("{long}z"), Some(&hash)).await.expect("verifies"));
        assert!(!hasher.verify(known(), "anything", None).await.expect("verifies"));
        assert_eq!(hasher.hashes(), 4);
    }

    #[test]
    fn s4_a_network_of_strangers_has_a_few_places_and_known_people_have_their_own() {
        let hasher = PasswordHasher::new().expect("threads");

        let mut taken: Vec<Place> =
            (0..OF_ONE_NETWORK).map(|_| hasher.place_for_stranger("203.0.113.9").expect("a place")).collect();
        assert!(hasher.place_for_stranger("203.0.113.9").is_err());
        while let Ok(place) = hasher.place_for_stranger(&format!("198.51.100.{}", taken.len())) {
            taken.push(place);
        }

        assert_eq!(taken.len(), STRANGERS_WAITING);
        assert!(hasher.place_for_known().is_ok());
        taken.clear();
        assert!(hasher.networks.lock().expect("no panic").is_empty(), "nothing is kept of who has gone");
        assert!(hasher.place_for_stranger("203.0.113.9").is_ok());
    }
}
