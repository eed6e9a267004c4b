//! `doctor`: every check passes on a sound installation, and each has a test in which it fails.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use client_api_access::db;
use client_api_access::db::{DatabaseUrl, DbConnection};
use diesel::connection::SimpleConnection;

use crate::commands::settings;
use crate::support::mail::MailServer;
use crate::support::provider::Certificate;
use crate::support::{Database, Server, free_port, is_postgres, run};

const CHECKS: [&str; 9] =
    ["permissions", "database", "schema", "secret key", "clock", "time zone", "encryption", "mail server", "disk"];

/// An installation that a server has used.
struct Installation {
    database: Database,
    /// Settings as environment variables, beside those of the database.
    env: Vec<(&'static str, String)>,
    /// Flags beside the data folder.
    flags: Vec<&'static str>,
}

impl Installation {
    fn new() -> Installation {
        let database = Database::blank();
        drop(Server::start(&database, &[]));
        Installation { database, env: Vec::new(), flags: Vec::new() }
    }

    fn folder(&self) -> PathBuf {
        self.database.folder.path().join("data")
    }

    fn file(&self) -> PathBuf {
        self.folder().join("client-api-access.db")
    }

    fn connect(&self) -> DbConnection {
        match is_postgres() {
            true => self.database.connect(),
            false => db::connect(&DatabaseUrl::Sqlite(self.file())).unwrap(),
        }
    }

    fn sql(&self, sql: &str) {
        self.connect().batch_execute(sql).unwrap();
    }

    /// Replaces a function of PostgreSQL for everybody who connects to this database from now on.
    fn replace_function(&self, name_and_type: &str, body: &str) {
        self.sql(&format!(
            "CREATE SCHEMA replaced; CREATE FUNCTION replaced.{name_and_type} LANGUAGE sql AS $f$ SELECT {body} $f$; \
             DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = replaced, pg_catalog, public', \
             current_database()); END $$"
        ));
    }

    /// Runs the command: exit code, one line for each check without the spaces between its columns, and the error.
    fn doctor(&self) -> (i32, Vec<String>, String) {
        let (args, mut env) = settings(&self.database);
        env.extend(self.env.iter().cloned());
        let args: Vec<&str> = ["doctor"].into_iter().chain(args.iter().map(String::as_str)).collect();
        let args: Vec<&str> = args.into_iter().chain(self.flags.iter().copied()).collect();
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let finished = run(&args, &env);
        let lines = finished.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        (finished.code, lines.collect(), finished.stderr)
    }

    /// This check fails with these words, and no other fails.
    fn fails(&self, check: &str, words: &str) {
        let (code, lines, error) = self.doctor();
        let all = lines.join("\n");
        let failed: Vec<&String> = lines.iter().filter(|line| line.starts_with("FAILED ")).collect();
        assert_eq!((code, failed.len(), lines.len()), (1, 1, CHECKS.len()), "{all}\n{error}");
        assert!(failed[0].starts_with(&format!("FAILED {check} ")) && failed[0].contains(words), "{all}");
        assert!(error.contains("Error: 1 of 9 checks failed"), "{error}");
    }

    /// Every check passes.
    fn passes(&self) -> Vec<String> {
        let (code, lines, error) = self.doctor();
        let all = lines.join("\n");
        assert_eq!((code, lines.len()), (0, CHECKS.len()), "{all}\n{error}");
        for (line, check) in lines.iter().zip(CHECKS) {
            assert!(line.starts_with(&format!("ok {check} ")), "{check}: {all}");
        }
        lines
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mail(url: String, authority: Option<(&Path, &str)>) -> Vec<(&'static str, String)> {
    let mut env = vec![
        ("SMTP_URL", url),
        ("NOTICES_FROM", "pos@shop.example".to_string()),
        ("NOTICES_TO", "ada@shop.example".to_string()),
    ];
    if let Some((folder, pem)) = authority {
        let file = folder.join("authority.pem");
        fs::write(&file, pem).unwrap();
        env.push(("OUTBOUND_CA", file.to_str().unwrap().to_string()));
    }
    env
}

#[test]
fn every_check_passes_while_the_server_runs() {
    let database = Database::blank();
    let _server = Server::start(&database, &[]);
    let installation = Installation { database, env: Vec::new(), flags: Vec::new() };

    let lines = installation.passes();

    let mail = "ok mail server none is set up";
    assert_eq!(lines[7], mail);
}

#[test]
fn doctor_changes_nothing_where_no_server_has_started() {
    let installation = Installation { database: Database::blank(), env: Vec::new(), flags: Vec::new() };

    let (code, lines, _) = installation.doctor();

    let words: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(code, 1);
    match is_postgres() {
        true => {
            assert!(lines[2].contains("start the server, or run migrate"), "{lines:?}");
            assert_eq!(words, ["ok", "ok", "FAILED", "skipped", "skipped", "skipped", "ok", "skipped", "ok"]);
        }
        false => {
            assert!(lines[0].contains("start the server once"), "{lines:?}");
            assert!(words[..2] == ["FAILED"; 2] && words[2] == "skipped", "{lines:?}");
        }
    }
    assert!(!installation.folder().exists());
}

#[test]
fn permissions_fail_if_others_can_access_a_file() {
    let mut installation = Installation::new();
    if !is_postgres() {
        set_mode(&installation.folder(), 0o755);
        installation.fails("permissions", "data (mode 0755): chmod 700 ");
        set_mode(&installation.folder(), 0o700);
        for file in [installation.file(), installation.folder().join("secret.key")] {
            set_mode(&file, 0o640);
            let words = format!("other users can access {} (mode 0640): chmod 600 ", file.display());
            installation.fails("permissions", &words);
            set_mode(&file, 0o600);
        }
        std::os::unix::fs::chown(installation.file(), Some(4321), None).unwrap_or_default();
        if rustix::process::geteuid().is_root() {
            installation
                .fails("permissions", "belongs to the user with the number 4321, and its folder to 0: chown 0 ");
            std::os::unix::fs::chown(installation.file(), Some(0), None).unwrap();
        }
    }
    let secret = installation.database.folder.path().join("smtp-url");
    fs::write(&secret, "").unwrap();
    installation.env = vec![("SMTP_URL_FILE", secret.to_str().unwrap().to_string())];
    set_mode(&secret, 0o644);
    installation.fails("permissions", "smtp-url (mode 0644): chmod 640 ");

    set_mode(&secret, 0o640);
    installation.passes();
}

#[test]
fn the_database_fails_if_it_cannot_be_opened_and_what_depends_on_it_is_skipped() {
    let mut installation = Installation::new();
    let why = match is_postgres() {
        true => {
            let address = format!("postgres://nobody@127.0.0.1:{}/none", free_port());
            installation.env = vec![("DATABASE_URL", address)];
            "PostgreSQL cannot be reached"
        }
        false => {
            fs::remove_file(installation.file()).unwrap();
            "does not exist"
        }
    };

    installation.fails("database", why);

    let (_, lines, _) = installation.doctor();
    for check in 2..8 {
        assert!(lines[check].starts_with(&format!("skipped {} ", CHECKS[check])), "{lines:?}");
    }
}

#[test]
fn the_schema_fails_if_it_is_older_or_newer_than_the_program() {
    let installation = Installation::new();
    let newest = "(SELECT MAX(version) FROM __diesel_schema_migrations)";

    installation.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000001')");
    installation.fails("schema", "a newer version of this program changed it (20991231000001)");
    for _ in 0..2 {
        installation.sql(&format!("DELETE FROM __diesel_schema_migrations WHERE version = {newest}"));
    }
    installation.fails("schema", "1 migration is not applied: 2026");
}

#[test]
fn the_secret_key_fails_if_the_database_belongs_to_another_or_it_is_missing() {
    let mut installation = Installation::new();
    installation.env = vec![("SECRET_KEY", "another key that is long enough for a key".into())];
    installation.fails("secret key", "this is not the key that the database was created with");

    if !is_postgres() {
        installation.env.clear();
        fs::remove_file(installation.folder().join("secret.key")).unwrap();
        installation.fails("secret key", "secret.key is missing");
        assert!(!installation.folder().join("secret.key").exists());
    }
}

#[test]
fn the_clock_fails_if_it_is_behind_the_activity_log() {
    let installation = Installation::new();
    installation.sql(
        "INSERT INTO activity (at, kind, actor_name, subject_kind, subject_id, subject_name, detail, client_ip) \
         VALUES (4102444800, 'signed in', 'Ada', 'employee', 1, 'Ada', '', '')",
    );

    installation.fails("clock", "seconds in the future: set the clock of this machine by NTP");
}

#[test]
fn the_clock_fails_if_it_differs_from_that_of_the_database() {
    if !is_postgres() {
        return;
    }
    let installation = Installation::new();
    let function = "clock_timestamp() RETURNS timestamptz";
    installation.replace_function(function, "pg_catalog.clock_timestamp() + interval '1 hour'");

    installation.fails("clock", "seconds ahead of this machine's: set both by NTP");
}

#[test]
fn the_time_zone_fails_if_the_program_has_no_data_for_it() {
    let installation = Installation::new();
    installation.sql("UPDATE accounts SET time_zone = 'Europe/Atlantis'");

    installation.fails("time zone", "no time zone “Europe/Atlantis”");
}

#[test]
fn the_encryption_fails_if_the_database_is_on_another_machine_without_tls() {
    if !is_postgres() {
        return;
    }
    let installation = Installation::new();
    installation.replace_function("inet_server_addr() RETURNS inet", "'10.20.30.40'::inet");

    installation.fails("encryption", "the connection to the database at 10.20.30.40 is not encrypted");
}

#[test]
fn the_mail_server_fails_if_it_is_not_trusted_or_does_not_answer() {
    let mut installation = Installation::new();
    let folder = installation.database.folder.path().to_path_buf();
    for certificate in [Certificate::SelfSigned, Certificate::Expired, Certificate::WrongName] {
        let server = MailServer::start_tls(certificate);
        installation.env = mail(format!("smtp://{}", server.address), Some((&folder, &server.authority)));
        installation.fails("mail server", "the mail server's certificate is not trusted for its name");
    }
    let clear = MailServer::start();
    installation.env = mail(format!("smtp://{}", clear.address), None);
    installation.fails("mail server", "the mail server offers no STARTTLS");
    installation.env = mail(format!("smtp://127.0.0.1:{}", free_port()), None);
    installation.fails("mail server", "could not be reached");

    let good = MailServer::start_tls(Certificate::Good);
    let url = format!("smtp://pos:hunter2@{}", good.address);
    installation.env = mail(url, Some((&folder, &good.authority)));
    let lines = installation.passes();
    assert!(lines[7].contains("(starttls)") && good.mails().is_empty(), "{lines:?}");
}

#[test]
fn the_mail_server_fails_if_the_stored_settings_cannot_be_used() {
    let installation = Installation::new();
    let nonsense = if is_postgres() { "'\\x00'::bytea" } else { "X'00'" };
    installation.sql(&format!(
        "INSERT INTO mail_settings (id, host, port, security, username, password, sender, recipients) VALUES \
         (1, 'mail.example', 587, 'starttls', 'pos', {nonsense}, 'pos@shop.example', 'ada@shop.example')"
    ));

    installation.fails("mail server", "enter them again under Notice settings");
}

#[test]
fn the_disk_fails_if_less_is_free_than_required() {
    if is_postgres() {
        return;
    }
    let mut installation = Installation::new();
    installation.flags = vec!["--free-megabytes", "1000000000000"];

    installation.fails("disk", "MB are free, and 1,000,000,000,000 MB are needed");
}
