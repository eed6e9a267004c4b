//! The provider that connections call, in its own process, and its request counts.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use client_api_access::clients::{Client, ClientSecret, NewClient, Registration, Website};
use client_api_access::connections::OAuthClientFields;
use client_api_access::db;
use client_api_access::db::{DatabaseUrl, in_transaction};
use client_api_access::employees::{Employee, NewEmployee};
use client_api_access::id::{ClientKey, EmployeeKey};
use client_api_access::scopes::Role;
use client_api_access::scopes::Scope;
use client_api_access::time::{Clock, DAY};
use client_api_access::tokens::issue;
use client_api_access::tokens::issue::{Grant, Lifetimes};
use serde_json::Value;
use tempfile::TempDir;

use super::Kind;
use super::nodes::{PROGRAM, Process, SECRET_KEY, free_address, wait_until_ready};

const SECRET: &str = "the secret of a soak";

/// One of the two.
pub struct Provider {
    kind: Kind,
    origin: String,
    client_id: String,
    secret: String,
    seconds: i64,
    own: Option<Own>,
    _process: Process,
}

struct Own {
    folder: TempDir,
    client: ClientKey,
    employee: EmployeeKey,
}

/// Request counts by kind and status, and reused refresh tokens.
#[derive(Debug, Default)]
pub struct Log {
    /// Token requests that were answered with tokens.
    pub issued: usize,
    /// Token requests that were refused, with their status.
    pub refused: Vec<u16>,
    /// API calls that were served.
    pub served: usize,
    /// API calls with an invalid token.
    pub unauthorized: usize,
    /// Refresh tokens sent more than once, if the provider reports it.
    pub twice: Option<usize>,
}

impl Provider {
    /// Starts one whose access tokens live so long.
    pub fn start(kind: Kind, seconds: i64) -> Provider {
        match kind {
            Kind::Own => Self::own(seconds),
            Kind::Rotating => Self::rotating(seconds),
        }
    }

    fn own(seconds: i64) -> Provider {
        let folder = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let process = Command::new(PROGRAM)
            .args(["serve", "--log-level", "debug", "--listen", &address.to_string(), "--data-dir"])
            .arg(folder.path())
            .env("SECRET_KEY", SECRET_KEY)
            .env("ACCESS_TOKEN_SECONDS", seconds.to_string())
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("provider.log")).expect("a log"))
            .spawn()
            .expect("the provider starts");
        let process = Process(process);
        wait_until_ready(address);
        let now = Clock::System.now();
        let mut conn = db::connect(&database(&folder)).expect("its database");
        let (client, client_id, secret, employee) = in_transaction(&mut conn, &|conn| {
            let website = Website::parse("https://soak.example").expect("a website");
            let registration = Registration::default();
            let (name, by) = ("The soak", "");
            let new = NewClient {
                name,
                website: &website,
                approved: true,
                lightspeed_approved: false,
                by,
                registration: &registration,
            };
            let client = Client::create(conn, &new, now)?;
            let secret = ClientSecret::issue(conn, client, 0, now)?.expose().to_string();
            let new = NewEmployee { name, email: "soak@soak.example", role: Role::Admin, password_hash: None };
            let employee = Employee::create(conn, &new, now)?;
            Ok((client, Client::find(conn, client)?.client_id, secret, employee))
        })
        .expect("a client");
        let own = Some(Own { folder, client, employee });
        let origin = format!("http://{address}");
        Provider { kind: Kind::Own, origin, client_id, secret, seconds, own, _process: process }
    }

    fn rotating(seconds: i64) -> Provider {
        let folder = std::env::var_os("FOREIGN_PROVIDERS").expect("scripts/soak names the folder of the providers");
        let folder = PathBuf::from(folder);
        let node = folder.join("node_modules/node/bin/node");
        let mut process = Command::new(if node.exists() { node } else { "node".into() })
            .arg(folder.join("oidc_provider.js"))
            .envs([("CLIENT_ID", "ours"), ("CLIENT_SECRET", SECRET), ("REDIRECT_URI", "https://soak.example/")])
            .env("ACCESS_TOKEN_SECONDS", seconds.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the provider starts");
        let output = process.stdout.take().expect("its output");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let origin = lines.find_map(|line| line.strip_prefix("READY ").map(str::to_string)).expect("it is ready");
        std::thread::spawn(move || lines.for_each(drop));
        let (client_id, secret) = ("ours".into(), SECRET.into());
        Provider { kind: Kind::Rotating, origin, client_id, secret, seconds, own: None, _process: Process(process) }
    }

    /// The client's secret.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The path of an API call that checks the token.
    pub fn call(&self) -> &'static str {
        match self.kind {
            Kind::Own => "/API/V3/Account.json",
            Kind::Rotating => "/me",
        }
    }

    /// How a connection sees it.
    pub fn client(&self) -> OAuthClientFields {
        let at = |path: &str| format!("{}{path}", self.origin);
        let own = self.own.is_some();
        OAuthClientFields {
            name: "Soak".into(),
            client_id: self.client_id.clone(),
            authorize_url: at("/authorize"),
            token_url: at(if own { "/auth/oauth/token" } else { "/token" }),
            api_url: self.origin.clone(),
            test_path: self.call().into(),
            uses_pkce: true,
            secret_in_header: !own,
            ..Default::default()
        }
    }

    /// New grants: access token and refresh token.
    pub fn grants(&self, count: usize) -> Vec<(String, String)> {
        let Some(own) = &self.own else {
            let answer = ureq::post(format!("{}/control/seed?n={count}", self.origin)).send_empty();
            let text = answer.expect("grants").body_mut().read_to_string().expect("grants");
            let seeded: Vec<Value> = serde_json::from_str(&text).expect("grants");
            let of = |one: &Value, name: &str| one[name].as_str().expect("a token").to_string();
            return seeded.iter().map(|one| (of(one, "access_token"), of(one, "refresh_token"))).collect();
        };
        let mut conn = db::connect(&database(&own.folder)).expect("its database");
        let now = Clock::System.now();
        let lifetimes = Lifetimes { access_token: self.seconds, refresh_token: 30 * DAY };
        in_transaction(&mut conn, &|conn| {
            let scope = Scope::parse("employee:inventory").expect("a scope");
            let grant = Grant { client: own.client, employee: own.employee, scope: &scope };
            let pair = |_| {
                let pair = issue::grant(conn, &grant, lifetimes, now)?;
                Ok((pair.access_token.expose().to_string(), pair.refresh_token.expose().to_string()))
            };
            (0..count).map(pair).collect()
        })
        .expect("grants")
    }

    /// Its request counts.
    pub fn log(&self) -> Log {
        match &self.own {
            Some(own) => own_log(own),
            None => self.foreign_log(),
        }
    }

    fn foreign_log(&self) -> Log {
        let text = ureq::get(format!("{}/control/log", self.origin)).call().expect("its log");
        let text = text.into_body().with_config().limit(1 << 30).read_to_string().expect("its log");
        let entries: Vec<Value> = serde_json::from_str(&text).expect("its log");
        let (mut log, mut seen, mut twice) = (Log::default(), std::collections::HashSet::new(), 0);
        for entry in &entries {
            let status = entry["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
            match (entry["endpoint"].as_str(), status) {
                (Some("token"), 200) => log.issued += 1,
                (Some("token"), status) => log.refused.push(status),
                (_, 401) => log.unauthorized += 1,
                _ => log.served += 1,
            }
            if let Some(token) = entry["refresh_token"].as_str()
                && !seen.insert(token.to_string())
            {
                twice += 1;
            }
        }
        Log { twice: Some(twice), ..log }
    }
}

fn own_log(own: &Own) -> Log {
    let mut log = Log::default();
    let file = File::open(own.folder.path().join("provider.log")).expect("its log");
    for line in BufReader::new(file).lines().map_while(Result::ok) {
        let status = |line: &str| line.split(' ').next().and_then(|status| status.parse::<u16>().ok());
        if let Some((_, rest)) = line.split_once("POST /auth/oauth/token ") {
            match status(rest) {
                Some(200) => log.issued += 1,
                other => log.refused.push(other.unwrap_or_default()),
            }
        } else if let Some((_, rest)) = line.split_once("GET /API/V3/Account.json ") {
            match status(rest) {
                Some(401) => log.unauthorized += 1,
                _ => log.served += 1,
            }
        }
    }
    log
}

fn database(folder: &TempDir) -> DatabaseUrl {
    let file = folder.path().join("client-api-access.db");
    DatabaseUrl::parse(&format!("sqlite:{}", file.display())).expect("a database URL")
}
