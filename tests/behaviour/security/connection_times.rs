//! How long a caller may take, and how long a request may take.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use client_api_access::config::Limits;
use diesel::connection::SimpleConnection;

use crate::support::oauth::{bearer, pair, refusal};
use crate::support::provider::{Answer, Provider};
use crate::support::{Browser, TestApp, client_path, is_postgres, until};

fn app_with(change: impl Fn(&mut Limits)) -> TestApp {
    TestApp::start_with(|config| change(&mut config.limits))
}

fn connect(app: &TestApp) -> TcpStream {
    let stream = TcpStream::connect(app.state.config.listen).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

// Sends a request and reads its answer; the connection stays open.
fn ask(stream: &mut TcpStream) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: pos.example\r\n\r\n").unwrap();
    let mut buffer = [0; 4096];
    let read = stream.read(&mut buffer).unwrap();
    assert!(String::from_utf8_lossy(&buffer[..read]).starts_with("HTTP/1.1 200"));
}

// Sends the headers of a request a byte at a time, and returns what is answered until the server closes the connection.
fn dribble(stream: &mut TcpStream) -> (String, Duration) {
    let begun = Instant::now();
    let mut slow = stream.try_clone().unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nX-Slow: ").unwrap();
    let sender = std::thread::spawn(move || {
        while begun.elapsed() < Duration::from_secs(20) && slow.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let mut answer = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut answer);
    let took = begun.elapsed();
    drop(sender.join());
    (String::from_utf8_lossy(&answer).into_owned(), took)
}

#[test]
fn l2_headers_that_come_a_byte_at_a_time_are_given_up() {
    let app = app_with(|limits| (limits.header_seconds, limits.keep_alive_seconds) = (1, 2));

    let (answer, took) = dribble(&mut connect(&app));

    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn l2_headers_of_a_later_request_on_the_same_connection_are_given_up_too() {
    let app = app_with(|limits| (limits.header_seconds, limits.keep_alive_seconds) = (1, 1));
    let mut stream = connect(&app);
    ask(&mut stream);
    ask(&mut stream);

    let (answer, took) = dribble(&mut stream);

    assert_eq!(answer, "", "closed without an answer");
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[test]
fn l2_a_connection_without_a_request_is_closed_after_its_time() {
    let (brief, patient) =
        (app_with(|limits| limits.keep_alive_seconds = 1), app_with(|limits| limits.keep_alive_seconds = 30));
    let (mut closed, mut open) = (connect(&brief), connect(&patient));
    ask(&mut closed);
    ask(&mut open);

    let begun = Instant::now();
    assert_eq!(closed.read(&mut [0; 10]).unwrap_or(0), 0);

    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    ask(&mut open);
}

#[test]
fn a_call_through_a_connection_has_limits_of_its_own_and_a_long_answer_is_not_cut() {
    let app = app_with(|limits| {
        (limits.header_seconds, limits.keep_alive_seconds, limits.handler_seconds) = (1, 1, 1);
    });
    let provider = Provider::start();
    let link = app.online(provider.origin(), 3600);
    let key = app.service_key(&link);
    let call = |answer: Answer| {
        provider.answer("/items", answer);
        let mut program = Browser::new(&format!("http://{}", app.state.config.listen));
        program.origin_header = None;
        program.send("GET", &format!("/connect/{}/items", link.id), &[bearer(&key)], "")
    };

    let begun = Instant::now();
    let late = call(Answer::AfterProcessing(Duration::from_secs(3)));
    let long = call(Answer::Trickle(Duration::from_secs(4)));

    assert!(begun.elapsed() > Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(late.status, long.status, "{} {}", late.body, long.body);
    assert_eq!(late.body.trim(), long.body.trim(), "complete");
}

#[test]
fn a_request_that_takes_too_long_is_503_and_what_it_changes_is_done_as_a_whole() {
    let app = app_with(|limits| limits.handler_seconds = 1);
    let client = app.shop().pending_client("Ledgerly");
    let integration = app.shop().integration("Stockbird");
    let mut admin = app.admin();
    let issued = integration.grant(&app, &mut admin);
    let page = admin.open(&client_path(client));
    let mut conn = app.database.connect();
    let begin = match is_postgres() {
        true => "BEGIN; LOCK TABLE clients, refresh_tokens, access_tokens IN EXCLUSIVE MODE",
        false => "BEGIN IMMEDIATE",
    };
    conn.batch_execute(begin).unwrap();

    let (approved, refreshed) = std::thread::scope(|scope| {
        let approve = scope.spawn(|| admin.clone().submit(&page, "/approve", &[]));
        let refresh = scope.spawn(|| integration.refresh(&app, &issued.refresh_token));
        (approve.join().unwrap(), refresh.join().unwrap())
    });
    let done = "SELECT COUNT(*) FROM clients AS c JOIN activity AS a ON a.subject_id = c.id AND a.subject_kind = 'client' \
                WHERE c.name = 'Ledgerly' AND c.approved_at IS NOT NULL AND a.kind = 'client admitted'";
    let before = app.shop().number(done);
    conn.batch_execute("COMMIT").unwrap();

    assert_eq!((approved.status, approved.header("retry-after")), (503, Some("5")), "{}", approved.text());
    assert!(approved.text().contains("This took too long"), "{}", approved.text());
    assert!(approved.text().contains("check before you send it again"), "{}", approved.text());
    let (status, error, _) = refusal(&refreshed);
    assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"), "{}", refreshed.body);
    assert_eq!(refreshed.header("retry-after"), Some("5"));
    assert_eq!(before, 0);
    until("the client is approved, and the log says so", || app.shop().number(done) == 1);
    pair(&integration.refresh(&app, &issued.refresh_token));
}
