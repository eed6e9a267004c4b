//! The real server on a port of its own, with a clock that stands still until the test moves it.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use client_api_access::account::Account;
use client_api_access::app::App;
use client_api_access::config::{Config, Limits, PasswordCost, PublicUrl};
use client_api_access::connections::Hosts;
use client_api_access::db::DatabaseUrl;
use client_api_access::http::Outbound;
use client_api_access::jobs;
use client_api_access::logging::LogFormat;
use client_api_access::notices::Notices;
use client_api_access::scopes::Role;
use client_api_access::secrets::MasterKey;
use client_api_access::time::{Clock, Timestamp};
use client_api_access::tokens::issue::Lifetimes;
use client_api_access::web::state::State;

use super::browser::Browser;
use super::database::{Database, is_postgres};
use super::records::{Person, Shop};

/// When every test begins: Friday, 20 November 2026, 12:00 in Stockholm.
pub const NOW: Timestamp = Timestamp(1_795_172_400);

/// The secret key of every server under test, and of the databases in `fixtures/`.
pub const KEY: &str = "a key that only the tests know of";

/// The cost of passwords here: a real one would take more than half the time of all tests.
pub const CHEAP: PasswordCost = PasswordCost { memory_kib: 64, passes: 1 };

/// One server under test. It stops, and its database goes, with the value.
pub struct TestApp {
    /// What it runs on.
    pub state: Arc<State>,
    /// Its database.
    pub database: Database,
    /// Where its metrics are, if `metrics_listen` was set.
    pub metrics: Option<String>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl TestApp {
    /// A shop called Harbour & Pine with nobody and nothing in it.
    pub fn start() -> TestApp {
        Self::start_with(|_| ())
    }

    /// The same with some settings changed.
    pub fn start_with(change: impl FnOnce(&mut Config)) -> TestApp {
        Self::start_at(None, change)
    }

    /// The same, reaching its database at another address: through something that stands in between.
    pub fn start_at(address: Option<&str>, change: impl FnOnce(&mut Config)) -> TestApp {
        Self::start_on(Database::migrated(), address, change)
    }

    /// The same on a database that is there already.
    pub fn start_on(database: Database, address: Option<&str>, change: impl FnOnce(&mut Config)) -> TestApp {
        Self::launch(database, address, 1, change)
    }

    /// Nodes that share a database and a public address, each with so many workers: three on PostgreSQL, and the one that
    /// there can be on SQLite. The last of them keeps the database.
    pub fn nodes(workers: usize, change: impl Fn(&mut Config)) -> Vec<TestApp> {
        let first = Self::launch(Database::migrated(), None, workers, &change);
        let public_url = first.state.config.public_url.clone();
        let others = if is_postgres() { 2 } else { 0 };
        let other = |_| {
            Self::launch(first.database.shared(), None, workers, |config| {
                change(config);
                config.public_url = public_url.clone();
            })
        };
        let others: Vec<TestApp> = (0..others).map(other).collect();
        // In this order, so that the database goes last.
        others.into_iter().chain([first]).collect()
    }

    fn launch(database: Database, address: Option<&str>, workers: usize, change: impl FnOnce(&mut Config)) -> TestApp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = listener.local_addr().unwrap();
        let url = address.map_or_else(|| database.url.clone(), |url| DatabaseUrl::parse(url).unwrap());
        let mut config = Config {
            listen,
            public_url: PublicUrl::parse(&format!("http://{listen}")).unwrap(),
            metrics_listen: None,
            data_dir: database.folder.path().to_path_buf(),
            database: url,
            database_connections: 4,
            limits: Limits::default(),
            password_cost: CHEAP,
            trusted_proxies: Vec::new(),
            keep_expired_days: 30,
            lifetimes: Lifetimes::default(),
            public_registration: false,
            // The other servers of the tests are on this machine.
            outbound: Outbound { private: true, authorities: Vec::new() },
            hosts: Hosts::default(),
            notices: Notices::default(),
            identity_provider: None,
            log_level: log::LevelFilter::Off,
            log_format: LogFormat::Text,
        };
        change(&mut config);
        let (send, receive) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let master = MasterKey::from_text(KEY).unwrap();
                let app = App::open(config, &master, Clock::fixed(NOW)).await.unwrap();
                let server = app.clone().serve(listener, workers, false).unwrap();
                let metrics = app.state.config.metrics_listen.map(|address| {
                    let listener = TcpListener::bind(address).unwrap();
                    let origin = format!("http://{}", listener.local_addr().unwrap());
                    let server = app.serve_metrics(listener).unwrap();
                    let handle = server.handle();
                    actix_web::rt::spawn(server);
                    (origin, handle)
                });
                let origin = metrics.as_ref().map(|(origin, _)| origin.clone());
                send.send((app.state.clone(), server.handle(), origin)).unwrap();
                server.await.unwrap();
                if let Some((_, metrics)) = metrics {
                    metrics.stop(false).await;
                }
            });
        });
        let (state, handle, metrics) = receive.recv().expect("the server starts");
        let mut conn = database.connect();
        Account::update(&mut conn, "Harbour & Pine", "Europe/Stockholm").unwrap();
        TestApp { state, database, metrics, handle, thread: Some(thread) }
    }

    /// The address people type.
    pub fn origin(&self) -> &str {
        self.state.config.public_url.origin()
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.state.clock.now()
    }

    /// Moves the clock.
    pub fn advance(&self, seconds: i64) {
        self.state.clock.advance(seconds);
    }

    /// Moves the clock by so many milliseconds.
    pub fn advance_millis(&self, millis: i64) {
        self.state.clock.advance_millis(millis);
    }

    /// What is due while nobody asks, done once and to the end.
    pub fn run_background(&self) {
        System::new().block_on(jobs::run_once(&self.state)).unwrap();
    }

    /// What can be put into the database without a page for it.
    pub fn shop(&self) -> Shop {
        Shop::open(&self.database, self.now())
    }

    /// A browser nobody is signed in with.
    pub fn browser(&self) -> Browser {
        // On the wire it is always plain http here, also where people would come by https.
        let mut browser = Browser::new(&format!("http://{}", self.state.config.listen));
        browser.origin_header = Some(self.origin().to_string());
        browser
    }

    /// A browser with a new employee of this role signed in.
    pub fn sign_in_as(&self, role: Role) -> (Browser, Person) {
        let name = match role {
            Role::Staff => "Stina Staff",
            Role::Manager => "Mona Manager",
            Role::Admin => "Ada Admin",
        };
        let person = self.shop().employee(name, role);
        (self.sign_in(&person), person)
    }

    /// A browser with this employee signed in.
    pub fn sign_in(&self, person: &Person) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in(&person.email, super::PASSWORD);
        assert_eq!(answer.status, 303, "{} signs in: {}", person.email, answer.text());
        browser
    }

    /// A browser with an admin signed in.
    pub fn admin(&self) -> Browser {
        self.sign_in_as(Role::Admin).0
    }

    /// A browser with a store manager signed in.
    pub fn manager(&self) -> Browser {
        self.sign_in_as(Role::Manager).0
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let handle = self.handle.clone();
        System::new().block_on(handle.stop(false));
        if let Some(thread) = self.thread.take() {
            // A server that panicked has failed its test already.
            drop(thread.join());
        }
    }
}
