//! Rows T3, R6 and R9: fifty callers at the same moment, through every node. 200 rounds each; RACE_ROUNDS says another
//! number, and `scripts/races` runs a thousand on both databases.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use client_api_access::scopes::Role;
use client_api_access::scopes::Scope;
use client_api_access::tokens::authorization_code::{AuthorizationCode, NewAuthorizationCode};

use crate::support::oauth::{Integration, SCOPE, encode};
use crate::support::{Browser, Person, Shop, TestApp};

const CALLERS: usize = 50;

fn rounds() -> usize {
    let rounds = std::env::var("RACE_ROUNDS").map_or(200, |text| text.parse().expect("RACE_ROUNDS is a number"));
    assert!(rounds > 0, "RACE_ROUNDS=0 would test nothing");
    rounds
}

/// What one caller was answered.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    // Status and error, as one word.
    fn outcome(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        match json["error"].as_str() {
            None => self.status.to_string(),
            Some(error) => format!("{} {error}", self.status),
        }
    }

    fn text(&self, name: &str) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        json[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.body)).to_string()
    }
}

/// A connection that is kept open, as a worker's would be: what it costs is the server's time and not the test's.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Connection(BufReader::new(stream))
    }

    fn send(&mut self, request: &[u8]) -> Answer {
        self.0.get_mut().write_all(request).unwrap();
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let before = head.len();
            assert!(self.0.read_line(&mut head).unwrap() > 0, "the connection is kept open: {head}");
            let line = head[before..].trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: String::from_utf8(body).unwrap() }
    }
}

fn post(path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let body = encode(fields);
    let kind = "application/x-www-form-urlencoded";
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: pos\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn verify(token: &str) -> Vec<u8> {
    format!("GET /auth/oauth/verify HTTP/1.1\r\nhost: pos\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// Fifty callers, dealt out to the nodes in turn, who wait for each other before each request.
struct Crowd {
    request: Arc<Mutex<Vec<u8>>>,
    begin: Arc<Barrier>,
    end: Arc<Barrier>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Crowd {
    fn gather(nodes: &[TestApp]) -> Crowd {
        let crowd = Crowd {
            request: Arc::default(),
            // The test itself stands among them.
            begin: Arc::new(Barrier::new(CALLERS + 1)),
            end: Arc::new(Barrier::new(CALLERS + 1)),
            answers: Arc::default(),
        };
        for n in 0..CALLERS {
            let address = nodes[n % nodes.len()].state.config.listen;
            let (request, answers) = (crowd.request.clone(), crowd.answers.clone());
            let (begin, end) = (crowd.begin.clone(), crowd.end.clone());
            std::thread::spawn(move || {
                let mut connection = Connection::open(address);
                loop {
                    begin.wait();
                    let request = request.lock().unwrap().clone();
                    if request.is_empty() {
                        return;
                    }
                    // A caller that panicked would leave the others waiting for ever.
                    let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| connection.send(&request)));
                    let lost = Answer { status: 0, head: String::new(), body: String::new() };
                    answers.lock().unwrap().push(sent.unwrap_or(lost));
                    end.wait();
                }
            });
        }
        crowd
    }

    /// All send the same at once, while `beside` does something of its own.
    fn rush<T>(&self, request: Vec<u8>, beside: impl FnOnce() -> T) -> (Vec<Answer>, T) {
        *self.request.lock().unwrap() = request;
        self.begin.wait();
        let done = beside();
        self.end.wait();
        (std::mem::take(&mut *self.answers.lock().unwrap()), done)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.request.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        if !std::thread::panicking() {
            self.begin.wait();
        }
    }
}

/// How often each outcome was seen, and how often each is allowed to be.
fn counted(answers: &[Answer]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.outcome()).or_default() += 1;
    }
    counts
}

struct Scene {
    nodes: Vec<TestApp>,
    shop: Shop,
    integration: Integration,
    person: Person,
    connections: Vec<Connection>,
}

impl Scene {
    fn set() -> Scene {
        let nodes = TestApp::nodes(2, |_| ());
        let mut shop = nodes[0].shop();
        let (integration, person) = (shop.integration("Ledgerly"), shop.staff("Stina Staff"));
        let connections = nodes.iter().map(|node| Connection::open(node.state.config.listen)).collect();
        Scene { nodes, shop, integration, person, connections }
    }

    // What every node says of a token must be the same.
    fn works(&mut self, token: &str) -> bool {
        let request = verify(token);
        let statuses: Vec<u16> = self.connections.iter_mut().map(|node| node.send(&request).status).collect();
        assert!(statuses.iter().all(|status| *status == statuses[0]), "the nodes agree: {statuses:?}");
        match statuses[0] {
            204 => true,
            401 => false,
            status => panic!("verify answers {status}"),
        }
    }

    fn count(&mut self, table: &str) -> i64 {
        self.shop.number(&format!("SELECT COUNT(*) FROM {table}"))
    }
}

#[test]
fn t3_of_fifty_who_redeem_one_code_exactly_one_does_and_the_replay_ends_what_it_got() {
    let mut scene = Scene::set();
    let crowd = Crowd::gather(&scene.nodes);
    let scope = Scope::parse(SCOPE).unwrap();
    for round in 0..rounds() {
        let now = scene.shop.now();
        let new = NewAuthorizationCode {
            client: scene.integration.id,
            employee: scene.person.id,
            scope: &scope,
            redirect_uri: None,
            code_challenge: None,
        };
        let code = AuthorizationCode::issue(scene.shop.conn(), &new, now).unwrap();
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", &scene.integration.client_id),
            ("client_secret", &scene.integration.secret),
            ("code", code.expose()),
        ];

        let (answers, ()) = crowd.rush(post("/auth/oauth/token", &fields), || ());

        let expected = BTreeMap::from([("200".to_string(), 1), ("400 invalid_grant".to_string(), CALLERS - 1)]);
        assert_eq!(counted(&answers), expected, "round {round}");
        let token = answers.iter().find(|answer| answer.status == 200).unwrap().text("access_token");
        assert!(!scene.works(&token), "round {round}: whoever has a copy of the code ends what it issued");
        assert_eq!(scene.count("refresh_tokens"), 0, "round {round}");
    }
}

#[test]
fn r6_of_fifty_who_refresh_one_value_at_most_five_do_and_the_others_wait() {
    let mut scene = Scene::set();
    let crowd = Crowd::gather(&scene.nodes);
    for round in 0..rounds() {
        let grant = scene.shop.grant(scene.integration.id, &scene.person);
        let request = post("/auth/oauth/token", &scene.integration.refresh_request(&grant.refresh_token));

        let (answers, ()) = crowd.rush(request, || ());

        let expected =
            BTreeMap::from([("200".to_string(), 5), ("429 temporarily_unavailable".to_string(), CALLERS - 5)]);
        assert_eq!(counted(&answers), expected, "round {round}");
        let told = answers.iter().filter(|answer| answer.status == 429);
        assert!(told.clone().all(|answer| answer.head.contains("\r\nretry-after: 60\r\n")), "round {round}");
        assert_eq!(scene.count(&format!("refresh_tokens WHERE id = {} AND generation = 2", grant.id)), 1);
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            assert!(scene.works(&answer.text("access_token")), "round {round}");
        }
    }
    assert_eq!(scene.count("refresh_tokens"), rounds() as i64, "one line for each authorization");
}

#[test]
fn r9_a_revoke_wins_against_fifty_refreshes_by_its_client_and_on_its_page() {
    let mut scene = Scene::set();
    let crowd = Crowd::gather(&scene.nodes);
    // One person, whose session every node knows.
    let (signed_in, _) = scene.nodes[0].sign_in_as(Role::Admin);
    let mut admins: Vec<Browser> = scene.nodes.iter().map(TestApp::browser).collect();
    admins.iter_mut().for_each(|admin| admin.cookies = signed_in.cookies.clone());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0..rounds() {
        let grant = scene.shop.grant(scene.integration.id, &scene.person);
        let refresh = post("/auth/oauth/token", &scene.integration.refresh_request(&grant.refresh_token));
        let (id, secret) = (&scene.integration.client_id, &scene.integration.secret);
        let fields = [("client_id", id.as_str()), ("client_secret", secret), ("token", &grant.refresh_token)];
        let node = round / 2 % scene.nodes.len();
        let (connection, admin) = (&mut scene.connections[node], &mut admins[node]);
        let form = admin.open(&format!("{}/revoke", grant.path()));

        let (answers, stopped) = crowd.rush(refresh, || {
            // A little later each round, so that it comes first, last and in between.
            std::thread::sleep(Duration::from_micros(round as u64 % 40 * 300));
            match round % 2 {
                0 => connection.send(&post("/auth/oauth/revoke", &fields)).status,
                _ => admin.submit(&form, "/revoke", &[]).status,
            }
        });

        assert_eq!(stopped, [200, 303][round % 2], "round {round}");
        for (outcome, count) in counted(&answers) {
            let allowed = ["200", "429 temporarily_unavailable", "400 invalid_grant"];
            assert!(allowed.contains(&outcome.as_str()), "round {round}: {count} were answered {outcome}");
            *seen.entry(outcome).or_default() += count;
        }
        // Nothing that was issued before or during it works, whoever was first.
        assert!(!scene.works(&grant.access_token), "round {round}");
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            assert!(!scene.works(&answer.text("access_token")), "round {round}");
        }
        for table in ["refresh_tokens", "refresh_token_values", "access_tokens"] {
            assert_eq!(scene.count(table), 0, "round {round}: {table}");
        }
    }
    assert!(seen.contains_key("200") && seen.contains_key("400 invalid_grant"), "either has won at times: {seen:?}");
}

#[test]
fn d9_revoking_all_access_of_a_person_leaves_nothing_that_refreshes_and_codes_issue_meanwhile() {
    let mut scene = Scene::set();
    let crowd = Crowd::gather(&scene.nodes);
    let (mut admin, scope) = (scene.nodes[0].admin(), Scope::parse(SCOPE).unwrap());
    let (mut refreshed, mut redeemed) = (0, 0);
    for round in 0..rounds().div_ceil(4) {
        let grant = scene.shop.grant(scene.integration.id, &scene.person);
        // So many that the rows are deleted afterwards, every other time.
        scene.shop.many_access_tokens(&grant, if round % 2 == 0 { 60 } else { 1 });
        let (now, client, employee) = (scene.shop.now(), scene.integration.id, scene.person.id);
        let new = NewAuthorizationCode { client, employee, scope: &scope, redirect_uri: None, code_challenge: None };
        let code = AuthorizationCode::issue(scene.shop.conn(), &new, now).unwrap();
        let code_request = post(
            "/auth/oauth/token",
            &[
                ("grant_type", "authorization_code"),
                ("client_id", &scene.integration.client_id),
                ("client_secret", &scene.integration.secret),
                ("code", code.expose()),
            ],
        );
        let refresh = post("/auth/oauth/token", &scene.integration.refresh_request(&grant.refresh_token));
        let form = admin.open(&format!("{}/revoke-all-access", scene.person.path()));
        let connection = &mut scene.connections[0];

        let (answers, (redemption, done)) = crowd.rush(refresh, || {
            std::thread::scope(|threads| {
                let redemption = threads.spawn(|| {
                    std::thread::sleep(Duration::from_micros(round as u64 % 8 * 400));
                    connection.send(&code_request)
                });
                std::thread::sleep(Duration::from_micros(round as u64 % 11 * 400));
                let done = admin.submit(&form, "/revoke-all-access", &[]).status;
                (redemption.join().unwrap(), done)
            })
        });

        assert_eq!(done, 303, "round {round}");
        for answer in answers.iter().chain([&redemption]).filter(|answer| answer.status == 200) {
            assert!(!scene.works(&answer.text("access_token")), "round {round}");
        }
        refreshed += answers.iter().filter(|answer| answer.status == 200).count();
        redeemed += usize::from(redemption.status == 200);
        // The lease of another node's job may still be valid.
        scene.nodes[0].advance(60);
        scene.nodes[0].run_background();
        for table in ["refresh_tokens", "refresh_token_values", "access_tokens"] {
            assert_eq!(scene.count(table), 0, "round {round}: {table}");
        }
        scene.shop = scene.nodes[0].shop();
    }
    assert!(refreshed > 0 && redeemed > 0, "some were first at times: {refreshed}, {redeemed}");
}
