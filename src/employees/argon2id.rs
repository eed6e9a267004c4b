//! Hashes of passwords: Argon2id, in the PHC string format.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{CustomizedPasswordHasher, Error as HashError, PasswordVerifier, try_generate_salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::config::PasswordCost;
use crate::error::{Error, Result};

// Above 32 MiB, glibc always maps memory of its own for an allocation and gives it back to the system when it is freed. A
// smaller one would stay in the heap of its thread. Memory that is not touched costs nothing.
const MAPPED: usize = 33 * 1024;

/// The hash of a new password, about 20 ms of work at the default cost.
pub(super) fn hash(password: &str, cost: PasswordCost) -> Result<String> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(Error::internal)?;
    let salt = try_generate_salt().map_err(Error::internal)?;
    let hash = Argon2id.hash_password_with_params(password.as_bytes(), &salt, params).map_err(Error::internal)?;
    Ok(hash.to_string())
}

/// Whether `password` has this hash. Errors: it is no hash.
pub(super) fn verify(password: &str, hash: &str) -> Result<bool> {
    let hash = PasswordHash::new(hash).map_err(Error::internal)?;
    Ok(Argon2id.verify_password(password.as_bytes(), &hash).is_ok())
}

/// Whether a stored hash has other parameters than new ones, so that the password must be hashed again at sign-in.
pub(super) fn is_outdated(hash: &str, cost: PasswordCost) -> bool {
    !hash.starts_with(&format!("$argon2id$v=19$m={},t={},", cost.memory_kib, cost.passes))
}

/// A hash that no password has. Verifying one takes as long as with a real hash.
pub(super) fn of_no_password(cost: PasswordCost) -> String {
    let PasswordCost { memory_kib, passes } = cost;
    format!(
        "$argon2id$v=19$m={memory_kib},t={passes},p=1$c29tZXNhbHRzb21lc2FsdA$\
         MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA"
    )
}

// Argon2id as the crate computes it, but in memory that goes back to the system at once.
struct Argon2id;

impl CustomizedPasswordHasher<PasswordHash> for Argon2id {
    type Params = Params;

    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> std::result::Result<PasswordHash, HashError> {
        let algorithm = algorithm.map_or(Ok(Algorithm::Argon2id), Algorithm::try_from)?;
        let version = version.map_or(Ok(Version::V0x13), Version::try_from)?;
        let (count, length) = (params.block_count(), params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN));
        let (salt, params_text) = (Salt::new(salt)?, ParamsString::try_from(&params)?);
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..length).ok_or(HashError::OutputSize)?;
        let mut memory = Vec::with_capacity(count.max(MAPPED));
        memory.resize(count, Block::default());
        Argon2::new(algorithm, version, params).hash_password_into_with_memory(password, &salt, output, &mut memory)?;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: params_text,
            salt: Some(salt),
            hash: Some(Output::new(output)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordHasher;

    use super::*;

    #[test]
    fn a_hash_is_what_the_crate_computes() {
        let own = hash("tulip raft 49 kettle", PasswordCost::default()).expect("hashes");
        let theirs = Argon2::default().hash_password(b"tulip raft 49 kettle").expect("hashes").to_string();

        assert!(
            own.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !is_outdated(&own, PasswordCost::default()),
            "{own}"
        );
        for hash in [&own, &theirs] {
            assert!(verify("tulip raft 49 kettle", hash).expect("a hash"));
            assert!(!verify("tulip raft 49 kettlE", hash).expect("a hash"));
            assert!(Argon2::default().verify_password(b"tulip raft 49 kettle", hash.as_str()).is_ok());
        }
        assert!(!verify("", &of_no_password(PasswordCost::default())).expect("a hash"));
    }
}
