//! Passwords: Argon2id hashes, computed two at a time, and the rules for a new password. The rules follow NIST SP 800-63B-4
//! section 3.1.1.2: a minimum length and a check against easily guessed passwords, but no composition rules.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// The fewest characters of a password.
pub const SHORTEST: usize = 15;
/// The most characters of a password. A longer one would only make hashing slow.
pub const LONGEST: usize = 256;

// OWASP's first choice: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const MAX_AT_ONCE: usize = 2;
const MOST_WAITING: usize = 32;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Hashes and verifies passwords, two at a time, so that memory stays bounded. More wait in a queue; when it is full, or
/// after five seconds, the answer is 503.
pub struct PasswordHasher {
    running: Arc<Semaphore>,
    waiting: Semaphore,
    hashes: AtomicU64,
    dummy: String,
}

impl Default for PasswordHasher {
    fn default() -> PasswordHasher {
        PasswordHasher::new()
    }
}

impl PasswordHasher {
    /// A hasher with an empty queue.
    pub fn new() -> PasswordHasher {
        PasswordHasher {
            running: Arc::new(Semaphore::new(MAX_AT_ONCE)),
            waiting: Semaphore::new(MOST_WAITING),
            hashes: AtomicU64::new(0),
            // Verified for unknown e-mail addresses, so that they take as long as known ones.
            dummy: format!(
                "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$c29tZXNhbHRzb21lc2FsdA$\
                 MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA"
            ),
        }
    }

    /// The hash of a new password.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_string();
        self.run(move || {
            let hash = argon2().hash_password(password.as_bytes()).map_err(Error::internal)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` has this hash. Without a hash (unknown e-mail address), does the same work and returns false.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.dummy).to_string();
        let password = password.to_string();
        let fits = self.run(move || {
            let hash = PasswordHash::new(&hash).map_err(Error::internal)?;
            Ok(argon2().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(fits.await? && known)
    }

    /// How many hashes have been computed.
    pub fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(Error::Unavailable("too many people are signing in at once"));
        };
        let permit = tokio::time::timeout(TIMEOUT, self.running.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(Error::Unavailable("too many people are signing in at once"));
        };
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
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
        let hasher = PasswordHasher::new();
        let long = "x".repeat(72);
        let hash = hasher.hash(&format!("{long}y")).await.expect("hashes");

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(!is_outdated(&hash));
        assert!(hasher.verify(&format!("{long}y"), Some(&hash)).await.expect("verifies"));
        assert!(!hasher.verify(&format!("{long}z"), Some(&hash)).await.expect("verifies"));
        assert!(!hasher.verify("anything", None).await.expect("verifies"));
        assert_eq!(hasher.hashes(), 4);
    }
}
