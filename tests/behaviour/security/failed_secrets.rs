//! Wrong client secrets are counted for all nodes together, and across restarts.

use client_api_access::clients::failed_secret_count::{MOST_ROWS, stored_client};
use client_api_access::resource_servers::ResourceServer;

use crate::support::{Browser, TestApp};

const INTROSPECT: &str = "/auth/oauth/introspect";
const GUESSER: &str = "203.0.113.9";

// A node over the database of `first`, or over one of its own.
fn node(first: Option<&TestApp>) -> TestApp {
    let set = |config: &mut client_api_access::config::Config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    };
    match first {
        None => TestApp::start_with(set),
        Some(first) => TestApp::start_on(first.database.shared(), None, set),
    }
}

struct Guesser<'a> {
    client_id: &'a str,
    secret: &'a str,
}

impl Guesser<'_> {
    fn ask(&self, node: &TestApp, client_ip: &str, secret: &str) -> (u16, Option<String>) {
        let mut program: Browser = node.program();
        program.headers.push(("x-forwarded-for".into(), client_ip.into()));
        let fields = [("token", "x"), ("client_id", self.client_id), ("client_secret", secret)];
        let page = program.post(INTROSPECT, &fields);
        (page.status, page.header("retry-after").map(str::to_string))
    }

    fn wrong(&self, node: &TestApp) -> u16 {
        self.ask(node, GUESSER, "wrong").0
    }

    fn right(&self, node: &TestApp) -> u16 {
        self.ask(node, GUESSER, self.secret).0
    }
}

fn failures(app: &TestApp) -> i64 {
    app.shop().number("SELECT COALESCE(CAST(SUM(failures) AS BIGINT), 0) FROM failed_secrets")
}

#[test]
fn t12_a_restart_gives_nobody_another_ten_guesses() {
    let first = node(None);
    let integration = first.shop().integration("Ledgerly");
    let guesser = Guesser { client_id: &integration.client_id, secret: &integration.secret };
    for _ in 0..10 {
        assert_eq!(guesser.wrong(&first), 401);
    }

    let second = node(Some(&first));
    let refused = guesser.ask(&second, GUESSER, &integration.secret);

    assert_eq!(refused, (429, Some("60".into())), "even the right secret waits");
    assert_eq!(guesser.ask(&second, "203.0.113.10", &integration.secret).0, 200, "another network does not wait");
    second.advance(60);
    assert_eq!(guesser.right(&second), 200);
    let stored = stored_client(&integration.client_id);
    assert_eq!(second.shop().word("SELECT client AS word FROM failed_secrets"), stored, "the ID is stored as a hash");
}

#[test]
fn t12_nodes_over_one_database_answer_ten_wrong_secrets_together() {
    let one = node(None);
    let two = node(Some(&one));
    let (integration, other) = (one.shop().integration("Ledgerly"), one.shop().integration("Stockbird"));
    let guesser = Guesser { client_id: &integration.client_id, secret: &integration.secret };
    let innocent = Guesser { client_id: &other.client_id, secret: &other.secret };
    for n in 0..10 {
        assert_eq!(guesser.wrong([&one, &two][n % 2]), 401, "{n}");
    }

    let eleventh = [guesser.wrong(&one), guesser.right(&one), guesser.wrong(&two), guesser.right(&two)];
    for _ in 0..20 {
        assert_eq!([guesser.wrong(&one), guesser.wrong(&two)], [429, 429]);
    }

    assert_eq!(eleventh, [429; 4]);
    assert_eq!(failures(&one), 10, "what is refused is not counted");
    assert_eq!(innocent.right(&two), 200);
    assert_eq!(guesser.ask(&two, "203.0.113.10", &integration.secret).0, 200);
    for node in [&one, &two] {
        node.advance(61);
        assert_eq!(guesser.right(node), 200);
    }
    assert_eq!(guesser.wrong(&two), 401);
    assert_eq!(failures(&one), 1, "a new minute");
}

#[test]
fn t12_of_many_guesses_at_two_nodes_at_the_same_time_ten_get_an_answer() {
    let one = node(None);
    let two = node(Some(&one));
    let integration = one.shop().integration("Ledgerly");
    let guesser = Guesser { client_id: &integration.client_id, secret: &integration.secret };

    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guess = |n: usize| {
            let (node, guesser) = ([&one, &two][n % 2], &guesser);
            scope.spawn(move || guesser.wrong(node))
        };
        let guesses: Vec<_> = (0..40).map(guess).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });

    let answered = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!((answered, failures(&one)), (10, 10), "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
}

#[test]
fn t12_a_right_secret_is_counted_nowhere_and_a_resource_server_is_treated_alike() {
    let one = node(None);
    let two = node(Some(&one));
    let now = one.now();
    let (server, secret) = ResourceServer::create(one.shop().conn(), "Gateway", now).unwrap();
    let guesser = Guesser { client_id: &server.resource_server_id, secret: secret.expose() };
    assert_eq!([guesser.right(&one), guesser.right(&two)], [200, 200]);
    assert_eq!(failures(&one), 0);

    for _ in 0..10 {
        assert_eq!(guesser.wrong(&one), 401);
    }

    assert_eq!([guesser.wrong(&two), guesser.right(&two)], [429, 429]);
    assert_eq!(guesser.right(&node(Some(&one))), 429, "after a restart");
}

#[test]
fn t12_the_counts_are_bounded_and_deleted_when_their_minute_is_over() {
    let app = node(None);
    let integration = app.shop().integration("Ledgerly");
    let guesser = Guesser { client_id: &integration.client_id, secret: &integration.secret };
    let now = app.now().0;
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)";
    app.shop().sql(&format!(
        "{numbers} INSERT INTO failed_secrets (client, network, since, failures) \
         SELECT 'client ' || i, 'somewhere', {now} - 10001 + i, 1 FROM n"
    ));
    let rows = |what: &str| app.shop().number(&format!("SELECT COUNT(*) FROM failed_secrets WHERE {what}"));

    assert_eq!(guesser.wrong(&app), 401);
    let bounded = (rows("1 = 1"), rows("client = 'client 1'"), rows("client = 'client 10000'"));
    app.run_background();
    let recent = rows("1 = 1");
    app.advance(60);
    app.run_background();

    assert!(bounded.0 <= MOST_ROWS && (bounded.1, bounded.2) == (0, 1), "{bounded:?}");
    assert_eq!((recent, rows("1 = 1")), (60, 0), "of this minute, and of none");
}

#[test]
fn l6_a_flood_of_made_up_clients_of_one_network_is_stored_a_hundred_times_a_minute() {
    let app = node(None);
    for n in 0..120 {
        let guesser = Guesser { client_id: &format!("made-up-{n}"), secret: "" };
        assert_eq!(guesser.wrong(&app), 401);
    }

    assert_eq!(failures(&app), 100);
}
