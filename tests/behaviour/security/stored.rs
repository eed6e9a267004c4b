//! What lies on the disk and in the log: never a secret, never readable by others, never edited unseen.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use base64::Engine;
use client_api_access::employees::Purpose;
use client_api_access::scopes::Role;
use diesel::connection::SimpleConnection;

use crate::support::oauth::{Integration, bearer, pair, refusal};
use crate::support::outbound::{SECRET, begin_authorization, parameter, verify_callback};
use crate::support::provider::Provider;
use crate::support::snapshot::Columns;
use crate::support::{Database, PASSWORD, Server, TestApp, client_path, is_postgres, run};

// A secret as it might turn up: raw, its first eight characters, base64, hexadecimal.
fn disguises(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
    vec![secret[..8].to_string(), secret[secret.len() - 12..].to_string(), hex.to_uppercase(), hex, base64]
}

/// Everything the database holds, as bytes: the files on SQLite, every column of every table on PostgreSQL.
pub fn everything(app: &TestApp) -> Vec<u8> {
    let mut all = Vec::new();
    if !is_postgres() {
        for entry in std::fs::read_dir(app.database.folder.path()).unwrap() {
            all.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        return all;
    }
    for (column, value) in app.shop().snapshot().into_values().flatten().flatten() {
        // PostgreSQL shows bytes as hexadecimal: search what they are.
        all.extend(value.strip_prefix("\\x").and_then(bytes).unwrap_or_else(|| value.clone().into_bytes()));
        all.extend(format!(" {column}\n").bytes());
    }
    all
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

#[test]
fn s1_the_search_finds_a_plain_secret_in_every_kind_of_column() {
    let app = TestApp::start();
    let person = app.shop().staff("Stina Staff");
    let client = app.shop().client("Ledgerly");
    let grant = app.shop().grant(client, &person);
    // As long as a hash is.
    let part = &grant.access_token[..32];
    assert!(!holds(&everything(&app), part));

    let kind = if is_postgres() { "BYTEA" } else { "BLOB" };
    for (column, value) in [("scope", format!("'{part}'")), ("hash", format!("CAST('{part}' AS {kind})"))] {
        app.shop().sql(&format!("UPDATE access_tokens SET {column} = {value}"));
        assert!(holds(&everything(&app), part), "{column}");
        // SQLite keeps what was there in free pages.
        if is_postgres() {
            app.shop().sql("UPDATE access_tokens SET scope = ''");
            assert_eq!(holds(&everything(&app), part), column == "hash");
        }
    }
}

/// Whether it has these bytes.
pub fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn s1_s3_no_page_and_no_table_holds_a_secret() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let (mut admin, person) = app.sign_in_as(Role::Admin);
    let client = shop.client("Ledgerly");
    let grant = shop.grant(client, &person);
    let next = shop.refresh(&grant);
    let key = shop.api_key(client, &person, "Nightly export");
    let mut secrets = vec![
        grant.refresh_token.clone(),
        grant.access_token.clone(),
        next.refresh_token.clone(),
        next.access_token.clone(),
        key.value.clone(),
        PASSWORD.to_string(),
        admin.cookie("session").unwrap().value.clone(),
        admin.csrf(),
    ];
    let form = admin.open("/settings/employees/invite");
    let shown =
        admin.submit(&form, "/invite", &[("name", "Nils Ny"), ("email", "nils@shop.example"), ("role", "staff")]);
    let link = shown.texts("#secret")[0].clone();
    secrets.push(link.rsplit('/').next().unwrap().to_string());
    for value in [&grant.refresh_token, &next.access_token, &key.value] {
        let form = admin.open("/settings/client-api-access/find-token");
        assert_eq!(admin.submit(&form, "/find-token", &[("token", value)]).status, 303);
    }

    let mut pages = Vec::new();
    for path in [
        "/settings/client-api-access".to_string(),
        client_path(client),
        grant.path(),
        grant.access_token_path(),
        next.access_token_path_below(),
        key.path(),
        format!("{}/revoke", client_path(client)),
        format!("{}/revoke", grant.path()),
        format!("{}/revoke", key.path()),
        person.path(),
        "/settings/employees".to_string(),
        "/settings/activity".to_string(),
        "/settings/activity/export".to_string(),
        "/settings/profile".to_string(),
    ] {
        let page = admin.open(&path);
        pages.push((path, page.body.replace(&admin.csrf(), "")));
    }
    let stored = everything(&app);

    assert!(
        pages.iter().any(|(_, body)| body.contains(&format!("<b>{}</b> <span>*** REDACTED ***</span>", grant.mask())))
    );
    for secret in &secrets {
        for disguise in disguises(secret) {
            for (path, body) in &pages {
                assert!(!body.contains(&disguise), "{path} holds {disguise}");
            }
            assert!(!holds(&stored, &disguise), "the database holds {disguise}");
        }
    }
    assert!(holds(&stored, grant.mask()), "the search itself works: the seven characters are there");
}

#[test]
fn s1_nothing_that_went_over_the_wire_is_stored() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut browser, _) = app.sign_in_as(Role::Admin);
    let (code, pkce) = integration.code(&mut browser);
    let first = pair(&app.token(&integration.code_request(&code, &pkce.verifier)));
    let second = pair(&integration.refresh(&app, &first.refresh_token));
    assert!(app.works(&second.access_token));
    // What is refused is noted, without its value.
    app.token(&integration.refresh_request(&first.access_token));
    app.token(&[("client_id", &integration.client_id), ("client_secret", "a guess at the secret"), ("code", &code)]);
    app.run_background();

    let stored = everything(&app);

    let failures = app.shop().number("SELECT COUNT(*) FROM token_failures");
    assert_eq!(failures, 2);
    assert!(!holds(&stored, &pkce.verifier));
    let secrets = [
        code,
        integration.secret,
        first.access_token,
        first.refresh_token,
        second.access_token,
        second.refresh_token,
        "a guess at the secret".to_string(),
    ];
    for secret in &secrets {
        for disguise in disguises(secret) {
            assert!(!holds(&stored, &disguise), "the database holds {disguise}");
        }
    }
}

#[test]
fn s1_s5_what_is_kept_to_be_read_again_is_stored_sealed() {
    let (app, provider) = (TestApp::start(), Provider::start());
    let link = app.online(provider.origin(), 3600);
    let first = app.held(&link);
    app.let_it_be_due(&link);
    let second = app.held(&link);
    let key = app.service_key(&link);
    let mut admin = app.admin();
    let there = begin_authorization(&mut admin, &link);
    verify_callback(&mut admin, &link, &[("code", "the-code-that-came-back"), ("state", &parameter(&there, "state"))]);
    let third = app.held(&link);

    let stored = everything(&app);

    let verifier = provider.requests().iter().find_map(|request| request.field("code_verifier")).expect("a verifier");
    let mut secrets = vec![first.0, first.1, second.0, second.1, third.0, third.1, verifier];
    secrets.extend([key, SECRET.into(), parameter(&there, "state"), "the-code-that-came-back".into()]);
    for secret in &secrets {
        assert!(!holds(&stored, secret), "{secret} is stored");
        // The first seven of a service key are shown to people; of another server's tokens nothing is.
        assert!(!holds(&stored, &secret[secret.len() - 12..]), "the end of {secret} is stored");
    }
}

#[test]
fn s1_s8_the_log_of_the_endpoints_names_no_secret() {
    let database = Database::blank();
    let server = Server::start(&database, &[("LOG_LEVEL", "trace"), ("RUST_LOG", "trace")]);
    let mut program = server.browser();
    let secrets: Vec<String> = "code state_value verifier secret query_secret refresh access basic"
        .split(' ')
        .map(|name| format!("Zk3f9aB_{name}_0123456789abcdefghijklmnopqrstuvwxyz"))
        .collect();
    let [code, state, verifier, secret, in_query, refresh, access, basic] = secrets.as_slice() else {
        panic!("eight secrets")
    };
    let token = "/auth/oauth/token";
    program.get(&format!("/auth/oauth/authorize?client_id=nobody&state={state}&code_challenge={verifier}"));
    program.get(&format!("/demo/callback?code={code}&state={state}"));
    let fields = [("client_id", "nobody"), ("client_secret", secret), ("code", code), ("code_verifier", verifier)];
    program.post(token, &fields);
    program.post(token, &[("refresh_token", refresh), ("grant_type", "refresh_token")]);
    program.post(&format!("{token}?client_secret={in_query}"), &fields);
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("nobody:{basic}"));
    program.send("POST", token, &[("authorization".into(), format!("Basic {encoded}"))], "x");
    program.post("/auth/oauth/revoke", &[("token", refresh), ("client_id", "nobody"), ("client_secret", secret)]);
    for path in ["/auth/oauth/verify", "/oauth/userinfo", "/auth/oauth/introspect"] {
        program.send("GET", path, &[bearer(access)], "");
        program.get(&format!("{path}?access_token={access}"));
    }

    let log = server.log();

    assert!(log.contains("POST /auth/oauth/token 401"), "{log}");
    for secret in secrets.iter().chain([&encoded]) {
        for disguise in disguises(secret) {
            assert!(!log.contains(&disguise), "the log holds {disguise}");
        }
    }
}

#[test]
fn s2_a_value_from_the_database_is_not_a_token() {
    let app = TestApp::start();
    let (mut admin, person) = app.sign_in_as(Role::Admin);
    let client = app.shop().client("Ledgerly");
    app.shop().grant(client, &person);
    let prefix = app.shop().word("SELECT prefix AS word FROM access_tokens");

    for value in [prefix.clone(), format!("{prefix} *** REDACTED ***")] {
        let form = admin.open("/settings/client-api-access/find-token");
        let page = admin.submit(&form, "/find-token", &[("token", &value)]);
        // It lists what every page shows of the token, and gives no access.
        assert!(
            page.text().contains(&format!("begin with {prefix}"))
                || page.text().contains(&format!("begins with {prefix}"))
        );
        assert!(!app.works(&value));
    }
}

// What the columns of bytes hold, each as hexadecimal.
fn stored_bytes(app: &TestApp) -> Vec<(String, Vec<u8>)> {
    let values = app.shop().snapshot().into_iter().flat_map(|(table, rows)| {
        let of_row = |row: Columns| row.into_iter().collect::<Vec<_>>();
        rows.into_iter().flat_map(of_row).map(move |(column, value)| (format!("{table}.{column}"), value))
    });
    let mut found: Vec<(String, Vec<u8>)> = values
        .filter_map(|(column, value)| {
            let hex = value.strip_prefix("\\x").or_else(|| value.strip_prefix("X'")?.strip_suffix('\''))?;
            Some((column, bytes(hex)?))
        })
        .collect();
    found.dedup();
    found
}

#[test]
fn s2_a_stored_hash_is_not_a_token_in_any_form() {
    let app = TestApp::start();
    let mut shop = app.shop();
    let integration = shop.integration("Ledgerly");
    let (mut browser, person) = app.sign_in_as(Role::Admin);
    let (_, pkce) = integration.code(&mut browser);
    shop.grant(integration.id, &person);
    shop.api_key(integration.id, &person, "Nightly export");
    shop.one_time_link(Purpose::Invite, Some(&person));
    let provider = Provider::start();
    let link = app.online(provider.origin(), 3600);
    app.service_key(&link);
    shop.resource_server("Orders API");
    let cookie = browser.cookie("session").unwrap().name.clone();
    let hashes = stored_bytes(&app);
    let columns: BTreeSet<&str> = hashes.iter().map(|(column, _)| column.as_str()).collect();
    for of in ["access_tokens", "refresh_tokens", "authorization_codes", "client_secrets", "sessions", "one_time_links"]
    {
        assert!(columns.iter().any(|column| column.starts_with(of)), "{of}: {columns:?}");
    }
    let is_hash = |(_, value): &&(String, Vec<u8>)| (16..=64).contains(&value.len());

    for (column, hash) in hashes.iter().filter(is_hash) {
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let base64 = base64::engine::general_purpose::STANDARD.encode(hash);
        let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash);
        let shown = String::from_utf8_lossy(hash).into_owned();
        for value in [hex.clone(), hex.to_uppercase(), format!("\\x{hex}"), base64, url_safe, shown] {
            let what = format!("{value:?} of {column}");
            if value.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
                assert!(!app.works(&value), "{what} as an access token");
                assert_eq!(app.through(&link, &value, "/items").status, 401, "{what} as a service key");
                let mut thief = app.browser();
                thief.headers.push(("cookie".into(), format!("{cookie}={value}")));
                assert_eq!(thief.get("/settings").status, 303, "{what} as a session");
                let encoded: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
                assert!(
                    matches!(app.browser().get(&format!("/welcome/{encoded}")).status, 400 | 404 | 410),
                    "{what} as a link"
                );
            }
            for answer in
                [integration.refresh(&app, &value), app.token(&integration.code_request(&value, &pkce.verifier))]
            {
                assert_eq!(refusal(&answer).0, 400, "{what} as a refresh token or a code");
            }
            let guess = Integration { secret: value.clone(), ..integration.clone() };
            let (status, error, _) = refusal(&guess.refresh(&app, "x"));
            assert!(
                (status, error.as_str()) == (401, "invalid_client") || status == 400 && error == "invalid_request",
                "{what} as a client secret"
            );
            app.advance(61);
        }
    }
    assert!(hashes.iter().filter(is_hash).count() > 8, "{columns:?}");
}

#[test]
fn s1_a_log_at_its_loudest_names_no_secret() {
    let database = Database::blank();
    let server = Server::start(&database, &[("LOG_LEVEL", "trace"), ("RUST_LOG", "trace")]);
    let link = server.set_up_link.rsplit('/').next().unwrap().to_string();
    let mut admin = server.set_up("ada@shop.example", PASSWORD);
    let form = admin.open("/settings/employees/invite");
    let shown =
        admin.submit(&form, "/invite", &[("name", "Nils Ny"), ("email", "nils@shop.example"), ("role", "staff")]);
    let invitation = shown.texts("#secret")[0].rsplit('/').next().unwrap().to_string();
    let mut nils = server.browser();
    let path = format!("/welcome/{invitation}");
    let form = nils.open(&path);
    assert_eq!(nils.submit(&form, &path, &[("password", PASSWORD), ("again", PASSWORD)]).status, 303);
    server.browser().sign_in("ada@shop.example", "wrong wrong wrong");
    let token = "Zk3f9aB_rt_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG012345";
    let form = admin.open("/settings/client-api-access/find-token");
    admin.submit(&form, "/find-token", &[("token", token)]);

    let log = server.log();

    let arguments = std::fs::read(format!("/proc/{}/cmdline", server.id())).unwrap();
    assert!(log.contains("GET /settings/employees/invite 200"), "{log}");
    for secret in [
        link,
        invitation,
        PASSWORD.to_string(),
        "wrong wrong wrong".to_string(),
        token.to_string(),
        admin.csrf(),
        admin.cookie("session").unwrap().value.clone(),
        nils.cookie("session").unwrap().value.clone(),
    ] {
        for disguise in disguises(&secret) {
            assert!(!log.contains(&disguise), "the log holds {disguise}");
            assert!(!holds(&arguments, &disguise), "the command line holds {disguise}");
        }
    }
    assert!(!log.contains("ada@shop.example"), "people are named by id in the log");
}

#[test]
fn s6_the_data_folder_is_the_owners_alone() {
    if is_postgres() {
        println!("left out on PostgreSQL: there is no folder");
        return;
    }
    let database = Database::blank();
    let server = Server::start(&database, &[]);
    server.set_up("ada@shop.example", PASSWORD);
    let folder = database.folder.path().join("data");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;

    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn f15_a_second_server_on_the_same_folder_is_refused() {
    if is_postgres() {
        println!("left out on PostgreSQL: there is no folder");
        return;
    }
    let database = Database::blank();
    let _server = Server::start(&database, &[]);
    let folder = database.folder.path().join("data");

    let second = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.to_str().unwrap()], &[]);

    assert_eq!(second.code, 1);
    assert!(second.stderr.contains("another server is running"), "{}", second.stderr);
}

#[test]
fn f1_another_program_that_leaves_the_database_cannot_take_its_log_away() {
    if is_postgres() {
        println!("left out on PostgreSQL: there is no file");
        return;
    }
    let database = Database::blank();
    let server = Server::start(&database, &[]);
    let folder = database.folder.path().join("data");
    let log = || std::fs::metadata(folder.join("client-api-access.db-wal")).map(|log| log.ino()).ok();
    let mut admin = server.set_up("ada@shop.example", PASSWORD);
    // As many connections as the server opens.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| server.browser().get("/sign-in"));
        }
    });
    let before = log();

    // Whoever leaves as the last one, as far as the locks tell, deletes the log with what is only there.
    let file = std::fs::metadata(folder.join("client-api-access.db")).unwrap().ino();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    assert!(locks.contains(&format!(":{file} ")), "the server holds its lock: {locks}");
    for arguments in [vec!["verify-activity"], vec!["reset-link", "ada@shop.example"], vec!["migrate"]] {
        let arguments = [arguments.as_slice(), &["--data-dir", folder.to_str().unwrap()]].concat();
        let finished = run(&arguments, &[]);
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        assert!(before.is_some() && log() == before, "the log is still the one that the server writes");
    }

    assert_eq!(admin.get("/settings").status, 303, "the reset link ended the sign-in, and the server sees it");
}

#[test]
fn s5_a_missing_key_beside_a_database_is_never_made_anew() {
    if is_postgres() {
        println!("left out on PostgreSQL: the key is not in a file");
        return;
    }
    let database = Database::blank();
    let mut server = Server::start(&database, &[]);
    server.stop();
    let folder = database.folder.path().join("data");
    std::fs::remove_file(folder.join("secret.key")).unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.to_str().unwrap()];

    let without = run(&args, &[]);
    let other = run(&args, &[("SECRET_KEY", "another key that nobody sealed anything with")]);

    assert_eq!(without.code, 1);
    assert!(without.stderr.contains("secret.key is missing"), "{}", without.stderr);
    assert!(!folder.join("secret.key").exists());
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("not the key that the database was created with"), "{}", other.stderr);
}

#[test]
fn s11_an_edited_or_missing_entry_is_found_and_so_is_a_log_cut_short() {
    let app = TestApp::start();
    let (_, person) = app.sign_in_as(Role::Admin);
    for _ in 0..4 {
        app.sign_in(&person);
    }
    app.run_background();
    let verify = |head: &[&str]| {
        let key = ("SECRET_KEY", "a key that only the tests know of");
        let mut args = vec!["verify-activity", "--data-dir", app.database.folder.path().to_str().unwrap()];
        args.extend(head);
        run(&args, &[("DATABASE_URL", app.database.text.as_str()), key])
    };
    let untouched = verify(&[]);
    assert_eq!(untouched.code, 0, "{}", untouched.stderr);
    let head = untouched.stdout.split("Head: ").nth(1).unwrap().split(". ").next().unwrap().to_string();
    assert!(head.starts_with("5:"), "{head}");
    assert_eq!(verify(&["--head", &head]).code, 0);

    let update = "UPDATE activity SET actor_name = 'Somebody Else' WHERE id = 3";
    let edit = app.database.connect().batch_execute(update);
    assert!(edit.is_err(), "the database itself refuses to edit an entry");
    let delete = app.database.connect().batch_execute("DELETE FROM activity WHERE id = 3");
    assert!(delete.is_err(), "and to delete one");

    match is_postgres() {
        true => app.shop().sql("ALTER TABLE activity DISABLE TRIGGER USER"),
        false => app.shop().sql("DROP TRIGGER activity_is_never_edited; DROP TRIGGER activity_is_never_deleted"),
    }
    app.shop().sql(update);
    let edited = verify(&[]);
    assert_eq!(edited.code, 1);
    assert!(edited.stderr.contains("entry 3") && edited.stderr.contains("edited"), "{}", edited.stderr);
    app.shop().sql("UPDATE activity SET actor_name = '' WHERE id = 3");
    assert_eq!(verify(&[]).code, 0, "put back as it was");

    app.shop().sql("DELETE FROM activity WHERE id = 3");
    let deleted = verify(&[]);
    assert_eq!(deleted.code, 1);
    assert!(deleted.stderr.contains("entry 3 (seal 3) was deleted"), "{}", deleted.stderr);

    app.shop().sql("DELETE FROM activity_seals WHERE id > 2; DELETE FROM activity WHERE id > 2");
    assert_eq!(verify(&[]).code, 0, "a log cut short looks whole by itself");
    let cut = verify(&["--head", &head]);
    assert_eq!(cut.code, 1);
    assert!(cut.stderr.contains("does not pass through the head"), "{}", cut.stderr);
}
