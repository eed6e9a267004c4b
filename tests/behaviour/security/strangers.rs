//! What callers who are not signed in can take from others: rows, log entries, connections, memory.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use client_api_access::employees::MOST_ROWS;
use client_api_access::scopes::Role;

use crate::registration::GOOD;
use crate::support::oauth::refusal;
use crate::support::{Browser, PASSWORD, TestApp};
use crate::upgrade::verify_activity;

const WRONG: &str = "wrong wrong wrong";

fn behind_a_proxy() -> TestApp {
    TestApp::start_with(|config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        config.public_registration = true;
    })
}

fn from(app: &TestApp, client_ip: &str) -> Browser {
    let mut browser = app.browser();
    browser.headers.push(("x-forwarded-for".into(), client_ip.into()));
    browser
}

fn failed_entries(app: &TestApp) -> i64 {
    app.shop().number("SELECT COUNT(*) FROM activity WHERE kind = 'sign-in failed'")
}

#[test]
fn l6_a_flood_of_one_network_leaves_few_rows_and_keeps_nobody_else_out() {
    let app = behind_a_proxy();
    let person = app.shop().employee("Ada Admin", Role::Admin);
    let mut known = from(&app, "203.0.113.9");
    assert_eq!(known.sign_in(&person.email, PASSWORD).status, 303);
    let page = known.open("/settings");
    known.submit(&page, "/sign-out", &[]);
    let mut stranger = from(&app, "203.0.113.9");

    let statuses: Vec<u16> =
        (0..60).map(|n| stranger.sign_in(&format!("nobody{n}@shop.example"), WRONG).status).collect();

    let checked = statuses.iter().filter(|status| **status == 422).count();
    assert_eq!((checked, statuses[59]), (30, 429), "{statuses:?}");
    assert!(app.shop().number("SELECT COUNT(*) FROM sign_in_attempts") <= 2 * 30 + 2);
    assert_eq!(failed_entries(&app), 5);
    assert_eq!(from(&app, "203.0.113.9").sign_in(&person.email, PASSWORD).status, 429, "a new browser there waits");
    assert_eq!(known.sign_in(&person.email, PASSWORD).status, 303, "a known browser in the same network");
    assert_eq!(from(&app, "198.51.100.1").sign_in(&person.email, PASSWORD).status, 303, "another network");
    app.advance(30);
    assert_eq!(from(&app, "203.0.113.9").sign_in(&person.email, PASSWORD).status, 303, "after the wait");
}

#[test]
fn d13_the_addresses_of_an_ipv6_network_count_as_one() {
    let app = behind_a_proxy();
    let person = app.shop().employee("Marta Lindqvist", Role::Staff);

    let mut checked = 0;
    for n in 0..110 {
        let mut stranger = from(&app, &format!("2001:db8:1:2::{n:x}"));
        checked += i32::from(stranger.sign_in(&person.email, WRONG).status == 422);
    }

    assert_eq!(checked, 5, "then each must wait longer");
    assert_eq!(from(&app, "2001:db8:1:3::1").sign_in(&person.email, PASSWORD).status, 303);
}

#[test]
fn d13_an_attempt_that_must_wait_changes_nothing() {
    let app = behind_a_proxy();
    let person = app.shop().employee("Marta Lindqvist", Role::Staff);
    let mut stranger = from(&app, "203.0.113.9");
    for _ in 0..5 {
        stranger.sign_in(&person.email, WRONG);
    }
    let counts = |app: &TestApp| {
        let all = ["failures", "last_failed_at", "blocked_until", "recorded", "unrecorded"];
        all.map(|column| app.shop().number(&format!("SELECT CAST(SUM({column}) AS BIGINT) FROM sign_in_attempts")))
    };
    let before = counts(&app);

    for _ in 0..20 {
        assert_eq!(stranger.sign_in(&person.email, WRONG).status, 429);
    }

    assert_eq!(counts(&app), before);
}

#[test]
fn s11_failures_beyond_the_first_few_of_an_hour_have_one_entry_together() {
    let app = behind_a_proxy();
    app.shop().sql("DELETE FROM sign_in_attempts");
    for n in 0..12 {
        from(&app, "203.0.113.9").sign_in(&format!("nobody{n}@shop.example"), WRONG);
    }
    assert_eq!(failed_entries(&app), 5);
    app.run_background();
    assert_eq!(failed_entries(&app), 5, "the hour is not over");

    app.advance(3_600);
    app.run_background();
    app.run_background();

    assert_eq!(failed_entries(&app), 6);
    let log = app.admin().open("/settings/activity?kind=sign-in+failed");
    assert!(log.text().contains("7 more attempts between"), "{}", log.text());
    assert!(log.text().contains("203.0.113.9"));
    assert!(verify_activity(&app.database, &[]).contains("intact"), "{}", verify_activity(&app.database, &[]));
}

#[test]
fn l6_counts_of_failures_are_bounded_and_the_oldest_go_first() {
    let app = behind_a_proxy();
    let person = app.shop().employee("Marta Lindqvist", Role::Staff);
    let now = app.now().0;
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10500)";
    app.shop().sql(&format!(
        "{numbers} INSERT INTO sign_in_attempts (subject, failures, last_failed_at, blocked_until, unrecorded) \
         SELECT 'row ' || i, 1, {now} - 20000 + i, 0, CASE WHEN i = 1 THEN 3 ELSE 0 END FROM n"
    ));

    from(&app, "203.0.113.9").sign_in(&person.email, WRONG);
    app.run_background();

    let count = app.shop().number("SELECT COUNT(*) FROM sign_in_attempts");
    assert!((MOST_ROWS - 300..=MOST_ROWS).contains(&count), "{count}");
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM sign_in_attempts WHERE subject = 'row 1'"), 0);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM sign_in_attempts WHERE subject = 'row 10500'"), 1);
    let unrecorded = "SELECT unrecorded FROM sign_in_attempts WHERE subject = 'all networks'";
    assert_eq!(app.shop().number(unrecorded), 3, "what a row had not recorded is kept");
}

#[test]
fn t12_of_many_guesses_at_the_same_time_ten_get_an_answer() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");

    let refusals: Vec<String> = std::thread::scope(|scope| {
        let guess = |n: usize| {
            let (app, integration) = (&app, &integration);
            scope.spawn(move || {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("refresh_token", "nonsense"),
                    ("client_id", integration.client_id.as_str()),
                    ("client_secret", &format!("wrong {n}")),
                ];
                refusal(&app.program().post("/auth/oauth/token", &fields)).1
            })
        };
        let guesses: Vec<_> = (0..60).map(guess).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });

    let answered = refusals.iter().filter(|error| *error == "invalid_client").count();
    assert_eq!(answered, 10, "{refusals:?}");
}

#[test]
fn l6_one_network_registers_three_clients_a_day() {
    let app = behind_a_proxy();
    let register = |client_ip: &str| {
        let mut developer = from(&app, client_ip);
        let form = developer.open("/oauth/register");
        developer.submit(&form, "/oauth/register", &GOOD)
    };

    let statuses: Vec<u16> = (1..=4).map(|n| register(&format!("2001:db8:1:2::{n}")).status).collect();
    let refused = register("2001:db8:1:2::5");

    assert_eq!(statuses, [200, 200, 200, 429]);
    assert!(refused.text().contains("from your network within a day"), "{}", refused.text());
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM clients"), 3);
    assert_eq!(register("203.0.113.9").status, 200);
    app.advance(24 * 3600);
    assert_eq!(register("2001:db8:1:2::5").status, 200);
}

fn connect(app: &TestApp) -> TcpStream {
    let stream = TcpStream::connect(app.state.config.listen).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

#[test]
fn l2_a_body_that_comes_a_byte_at_a_time_is_given_up() {
    let app = TestApp::start_with(|config| config.limits.body_seconds = 1);
    let begun = Instant::now();
    let mut stream = connect(&app);
    let head = "POST /auth/oauth/token HTTP/1.1\r\nHost: pos.example\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Content-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut slow = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        for _ in 0..100 {
            if slow.write_all(b"a").is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });

    let mut answer = Vec::new();
    let outcome = stream.read_to_end(&mut answer);

    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{outcome:?} {answer}");
    assert!(answer.contains("did not arrive in time"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    writer.join().unwrap();
}

#[test]
fn l2_connections_of_one_network_beyond_its_share_are_closed() {
    let app = TestApp::start_with(|config| config.limits.of_network = 3);
    let open: Vec<TcpStream> = (0..3).map(|_| connect(&app)).collect();
    // A connection counts when the server has accepted it.
    std::thread::sleep(Duration::from_millis(300));

    let refused = connect(&app).read(&mut [0; 10]);

    assert!(matches!(refused, Ok(0) | Err(_)), "{refused:?}");
    drop(open);
    std::thread::sleep(Duration::from_millis(300));
    let mut stream = connect(&app);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: pos.example\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn l2_a_caller_that_does_not_read_gets_no_further_answers() {
    const LONGEST: Duration = Duration::from_secs(60);
    let app = TestApp::start();
    let mut stream = connect(&app);
    let requests = "GET /sign-in HTTP/1.1\r\nHost: pos.example\r\n\r\n".repeat(1_000);
    let mut sender = stream.try_clone().unwrap();
    sender.set_write_timeout(Some(LONGEST)).unwrap();

    let begun = Instant::now();
    while begun.elapsed() < LONGEST && sender.write_all(requests.as_bytes()).is_ok() {}
    assert!(begun.elapsed() < LONGEST, "the server closes the connection");

    let (mut received, mut buffer) = (0, vec![0; 64 * 1024]);
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        received += n;
    }
    assert!(received < 16 * 1024 * 1024, "{received} bytes of answers were kept for it");
}

// The bytes sent on this connection that the server has not read: on their way, or arrived.
fn unread_by_the_server(stream: &TcpStream) -> u64 {
    let port = |address: SocketAddr| format!(":{:04X}", address.port());
    let (caller, server) = (port(stream.local_addr().unwrap()), port(stream.peer_addr().unwrap()));
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let queued = |socket: &str| {
        let fields: Vec<&str> = socket.split_whitespace().collect();
        let (sending, arrived) = fields[4].split_once(':')?;
        let queue = match (fields[1], fields[2]) {
            (own, other) if own.ends_with(&caller) && other.ends_with(&server) => sending,
            (own, other) if own.ends_with(&server) && other.ends_with(&caller) => arrived,
            _ => return None,
        };
        u64::from_str_radix(queue, 16).ok()
    };
    sockets.lines().filter_map(queued).sum()
}

#[test]
fn l2_requests_that_wait_for_their_turn_are_not_read() {
    let app = TestApp::start();
    let mut stream = connect(&app);
    let page = app.browser().open("/sign-in").body;
    let style = page.split('"').find(|part| part.ends_with(".css")).unwrap().to_string();
    let request = format!("GET {style} HTTP/1.1\r\nHost: pos.example\r\n\r\n");
    let requests = request.repeat(1_000);
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();

    let mut sent = 0;
    while let Ok(n @ 1..) = stream.write(requests.as_bytes()) {
        sent += n as u64;
    }

    // The server answers until the answers fill the buffers of the connection, which takes a few hundred.
    let read = (sent - unread_by_the_server(&stream)) / request.len() as u64;
    assert!(read < 1_000, "{read} of {} requests were read", sent / request.len() as u64);
}
