//! The databases of earlier releases, one folder for each, and what the tests know about them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use serde::{Deserialize, Serialize};

use super::set;
use crate::support::provider::Provider;
use crate::support::{Browser, Cookie, Database, NOW, TestApp, is_postgres};

/// What the tests know about a database: names, ids and the made-up secrets whose hashes it holds.
#[derive(Serialize, Deserialize)]
pub struct Known {
    /// A sentence for people who find the file.
    pub about: String,
    /// When it was made, in epoch seconds.
    pub made_at: i64,
    /// The address of the provider its connections lead to.
    pub provider: String,
    /// Everybody's password.
    pub password: String,
    /// Employees by name.
    pub employees: BTreeMap<String, KnownEmployee>,
    /// Clients by name.
    pub clients: BTreeMap<String, i64>,
    /// The client whose rows were being deleted.
    pub revoked_client: i64,
    /// The highest client id so far; the client is gone.
    pub last_client: i64,
    /// The client ID of Ledgerly.
    pub client_id: String,
    /// Its client secrets, the newest last; the earlier one expires a day after the database was made.
    pub client_secrets: Vec<String>,
    /// What Ledgerly and others were granted.
    pub grants: BTreeMap<String, KnownGrant>,
    /// API keys.
    pub api_keys: BTreeMap<String, String>,
    /// Authorization codes with their verifiers.
    pub codes: BTreeMap<String, (String, String)>,
    /// Client ID and secret of a resource server.
    pub resource_server: (String, String),
    /// Name and value of each cookie of an admin's browser.
    pub cookies: Vec<(String, String)>,
    /// The path of an invitation that nobody has opened.
    pub invitation: String,
    /// Connections by name.
    pub connections: BTreeMap<String, i64>,
    /// The access token and the refresh token of the connection called Stock sync, as the provider issued them.
    pub connection_tokens: Vec<String>,
    /// A service key of Stock sync.
    pub service_key: String,
    /// The access token that waits until the admin chooses an account.
    pub held_access_token: String,
    /// `state` and `code_challenge` of an authorization request whose answer has not come.
    pub connection_request: (String, String),
    /// The newest seal of the activity log.
    pub activity_head: String,
}

/// An employee.
#[derive(Serialize, Deserialize)]
pub struct KnownEmployee {
    /// Their id.
    pub id: i64,
    /// What they sign in with.
    pub email: String,
}

/// A grant with every value a client was given.
#[derive(Serialize, Deserialize)]
pub struct KnownGrant {
    /// The refresh token of each generation, the newest last.
    pub refresh_tokens: Vec<String>,
    /// The newest access token.
    pub access_token: String,
}

impl KnownGrant {
    /// The newest refresh token.
    pub fn current(&self) -> &str {
        self.refresh_tokens.last().unwrap()
    }

    /// The one before.
    pub fn previous(&self) -> &str {
        &self.refresh_tokens[self.refresh_tokens.len() - 2]
    }
}

/// The folder with one folder for each release.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/behaviour/fixtures")
}

/// The name of the files of this kind of database, without the part behind the dot.
pub fn kind() -> &'static str {
    if is_postgres() { "postgres" } else { "sqlite" }
}

/// Today's program on the database of an earlier release.
pub struct Upgraded {
    /// The program, a few seconds after the database was made.
    pub app: TestApp,
    /// The provider of its connections, which is also the receiver of its notices.
    pub provider: Provider,
    /// What is in the database.
    pub known: Known,
}

/// Runs `check` on the database of every release so far, upgraded by today's program.
pub fn each_release(check: impl Fn(&Upgraded)) {
    for release in releases() {
        println!("upgrading from {}", release.file_name().unwrap().display());
        check(&Upgraded::open(&release));
    }
}

/// Runs `check` on the database of every release so far, before it is upgraded.
pub fn each_database(check: impl Fn(Database)) {
    for release in releases() {
        let database = Database::blank();
        let sql = std::fs::read_to_string(release.join(kind()).with_extension("sql")).unwrap();
        database.connect().batch_execute(&sql).unwrap();
        check(database);
    }
}

fn releases() -> Vec<PathBuf> {
    let mut releases: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    releases.sort();
    assert!(!releases.is_empty(), "no release in {}", folder().display());
    releases
}

impl Upgraded {
    fn open(release: &std::path::Path) -> Upgraded {
        let read = |ending| std::fs::read_to_string(release.join(kind()).with_extension(ending)).unwrap();
        let known: Known = serde_json::from_str(&read("json")).unwrap();
        let provider = Provider::start();
        let database = Database::blank();
        // The provider of the tests has another port each time.
        let sql = read("sql").replace(&known.provider, provider.origin());
        database.connect().batch_execute(&sql).unwrap();
        let app = TestApp::start_on(database, None, |config| set(config, &provider));
        app.advance(known.made_at - NOW.0 + 5);
        Upgraded { app, provider, known }
    }

    /// A browser with an admin signed in, who signs in after the upgrade.
    pub fn admin(&self) -> Browser {
        let mut browser = self.app.browser();
        let answer = browser.sign_in(&self.known.employees["Ada Admin"].email, &self.known.password);
        assert_eq!(answer.status, 303, "the password from before works: {}", answer.text());
        browser
    }

    /// The browser in which an admin signed in before the upgrade.
    pub fn browser_from_before(&self) -> Browser {
        let mut browser = self.app.browser();
        let cookie = |(name, value): &(String, String)| Cookie {
            name: name.clone(),
            value: value.clone(),
            attributes: Vec::new(),
        };
        browser.cookies = self.known.cookies.iter().map(cookie).collect();
        browser
    }

    /// Refreshes as Ledgerly.
    pub fn refresh(&self, refresh_token: &str) -> crate::support::Page {
        let known = &self.known;
        self.app.token(&[
            ("grant_type", "refresh_token"),
            ("client_id", &known.client_id),
            ("client_secret", known.client_secrets.last().unwrap()),
            ("refresh_token", refresh_token),
        ])
    }
}
