//! The command line: subcommands, settings and their messages.

use std::io::{BufRead, BufReader};

use client_api_access::scopes::Role;

use crate::support::{Database, PASSWORD, Server, Shop, free_port, is_postgres, run, spawn};

pub fn settings(database: &Database) -> (Vec<String>, Vec<(&'static str, String)>) {
    let folder = database.folder.path().join("data");
    let mut env = Vec::new();
    if is_postgres() {
        env.push(("DATABASE_URL", database.text.clone()));
        env.push(("SECRET_KEY", "a key for the processes under test only".to_string()));
    }
    (vec!["--data-dir".into(), folder.to_str().unwrap().into()], env)
}

pub fn on(database: &Database, command: &str, more: &[&str]) -> crate::support::Finished {
    let (args, env) = settings(database);
    let args: Vec<&str> =
        [command].into_iter().chain(args.iter().map(String::as_str)).chain(more.iter().copied()).collect();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run(&args, &env)
}

#[test]
fn one_message_names_every_invalid_setting() {
    let env = [
        ("LISTEN", "everywhere"),
        ("PUBLIC_URL", "http://pos.example"),
        ("DATA_DIR", "/no/such/folder/data"),
        ("DATABASE_URL", "mysql://root:hunter2@db/shop"),
        ("DATABASE_CONNECTIONS", "none"),
        ("TRUSTED_PROXIES", "proxy"),
        ("KEEP_EXPIRED_DAYS", "-1"),
        ("SMTP_URL", "smtp://pos:hunter2@mail.example?tls=none"),
        ("NOTICES_FROM", "nobody"),
        ("WEBHOOK_SECRET_FILE", "/no/such/file"),
        ("LOG_LEVEL", "loud"),
    ];

    for command in ["serve", "demo", "migrate", "verify-activity"] {
        let finished = run(&[command], &env);

        assert_eq!(finished.code, 1, "{command}: {}", finished.stderr);
        for (name, _) in env {
            assert!(finished.stderr.contains(name), "{command} does not name {name}: {}", finished.stderr);
        }
        assert!(finished.stderr.starts_with("12 errors:"), "{}", finished.stderr);
        assert!(!finished.stderr.contains("hunter2") && finished.stdout.is_empty());
    }
}

#[test]
fn a_short_secret_key_and_an_unreachable_database_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();

    let short = run(&["serve", "--data-dir", data, "--listen", "127.0.0.1:0"], &[("SECRET_KEY", "short")]);
    let away = run(
        &["migrate", "--data-dir", data, "--database-url", "postgres://nobody@127.0.0.1:1/none"],
        &[("SECRET_KEY", "a key that is certainly long enough")],
    );
    let keyless = run(&["migrate", "--data-dir", data, "--database-url", "postgres://nobody@127.0.0.1:1/none"], &[]);

    assert_eq!((short.code, away.code, keyless.code), (1, 1, 1));
    assert!(short.stderr.contains("SECRET_KEY: the key must be at least 32 characters long"), "{}", short.stderr);
    assert!(away.stderr.contains("PostgreSQL cannot be reached"), "{}", away.stderr);
    assert!(keyless.stderr.contains("SECRET_KEY: required with PostgreSQL"), "{}", keyless.stderr);
}

#[test]
fn help_names_every_setting_and_no_secret_can_be_a_flag() {
    let database = ("DATABASE_URL", "postgres://shop:hunter2@localhost/shop");
    let webhook = ("WEBHOOK_URL", "https://hooks.example/hunter2");
    let help = run(&["serve", "--help"], &[database, webhook]);
    let general = run(&["--help"], &[]);

    assert_eq!((help.code, general.code), (0, 0));
    for flag in [
        "listen",
        "public-url",
        "data-dir",
        "database-url",
        "database-connections",
        "trusted-proxies",
        "keep-expired-days",
        "notices-from",
        "notices-to",
        "webhook-url",
        "log-level",
    ] {
        let env = flag.to_uppercase().replace('-', "_");
        assert!(help.stdout.contains(&format!("--{flag}")) && help.stdout.contains(&env), "{flag}");
    }
    assert!(!help.stdout.contains("hunter2"));
    for command in [
        "serve",
        "demo",
        "migrate",
        "backup",
        "restore",
        "purge",
        "doctor",
        "verify-activity",
        "clients",
        "tokens",
        "keys",
        "employees",
        "connections",
        "attention",
        "activity",
        "reset-link",
        "rotate-key",
        "completions",
        "manual",
        "SECRET_KEY_PREVIOUS",
        "SMTP_URL",
        "WEBHOOK_SECRET",
    ] {
        assert!(general.stdout.contains(command), "{command}");
    }
    for secret in ["--secret-key", "--secret-key-previous", "--smtp-url", "--webhook-secret"] {
        assert_eq!(run(&["serve", secret, "x"], &[]).code, 2, "{secret}");
    }
}

#[test]
fn completions_and_manual_pages_name_every_command_and_contain_no_setting_of_the_machine() {
    let env = [("DATABASE_URL", "postgres://shop:hunter2@localhost/shop"), ("LISTEN", "192.0.2.77:8080")];
    let folder = tempfile::tempdir().unwrap();

    let manual = run(&["manual", folder.path().to_str().unwrap()], &env);
    let missing = run(&["manual", "/no/such/folder"], &env);

    assert_eq!((manual.code, missing.code), (0, 1), "{} {}", manual.stderr, missing.stderr);
    let commands = ["serve", "migrate", "doctor", "verify-activity", "activity-archive", "rotate-key", "reset-link"];
    for command in commands {
        let page = std::fs::read_to_string(folder.path().join(format!("client-api-access-{command}.1"))).unwrap();
        assert!(page.contains(".SH OPTIONS") && !page.contains("hunter2") && !page.contains("192.0.2.77"), "{page}");
    }
    let page = std::fs::read_to_string(folder.path().join("client-api-access-tokens-revoke.1")).unwrap();
    assert!(page.contains("not confirmed: nothing was changed") && page.contains("all\\-matching"), "{page}");
    let page = std::fs::read_to_string(folder.path().join("client-api-access.1")).unwrap();
    assert!(page.contains("SECRET_KEY_FILE") && page.contains("client\\-api\\-access\\-doctor(1)"), "{page}");
    for shell in ["bash", "zsh", "fish"] {
        let completions = run(&["completions", shell], &env);
        let (said, secret) = (["reset-link", "offboard"], "hunter2");
        assert!(said.iter().all(|word| completions.stdout.contains(word)), "{shell}");
        assert!(!completions.stdout.contains(secret), "{shell}");
    }
}

#[test]
fn migrate_brings_the_schema_up_to_date_once() {
    let database = Database::blank();

    let first = on(&database, "migrate", &[]);
    let second = on(&database, "migrate", &[]);

    assert_eq!((first.code, second.code), (0, 0), "{} {}", first.stderr, second.stderr);
    let lines: Vec<&str> = first.stdout.lines().collect();
    assert!(lines[0].starts_with("Applying migration 1 of "), "{}", first.stdout);
    assert!(lines[0].contains("; left: 2026-11-22-000002_authorization_server, "), "{}", first.stdout);
    assert!(lines[lines.len() - 1].starts_with("Applied: "), "{}", first.stdout);
    assert_eq!(second.stdout, "The schema is up to date.\n");
}

#[test]
fn serve_prints_the_link_to_create_the_first_admin_until_there_is_one() {
    let database = Database::blank();
    let mut server = Server::start(&database, &[]);

    let link = server.set_up_link.clone();
    let mut browser = server.set_up("ada@shop.example", PASSWORD);
    let page = browser.open("/settings");
    let logged = server.log();
    let code = server.stop();
    let again = Server::start(&database, &[]);

    assert!(link.starts_with(&format!("{}/set-up/", server.origin)), "{link}");
    assert_eq!(page.heading(), "Needs attention");
    assert!(!logged.contains(link.rsplit('/').next().unwrap()), "the link is not logged");
    assert!(logged.contains("listening on"), "{logged}");
    assert_eq!(code, 0, "SIGTERM stops it cleanly");
    assert_eq!(again.set_up_link, "");
}

// The data of a database that the command `migrate` prepared.
fn migrated(database: &Database) -> Shop {
    assert_eq!(on(database, "migrate", &[]).code, 0);
    match is_postgres() {
        true => Shop::open(database, crate::support::NOW),
        false => Shop::at_file(&database.folder.path().join("data/client-api-access.db")),
    }
}

#[test]
fn reset_link_lets_an_employee_choose_a_new_password() {
    let database = Database::blank();
    let mut shop = migrated(&database);
    let person = shop.employee("Ada Admin", Role::Admin);
    drop(shop);

    let unstarted = on(&database, "reset-link", &[&person.email]);
    assert!(unstarted.stderr.contains("--public-url / PUBLIC_URL: required"), "{}", unstarted.stderr);
    let given = ["--public-url", "https://pos.example"];
    let unknown = on(&database, "reset-link", &["nobody@shop.example", given[0], given[1]]);
    let made = on(&database, "reset-link", &[&person.email.to_uppercase(), given[0], given[1]]);

    assert_eq!((unknown.code, made.code), (1, 0), "{} {}", unknown.stderr, made.stderr);
    assert!(unknown.stderr.contains("no employee signs in with nobody@shop.example"), "{}", unknown.stderr);
    assert!(made.stdout.contains("Give this link to Ada Admin only"), "{}", made.stdout);
    let link = made.stdout.lines().last().unwrap().trim().to_string();
    assert!(link.starts_with("https://pos.example/welcome/"), "{link}");
    let path = link[link.find("/welcome/").unwrap()..].to_string();
    let server = Server::start(&database, &[]);
    let mut browser = server.browser();
    let form = browser.open(&path);
    let password = "gravel saxophone 12 tide";
    assert_eq!(browser.submit(&form, &path, &[("password", password), ("again", password)]).status, 303);
    let log = browser.open("/settings/activity?kind=reset+link+made").rows("#activity");
    assert!(log[0].says("the console"), "{log:?}");
}

#[test]
fn reset_link_prints_the_address_of_the_server_and_refuses_a_wrong_key() {
    let database = Database::blank();
    let server = Server::start(&database, &[("PUBLIC_URL", "https://pos.example")]);
    let email = "ada@shop.example";
    let (mut conn, _) = server.data(&database);
    let new = client_api_access::employees::NewEmployee { name: "Ada", email, role: Role::Admin, password_hash: None };
    client_api_access::employees::Employee::create(&mut conn, &new, crate::support::NOW).unwrap();

    // Without the settings of the server, as in another shell.
    let made = on(&database, "reset-link", &[email]);
    let (args, mut env) = settings(&database);
    env.retain(|(name, _)| *name != "SECRET_KEY");
    env.push(("SECRET_KEY", "another key than that of the database".to_string()));
    let args: Vec<&str> = ["reset-link", email].into_iter().chain(args.iter().map(String::as_str)).collect();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = run(&args, &env);

    assert!(made.stdout.contains("  https://pos.example/welcome/"), "{} {}", made.stdout, made.stderr);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("SECRET_KEY: this is not the key"), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
}

#[test]
fn purge_deletes_what_retention_would_and_a_dry_run_deletes_nothing() {
    let database = Database::blank();
    // The clock of the command runs; that of the tests stands still long before.
    let mut shop = migrated(&database).at(-90 * 86_400);
    let (client, person) = (shop.client("Ledgerly"), shop.staff("Stina Staff"));
    let end = shop.now().plus(86_400);
    shop.grant(client, &person);
    shop.api_key_until(client, &person, "old", end);
    let kept = shop.api_key(client, &person, "kept");

    let dry = on(&database, "purge", &["--dry-run"]);
    let before = shop.number("SELECT COUNT(*) FROM access_tokens");
    let done = on(&database, "purge", &[]);
    let again = on(&database, "purge", &[]);

    for said in ["expired refresh tokens: 1", "expired API keys: 1", "expired access tokens: 1"] {
        assert!(dry.stdout.contains(said), "{} {}", dry.stdout, dry.stderr);
        assert!(done.stdout.contains(said), "{} {}", done.stdout, done.stderr);
    }
    assert_eq!(before, 3, "the dry run deleted nothing: {}", dry.stdout);
    assert_eq!(shop.number("SELECT id FROM access_tokens"), kept.id.0);
    assert_eq!(again.stdout, "There is nothing to delete.\n");
}

#[test]
fn demo_creates_a_shop_and_prints_how_to_sign_in_as_each_role() {
    let database = Database::blank();

    let made = on(&database, "demo", &["--only-make", "--clients", "12", "--tokens", "200", "--seed", "7"]);

    assert_eq!(made.code, 0, "{}", made.stderr);
    for role in ["staff", "manager", "admin"] {
        assert!(made.stdout.lines().any(|line| line.trim().starts_with(role)), "{}", made.stdout);
    }
    let line = made.stdout.lines().find(|line| line.trim().starts_with("admin")).unwrap();
    let mut parts = line.split_whitespace();
    let (email, password) = (parts.nth(1).unwrap().to_string(), parts.collect::<Vec<_>>().join(" "));
    let server = Server::start(&database, &[]);
    let mut browser = server.browser();
    assert_eq!(browser.sign_in(&email, &password).status, 303, "{line}");
    assert_eq!(browser.open("/settings/client-api-access").rows("#clients").len(), 12);
}

#[test]
fn demo_starts_also_where_its_own_redirect_uris_are_on_a_lightspeed_domain() {
    let database = Database::blank();
    let (args, env) = settings(&database);
    let public = "https://demo.lightspeedapp.com";
    let port = free_port().to_string();
    let listen = format!("127.0.0.1:{port}");
    let more = ["--public-url", public, "--listen", &listen, "--clients", "12", "--tokens", "50"];
    let args: Vec<&str> = ["demo"].into_iter().chain(args.iter().map(String::as_str)).chain(more).collect();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();

    let mut program = spawn(&args, &env);
    let lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
    let link = lines.map(|line| line.trim().to_string()).find(|line| line.contains("/auth/oauth/authorize?"));
    program.kill().unwrap();
    let finished = program.wait_with_output().unwrap();

    let link = link.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&finished.stderr)));
    assert!(link.starts_with(public), "{link}");
    assert!(link.contains("redirect_uri=https%3A%2F%2Fdemo.lightspeedapp.com%2Fdemo%2Fcallback"), "{link}");
}
