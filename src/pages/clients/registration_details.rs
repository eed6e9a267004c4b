//! What a client's page tells about its registration: what its developer said, who let it be here, and whether an earlier
//! secret is still in use.

use crate::clients::{Client, ClientSecret, Contact, RedirectUri};
use crate::db::DbConnection;
use crate::error::Result;
use crate::time::{DAY, DisplayTime, TimeFormat, Timestamp, count};

/// The facts, in words.
#[derive(Debug)]
pub struct RegistrationFacts {
    /// Its id on the wire.
    pub client_id: String,
    /// Where browsers may be sent back to.
    pub redirect_uris: Vec<String>,
    /// The person to ask.
    pub contact: Contact,
    /// Whether its program runs on other people's machines.
    pub publicly_distributed: bool,
    /// Whether it must use PKCE.
    pub requires_pkce: bool,
    /// When its grants end.
    pub grants_end: String,
    /// Who gave it the Lightspeed Approved mark, and when.
    pub lightspeed_approved: Option<(String, DisplayTime)>,
    /// Who admitted it, and when.
    pub approved: Option<(String, DisplayTime)>,
    /// Who suspended it, and when.
    pub suspended: Option<(String, DisplayTime)>,
    /// Its secrets that work, the newest first.
    pub secrets: Vec<SecretFacts>,
}

/// A secret, in words.
#[derive(Debug)]
pub struct SecretFacts {
    /// When it was made.
    pub created: DisplayTime,
    /// When the client last showed it.
    pub last_used: DisplayTime,
    /// Until when it works; the newest works until it is replaced.
    pub until: Option<DisplayTime>,
}

impl RegistrationFacts {
    /// The facts of a client.
    pub fn load(conn: &mut DbConnection, client: &Client, words: &TimeFormat) -> Result<RegistrationFacts> {
        let (approved_at, suspended_at) = client.moments();
        let by = |at: Option<Timestamp>, name: &str| at.map(|at| (name.to_string(), words.exact(at)));
        Ok(RegistrationFacts {
            client_id: client.client_id.clone(),
            redirect_uris: RedirectUri::of_client(conn, client.id)?,
            contact: client.contact.clone(),
            publicly_distributed: client.publicly_distributed,
            requires_pkce: client.requires_pkce(),
            grants_end: match client.grants_end_after {
                Some(seconds) if seconds % DAY == 0 => format!("After {}", count(seconds / DAY, "day")),
                Some(seconds) => format!("After {}", count(seconds, "second")),
                None => "When revoked, or not refreshed in time".into(),
            },
            lightspeed_approved: by(client.lightspeed_approved_at, &client.lightspeed_approved_by),
            approved: by(approved_at, &client.approved_by),
            suspended: by(suspended_at, &client.suspended_by),
            secrets: SecretFacts::of_client(conn, client, words)?,
        })
    }

    /// Whether an earlier secret works beside the newest.
    pub fn has_earlier_secret(&self) -> bool {
        self.secrets.len() > 1
    }
}

impl SecretFacts {
    /// The secrets of a client that work, the newest first.
    pub fn of_client(conn: &mut DbConnection, client: &Client, words: &TimeFormat) -> Result<Vec<SecretFacts>> {
        let facts = |secret: ClientSecret| SecretFacts {
            created: words.exact(secret.created_at),
            last_used: words.ago(secret.last_used_at),
            until: (secret.expires_at < Timestamp::NO_END).then(|| words.exact(secret.expires_at)),
        };
        Ok(ClientSecret::of_client(conn, client.id, words.now())?.into_iter().map(facts).collect())
    }
}
