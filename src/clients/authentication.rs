//! Client authentication (RFC 6749 section 2.3): checks a client's secret, during a rotation also the previous one, and
//! refuses to check after too many wrong secrets. How a request carries the credentials is `oauth::client_auth`.

use std::fmt;

use crate::clients::failed_secret_count;
use crate::clients::failed_secrets::{Caller, FailedSecrets};
use crate::clients::{Client, ClientSecret};
use crate::db::{Db, DbConnection};
use crate::error::Result;
use crate::id::{ClientKey, ClientSecretKey};
use crate::network;
use crate::secrets::TokenHash;
use crate::time::Timestamp;

/// The credentials of a client.
#[derive(PartialEq, Eq)]
pub struct Credentials {
    /// The client ID.
    pub id: String,
    /// The secret, if one was sent.
    pub secret: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The result of a check of credentials.
pub enum Authentication {
    /// The secret is correct, or the client is publicly distributed and sent none.
    Authenticated {
        /// The client.
        client: Box<Client>,
        /// The secret that was used; `None` for a publicly distributed client without one.
        secret: Option<ClientSecretKey>,
    },
    /// The client is unknown, or its secret is missing or wrong. Callers must not be told which.
    Failed {
        /// The client with this ID, for the list of failed token requests.
        client: Option<ClientKey>,
    },
    /// Too many wrong secrets from this network: seconds to wait.
    TooManyAttempts(i64),
}

/// Checks the credentials of a client. The state of the client is left to the caller.
pub async fn authenticate(
    db: &Db,
    failed_secrets: &FailedSecrets,
    credentials: Credentials,
    client_ip: String,
    now: Timestamp,
) -> Result<Authentication> {
    let Credentials { id, secret } = credentials;
    let caller = caller(&id, &client_ip);
    if let Some(seconds) = failed_secrets.wait(&caller, now) {
        return Ok(Authentication::TooManyAttempts(seconds));
    }
    let found = db.lookup(move |conn| find(conn, &id, now)).await?;
    // Hash the secret of an unknown client too, so that both take the same time.
    let hash = secret.as_deref().map(TokenHash::of);
    let known = found.as_ref().map(|(client, _)| client.id);
    let authenticated = found.and_then(|(client, secrets)| match hash {
        Some(hash) => {
            let secret = secrets.iter().find(|secret| secret.is(&hash))?.id;
            Some(Authentication::Authenticated { client: Box::new(client), secret: Some(secret) })
        }
        None => client
            .publicly_distributed
            .then_some(Authentication::Authenticated { client: Box::new(client), secret: None }),
    });
    // Of many guesses at the same time, the right one is refused too if it was not among the first.
    let wait = match &authenticated {
        Some(_) => failed_secrets.wait(&caller, now),
        None => count_failure(db, failed_secrets, caller, now).await?,
    };
    Ok(match (wait, authenticated) {
        (Some(seconds), _) => Authentication::TooManyAttempts(seconds),
        (None, Some(authenticated)) => authenticated,
        (None, None) => Authentication::Failed { client: known },
    })
}

// Counts a wrong secret, in memory and for all nodes. Returns the seconds to wait if it was one too many.
async fn count_failure(db: &Db, failed_secrets: &FailedSecrets, caller: Caller, now: Timestamp) -> Result<Option<i64>> {
    let wait = failed_secrets.failed(caller.clone(), now);
    if wait.is_some() || !failed_secrets.may_store(&caller.1, now) {
        return Ok(wait);
    }
    match failed_secret_count::count(db, &caller, now).await {
        Ok(None) => Ok(None),
        Ok(Some(since)) => Ok(failed_secrets.reached_elsewhere(caller, since, now)),
        // The count of this node holds.
        Err(error) if error.is_unavailable() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The key under which wrong secrets are counted: client ID and network.
pub fn caller(id: &str, client_ip: &str) -> Caller {
    // An ID can be as long as a body. No valid ID is longer than this.
    (id.chars().take(Client::MAX_ID_LENGTH).collect(), network::of(client_ip))
}

fn find(conn: &mut DbConnection, id: &str, now: Timestamp) -> Result<Option<(Client, Vec<ClientSecret>)>> {
    let Some(client) = Client::find_by_client_id(conn, id)? else {
        return Ok(None);
    };
    let secrets = ClientSecret::of_client(conn, client.id, now)?;
    Ok(Some((client, secrets)))
}
