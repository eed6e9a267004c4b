//! Passwords: Argon2id in a bounded pool, and the rules for a new one (NIST SP 800-63B-4 section 3.1.1.2: length and a check
//! against what is guessed first, no composition rules).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// The fewest characters of a password.
pub const SHORTEST: usize = 15;
/// The most characters of a password; beyond, a request would only be slow.
pub const LONGEST: usize = 256;

// OWASP's first choice: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const MAX_AT_ONCE: usize = 2;
const MOST_WAITING: usize = 32;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Hashes and verifies passwords, two at a time; a flood waits in line and then hears 503, memory stays flat.
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
    /// A pool of its own.
    pub fn new() -> PasswordHasher {
        PasswordHasher {
            running: Arc::new(Semaphore::new(MAX_AT_ONCE)),
            waiting: Semaphore::new(MOST_WAITING),
            hashes: AtomicU64::new(0),
            // Nobody's password: what an unknown address is verified against, so that it takes as long as a known one.
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

    /// Whether `password` fits `hash`. Without a hash (nobody has that address) it does the same work and says no.
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

    /// How many hashes were computed so far.
    pub fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(Error::Unavailable("too many people are signing in"));
        };
        let permit = tokio::time::timeout(TIMEOUT, self.running.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(Error::Unavailable("too many people are signing in"));
        };
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        work.await.map_err(Error::internal)?
    }
}

/// Whether a stored hash was made with weaker parameters than today's and should be made anew at this sign-in.
pub fn is_outdated(hash: &str) -> bool {
    !hash.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},"))
}

fn argon2() -> Argon2<'static> {
    // The parameters are constants within Argon2's limits.
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Checks a new password; `about` holds what an attacker would try for this person: their name, address, shop.
/// Errors: the sentence says what is wrong with it.
pub fn check(password: &str, about: &[&str]) -> Result<()> {
    let length = password.chars().count();
    if length < SHORTEST {
        let sentence =
            format!("The password needs at least {SHORTEST} characters; this one has {length}. A few words do well.");
        return Err(Error::Invalid(sentence));
    }
    if length > LONGEST {
        return Err(Error::Invalid(format!(
            "The password can have at most {LONGEST} characters; this one has {length}."
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
                format!("The password is mostly “{word}”, which anybody would try first. Choose unrelated words.");
            return Err(Error::Invalid(sentence));
        }
    }
    let failed_secrets = zxcvbn::zxcvbn(password, about);
    if u8::from(failed_secrets.score()) < 3 {
        let reason =
            failed_secrets.feedback().and_then(|feedback| feedback.warning()).map(|warning| warning.to_string());
        let reason = reason.unwrap_or_else(|| "It would be guessed quickly.".into());
        return Err(Error::Invalid(format!(
            "The password is too easy to guess. {reason} Choose a few unrelated words."
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

    #[actix_web::test]
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
