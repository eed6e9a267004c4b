//! What follows an act: tokens of connections are revoked at their providers, after they are deleted here.

use std::sync::Arc;

use crate::config::Config;
use crate::connections::{Connection, Connections, OAuthClient, provider_revocation};
use crate::db::Db;
use crate::http::HttpClient;
use crate::secrets::MasterKey;
use crate::secrets::sealed::Vault;
use crate::time::Clock;

// The service reads little while it revokes.
const CONNECTIONS: u32 = 3;

/// Revokes the tokens of connections, which are deleted already; returns a sentence about those that their provider did not
/// confirm, or nothing.
pub(super) fn revoke_at_providers(
    config: &Config,
    master: &MasterKey,
    affected: &[(Connection, OAuthClient)],
) -> Result<String, String> {
    let affected: Vec<(Connection, OAuthClient)> =
        affected.iter().filter(|(connection, _)| connection.has_token()).cloned().collect();
    let db = Db::open(&config.database, CONNECTIONS)?;
    let http = HttpClient::new(&config.outbound).map_err(|why| format!("--outbound-ca / OUTBOUND_CA: {why}"))?;
    let (service, _) = Connections::new(
        (db, Clock::System),
        (Vault::new(master, master.previous()), http),
        (config.hosts.clone(), config.outbound.private),
        config.public_url.origin().to_string(),
    );
    let service = Arc::new(service);
    let unconfirmed = actix_web::rt::System::new()
        .block_on(async move { provider_revocation::revoke_all(&service, &affected).await });
    Ok(match unconfirmed.as_slice() {
        [] => String::new(),
        names => format!(
            " Not confirmed by the provider, so the tokens may still work there: {}. Revoke them in the account there.",
            names.join(", ")
        ),
    })
}
