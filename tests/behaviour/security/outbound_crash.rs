//! A server that is killed or held up in the middle of a refresh (rows O12 and O14), as processes of their own.

use std::process::Command;
use std::time::Duration;

use client_api_access::connections::state::TransitionContext;
use client_api_access::connections::{ApiType, Connection, ConnectionEvent, EventKind, Status};
use client_api_access::db::DbConnection;
use client_api_access::id::EmployeeKey;
use client_api_access::time::Clock;
use serde_json::json;

use crate::support::outbound::{Link, bring, make, other_server, reply};
use crate::support::provider::{Answer, Provider};
use crate::support::{Database, PASSWORD, Person, Server, is_postgres, until};

const OPEN: [(&str, &str); 1] = [("OUTBOUND_PRIVATE", "on")];

// A connection that is due at once.
fn due(conn: &mut DbConnection, transition_context: &TransitionContext, provider: &Provider) -> Link {
    let now = Clock::System.now();
    let link = make(conn, transition_context, (ApiType::Other, &other_server(provider.origin())), "", now);
    let person = Person { id: EmployeeKey(1), name: "Ada Admin".into(), email: String::new() };
    let held = json!({ "access_token": "first", "refresh_token": "first-too", "expires_in": 1 });
    bring(conn, transition_context, link.id, &person, &reply(held), now);
    link
}

fn refreshes(provider: &Provider) -> Vec<String> {
    provider.requests().iter().filter_map(|request| request.field("refresh_token")).collect()
}

fn status(conn: &mut DbConnection, link: &Link) -> Status {
    Connection::find(conn, link.id).unwrap().status()
}

fn history(conn: &mut DbConnection, link: &Link) -> Vec<EventKind> {
    ConnectionEvent::page(conn, link.id, None).unwrap().into_iter().map(|event| event.kind).collect()
}

fn held(conn: &mut DbConnection, transition_context: &TransitionContext, link: &Link) -> String {
    let connection = Connection::find(conn, link.id).unwrap();
    connection.refresh_token(&transition_context.vault).unwrap().expose().to_string()
}

#[test]
fn o12_a_server_that_is_killed_in_the_middle_of_a_refresh_finds_its_way() {
    let database = Database::blank();
    let server = Server::start(&database, &OPEN);
    server.set_up("ada@shop.example", PASSWORD);
    let (mut conn, transition_context) = server.data(&database);
    let (forgiving, strict) = (Provider::start(), Provider::start());
    for provider in [&forgiving, &strict] {
        provider.tokens_with(json!({ "expires_in": 3600 }));
        provider.answer("/token", Answer::AfterProcessing(Duration::from_secs(8)));
    }
    // One takes the same refresh token again, the other does not.
    let (lucky, unlucky) =
        (due(&mut conn, &transition_context, &forgiving), due(&mut conn, &transition_context, &strict));
    until("both are asked", || refreshes(&forgiving).len() == 1 && refreshes(&strict).len() == 1);
    strict.always("/token", Answer::json(400, json!({ "error": "invalid_grant" })));

    drop(server);
    let _again = Server::start(&database, &OPEN);

    until("one is online again", || status(&mut conn, &lucky) == Status::Online);
    until("the other asks for a person", || status(&mut conn, &unlucky) == Status::NeedsAuthorization);
    assert_eq!(refreshes(&forgiving), ["first-too", "first-too"]);
    assert!(forgiving.issued().contains(&held(&mut conn, &transition_context, &lucky)));
    assert_eq!(history(&mut conn, &lucky)[..2], [EventKind::Refreshed, EventKind::UnknownOutcome]);
    assert_eq!(history(&mut conn, &unlucky)[..2], [EventKind::Lost, EventKind::UnknownOutcome]);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(refreshes(&strict).len(), 2, "it is not tried over and over");
}

// Many connections that are due at once, at a provider that answers each a little later than the one before: when the
// server is killed, each of them is at another step.
fn kill_and_restart(after: Duration) -> [usize; 3] {
    const CONNECTIONS: usize = 48;
    let database = Database::blank();
    let server = Server::start(&database, &OPEN);
    server.set_up("ada@shop.example", PASSWORD);
    let (mut conn, transition_context) = server.data(&database);
    let provider = Provider::start();
    provider.take_each_refresh_token_once();
    for n in 0..CONNECTIONS {
        provider.answer("/token", Answer::AfterProcessing(Duration::from_millis(6 * n as u64)));
    }
    let now = Clock::System.now();
    let person = Person { id: EmployeeKey(1), name: "Ada Admin".into(), email: String::new() };
    let links: Vec<Link> = (0..CONNECTIONS)
        .map(|n| {
            let link =
                make(&mut conn, &transition_context, (ApiType::Other, &other_server(provider.origin())), "", now);
            let first = json!({ "access_token": "first", "refresh_token": format!("first-{n}"), "expires_in": 1 });
            bring(&mut conn, &transition_context, link.id, &person, &reply(first), now);
            link
        })
        .collect();
    until("the first are asked", || refreshes(&provider).len() >= 8);
    std::thread::sleep(after);

    drop(server);
    let [stored, asked] = [
        links.iter().filter(|link| !held(&mut conn, &transition_context, link).starts_with("first-")).count(),
        refreshes(&provider).len(),
    ];
    let _again = Server::start(&database, &OPEN);
    let settled = |conn: &mut DbConnection, link: &Link| match status(conn, link) {
        // Those that nobody came to are online too.
        Status::Online => !held(conn, &transition_context, link).starts_with("first-"),
        status => status == Status::NeedsAuthorization,
    };
    until("each is online or asks for a person", || links.iter().all(|link| settled(&mut conn, link)));
    let all = refreshes(&provider);
    std::thread::sleep(Duration::from_secs(2));

    assert_eq!(refreshes(&provider).len(), all.len(), "none is tried over and over");
    let mut lost = 0;
    for link in &links {
        let token = held(&mut conn, &transition_context, link);
        let sent = all.iter().filter(|sent| **sent == token).count();
        match status(&mut conn, link) {
            Status::Online => assert!(sent == 0 && provider.issued().contains(&token), "what it holds is its newest"),
            _ => {
                lost += 1;
                assert_eq!(sent, 2, "it was tried once more, and not again");
                let lost_once = history(&mut conn, link).iter().filter(|kind| **kind == EventKind::Lost).count();
                assert_eq!(lost_once, 1, "and a person is asked once");
            }
        }
    }
    assert!(lost <= asked - stored, "{lost} are lost; {asked} were asked and {stored} stored");
    [stored, asked - stored, CONNECTIONS - asked]
}

#[test]
fn o12_killed_at_any_step_a_connection_has_its_new_pair_or_asks_for_a_person_once() {
    let moments = [0, 30, 80, 160].map(Duration::from_millis);
    let steps: Vec<[usize; 3]> = std::thread::scope(|scope| {
        let runs = moments.map(|after| scope.spawn(move || kill_and_restart(after)));
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });

    println!("stored, asked, waiting: {steps:?}");
    for (step, what) in ["stored", "asked and not stored", "not asked"].iter().enumerate() {
        assert!(steps.iter().any(|counts| counts[step] > 0), "some were {what} when they were killed: {steps:?}");
    }
}

#[test]
fn f10_a_server_that_is_told_to_stop_finishes_the_refresh_that_is_on_its_way() {
    let database = Database::blank();
    let mut server = Server::start(&database, &OPEN);
    server.set_up("ada@shop.example", PASSWORD);
    let (mut conn, transition_context) = server.data(&database);
    let provider = Provider::start();
    provider.tokens_with(json!({ "expires_in": 3600 }));
    provider.answer("/token", Answer::AfterProcessing(Duration::from_secs(2)));
    let link = due(&mut conn, &transition_context, &provider);
    until("it is asked", || refreshes(&provider).len() == 1);

    assert_eq!(server.stop(), 0);

    assert!(provider.issued().contains(&held(&mut conn, &transition_context, &link)), "the new pair is stored");
    assert_eq!(status(&mut conn, &link), Status::Online);
}

#[test]
fn o14_a_node_that_was_stopped_in_the_middle_of_a_refresh_overwrites_nothing() {
    if !is_postgres() {
        println!("left out on SQLite: one file belongs to one server; `outbound_refresh` tests the same");
        return;
    }
    let database = Database::blank();
    let first = Server::start(&database, &OPEN);
    first.set_up("ada@shop.example", PASSWORD);
    let (mut conn, transition_context) = first.data(&database);
    let provider = Provider::start();
    provider.tokens_with(json!({ "expires_in": 3600 }));
    provider.answer("/token", Answer::AfterProcessing(Duration::from_secs(2)));
    let link = due(&mut conn, &transition_context, &provider);
    until("it is asked", || refreshes(&provider).len() == 1);
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, &first.id().to_string()]).status().unwrap().success());
    };

    signal("-STOP");
    let _second = Server::start(&database.shared(), &OPEN);
    until("another node takes over", || refreshes(&provider).len() == 2);
    until("and stores what it got", || status(&mut conn, &link) == Status::Online);
    let newer = held(&mut conn, &transition_context, &link);
    signal("-CONT");
    until("it is back and finds that it was too slow", || first.log().contains("outcome discarded"));

    assert_eq!(held(&mut conn, &transition_context, &link), newer);
    assert_eq!(status(&mut conn, &link), Status::Online);
    assert_eq!(refreshes(&provider).len(), 2);
}
