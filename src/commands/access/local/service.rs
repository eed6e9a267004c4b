//! The connections service, for acts that call providers.

use std::future::Future;
use std::sync::Arc;

use crate::commands::access::local::Opened;
use crate::config::Config;
use crate::connections::{Connection, Connections, OAuthClient, provider_revocation};
use crate::db::Db;
use crate::http::HttpClient;
use crate::metrics::Metrics;
use crate::pages::employees::revoke_all_access::disconnected;
use crate::secrets::sealed::Vault;
use crate::time::Clock;

// One act at a time.
const CONNECTIONS: u32 = 3;

/// Runs work with the service.
pub(super) fn with_service<T, F: Future<Output = T>>(
    (config, opened): (&Config, &Opened),
    work: impl FnOnce(Arc<Connections>) -> F,
) -> Result<T, String> {
    let carried = (opened.key.of_entries(), opened.channels.clone());
    let http = HttpClient::new(&config.outbound).map_err(|why| format!("--outbound-ca / OUTBOUND_CA: {why}"))?;
    let runtime = actix_web::rt::System::new();
    runtime.block_on(async {
        let db = Db::open_carrying(&config.database, CONNECTIONS, carried, &Metrics::new())?;
        let (service, _) = Connections::new(
            (db, Clock::System),
            (Vault::new(&opened.master, opened.master.previous()), http),
            (config.hosts.clone(), config.outbound.private),
            opened.channels.origin.clone(),
        );
        Ok(work(Arc::new(service)).await)
    })
}

/// Revokes the tokens of connections, which are deleted here already, at their providers. Returns sentences about them.
pub(super) fn revoke_at_providers(
    with: (&Config, &Opened),
    affected: Vec<(Connection, OAuthClient)>,
) -> Result<String, String> {
    with_service(with, |service| async move {
        let unconfirmed = provider_revocation::revoke_all(&service, &affected).await;
        disconnected(&affected, &unconfirmed)
    })
}
