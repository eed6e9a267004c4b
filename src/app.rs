//! The application: what every request needs, and the server built on a given listener.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, OnceLock};

use actix_session::SessionMiddleware;
use actix_session::config::{BrowserSession, CookieContentSecurity, TtlExtensionPolicy};
use actix_web::cookie::{Key, SameSite};
use actix_web::middleware::from_fn;
use actix_web::{App as ActixApp, HttpServer, web};

use crate::{db, jobs, routes};
use crate::access::last_used::Usage;
use crate::account::Account;
use crate::broker::forward::Waits;
use crate::clients::secret_guesses::Guesses;
use crate::clients::token_failure::Failures;
use crate::config::Config;
use crate::connections::refresh;
use crate::connections::breaker::Breakers;
use crate::connections::refresh::{Asking, Refresher};
use crate::connections::state::Means;
use crate::db::Db;
use crate::demo::WalkThrough;
use crate::employees::password::PasswordHasher;
use crate::http::HttpClient;
use crate::notices::Channels;
use crate::oauth::parameters::LONGEST_BODY;
use crate::secrets::{DerivedKey, MasterKey};
use crate::secrets::sealed::Vault;
use crate::time::Clock;
use crate::web::{access_guard, error_pages, headers};
use crate::web::rate_limit::Buckets;
use crate::web::session_store::{Presence, Store};

/// The purpose of the key that tells whether a node has the key this database was made with.
pub const CHECK: &str = "check";

/// What handlers and background work share.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// Where "now" comes from.
    pub clock: Clock,
    /// Keys derived from the installation's secret.
    pub keys: Keys,
    /// The bounded pool in which passwords are hashed.
    pub hasher: PasswordHasher,
    /// Who was seen lately, on its way to the database.
    pub presence: Presence,
    /// Which tokens were used lately, on their way to the database.
    pub usage: Usage,
    /// What the token endpoint refused lately, on its way to the database.
    pub failures: Failures,
    /// Who guesses client secrets.
    pub guesses: Guesses,
    /// How much each client asks of the API.
    pub buckets: Buckets,
    /// Seals and opens what has to be read again.
    pub vault: Vault,
    /// The way to other servers.
    pub http: HttpClient,
    /// Refreshes connections.
    pub refresher: Refresher,
    /// Which providers fail.
    pub breakers: Breakers,
    /// Which providers asked to wait.
    pub waits: Waits,
    asking: Mutex<Option<Asking>>,
    /// The demo's own integration; only the demo has one.
    pub walk_through: OnceLock<WalkThrough>,
    /// This process among the nodes, as the holder of a lease.
    pub node: String,
}

/// One key for each purpose.
pub struct Keys {
    /// Signs the token in every form.
    pub csrf: DerivedKey,
    /// Signs the cookie that tells a known browser.
    pub device: DerivedKey,
    /// Encrypts the session cookie.
    pub cookie: DerivedKey,
    /// Signs the request that a consent page shows.
    pub consent: DerivedKey,
    /// Tells whether a node has the key this database was made with.
    pub check: DerivedKey,
}

impl App {
    /// Opens the database, brings its schema up to date and proves that the key is the one the data was made with.
    pub async fn open(config: Config, master: &MasterKey, clock: Clock) -> Result<Arc<App>, String> {
        let applied = db::migrate(&config.database)?;
        if !applied.is_empty() {
            log::info!("schema brought up to date: {}", applied.join(", "));
        }
        let http = HttpClient::new(&config.outbound).map_err(|why| format!("--outbound-ca / OUTBOUND_CA: {why}"))?;
        let (refresher, asking) = Refresher::new();
        let app = App {
            db: Db::open(&config.database, config.database_connections)?,
            config,
            clock,
            keys: Keys {
                csrf: master.derive("csrf"),
                device: master.derive("device"),
                cookie: master.derive("cookie"),
                consent: master.derive("consent"),
                check: master.derive(CHECK),
            },
            hasher: PasswordHasher::new(),
            presence: Presence::default(),
            usage: Usage::default(),
            failures: Failures::default(),
            guesses: Guesses::default(),
            buckets: Buckets::default(),
            vault: Vault::new(master, master.previous()),
            http,
            refresher,
            breakers: Breakers::default(),
            waits: Waits::default(),
            asking: Mutex::new(Some(asking)),
            walk_through: OnceLock::new(),
            node: crate::secrets::random_name(12),
        };
        let (now, check) = (app.clock.now(), app.keys.check.bytes().to_vec());
        let made_with = app.db.write(move |conn| Account::open(conn, &check, now)).await;
        match made_with {
            Ok(stored) if stored == app.keys.check.bytes() => Ok(Arc::new(app)),
            Ok(stored) if master.previous().is_some_and(|key| stored == key.derive(CHECK).bytes()) => {
                log::warn!("the database still belongs to SECRET_KEY_PREVIOUS; rotate-key gives it to SECRET_KEY");
                Ok(Arc::new(app))
            }
            Ok(_) => Err("SECRET_KEY: this is not the key that the database was made with".into()),
            Err(error) => Err(format!("the database cannot be used: {error}")),
        }
    }

    /// What a change of a connection needs besides the database.
    pub fn means(&self) -> Means {
        let channels = Channels {
            email: self.config.notices.smtp.is_some(),
            webhook: self.config.notices.webhook.is_some(),
            origin: self.config.public_url.origin().to_string(),
        };
        Means { vault: self.vault.clone(), channels }
    }

    /// Answers requests on `listener` until it is told to stop; with `background`, also does what is due in between.
    pub fn serve(
        self: Arc<App>,
        listener: TcpListener,
        workers: usize,
        background: bool,
    ) -> std::io::Result<actix_web::dev::Server> {
        // Only the first server of an application takes it.
        if let Some(asking) = self.asking.lock().ok().and_then(|mut asking| asking.take()) {
            refresh::start(self.clone(), asking);
        }
        if background {
            jobs::start(self.clone());
        }
        let blocking = (self.config.database_connections as usize).div_ceil(workers).max(2);
        let server = HttpServer::new(move || {
            let data = web::Data::from(self.clone());
            let sessions =
                SessionMiddleware::builder(Store::new(self.clone()), Key::derive_from(self.keys.cookie.bytes()))
                    .cookie_name(self.config.public_url.cookie_name("session"))
                    .cookie_secure(self.config.public_url.is_https())
                    .cookie_http_only(true)
                    .cookie_same_site(SameSite::Lax)
                    .cookie_path("/".into())
                    .cookie_content_security(CookieContentSecurity::Private)
                    .session_lifecycle(
                        BrowserSession::default().state_ttl_extension_policy(TtlExtensionPolicy::OnStateChanges),
                    )
                    .build();
            ActixApp::new()
                .app_data(data)
                .app_data(web::PayloadConfig::new(LONGEST_BODY))
                .app_data(web::PathConfig::default().error_handler(|_, _| crate::error::Error::NotFound.into()))
                .wrap(from_fn(headers::add))
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
                        .wrap(sessions),
                )
        })
        .workers(workers)
        .worker_max_blocking_threads(blocking + 2)
        .listen(listener)?
        .shutdown_timeout(20)
        .run();
        Ok(server)
    }
}
