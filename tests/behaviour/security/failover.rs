//! Row F7: three nodes on PostgreSQL with a synchronous standby. The primary is paused, restarted and killed while clients
//! refresh and revoke, and the standby is promoted. Nothing that was acknowledged is lost, and every node recovers by itself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::support::oauth::{Integration, Pair, pair};
use crate::support::postgres_pair::PostgresPair;
use crate::support::{Database, Grant, TestApp, is_postgres};

const NODES: usize = 3;
const REVOCATIONS: usize = 60;

// A client that refreshes at one node, and another whose grants are revoked there one after the other.
struct Client {
    integration: Integration,
    refreshed: Mutex<Pair>,
    to_revoke: Vec<Grant>,
    revoked: AtomicU32,
    refreshes: AtomicU32,
}

// Stops the load also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Client {
    fn new(app: &TestApp) -> Client {
        let mut shop = app.shop();
        let (integration, person) = (shop.integration("Ledgerly"), shop.staff("Stina Staff"));
        let grant = shop.grant(integration.id, &person);
        let refreshed = Pair { access_token: grant.access_token, refresh_token: grant.refresh_token };
        let to_revoke = (0..REVOCATIONS).map(|_| shop.grant(integration.id, &person)).collect();
        let (revoked, refreshes) = (AtomicU32::new(0), AtomicU32::new(0));
        Client { integration, refreshed: Mutex::new(refreshed), to_revoke, revoked, refreshes }
    }

    // What is not acknowledged is sent again.
    fn work(&self, app: &TestApp, is_over: &AtomicBool) {
        while !is_over.load(Ordering::SeqCst) {
            let value = self.refreshed.lock().unwrap().refresh_token.clone();
            let answer = self.integration.refresh(app, &value);
            if answer.status == 503 {
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
            *self.refreshed.lock().unwrap() = pair(&answer);
            self.refreshes.fetch_add(1, Ordering::SeqCst);
            let next = self.revoked.load(Ordering::SeqCst);
            if let Some(grant) = self.to_revoke.get(next as usize) {
                let mut fields = self.integration.refresh_request(&grant.refresh_token);
                fields.remove(0);
                fields[2].0 = "token";
                let answer = app.program().post("/auth/oauth/revoke", &fields);
                assert!(matches!(answer.status, 200 | 503), "{} {}", answer.status, answer.body);
                self.revoked.fetch_add(u32::from(answer.status == 200), Ordering::SeqCst);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn assert_nothing_is_lost(&self, nodes: &[TestApp]) {
        let newest = self.refreshed.lock().unwrap().clone();
        let revoked = self.revoked.load(Ordering::SeqCst) as usize;
        assert!(revoked > 0);
        for app in nodes {
            assert!(app.works(&newest.access_token), "the newest access token works");
            for grant in &self.to_revoke[..revoked] {
                assert!(!app.works(&grant.access_token), "what was revoked stays revoked");
            }
        }
        let again = self.integration.refresh(&nodes[0], &newest.refresh_token);
        assert_eq!(again.status, 200, "the newest refresh token is known: {}", again.body);
    }
}

// Every node acknowledges refreshes again.
fn assert_recovery(clients: &[Client], begun: Instant, limit: Duration, what: &str) {
    let before: Vec<u32> = clients.iter().map(|client| client.refreshes.load(Ordering::SeqCst)).collect();
    for (client, before) in clients.iter().zip(before) {
        while client.refreshes.load(Ordering::SeqCst) < before + 2 {
            assert!(begun.elapsed() < limit, "{what}: not back after {:?}", begun.elapsed());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    println!("{what}: back after {:?}", begun.elapsed());
}

fn start_nodes(url: &str) -> Vec<TestApp> {
    let first = TestApp::start_on(Database::at(url), None, |config| config.database_connections = 8);
    let public_url = first.state.config.public_url.clone();
    let other = |_| {
        TestApp::start_on(first.database.shared(), None, |config| {
            config.database_connections = 8;
            config.public_url = public_url.clone();
        })
    };
    let others: Vec<TestApp> = (1..NODES).map(other).collect();
    others.into_iter().chain([first]).collect()
}

#[test]
fn f7_nothing_acknowledged_is_lost_when_the_primary_is_paused_restarted_and_killed() {
    if !is_postgres() {
        println!("left out on SQLite: it has no other server");
        return;
    }
    let mut postgres = PostgresPair::start();
    let nodes = start_nodes(&postgres.url);
    let clients: Vec<Client> = nodes.iter().map(Client::new).collect();
    let is_over = AtomicBool::new(false);

    std::thread::scope(|scope| {
        let stop = Stop(&is_over);
        for (client, app) in clients.iter().zip(&nodes) {
            let is_over = &is_over;
            scope.spawn(move || client.work(app, is_over));
        }
        assert_recovery(&clients, Instant::now(), Duration::from_secs(10), "the beginning");

        postgres.tell("pause");
        let mut browser = nodes[0].browser();
        // The answer from before is valid for a second.
        std::thread::sleep(Duration::from_millis(1100));
        let begun = Instant::now();
        assert_eq!(browser.get("/readyz").status, 503);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        postgres.tell("continue");
        assert_recovery(&clients, Instant::now(), Duration::from_secs(5), "paused");

        postgres.tell("stop");
        postgres.tell("start");
        // All idle connections are dead at once, and changes were in flight.
        assert_recovery(&clients, Instant::now(), Duration::from_secs(5), "restarted");

        let begun = Instant::now();
        postgres.tell("kill");
        postgres.tell("promote");
        assert_recovery(&clients, begun, Duration::from_secs(10), "killed");
        drop(stop);
    });

    for client in &clients {
        client.assert_nothing_is_lost(&nodes);
    }
}
