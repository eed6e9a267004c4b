//! The commands with `--server`: the admin API answers what the local database answers.

use client_api_access::scopes::Role;
use serde_json::Value;

use crate::support::api::ALL_AREAS;
use crate::support::{Finished, TestApp, run};

fn read(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"))
}

#[test]
fn lists_on_a_server_have_the_names_of_those_on_the_database() {
    let app = TestApp::start();
    let (ada, stina) = (app.shop().employee("Ada Admin", Role::Admin), app.shop().staff("Stina Staff"));
    let client = app.shop().client("Ledgerly");
    app.shop().pending_client("Newcomer");
    let (grant, key) = (app.shop().grant(client, &stina), app.shop().api_key(client, &ada, "Nightly export"));
    let secret = app.api_of(&ada, Role::Admin, ALL_AREAS).token;
    let database = app.database.text.clone();
    let on_server = |words: &str, more: &[&str]| {
        let args: Vec<&str> = words.split(' ').chain(["--server", app.origin()]).chain(more.iter().copied()).collect();
        run(&args, &[("CLIENT_API_ACCESS_TOKEN", secret.as_str())])
    };
    let on_database = |words: &str, more: &[&str]| {
        let args: Vec<&str> =
            words.split(' ').chain(["--database-url", &database]).chain(more.iter().copied()).collect();
        run(&args, &[])
    };

    let (grant, key, id) = (format!("r{}", grant.id), format!("k{}", key.id), stina.id.to_string());
    for (words, more) in [
        ("clients list --json --status pending", vec![]),
        ("clients list --json --limit 1 --sort -name", vec![]),
        ("clients show --json", vec!["ledgerly"]),
        ("tokens show --json", vec![grant.as_str()]),
        ("keys show --json", vec![key.as_str()]),
        ("employees list --json --all", vec![]),
        ("employees show --json", vec![stina.email.as_str()]),
        ("employees show --json", vec![id.as_str()]),
        ("connections list --json", vec![]),
    ] {
        let (remote, local) = (on_server(words, &more), on_database(words, &more));
        assert_eq!((remote.code, local.code), (0, 0), "{words} {more:?}: {} {}", remote.stderr, local.stderr);
        assert!(!remote.stdout.contains(secret.as_str()) && !remote.stderr.contains(secret.as_str()));
        // The clock of the command runs, that of the server under test stands still: what depends on it may differ.
        let (mut remote, mut local) = (read(&remote), read(&local));
        for answer in [&mut remote, &mut local] {
            for clock in ["status", "sessions", "clients"] {
                answer.as_object_mut().map(|members| members.remove(clock));
            }
        }
        assert_eq!(remote, local, "{words} {more:?}");
    }
    let empty = on_server("tokens revoke --all-matching --yes", &["--client", ""]);
    assert_eq!(empty.code, 2, "{}", empty.stderr);
    assert!(empty.stderr.contains("--client is empty, so it would match everything"), "{}", empty.stderr);
    let refused = on_server("keys revoke --yes", &[&grant]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("is not an API key"), "{}", refused.stderr);
    let ids: Vec<Value> = read(&on_server("tokens list --json --all", &[])).as_array().unwrap().clone();
    let ids: Vec<&str> = ids.iter().map(|token| token["id"].as_str().unwrap()).collect();
    assert!(ids.len() == 2 && ids.contains(&grant.as_str()) && ids.contains(&key.as_str()), "{ids:?}");
    let more = on_server("clients list --json --limit 1", &[]);
    let cursor = more.stderr.trim().rsplit(' ').next().unwrap().to_string();
    assert_eq!(
        read(&on_server(&format!("clients list --json --after {cursor}"), &[]))[0]["name"],
        "Newcomer",
        "{more:?}"
    );
    assert_eq!(read(&on_server("attention show --json", &["pending-clients"]))["items"][0]["name"], "Newcomer");
    assert!(on_server("attention list", &[]).stdout.contains("pending-clients"));
    assert!(on_server("activity list --limit 1", &[]).code == 0);
    for (words, code) in [("clients show 999", 3), ("tokens show r99", 3), ("clients list --name x --after damaged", 2)]
    {
        let refused = on_server(words, &[]);
        assert_eq!(refused.code, code, "{words}: {}", refused.stderr);
    }
    for name in ["99", "1", "Of a chain"] {
        app.shop().client(name);
    }
    for n in 0..60 {
        app.shop().client(&format!("Chain {n:02} is of a chain of shops"));
    }
    let former = app.shop().staff("Frida Former");
    app.shop().archive(&former);
    let frida = former.id.to_string();
    let hers = app.api_of(&stina, Role::Staff, ALL_AREAS).token;
    let own = ["employees", "show", "--json", id.as_str(), "--server", app.origin()];
    let own = run(&own, &[("CLIENT_API_ACCESS_TOKEN", hers.as_str())]);
    assert_eq!(read(&own)["name"], "Stina Staff", "staff cannot list people, but name themselves: {own:?}");
    for (words, name) in [
        ("clients show --json", "99"),
        ("clients show --json", "1"),
        ("clients show --json", "of a chain"),
        ("employees show --json", "Frida Former"),
        ("employees show --json", frida.as_str()),
    ] {
        let (remote, local) = (on_server(words, &[name]), on_database(words, &[name]));
        assert_eq!((remote.code, local.code), (0, 0), "{words} {name}: {} {}", remote.stderr, local.stderr);
        assert_eq!(read(&remote)["id"], read(&local)["id"], "{words} {name}");
    }
}

#[test]
fn acts_on_a_server_do_what_its_admin_api_does_and_say_so() {
    let app = TestApp::start();
    let (ada, stina) = (app.shop().employee("Ada Admin", Role::Admin), app.shop().staff("Stina Staff"));
    let client = app.shop().client("Ledgerly");
    let pending = app.shop().pending_client("Newcomer");
    let (grant, key) = (app.shop().grant(client, &stina), app.shop().api_key(client, &ada, "Nightly export"));
    let reader = app.api_of(&ada, Role::Admin, "clients:read employees:read tokens:read").token;
    let writer = app.api_of(&ada, Role::Admin, ALL_AREAS).token;
    let act = |token: &str, words: &str| {
        let args: Vec<&str> = words.split(' ').chain(["--server", app.origin()]).collect();
        run(&args, &[("CLIENT_API_ACCESS_TOKEN", token)])
    };
    let state = |sql: &str| app.shop().number(sql);
    let locked = format!("SELECT COUNT(*) FROM employees WHERE id = {} AND locked_at IS NOT NULL", stina.id);

    for (words, code) in [
        ("clients approve Newcomer", 4),
        ("clients approve Newcomer --dry-run", 0),
        (&format!("tokens revoke r{} --dry-run", grant.id), 0),
        (&format!("keys revoke r{} --yes", grant.id), 3),
        ("tokens revoke --all-matching --yes", 2),
    ] {
        let finished = act(&writer, words);
        assert_eq!(finished.code, code, "{words}: {} {}", finished.stdout, finished.stderr);
    }
    let email = &stina.email;
    let refused = act(&reader, &format!("employees lock {email} --yes"));
    assert!(refused.code == 1 && refused.stderr.contains("employees:write"), "{}", refused.stderr);
    assert_eq!(state(&locked), 0);
    assert!(app.works(&key.value) && app.works(&grant.access_token), "nothing was changed yet");

    for words in [
        "clients approve Newcomer --yes",
        &format!("tokens revoke r{} --yes", grant.id),
        &format!("keys revoke k{} --yes --json", key.id),
        &format!("employees lock {email} --yes"),
        &format!("employees unlock {email} --yes"),
        &format!("employees offboard {email} --yes"),
        "clients suspend Newcomer --yes",
    ] {
        let finished = act(&writer, words);
        assert_eq!(finished.code, 0, "{words}: {} {}", finished.stdout, finished.stderr);
    }
    assert!(!app.works(&key.value) && !app.works(&grant.access_token));
    assert_eq!(state(&format!("SELECT COUNT(*) FROM employees WHERE id = {} AND locked_at IS NOT NULL", stina.id)), 1);
    let suspended = format!("SELECT COUNT(*) FROM clients WHERE id = {pending} AND suspended_at IS NOT NULL");
    assert_eq!(state(&suspended), 1);
    let by = state("SELECT COUNT(*) FROM activity WHERE actor_name = 'API token “Nightly report”'");
    assert!(by >= 7, "{by}");
}
