//! The registration panel of a client's page: what was registered, who approved or suspended the client, and which secrets
//! work.

use crate::clients::{Client, ClientSecret, Contact, Rates, RedirectUri};
use crate::db::DbConnection;
use crate::error::Result;
use crate::time::{DAY, DisplayTime, TimeFormat, Timestamp, count};

/// A client's registration, ready for display.
#[derive(Debug)]
pub struct RegistrationFacts {
    /// The public `client_id`.
    pub client_id: String,
    /// Where users may return after they authorize the client.
    pub redirect_uris: Vec<String>,
    /// The contact person.
    pub contact: Contact,
    /// Whether the client runs on its users' own devices.
    pub publicly_distributed: bool,
    /// Whether it must use PKCE.
    pub requires_pkce: bool,
    /// When the access that an employee allowed expires.
    pub access_expires: String,
    /// The rate limits at the API routes.
    pub rates: String,
    /// Who marked it as Lightspeed Approved, and when.
    pub lightspeed_approved: Option<(String, DisplayTime)>,
    /// Who approved it, and when.
    pub approved: Option<(String, DisplayTime)>,
    /// Who suspended it, and when.
    pub suspended: Option<(String, DisplayTime)>,
    /// Why, as they wrote it; may be empty.
    pub suspended_reason: String,
    /// The secrets that work, newest first.
    pub secrets: Vec<SecretFacts>,
}

/// A client secret, ready for display.
#[derive(Debug)]
pub struct SecretFacts {
    /// When it was created.
    pub created: DisplayTime,
    /// When the client last authenticated with it.
    pub last_used: DisplayTime,
    /// Until when a previous secret works; `None` for the current one.
    pub until: Option<DisplayTime>,
}

impl RegistrationFacts {
    /// The facts of a client.
    pub fn load(conn: &mut DbConnection, client: &Client, times: &TimeFormat) -> Result<RegistrationFacts> {
        let by = |at: Option<Timestamp>, name: &str| at.map(|at| (name.to_string(), times.exact(at)));
        Ok(RegistrationFacts {
            client_id: client.client_id.clone(),
            redirect_uris: RedirectUri::of_client(conn, client.id)?,
            contact: client.contact.clone(),
            publicly_distributed: client.publicly_distributed,
            requires_pkce: client.requires_pkce(),
            access_expires: match client.grants_end_after {
                Some(seconds) if seconds % DAY == 0 => format!("After {}", count(seconds / DAY, "day")),
                Some(seconds) => format!("After {}", count(seconds, "second")),
                None => "When revoked, or when the client stops using it".into(),
            },
            rates: rates(client.rates),
            lightspeed_approved: by(client.lightspeed_approved_at, &client.lightspeed_approved_by),
            approved: by(client.approved_at, &client.approved_by),
            suspended: by(client.suspended_at, &client.suspended_by),
            suspended_reason: client.suspended_reason.clone(),
            secrets: SecretFacts::of_client(conn, client, times)?,
        })
    }

    /// Whether a previous secret still works.
    pub fn has_previous_secret(&self) -> bool {
        self.secrets.len() > 1
    }
}

// As a sentence, which says whether the numbers are the default.
fn rates(rates: Rates) -> String {
    let text = rates.to_string();
    let (first, rest) = text.split_at(1);
    let is_default = [rates.bucket_size, rates.drip_rate_tenths, rates.burst_limit].iter().all(Option::is_none);
    format!("{}{rest}{}", first.to_uppercase(), if is_default { " (the default)" } else { "" })
}

impl SecretFacts {
    /// The secrets of a client that work, newest first.
    pub fn of_client(conn: &mut DbConnection, client: &Client, times: &TimeFormat) -> Result<Vec<SecretFacts>> {
        let facts = |secret: ClientSecret| SecretFacts {
            created: times.exact(secret.created_at),
            last_used: times.ago(secret.last_used_at),
            until: (secret.expires_at < Timestamp::NO_END).then(|| times.exact(secret.expires_at)),
        };
        Ok(ClientSecret::of_client(conn, client.id, times.now())?.into_iter().map(facts).collect())
    }
}
