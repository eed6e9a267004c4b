//! The commands that list and change what the pages show, through the program itself, while the server runs.

use std::process::Command;

use client_api_access::connections::ApiType;
use client_api_access::scopes::Role;
use client_api_access::time::Clock;
use serde_json::{Value, json};

use crate::commands::settings;
use crate::support::oauth::bearer;
use crate::support::outbound::{bring, make, other_server, reply};
use crate::support::provider::{Answer, Provider};
use crate::support::{Database, Finished, PASSWORD, Server, Shop, is_postgres, run, spawn, until};

// Runs a command such as `clients list` on the database of the server.
fn cli(database: &Database, words: &str, more: &[&str]) -> Finished {
    with_env(database, words, more, &[])
}

fn with_env(database: &Database, words: &str, more: &[&str], extra: &[(&str, &str)]) -> Finished {
    let (place, env) = settings(database);
    let args: Vec<&str> =
        words.split(' ').chain(more.iter().copied()).chain(place.iter().map(String::as_str)).collect();
    let env: Vec<(&str, &str)> =
        env.iter().map(|(name, value)| (*name, value.as_str())).chain(extra.iter().copied()).collect();
    run(&args, &env)
}

fn read(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"))
}

fn names(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

// A running server and the data of its shop, at the present time.
fn served() -> (Database, Server, Shop) {
    let database = Database::blank();
    let server = Server::start(&database, &[]);
    let shop = match is_postgres() {
        true => Shop::open(&database, Clock::System.now()),
        false => Shop::at_file(&database.folder.path().join("data/client-api-access.db")),
    };
    (database, server, shop.at_moment(Clock::System.now()))
}

#[test]
fn lists_have_the_filters_of_the_pages_and_can_be_read_to_their_end() {
    let (database, _server, mut shop) = served();
    let (ada, stina) = (shop.employee("Ada Admin", Role::Admin), shop.staff("Stina Staff"));
    let clients = ["Ledgerly", "Bookish", "Evil\u{1b}[31mApp"].map(|name| shop.client(name));
    shop.pending_client("Newcomer");
    let (grant, key) = (shop.grant(clients[0], &stina), shop.api_key(clients[1], &ada, "Nightly export"));

    let all = cli(&database, "clients list --json", &[]);
    assert_eq!(names(&read(&all)), ["Bookish", "Evil\u{1b}[31mApp", "Ledgerly", "Newcomer"]);
    assert_eq!(names(&read(&cli(&database, "clients list --json --status pending", &[]))), ["Newcomer"]);
    assert_eq!(names(&read(&cli(&database, "clients list --json --employee stina", &[]))), ["Ledgerly"]);
    assert_eq!(names(&read(&cli(&database, "employees list --json --role staff", &[]))), ["Stina Staff"]);

    let first = cli(&database, "clients list --json --sort -name --limit 3", &[]);
    let after = first.stderr.trim().rsplit(' ').next().unwrap_or_else(|| panic!("{first:?}"));
    let second = cli(&database, "clients list --json --sort -name --after", &[after]);
    assert_eq!(names(&read(&first)), ["Newcomer", "Ledgerly", "Evil\u{1b}[31mApp"]);
    assert_eq!((names(&read(&second)), second.stderr.as_str()), (vec!["Bookish"], ""));

    let table = cli(&database, "clients list", &[]);
    assert!(table.stdout.starts_with("ID  NAME") && table.stdout.contains("Evil [31mApp"), "{}", table.stdout);
    assert!(!table.stdout.contains('\u{1b}'), "a name does not steer the terminal: {}", table.stdout);

    let tokens = read(&cli(&database, "tokens list --json --all", &[]));
    let ids: Vec<&str> = tokens.as_array().unwrap().iter().map(|token| token["id"].as_str().unwrap()).collect();
    let (grant_id, key_id) = (format!("r{}", grant.id), format!("k{}", key.id));
    assert!(ids.len() == 2 && ids.contains(&grant_id.as_str()) && ids.contains(&key_id.as_str()), "{ids:?}");
    let keys = read(&cli(&database, "keys list --json --expires never", &[]));
    assert_eq!(keys[0]["token"], format!("{} *** REDACTED ***", key.mask()));
    assert_eq!((&keys[0]["label"], &keys[0]["expires_at"]), (&Value::from("Nightly export"), &Value::Null));

    let attention = read(&cli(&database, "attention list --json", &[]));
    let rules: Vec<&str> = attention.as_array().unwrap().iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&"pending-clients") && rules.contains(&"never-expires"), "{rules:?}");
    let pending = read(&cli(&database, "attention show pending-clients --json", &[]));
    assert_eq!(pending["items"][0]["name"], "Newcomer");
    assert_eq!(cli(&database, "connections list", &[]).stdout, "No results.\n");

    let shown = cli(&database, "tokens show --json", &[grant.mask()]);
    assert_eq!(
        (read(&shown)["type"].as_str(), read(&shown)["client"]["name"].as_str()),
        (Some("refresh_token"), Some("Ledgerly"))
    );
    assert_eq!(
        read(&cli(&database, "clients show --json", &["ledgerly"]))["redirect_uris"].as_array().unwrap().len(),
        1
    );
    assert_eq!(read(&cli(&database, "employees show --json", &[&stina.email]))["clients"][0], "Ledgerly");
    for (words, name, code) in [
        ("clients show", "Nobody", 3),
        ("employees show", "999", 3),
        ("tokens show", "r999", 3),
        ("tokens show", "zzzzzzz", 3),
        ("tokens show", grant.refresh_token.as_str(), 2),
        ("clients list --status", "fancy", 2),
        ("clients list --after", "damaged", 2),
        ("activity list --from", "tomorrow", 2),
        ("activity list --kind", "client rewoked", 2),
    ] {
        let refused = cli(&database, words, &[name]);
        assert_eq!((refused.code, refused.stdout.as_str()), (code, ""), "{words} {name}: {}", refused.stderr);
        assert!(!refused.stderr.contains(&grant.refresh_token), "a whole token is never repeated");
    }
    assert!(cli(&database, "clients approve --help", &[]).stdout.contains("not confirmed: nothing was changed"));
}

#[test]
fn acts_take_effect_in_the_running_server_at_once_and_are_recorded_as_those_of_the_console() {
    let (database, server, mut shop) = served();
    let ada = shop.employee("Ada Admin", Role::Admin);
    let (stina, marta) = (shop.staff("Stina Staff"), shop.employee("Marta Manager", Role::Manager));
    let (ledgerly, bookish) = (shop.client("Ledgerly"), shop.client("Bookish"));
    shop.pending_client("Newcomer");
    let (first, second, third) =
        (shop.grant(ledgerly, &stina), shop.grant(bookish, &stina), shop.grant(bookish, &marta));
    let key = shop.api_key(bookish, &ada, "Nightly export");
    let works = |token: &str| server.browser().send("GET", "/oauth/userinfo", &[bearer(token)], "").status == 200;
    let entries = |shop: &mut Shop| shop.number("SELECT COUNT(*) FROM activity WHERE actor_name = 'the console'");
    let mut hers = server.browser();
    assert_eq!(hers.sign_in(&stina.email, PASSWORD).status, 303);
    assert!(works(&first.access_token) && works(&second.access_token) && works(&key.value));

    let unconfirmed = cli(&database, "tokens revoke", &[first.mask()]);
    let dry = cli(&database, "tokens revoke --dry-run", &[first.mask()]);
    let dry_offboarding = cli(&database, "employees offboard --dry-run --json", &[&stina.email]);
    assert_eq!((unconfirmed.code, dry.code), (4, 0), "{} {}", unconfirmed.stderr, dry.stderr);
    assert!(unconfirmed.stderr.contains("Revoke the refresh token") && unconfirmed.stderr.contains("--yes"));
    assert!(
        dry.stdout.starts_with("Would revoke the refresh token") && dry.stdout.contains("of Ledgerly (Stina Staff)")
    );
    assert_eq!(read(&dry_offboarding)["refresh_tokens"], 2, "{dry_offboarding:?}");
    assert!(works(&first.access_token) && entries(&mut shop) == 0, "nothing was changed");

    let revoked = cli(&database, "tokens revoke --yes", &[first.mask()]);
    assert_eq!(revoked.code, 0, "{}", revoked.stderr);
    assert!(
        revoked.stdout.contains("together with 1 access token") && !works(&first.access_token),
        "{}",
        revoked.stdout
    );
    let again = cli(&database, "tokens revoke --yes", &[&format!("r{}", first.id)]);
    assert_eq!(again.code, 3);
    assert!(again.stderr.contains("already revoked by the console"), "{}", again.stderr);
    let others = [second.mask().to_string(), format!("r{}", second.id), format!("a{}", second.access_token_id)];
    for other in &others {
        let refused = cli(&database, "keys revoke --yes", &[&format!("k{}", key.id), other]);
        assert_eq!(refused.code, 3, "{other}: {refused:?}");
        assert!(refused.stderr.contains("is not an API key"), "{}", refused.stderr);
    }
    assert!(works(&second.access_token) && works(&key.value), "nothing was changed");
    assert!(cli(&database, "keys revoke --yes", &[&format!("k{}", key.id)]).code == 0 && !works(&key.value));

    let approved = cli(&database, "clients approve --yes --json", &["newcomer"]);
    let once_more = cli(&database, "clients approve --yes --json", &["newcomer"]);
    assert_eq!(
        (read(&approved)["changed"].as_bool(), read(&once_more)["changed"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!(cli(&database, "clients suspend --yes Bookish --reason", &["asked by the developer"]).code, 0);
    assert!(!works(&second.access_token));
    assert!(cli(&database, "clients resume --yes Bookish", &[]).code == 0 && works(&second.access_token));

    let offboarded = cli(&database, "employees offboard --yes", &[&stina.email]);
    assert!(offboarded.stdout.contains("Stina Staff is offboarded"), "{offboarded:?}");
    assert!(!works(&second.access_token) && works(&third.access_token));
    assert_eq!(hers.get("/settings").status, 303, "she is signed out");
    let last_admin = cli(&database, "employees offboard --yes", &[&ada.email]);
    assert_eq!(last_admin.code, 1, "{last_admin:?}");
    assert!(last_admin.stderr.contains("last admin"), "{}", last_admin.stderr);

    // Off by default for a client that is revoked.
    shop.sql("INSERT INTO notice_choices (channel, kind, is_sent) VALUES ('webhook', 'client.revoked', TRUE)");
    let hook = [("WEBHOOK_URL", "https://hooks.example/"), ("WEBHOOK_SECRET", "a secret of at least 24 characters")];
    assert_eq!(with_env(&database, "clients revoke --dry-run", &["Bookish"], &hook).code, 0);
    assert_eq!(shop.number("SELECT COUNT(*) FROM outbox"), 0, "a dry run sends no notice");
    let gone = with_env(&database, "clients revoke --yes", &["Bookish"], &hook);
    assert_eq!((gone.code, gone.stderr.as_str()), (0, ""), "{gone:?}");
    assert!(!works(&third.access_token));
    assert_eq!(shop.number("SELECT COUNT(*) FROM outbox WHERE kind = 'client.revoked'"), 1);

    let log = read(&cli(&database, "activity list --json --limit 3 --client Bookish", &[]));
    assert_eq!((&log[0]["kind"], &log[0]["actor"]), (&Value::from("client revoked"), &Value::from("the console")));
    assert_eq!(log[0]["subject"]["name"], "Bookish");
    assert_eq!(entries(&mut shop), 8);
    assert_eq!(cli(&database, "verify-activity", &[]).code, 0);
}

#[test]
fn many_tokens_are_revoked_one_by_one_and_control_c_stops_between_two() {
    const N: i64 = 150;
    let (database, _server, mut shop) = served();
    let (stina, ada) = (shop.staff("Stina Staff"), shop.employee("Ada Admin", Role::Admin));
    let client = shop.client("Ledgerly");
    (0..N).for_each(|n| drop(shop.api_key(client, &stina, &format!("Key {n}"))));
    let kept = shop.api_key(client, &ada, "Kept");
    let mut left = || shop.number("SELECT COUNT(*) FROM access_tokens");

    let unfiltered = cli(&database, "keys revoke --all-matching --yes", &[]);
    let dry = cli(&database, "keys revoke --all-matching --dry-run --employee stina", &[]);
    assert_eq!((unfiltered.code, dry.code), (2, 0), "{} {}", unfiltered.stderr, dry.stderr);
    assert_eq!((dry.stdout.as_str(), left()), ("Would revoke 150 tokens. Nothing was changed (--dry-run).\n", N + 1));
    for (words, filter) in [("tokens", "--client"), ("keys", "--scope"), ("keys", "--employee")] {
        for (value, more) in [("", "--yes"), (" ", "--dry-run")] {
            let empty =
                cli(&database, &format!("{words} revoke --all-matching {more} --expires never"), &[filter, value]);
            assert_eq!((empty.code, left()), (2, N + 1), "{}", empty.stderr);
            assert!(empty.stderr.contains(&format!("{filter} is empty, so it would match everything")), "{empty:?}");
        }
    }

    let (place, env) = settings(&database);
    let args = ["keys", "revoke", "--all-matching", "--yes", "--employee", "stina"].into_iter();
    let args: Vec<&str> = args.chain(place.iter().map(String::as_str)).collect();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let program = spawn(&args, &env);
    until("the first is revoked", || left() < N + 1);
    assert!(Command::new("kill").args(["-INT", &program.id().to_string()]).status().unwrap().success());
    let stopped = program.wait_with_output().unwrap();
    let (said, still) = (String::from_utf8_lossy(&stopped.stderr).into_owned(), left());
    assert_eq!(stopped.status.code(), Some(130), "{said}");
    assert!(said.contains(&format!("Stopped with Ctrl-C. Revoked {} of 150 tokens", N + 1 - still)), "{still}: {said}");

    let rest = cli(&database, "keys revoke --all-matching --yes --json --employee stina", &[]);
    assert_eq!((read(&rest)["revoked"].as_i64(), left()), (Some(still - 1), 1), "{rest:?}");
    assert_eq!(read(&cli(&database, "keys list --json", &[]))[0]["id"], format!("k{}", kept.id));
}

#[test]
fn connections_are_paused_and_disconnected_and_their_tokens_revoked_at_the_provider() {
    let (database, server, mut shop) = served();
    shop.employee("Ada Admin", Role::Admin);
    let (stina, now) = (shop.staff("Stina Staff"), shop.now());
    let (mut conn, context) = server.data(&database);
    // Nobody listens there, so no revocation is confirmed.
    let provider = [0, 1].map(|_| other_server("http://127.0.0.1:1"));
    let tokens =
        reply(json!({ "access_token": "held", "refresh_token": "kept", "token_type": "bearer", "expires_in": 3600 }));
    let [dropped, lost] = provider.map(|fields| {
        let link = make(&mut conn, &context, (ApiType::Other, &fields), "", now);
        bring(&mut conn, &context, link.id, &stina, &tokens, now);
        link.id.to_string()
    });
    let private = [("OUTBOUND_PRIVATE", "on")];
    let act = |words: &str, name: &str| with_env(&database, words, &[name, "--yes"], &private);

    let listed = read(&cli(&database, "connections list --json --status online", &[]));
    let dry = cli(&database, "connections disconnect --dry-run", &[&dropped]);
    let shown = read(&cli(&database, "connections show --json", &[&dropped]));
    assert_eq!((listed.as_array().unwrap().len(), dry.code), (2, 0), "{}", dry.stderr);
    assert_eq!((&shown["status"], &shown["authorized_by"]), (&Value::from("online"), &Value::from("Stina Staff")));
    assert!(!shown.to_string().contains("held") && !shown.to_string().contains("kept"), "{shown}");

    let paused = act("connections pause --json", &dropped);
    let again = act("connections pause --json", &dropped);
    assert_eq!((read(&paused)["changed"].as_bool(), read(&again)["changed"].as_bool()), (Some(true), Some(false)));
    assert_eq!(act("connections resume", &dropped).code, 0);
    let gone = act("connections disconnect", &dropped);
    assert!(gone.stdout.contains("is disconnected. The provider did not confirm"), "{gone:?}");
    let twice = act("connections disconnect", &dropped);
    assert_eq!(twice.code, 3);
    assert!(twice.stderr.contains("already disconnected by the console"), "{}", twice.stderr);

    let offboarded = act("employees offboard", &stina.email);
    assert!(offboarded.stdout.contains("Somebody else must authorize Connection"), "{offboarded:?}");
    assert!(offboarded.stdout.contains("Not confirmed by the provider"), "{offboarded:?}");
    assert_eq!(read(&cli(&database, "connections show --json", &[&lost]))["status"], "needs-authorization");
    assert_eq!(shop.number("SELECT COUNT(*) FROM activity WHERE actor_name = 'the console'"), 6);
}

#[test]
fn the_same_commands_ask_a_server_through_its_admin_api() {
    let (api, folder) = (Provider::start(), tempfile::tempdir().unwrap());
    let (token, file) = ("Zk3f9aB_pt_secretsecretsecret", folder.path().join("token"));
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let env = [("CLIENT_API_ACCESS_TOKEN", token), ("CLIENT_API_ACCESS_SERVER", api.origin())];
    let ask = |words: &str, more: &[&str]| {
        let args: Vec<&str> = words.split(' ').chain(more.iter().copied()).collect();
        run(&args, &env)
    };
    let client = |id: i64, name: &str| json!({ "id": id, "name": name, "status": "pending", "refresh_tokens": 2 });
    let pages = "/api/v1/clients?status=pending&limit=50";
    api.always(pages, Answer::json(200, json!({ "data": [client(7, "Ledgerly")], "next_cursor": "next one" })));
    let next = format!("{pages}&cursor=next");
    api.always(&next, Answer::json(200, json!({ "data": [client(8, "Bookish")], "next_cursor": null })));
    api.always("/api/v1/clients?name=", Answer::json(200, json!({ "data": [client(7, "Ledgerly")] })));
    api.always("/api/v1/clients/7", Answer::json(200, client(7, "Ledgerly")));
    let problem = json!({ "type": "/api/v1/problems/gone", "detail": "Ledgerly was already revoked by Ada Admin." });

    api.answer(pages, Answer::json(429, json!({})).header("retry-after", "1"));
    let listed = ask("clients list --json --all --status pending", &[]);
    assert_eq!(names(&read(&listed)), ["Ledgerly", "Bookish"], "{listed:?}");
    assert!(listed.stderr.contains("asks to wait for 1 second"), "{}", listed.stderr);

    let counted = json!({ "dry_run": true, "refresh_tokens": 2, "access_tokens": 1, "api_keys": 0, "more": false });
    api.always("/api/v1/clients/7/revoke", Answer::json(200, counted));
    let dry = ask("clients revoke ledgerly --dry-run", &[]);
    assert!(dry.stdout.starts_with("Would revoke Ledgerly with 2 refresh tokens and 1 access token."), "{dry:?}");
    assert!(api.requests().iter().all(|request| request.method == "GET" || request.body == "{\"dry_run\":true}"));
    api.always("/api/v1/clients/7/approve", Answer::json(200, json!({ "changed": true })));
    api.answer("/api/v1/clients/7/approve", Answer::json(429, json!({})).header("retry-after", "1"));
    let approved = ask("clients approve Ledgerly --yes", &[]);
    assert_eq!((approved.code, approved.stdout.as_str()), (0, "Done: Approve Ledgerly.\n"), "{}", approved.stderr);
    let question = ask("clients approve Ledgerly", &[]);
    assert_eq!(question.code, 4, "{}", question.stderr);
    assert!(question.stderr.contains(&format!("It would ask: On {}: Approve Ledgerly?", api.origin())), "{question:?}");
    // Beside too many requests: a server that cannot answer now, and an act whose first request is not answered yet.
    let in_progress = json!({ "type": "/api/v1/problems/request-in-progress", "detail": "Not answered yet." });
    api.always("/api/v1/clients/7/suspend", Answer::json(200, json!({ "changed": true })));
    api.answer("/api/v1/clients/7/suspend", Answer::json(503, json!({})).header("retry-after", "1"));
    api.answer("/api/v1/clients/7/suspend", Answer::json(409, in_progress).header("retry-after", "1"));
    let suspended = ask("clients suspend Ledgerly --yes", &[]);
    assert_eq!(suspended.code, 0, "{}", suspended.stderr);
    api.always(
        "/api/v1/clients/7/resume",
        Answer::json(409, json!({ "type": "/api/v1/problems/conflict", "detail": "No." })),
    );
    assert_eq!(ask("clients resume Ledgerly --yes", &[]).code, 1);
    api.always("/api/v1/clients/7", Answer::json(410, &problem));
    let gone = ask("clients revoke 7 --yes", &[]);
    assert_eq!(gone.code, 3);
    assert!(gone.stderr.contains("already revoked by Ada Admin"), "{}", gone.stderr);

    // A database that the command line names is not passed over.
    for (flag, value) in [("--database-url", "sqlite:own.db"), ("--data-dir", "own")] {
        let typed = run(&["clients", "list", flag, value, "--server", api.origin()], &env[..1]);
        for (refused, server) in
            [(ask("clients list", &[flag, value]), "CLIENT_API_ACCESS_SERVER"), (typed, "--server")]
        {
            assert_eq!(refused.code, 2, "{}", refused.stderr);
            assert!(refused.stderr.contains(&format!("{flag} and {server} contradict")), "{}", refused.stderr);
        }
    }
    let environment = [&env[..], &[("DATABASE_URL", "sqlite:own.db"), ("DATA_DIR", "own")]].concat();
    assert_eq!(run(&["clients", "list", "--status", "pending"], &environment).code, 0);

    let requests = api.requests();
    let bearer = format!("Bearer {token}");
    assert!(requests.iter().all(|request| request.header("authorization") == Some(&bearer)));
    let posts: Vec<_> = requests.iter().filter(|request| request.path.ends_with("/approve")).collect();
    let keys: Vec<_> = posts.iter().map(|post| post.header("idempotency-key").unwrap()).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "a repeated act has the same key: {keys:?}");
    let posts: Vec<_> = requests.iter().filter(|request| request.path.ends_with("/suspend")).collect();
    let keys: Vec<_> = posts.iter().map(|post| post.header("idempotency-key").unwrap()).collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "a repeated act has the same key: {keys:?}");
    let resumed = requests.iter().filter(|request| request.path.ends_with("/resume")).count();
    assert_eq!(resumed, 1, "another conflict is final");

    let place = ["--server", api.origin(), "--token-file", file.to_str().unwrap()];
    let from_file = [&["clients", "list", "--status", "pending"][..], &place].concat();
    assert_eq!(run(&from_file, &[]).code, 0);
    let closed = "http://127.0.0.1:1";
    for (server, secret, code, said) in [
        (api.origin(), "", 2, "the API token is empty"),
        ("http://pos.example", token, 2, "http on loopback only"),
        ("https://pos.example/settings", token, 2, "without a path"),
        (closed, token, 1, "unreachable"),
    ] {
        let env = [("CLIENT_API_ACCESS_TOKEN", secret)];
        let refused = run(&["employees", "list", "--server", server], &env);
        assert_eq!(refused.code, code, "{server}: {}", refused.stderr);
        assert!(refused.stderr.contains(said) && !refused.stderr.contains("secretsecret"), "{}", refused.stderr);
    }
    assert_eq!(run(&["keys", "list", "--server", closed], &[]).code, 2, "a token is required");
    api.always("/api/v1/employees", Answer::json(404, "<html>"));
    let other = ask("employees list", &[]);
    assert!(other.code == 1 && other.stderr.contains("check the address"), "{}", other.stderr);
}
