//! The data for benchmarks: created once by `demo`, cached below `target/` and copied for every run, so that each starts with
//! the same rows. On PostgreSQL a new database is created and dropped afterwards.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use client_api_access::clients::{Client, NewClient, Registration, Website};
use client_api_access::db::{DatabaseUrl, DbConnection, connect, in_transaction};
use client_api_access::id::{ClientKey, EmployeeKey};
use client_api_access::scopes::Scope;
use client_api_access::time::Timestamp;
use client_api_access::tokens::{RefreshToken, issue};
use diesel::connection::SimpleConnection;

use super::process::{PROGRAM, SECRET_KEY};

/// Sizes of the clients that are added to be revoked; the largest of all is the demo's own.
pub const REVOKED: [i64; 3] = [1, 1_000, 100_000];
const TOKENS_OF_A_GRANT: i64 = 10;

/// Where the data is and how to sign in.
pub struct World {
    pub folder: PathBuf,
    /// The PostgreSQL database, when it is not the file in the folder.
    pub url: Option<String>,
    pub email: String,
    pub password: String,
    server: Option<String>,
    // Seconds since it was created.
    age: u64,
}

impl World {
    /// A copy of the cached SQLite file, which is made first when there is none, or none of today's schema.
    pub fn sqlite(tokens: u32, fresh: bool) -> World {
        let target = Path::new(PROGRAM).ancestors().nth(2).expect("the program lies below target/").join("bench-data");
        let cache = target.join(format!("{tokens}-tokens-{:08x}", schema()));
        if fresh || !cache.join("accounts").exists() {
            drop(fs::remove_dir_all(&cache));
            fs::create_dir_all(&cache).expect("a folder for the data");
            let accounts = make(&cache, None, tokens);
            fs::write(cache.join("accounts"), accounts).expect("the accounts are kept");
        }
        let folder = target.join("run");
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("a folder for the copy");
        for file in fs::read_dir(&cache).expect("the data") {
            let file = file.expect("a file of the data");
            fs::copy(file.path(), folder.join(file.file_name())).expect("a copy of the data");
        }
        let accounts = fs::read_to_string(folder.join("accounts")).expect("the accounts");
        let made = fs::metadata(cache.join("accounts")).and_then(|file| file.modified()).expect("its age");
        let age = SystemTime::now().duration_since(made).map_or(0, |age| age.as_secs());
        let mut world = World::new(folder, None, None, &accounts);
        world.age = age;
        world
    }

    /// The same as if it had been made just now: its tokens are as live as they were then.
    #[must_use]
    pub fn young(self) -> World {
        make_young(&mut self.connect(), self.age);
        self
    }

    /// A new database on the server of `url`.
    pub fn postgres(url: &str, tokens: u32) -> World {
        let name = format!("caa_bench_{}", std::process::id());
        execute(url, &format!("CREATE DATABASE {name}"));
        let mut own = url::Url::parse(url).expect("a URL");
        own.set_path(&name);
        let folder = Path::new(PROGRAM).ancestors().nth(2).expect("target/").join("bench-data/postgres");
        fs::create_dir_all(&folder).expect("a folder for the server");
        let accounts = make(&folder, Some(own.as_str()), tokens);
        let world = World::new(folder, Some(own.into()), Some(url.into()), &accounts);
        world.connect().batch_execute("VACUUM ANALYZE").expect("statistics");
        world
    }

    fn new(folder: PathBuf, url: Option<String>, server: Option<String>, accounts: &str) -> World {
        let admin = accounts.lines().find_map(|line| line.trim().strip_prefix("admin "));
        let admin = admin.and_then(|line| line.trim().split_once(char::is_whitespace));
        let (email, password) = admin.expect("the demo prints how to sign in as an admin");
        World { age: 0, folder, url, server, email: email.into(), password: password.trim().into() }
    }

    /// A connection to choose requests and to check results.
    pub fn connect(&self) -> DbConnection {
        connect(&database(&self.folder, self.url.as_deref())).expect("the database opens")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let (Some(server), Some(url)) = (&self.server, &self.url) {
            let name = url.rsplit('/').next().and_then(|name| name.split('?').next()).unwrap_or_default();
            execute(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

fn database(folder: &Path, url: Option<&str>) -> DatabaseUrl {
    let file = format!("sqlite:{}", folder.join("client-api-access.db").display());
    DatabaseUrl::parse(url.unwrap_or(&file)).expect("a database URL")
}

fn execute(url: &str, sql: &str) {
    let mut conn = connect(&DatabaseUrl::parse(url).expect("a database URL")).expect("the database opens");
    conn.batch_execute(sql).expect("the statement runs");
}

// Cached data of another schema cannot be used.
fn schema() -> u32 {
    let mut hasher = DefaultHasher::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let mut migrations: Vec<_> = fs::read_dir(folder).expect("the migrations").flatten().map(|e| e.path()).collect();
    migrations.sort();
    for migration in migrations {
        fs::read_to_string(migration.join("up.sql")).expect("a migration").hash(&mut hasher);
    }
    hasher.finish() as u32
}

// Returns what the demo prints.
fn make(folder: &Path, url: Option<&str>, tokens: u32) -> String {
    let begun = Instant::now();
    eprintln!("making 500 clients with {tokens} tokens ...");
    let mut demo = Command::new(PROGRAM);
    demo.args(["demo", "--only-make", "--clients", "500", "--tokens", &tokens.to_string(), "--data-dir"]).arg(folder);
    demo.env("SECRET_KEY", SECRET_KEY).env_remove("DATABASE_URL");
    if let Some(url) = url {
        demo.env("DATABASE_URL", url);
    }
    let output = demo.stderr(std::process::Stdio::inherit()).output().expect("the demo runs");
    assert!(output.status.success(), "the demo failed");
    let mut conn = connect(&database(folder, url)).expect("the database opens");
    for size in REVOKED {
        add_client(&mut conn, size);
    }
    if url.is_none() {
        conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").expect("everything is in the file");
    }
    eprintln!("made in {} s", begun.elapsed().as_secs());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The name of an added client.
pub fn name_of(size: i64) -> String {
    format!("Revoked with {size}")
}

// Issued by the real code: grants of ten access tokens each.
fn add_client(conn: &mut DbConnection, size: i64) {
    let (scope, now) = (Scope::parse("employee:all").expect("a scope"), Timestamp(seconds()));
    let client = in_transaction(conn, &|conn| {
        let website = Website::parse("https://revoked.example").expect("a website");
        let new = NewClient {
            name: &name_of(size),
            website: &website,
            approved: true,
            lightspeed_approved: false,
            by: "",
            registration: &Registration::default(),
        };
        Ok(Client::create(conn, &new, now)?)
    });
    let client = client.expect("a client");
    for first in (0..size).step_by(1_000) {
        in_transaction(conn, &|conn| {
            for n in (first..size.min(first + 1_000)).step_by(TOKENS_OF_A_GRANT as usize) {
                add_grant(conn, client, EmployeeKey(1 + n % 20), &scope, (size - n).min(TOKENS_OF_A_GRANT), now)?;
            }
            Ok(())
        })
        .expect("tokens");
    }
}

fn add_grant(
    conn: &mut DbConnection,
    client: ClientKey,
    employee: EmployeeKey,
    scope: &Scope,
    tokens: i64,
    now: Timestamp,
) -> client_api_access::error::Result<()> {
    let lifetimes = issue::Lifetimes::default();
    let grant = issue::Grant { client, employee, scope };
    let mut pair = issue::grant(conn, &grant, lifetimes, now)?;
    for _ in 1..tokens {
        let token = RefreshToken::find(conn, client, pair.refresh_token_id)?;
        let next = issue::rotate(conn, (&token, &pair.refresh_token), lifetimes, now)?;
        pair = next.expect("nobody else refreshes it");
    }
    Ok(())
}

/// Now, as the data counts it.
pub fn seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs() as i64)
}

// Access tokens are valid for an hour: shift the times of cached data to now, so that tokens are still valid.
fn make_young(conn: &mut DbConnection, age: u64) {
    if age < 60 {
        return;
    }
    let sql = "UPDATE access_tokens SET created_at = created_at + AGE, expires_at = expires_at + AGE * (expires_at < 1e11),
             last_used_at = last_used_at + AGE * (last_used_at > 0);
         UPDATE refresh_tokens SET created_at = created_at + AGE, expires_at = expires_at + AGE, rotated_at = rotated_at + AGE,
             last_used_at = last_used_at + AGE * (last_used_at > 0), generation_used_at = generation_used_at + AGE;
         UPDATE refresh_token_values SET created_at = created_at + AGE, expires_at = expires_at + AGE,
             replaced_at = replaced_at + AGE;
         UPDATE clients SET last_used_at = last_used_at + AGE * (last_used_at > 0);
         PRAGMA wal_checkpoint(TRUNCATE);";
    conn.batch_execute(&sql.replace("AGE", &age.to_string())).expect("the tokens are young again");
}
