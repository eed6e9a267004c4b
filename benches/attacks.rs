//! What strangers can take from others: plays floods and slow callers against a release build, and prints what was measured
//! beside what is allowed.
//!
//! ```text
//! scripts/attacks                  every attack, about four minutes
//! scripts/attacks --seconds 3      shorter floods
//! ```
//!
//! The server gets the addresses of callers from `X-Forwarded-For`, as behind a proxy, where an attack comes from other
//! networks; otherwise the attack comes from this machine. While an attack runs, an admin signs in, filters and revokes, and
//! a gateway verifies tokens.

#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on has nobody else to tell")]
#![allow(dead_code, reason = "the other benchmarks use the rest of what they share")]

mod support {
    pub mod bulk;
    pub mod facts;
    pub mod http;
    pub mod indexes;
    pub mod load;
    pub mod process;
    pub mod program;
    pub mod shape;
    pub mod table;
    pub mod world;
}

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use diesel::connection::SimpleConnection;
use support::facts::number;
use support::http::{Connection, Visitor, field};
use support::load::percentile;
use support::process::Server;
use support::program::{self, Prepared};
use support::shape::Kind;
use support::table::{Table, ms};
use support::world::{Plan, World, seconds};

const BEHIND_A_PROXY: [(&str, &str); 2] = [("TRUSTED_PROXIES", "127.0.0.0/8"), ("PUBLIC_REGISTRATION", "on")];
// What an ordinary person waits for a page, and a gateway for an answer.
const PERSON: Duration = Duration::from_millis(500);
const SIGN_IN: Duration = Duration::from_secs(2);
const GATEWAY: Duration = Duration::from_millis(10);
const WRITER: Duration = Duration::from_millis(150);
const MEMORY: f64 = 150.0;

/// Plays attacks of strangers against a release build.
#[derive(Parser)]
#[command(name = "scripts/attacks")]
struct Arguments {
    /// Seconds that each flood lasts
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Only attacks whose name contains this text: flood, ipv6, registrations, left, unread, slow
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Rows of failed sign-ins that an earlier version has left behind
    #[arg(long, default_value_t = 2_000_000)]
    rows: i64,
    // Cargo says that this is a benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let time = Duration::from_secs(arguments.seconds);
    let world = World::sqlite(Plan { tokens: 10_000, kind: Kind::Young, fresh: false });
    let prepared = program::prepare(&mut world.connect());
    let mut report = Report(Table::new(&["attack", "what", "measured", "allowed"]));
    let attacks: [(&str, &Attack<'_>); 6] = [
        ("flood", &|report| flood_of_addresses(&world, &prepared, time, report)),
        ("ipv6", &|report| one_ipv6_network(&world, report)),
        ("registrations", &|report| registrations(&world, report)),
        ("left", &|report| left_behind(&world, &prepared, arguments.rows, report)),
        ("unread", &|report| unread_answers(&world, time, report)),
        ("slow", &|report| slow_callers(&world, report)),
    ];
    for (_, attack) in attacks.into_iter().filter(|(name, _)| name.contains(&arguments.only)) {
        attack(&mut report);
    }
    report.0.print();
}

type Attack<'a> = dyn Fn(&mut Report) + 'a;

struct Report(Table);

impl Report {
    fn add(&mut self, attack: &str, what: &str, (measured, allowed): (String, String), is_good: bool) {
        let mark = if is_good { "" } else { "! " };
        self.0.row(vec![attack.into(), what.into(), format!("{mark}{measured}"), allowed]);
    }

    fn at_most(&mut self, attack: &str, what: &str, measured: i64, most: i64) {
        self.add(attack, what, (measured.to_string(), format!("at most {most}")), measured <= most);
    }

    fn time(&mut self, attack: &str, what: &str, times: &mut [Duration], most: Duration) {
        let worst = percentile(times, 100.0);
        let measured = format!("{} ms at most, of {}", ms(worst), times.len());
        self.add(attack, what, (measured, format!("{} ms", ms(most))), worst <= most && !times.is_empty());
    }

    fn memory(&mut self, attack: &str, what: &str, megabytes: f64) {
        let measured = format!("{megabytes:.0} MB");
        self.add(attack, what, (measured, format!("under {MEMORY:.0} MB")), megabytes < MEMORY);
    }
}

// A request as from a network behind the proxy.
fn from(network: &str, request: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(request);
    let (line, rest) = text.split_once("\r\n").expect("a request line");
    format!("{line}\r\nX-Forwarded-For: {network}\r\n{rest}").into_bytes()
}

// A browser that has opened the form, and has sent nothing yet.
fn at_the_form(address: SocketAddr) -> Visitor {
    Visitor::at(address, "/sign-in").0
}

// Tries to sign in; returns the status and how long it took.
fn try_to_sign_in(visitor: &Visitor, network: &str, (email, password): (&str, &str)) -> (u16, Duration) {
    let begun = Instant::now();
    let request = from(network, &visitor.post("/sign-in", &[("email", email), ("password", password)]));
    let status = Connection::open(visitor.address).and_then(|mut to| Ok(to.send(&request)?.status)).unwrap_or(0);
    (status, begun.elapsed())
}

// What ordinary people do meanwhile, until `stop`: times of pages, of single revocations, and of a gateway's questions.
#[derive(Default)]
struct Ordinary {
    pages: Mutex<Vec<Duration>>,
    gateway: Mutex<Vec<Duration>>,
    wrong: AtomicUsize,
}

impl Ordinary {
    fn page(&self, visitor: &Visitor, stop: &AtomicBool) {
        let request = from("192.0.2.1", &visitor.get("/settings/client-api-access?name=a&employee=a"));
        self.repeat(visitor.address, &[request], &self.pages, Duration::from_millis(50), stop);
    }

    fn verify(&self, address: SocketAddr, prepared: &Prepared, stop: &AtomicBool) {
        let ask = |token: &str| {
            format!("GET /auth/oauth/verify HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n")
                .into_bytes()
        };
        self.repeat(address, &prepared.requests(ask), &self.gateway, Duration::from_millis(2), stop);
    }

    fn repeat(
        &self,
        address: SocketAddr,
        requests: &[Vec<u8>],
        times: &Mutex<Vec<Duration>>,
        pause: Duration,
        stop: &AtomicBool,
    ) {
        let mut connection = Connection::open(address);
        for request in requests.iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let begun = Instant::now();
            let status = match &mut connection {
                Ok(open) => open.send(request).map(|answer| answer.status).unwrap_or(0),
                Err(_) => 0,
            };
            if matches!(status, 200 | 204) {
                times.lock().expect("no panic").push(begun.elapsed());
            } else {
                self.wrong.fetch_add(1, Ordering::Relaxed);
                connection = Connection::open(address);
            }
            std::thread::sleep(pause);
        }
    }

    fn report(self, attack: &str, report: &mut Report) {
        let mut pages = self.pages.into_inner().expect("no panic");
        report.time(attack, "an admin filters the list", &mut pages, PERSON);
        let mut gateway = self.gateway.into_inner().expect("no panic");
        let p99 = percentile(&mut gateway, 99.0);
        let measured = format!("{} ms p99, of {}", ms(p99), gateway.len());
        report.add(attack, "a gateway verifies tokens", (measured, format!("{} ms", ms(GATEWAY))), p99 <= GATEWAY);
        report.at_most(attack, "wrong answers to them", self.wrong.into_inner() as i64, 0);
    }
}

// Many e-mail addresses from one network; then the same from as many networks as there are requests.
fn flood_of_addresses(world: &World, prepared: &Prepared, time: Duration, report: &mut Report) {
    for (attack, is_one_network) in [("sign-in flood, one network", true), ("sign-in flood, many networks", false)] {
        let server = Server::start(&world.folder, world.url.as_deref(), &BEHIND_A_PROXY);
        let mut conn = world.connect();
        let entries = "SELECT COUNT(*) AS n FROM activity";
        let before = (server.memory().0, number(&mut conn, entries));
        let admin = Visitor::sign_in(server.address, &world.email, &world.password);
        let stranger = at_the_form(server.address);
        let (stop, ordinary, sent) = (AtomicBool::new(false), Ordinary::default(), AtomicUsize::new(0));
        let (mut known, mut unflooded, mut refused) = (Vec::new(), Vec::new(), 0);
        std::thread::scope(|scope| {
            for n in 0..100_usize {
                let (stop, sent, stranger) = (&stop, &sent, &stranger);
                scope.spawn(move || flood(stranger, (n, is_one_network), sent, stop));
            }
            scope.spawn(|| ordinary.page(&admin, &stop));
            scope.spawn(|| ordinary.verify(server.address, prepared, &stop));
            let end = Instant::now() + time;
            let account = (world.email.as_str(), world.password.as_str());
            let mut n = 0;
            while Instant::now() < end {
                n += 1;
                // The network of the flood, with a browser that has signed in before; and a network of its own.
                for (cookies, network, times) in [
                    (Some(&admin), "203.0.113.1".to_string(), &mut known),
                    (None, format!("198.51.100.{}", n % 250), &mut unflooded),
                ] {
                    let visitor = Visitor::back_at(server.address, "/sign-in", cookies).0;
                    let (status, took) = try_to_sign_in(&visitor, &network, account);
                    match status {
                        303 => times.push(took),
                        _ => refused += 1,
                    }
                }
                std::thread::sleep(Duration::from_millis(300));
            }
            stop.store(true, Ordering::Relaxed);
        });
        let sent = sent.into_inner();
        report.add(attack, "attempts", (format!("{sent}"), String::new()), true);
        report.time(attack, "a known browser signs in", &mut known, SIGN_IN);
        report.time(attack, "a right password from another network", &mut unflooded, SIGN_IN);
        report.at_most(attack, "right passwords refused", refused, 0);
        ordinary.report(attack, report);
        let rows = number(&mut conn, "SELECT COUNT(*) AS n FROM sign_in_attempts");
        report.at_most(attack, "rows of attempts", rows, 10_000);
        report.at_most(attack, "entries in the log", number(&mut conn, entries) - before.1, 1_000);
        report.memory(attack, "memory, at its highest", server.memory().1);
        std::thread::sleep(Duration::from_secs(65));
        report.memory(attack, "memory, a minute later", server.memory().0);
        conn.batch_execute("DELETE FROM sign_in_attempts").expect("room for the next attack");
    }
}

fn flood(stranger: &Visitor, (n, is_one_network): (usize, bool), sent: &AtomicUsize, stop: &AtomicBool) {
    let mut connection = Connection::open(stranger.address);
    while !stop.load(Ordering::Relaxed) {
        let attempt = sent.fetch_add(1, Ordering::Relaxed);
        let network = match is_one_network {
            true => "203.0.113.1".to_string(),
            false => format!("10.{}.{}.{}", attempt >> 16 & 255, attempt >> 8 & 255, attempt & 255),
        };
        let email = format!("nobody{n}-{attempt}@shop.example");
        let request =
            from(&network, &stranger.post("/sign-in", &[("email", &email), ("password", "wrong wrong wrong")]));
        let answered = connection.as_mut().is_ok_and(|open| open.send(&request).is_ok());
        if !answered {
            connection = Connection::open(stranger.address);
        }
    }
}

// 110 wrong passwords for one account from one /64, then the right one from elsewhere.
fn one_ipv6_network(world: &World, report: &mut Report) {
    const ATTACK: &str = "110 tries from one IPv6 /64";
    let server = Server::start(&world.folder, world.url.as_deref(), &BEHIND_A_PROXY);
    let stranger = at_the_form(server.address);
    for n in 0..110 {
        try_to_sign_in(&stranger, &format!("2001:db8:1:2::{n:x}"), (&world.email, "wrong wrong wrong"));
    }
    let (status, took) = try_to_sign_in(&stranger, "2001:db8:9::1", (&world.email, &world.password));
    let measured = format!("{status} after {} ms", ms(took));
    report.add(ATTACK, "the right password in a new browser", (measured, "303".into()), status == 303);
}

fn registrations(world: &World, report: &mut Report) {
    const ATTACK: &str = "20 registrations at once";
    let server = Server::start(&world.folder, world.url.as_deref(), &BEHIND_A_PROXY);
    let register = |network: &str| {
        let (browser, form) = Visitor::at(server.address, "/oauth/register");
        let nonce = field(&form, "nonce").unwrap_or_default();
        let fields = [
            ("nonce", nonce.as_str()),
            ("name", "A flood"),
            ("website", "https://flood.example"),
            ("redirect-uris", "https://flood.example/callback"),
            ("contact-name", "Nobody"),
            ("email", "nobody@flood.example"),
            ("phone", "+46 8 123 456"),
        ];
        let request = from(network, &browser.post("/oauth/register", &fields));
        Connection::open(server.address).and_then(|mut to| Ok(to.send(&request)?.status)).unwrap_or(0)
    };
    let statuses: Vec<u16> = (0..20).map(|n| register(&format!("2001:db8:1:2::{n:x}"))).collect();
    let registered = statuses.iter().filter(|status| **status == 200).count() as i64;
    report.at_most(ATTACK, "registered", registered, 3);
    let other = register("192.0.2.77");
    report.add(ATTACK, "another developer registers", (other.to_string(), "200".into()), other == 200);
}

// What an earlier version wrote during a flood is deleted while somebody revokes single tokens.
fn left_behind(world: &World, prepared: &Prepared, rows: i64, report: &mut Report) {
    let attack = format!("{rows} rows of attempts to delete");
    let mut conn = world.connect();
    let old = seconds() - 200_000;
    let values = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) INSERT INTO sign_in_attempts \
         (subject, failures, last_failed_at, blocked_until) SELECT 'old ' || i, 1, {old} + i % 1000, 0 FROM n"
    );
    conn.batch_execute(&values).expect("rows");
    let grants = program::grants(&mut conn, prepared, 1);
    let server = Server::start(&world.folder, world.url.as_deref(), &BEHIND_A_PROXY);
    let mut refresh = program::refresher(prepared, server.address, &grants[0]);
    let (mut waits, mut connection) = (Vec::new(), Connection::open(server.address).expect("the server listens"));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(100) {
        let sent = Instant::now();
        match refresh(&mut connection) {
            Some(Ok(true)) => {}
            outcome => {
                let outcome = outcome.map(|answer| answer.map_err(|error| error.to_string()));
                report.add(&attack, "a refresh failed", (format!("{outcome:?}"), "none".into()), false);
                break;
            }
        }
        waits.push(sent.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    report.time(&attack, "one refresh after the other", &mut waits, WRITER);
    let left = number(&mut conn, "SELECT COUNT(*) AS n FROM sign_in_attempts");
    report.add(&attack, "left after 100 s", (left.to_string(), String::new()), left < rows);
    drop(server);
    conn.batch_execute("DELETE FROM sign_in_attempts").expect("room for the next attack");
}

// Requests without end on connections that nobody reads from.
fn unread_answers(world: &World, time: Duration, report: &mut Report) {
    for (attack, path, connections) in
        [("one connection that never reads", "/static/nope", 1), ("200 connections that never read", "/sign-in", 200)]
    {
        let server = Server::start(&world.folder, world.url.as_deref(), &[]);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).repeat(200);
        let end = Instant::now() + time;
        std::thread::scope(|scope| {
            for _ in 0..connections {
                let (request, address) = (&request, server.address);
                scope.spawn(move || {
                    while Instant::now() < end {
                        let Ok(mut stream) = TcpStream::connect(address) else { continue };
                        drop(stream.set_write_timeout(Some(Duration::from_secs(1))));
                        while Instant::now() < end && stream.write_all(request.as_bytes()).is_ok() {}
                    }
                });
            }
        });
        report.memory(attack, "memory, at its highest", server.memory().1);
    }
}

// A thousand bodies, and a thousand heads after a first request, a byte at a time.
fn slow_callers(world: &World, report: &mut Report) {
    let server = Server::start(&world.folder, world.url.as_deref(), &[]);
    let address = server.address;
    let body = format!(
        "POST /auth/oauth/token HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 1000\r\n\r\n"
    );
    slowly("1,000 bodies, a byte at a time", &body, address, report);
    let head = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\nGET /healthz HTTP/1.1\r\nX-Slow: ");
    slowly("1,000 later heads, a byte at a time", &head, address, report);
}

fn slowly(attack: &str, start: &str, address: SocketAddr, report: &mut Report) {
    let mut open: Vec<TcpStream> = (0..1_000).filter_map(|_| TcpStream::connect(address).ok()).collect();
    open.iter_mut().for_each(|stream| drop(stream.write_all(start.as_bytes())));
    std::thread::sleep(Duration::from_millis(500));
    open.retain(is_open);
    report.at_most(attack, "open at first", open.len() as i64, 200);
    for _ in 0..15 {
        std::thread::sleep(Duration::from_secs(1));
        open.iter_mut().for_each(|stream| drop(stream.write_all(b"a")));
    }
    open.retain(is_open);
    report.at_most(attack, "open after 15 s", open.len() as i64, 0);
    let answer = Visitor::stranger(address).page("/sign-in").is_ok();
    report.add(attack, "somebody new opens the sign-in page", (answer.to_string(), "true".into()), answer);
}

fn is_open(stream: &TcpStream) -> bool {
    drop(stream.set_read_timeout(Some(Duration::from_millis(1))));
    let mut stream = stream;
    // What was answered to a first request does not count.
    match stream.read(&mut [0; 64 * 1024]).and_then(|_| stream.read(&mut [0; 1])) {
        Ok(_) => false,
        Err(error) => matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}
