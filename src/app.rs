//! The application: opens the database, creates the shared state, starts the HTTP server and the background jobs.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_session::SessionMiddleware;
use actix_session::config::{BrowserSession, CookieContentSecurity, TtlExtensionPolicy};
use actix_web::cookie::{Key, SameSite};
use actix_web::middleware::from_fn;
use actix_web::{App as ActixApp, web};

use crate::access::attention::LargeCounts;
use crate::access::last_used::LastUsed;
use crate::account::{Account, installation};
use crate::activity::ChainKey;
use crate::api::limits::Limits;
use crate::broker::RetryAfterTimes;
use crate::clients::failed_secret_count::FailedSecretCount;
use crate::clients::failed_secrets::FailedSecrets;
use crate::clients::token_failure::Failures;
use crate::config::Config;
use crate::connections::Connections;
use crate::connections::refresh::{self, RefreshQueue};
use crate::db::{self, Db};
#[cfg(feature = "demo")]
use crate::demo::WalkThrough;
use crate::employees::SeenSessions;
use crate::employees::password_hasher::PasswordHasher;
use crate::error::Error;
use crate::http::HttpClient;
use crate::identity::ProviderCache;
use crate::jobs;
use crate::metrics::Metrics;
use crate::monitoring;
use crate::oauth::parameters::LONGEST_BODY;
use crate::routes;
use crate::secrets::MasterKey;
use crate::secrets::sealed::Vault;
use crate::time::Clock;
use crate::web::connection_limits::ConnectionLimits;
use crate::web::health::Readiness;
use crate::web::job_health::JobHealth;
use crate::web::rate_limit::Buckets;
use crate::web::session_store::Store;
use crate::web::state::{Keys, State};
use crate::web::{access_guard, error_pages, exchange, headers, http_server};

/// The application: the shared state, and the state of single modules.
pub struct App {
    /// The state that handlers and background jobs share.
    pub state: Arc<State>,
    /// The demo's own client; empty unless the demo runs.
    #[cfg(feature = "demo")]
    pub walk_through: web::Data<std::sync::OnceLock<WalkThrough>>,
    retry_after_times: web::Data<RetryAfterTimes>,
    api_limits: web::Data<Limits>,
    readiness: web::Data<Readiness>,
    provider_cache: web::Data<ProviderCache>,
    refreshes: Mutex<Option<RefreshQueue>>,
}

impl App {
    /// Opens the database, migrates its schema, and checks that the secret key belongs to it.
    pub async fn open(config: Config, master: &MasterKey, clock: Clock) -> Result<Arc<App>, String> {
        db::migrate(&config.database)?;
        let chain_key = open_account(&config, master, &clock)?;
        let carried = (chain_key.of_entries(), config.channels());
        let metrics = Metrics::new();
        let db = Db::open_carrying(&config.database, config.database_connections, carried, &metrics)?;
        let http = HttpClient::new(&config.outbound).map_err(|why| format!("--outbound-ca / OUTBOUND_CA: {why}"))?;
        let (connections, refreshes) = Connections::new(
            (db.clone(), clock.clone()),
            (Vault::new(master, master.previous()), http),
            (config.hosts.clone(), config.outbound.private),
            config.public_url.origin().to_string(),
        );
        let hasher = PasswordHasher::new(config.password_cost).map_err(|error| error.to_string())?;
        let state = State {
            connection_limits: ConnectionLimits::new(&config, &metrics),
            config,
            db,
            metrics,
            clock,
            keys: Keys::new(master),
            chain_key,
            hasher,
            seen_sessions: SeenSessions::default(),
            last_used_buffer: LastUsed::default(),
            failures: Failures::default(),
            failed_secrets: FailedSecrets::default(),
            buckets: Buckets::default(),
            connections: Arc::new(connections),
            large_counts: LargeCounts::default(),
            job_health: JobHealth::default(),
            node: crate::secrets::random_name(12),
        };
        restore_failed_secrets(&state).await?;
        Ok(Arc::new(App {
            state: Arc::new(state),
            #[cfg(feature = "demo")]
            walk_through: web::Data::default(),
            retry_after_times: web::Data::default(),
            api_limits: web::Data::default(),
            readiness: web::Data::default(),
            provider_cache: web::Data::default(),
            refreshes: Mutex::new(Some(refreshes)),
        }))
    }

    /// Serves metrics on `listener` until it is stopped.
    pub fn serve_metrics(&self, listener: TcpListener) -> std::io::Result<actix_web::dev::Server> {
        monitoring::serve(listener, web::Data::from(self.state.clone()), self.readiness.clone())
    }

    /// Serves requests on `listener` until it is stopped; with `background`, also runs the background jobs.
    pub fn serve(
        self: Arc<App>,
        listener: TcpListener,
        workers: usize,
        background: bool,
    ) -> std::io::Result<actix_web::dev::Server> {
        // Tests start a second server; only the first one runs the queue.
        if let Some(queue) = self.refreshes.lock().ok().and_then(|mut queue| queue.take()) {
            refresh::start(self.state.connections.clone(), queue);
        }
        if background {
            jobs::start(&self.state);
        }
        let limits = (self.state.connection_limits.clone(), self.state.config.limits);
        http_server::serve(listener, workers, limits, move || {
            let data = web::Data::from(self.state.clone());
            let app = ActixApp::new();
            #[cfg(feature = "demo")]
            let app = app.app_data(self.walk_through.clone());
            app.app_data(data)
                .app_data(self.retry_after_times.clone())
                .app_data(self.api_limits.clone())
                .app_data(self.readiness.clone())
                .app_data(self.provider_cache.clone())
                .app_data(web::Data::new(routes::TABLE))
                .app_data(web::PayloadConfig::new(LONGEST_BODY))
                .app_data(web::PathConfig::default().error_handler(|_, _| Error::NotFound.into()))
                .wrap(from_fn(headers::add))
                .wrap(from_fn(exchange::apply))
                .configure(routes::without_session)
                .service(
                    web::scope("")
                        .configure(routes::with_session)
                        .default_service(
                            web::route()
                                .to(error_pages::not_found)
                                .wrap(from_fn(access_guard::identify))
                                .wrap(from_fn(error_pages::render)),
                        )
                        .wrap(sessions(&self.state)),
                )
        })
    }
}

fn sessions(state: &Arc<State>) -> SessionMiddleware<Store> {
    let key = Key::derive_from(state.keys.cookie.bytes());
    SessionMiddleware::builder(Store::new(state.clone()), key)
        .cookie_name(state.config.public_url.cookie_name("session"))
        .cookie_secure(state.config.public_url.is_https())
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_path("/".into())
        .cookie_content_security(CookieContentSecurity::Private)
        .session_lifecycle(BrowserSession::default().state_ttl_extension_policy(TtlExtensionPolicy::OnStateChanges))
        .build()
}

// A restart does not give a guesser another ten wrong secrets.
async fn restore_failed_secrets(state: &State) -> Result<(), String> {
    let now = state.clock.now();
    let waiting = state.db.lookup(move |conn| Ok(FailedSecretCount::waiting(conn, now)?)).await;
    state.failed_secrets.restore(waiting.map_err(|error| format!("could not read the database: {error}"))?);
    Ok(())
}

// Checks that the secret key belongs to the database; returns the key of the activity log.
fn open_account(config: &Config, master: &MasterKey, clock: &Clock) -> Result<ChainKey, String> {
    let mut conn = db::connect(&config.database)?;
    let opened = db::in_transaction(&mut conn, &|conn| {
        let opened = Account::open(conn, master, clock.now())?;
        installation::record_public_url(conn, config.public_url.origin())?;
        Ok(opened)
    });
    let opened = opened.map_err(|error| match error {
        Error::Invalid(why) => why,
        error => format!("could not read the database: {error}"),
    })?;
    if opened.uses_previous {
        log::warn!("the stored secrets are still encrypted with SECRET_KEY_PREVIOUS: run rotate-key");
    }
    Ok(opened.chain.key)
}
