//! The data for benchmarks. The program's own `demo` makes a small shop with 500 clients, [`super::bulk`] adds the tokens.
//!
//! On SQLite the file is kept below `target/` for each size, kind and schema, and copied for every run, so that each starts
//! with the same rows. On PostgreSQL a new database is created and dropped afterwards.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use client_api_access::db::{DatabaseUrl, DbConnection, connect};
use diesel::connection::SimpleConnection;

use super::bulk;
use super::process::{PROGRAM, SECRET_KEY};
use super::shape::Kind;

/// Tokens that the demo itself makes.
const SEED_TOKENS: i64 = 3_000;
// By then more and more of the refresh tokens have expired.
const TOO_OLD: Duration = Duration::from_secs(30 * 86_400);

/// What data to make.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Valid access tokens and API keys.
    pub tokens: i64,
    pub kind: Kind,
    /// Make it again even if there is some.
    pub fresh: bool,
}

/// Where the data is and how to sign in.
pub struct World {
    pub folder: PathBuf,
    /// The PostgreSQL database, when it is not the file in the folder.
    pub url: Option<String>,
    pub email: String,
    pub password: String,
    pub plan: Plan,
    server: Option<String>,
}

impl World {
    /// A copy of the cached SQLite file, which is made first when there is none, or none of today's schema.
    pub fn sqlite(plan: Plan) -> World {
        let name = format!("{}-{:?}-", plan.tokens, plan.kind).to_lowercase();
        let cache = target().join(format!("{name}{:08x}", schema()));
        let made = fs::metadata(cache.join("accounts")).and_then(|file| file.modified());
        let age = made.map(|made| SystemTime::now().duration_since(made).unwrap_or_default());
        if plan.fresh || age.is_err() || age.is_ok_and(|age| age > TOO_OLD) {
            // With it goes what was made by another schema: nobody needs it any more.
            let made = fs::read_dir(target()).into_iter().flatten().flatten();
            for old in made.filter(|old| old.file_name().to_string_lossy().starts_with(&name)) {
                drop(fs::remove_dir_all(old.path()));
            }
            private_folder(&cache);
            let accounts = make(&cache, None, plan);
            fs::write(cache.join("accounts"), accounts).expect("the accounts are kept");
        }
        let folder = target().join("run");
        drop(fs::remove_dir_all(&folder));
        private_folder(&folder);
        for file in fs::read_dir(&cache).expect("the data") {
            let file = file.expect("a file of the data");
            fs::copy(file.path(), folder.join(file.file_name())).expect("a copy of the data");
        }
        let accounts = fs::read_to_string(folder.join("accounts")).expect("the accounts");
        World::new(folder, None, None, (plan, &accounts))
    }

    /// A new database on the server of `url`.
    pub fn postgres(url: &str, plan: Plan) -> World {
        let own = new_database(url);
        let folder = target().join("postgres");
        private_folder(&folder);
        let accounts = make(&folder, Some(&own), plan);
        World::new(folder, Some(own), Some(url.into()), (plan, &accounts))
    }

    /// A shop that nobody has granted anything yet, on SQLite, or in a new database on the server of `url`.
    pub fn empty(url: Option<&str>) -> World {
        let plan = Plan { tokens: 0, kind: Kind::Young, fresh: true };
        let folder = target().join("season");
        drop(fs::remove_dir_all(&folder));
        private_folder(&folder);
        let own = url.map(new_database);
        let accounts = make_shop(&folder, own.as_deref(), (10, 0));
        World::new(folder, own, url.map(Into::into), (plan, &accounts))
    }

    fn new(folder: PathBuf, url: Option<String>, server: Option<String>, (plan, accounts): (Plan, &str)) -> World {
        let admin = accounts.lines().find_map(|line| line.trim().strip_prefix("admin "));
        let admin = admin.and_then(|line| line.trim().split_once(char::is_whitespace));
        let (email, password) = admin.expect("the demo prints how to sign in as an admin");
        World { folder, url, server, plan, email: email.into(), password: password.trim().into() }
    }

    /// A connection to choose requests and to check results.
    pub fn connect(&self) -> DbConnection {
        let mut conn = connect(&database(&self.folder, self.url.as_deref())).expect("the database opens");
        if let DbConnection::Postgres(conn) = &mut conn {
            conn.batch_execute("SET statement_timeout = 0").expect("no time limit");
        }
        conn
    }
}

impl Drop for World {
    fn drop(&mut self) {
        match (&self.server, &self.url) {
            (Some(server), Some(url)) => {
                let name = url.rsplit('/').next().and_then(|name| name.split('?').next()).unwrap_or_default();
                drop_database(server, name);
            }
            _ => drop(fs::remove_dir_all(&self.folder)),
        }
    }
}

// The program warns about any other.
fn private_folder(path: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).recursive(true).create(path).expect("a folder for the data");
}

fn target() -> PathBuf {
    Path::new(PROGRAM).ancestors().nth(2).expect("the program lies below target/").join("bench-data")
}

fn database(folder: &Path, url: Option<&str>) -> DatabaseUrl {
    let file = format!("sqlite:{}", folder.join("client-api-access.db").display());
    DatabaseUrl::parse(url.unwrap_or(&file)).expect("a database URL")
}

// Returns its URL.
fn new_database(url: &str) -> String {
    let name = format!("caa_bench_{}", std::process::id());
    execute(url, &format!("DROP DATABASE IF EXISTS {name}"));
    execute(url, &format!("CREATE DATABASE {name}"));
    let mut own = url::Url::parse(url).expect("a URL");
    own.set_path(&name);
    own.into()
}

// A worker of the server itself, such as autovacuum, may be at work in it, and only a superuser may end that one: try again.
fn drop_database(server: &str, name: &str) {
    let mut conn = connect(&DatabaseUrl::parse(server).expect("a database URL")).expect("the database opens");
    for _ in 0..30 {
        match conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")) {
            Ok(()) => return,
            Err(_) => std::thread::sleep(Duration::from_secs(1)),
        }
    }
    eprintln!("the database {name} could not be deleted");
}

fn execute(url: &str, sql: &str) {
    let mut conn = connect(&DatabaseUrl::parse(url).expect("a database URL")).expect("the database opens");
    conn.batch_execute(sql).expect("the statement runs");
}

// Cached data of another schema, or made in another way, cannot be used.
fn schema() -> u32 {
    let mut hasher = DefaultHasher::new();
    (include_str!("bulk.rs"), include_str!("shape.rs")).hash(&mut hasher);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let mut migrations: Vec<_> = fs::read_dir(folder).expect("the migrations").flatten().map(|e| e.path()).collect();
    migrations.sort();
    for migration in migrations {
        fs::read_to_string(migration.join("up.sql")).expect("a migration").hash(&mut hasher);
    }
    hasher.finish() as u32
}

// Returns what the demo prints.
fn make(folder: &Path, url: Option<&str>, plan: Plan) -> String {
    let begun = Instant::now();
    eprintln!("making 500 clients with {} valid tokens ...", plan.tokens);
    let accounts = make_shop(folder, url, (500, SEED_TOKENS));
    let shop = begun.elapsed();
    let mut conn = connect(&database(folder, url)).expect("the database opens");
    bulk::fill(&mut conn, plan.kind, plan.tokens, seconds());
    eprintln!("made in {} s ({} s of them the shop without its bulk)", begun.elapsed().as_secs(), shop.as_secs());
    accounts
}

fn make_shop(folder: &Path, url: Option<&str>, (clients, tokens): (i64, i64)) -> String {
    let mut demo = Command::new(PROGRAM);
    demo.args(["demo", "--only-make", "--log-level", "warn", "--clients", &clients.to_string()]);
    demo.args(["--tokens", &tokens.to_string(), "--data-dir"]).arg(folder);
    demo.env("SECRET_KEY", SECRET_KEY).env_remove("DATABASE_URL");
    if let Some(url) = url {
        demo.env("DATABASE_URL", url);
    }
    let output = demo.stderr(std::process::Stdio::inherit()).output().expect("the demo runs");
    assert!(output.status.success(), "the demo failed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Now, as the data counts it.
pub fn seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs() as i64)
}
