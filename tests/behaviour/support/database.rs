//! A database of its own for each test, made from one that has been migrated once.

use std::sync::{LazyLock, Mutex};

use client_api_access::account::Account;
use client_api_access::db;
use client_api_access::db::{DatabaseUrl, DbConnection};
use client_api_access::secrets::MasterKey;
use diesel::connection::SimpleConnection;
use tempfile::TempDir;

/// The server to make databases on, when the suite runs on PostgreSQL.
static SERVER: LazyLock<Option<url::Url>> = LazyLock::new(|| {
    let text = std::env::var("TEST_DATABASE_URL").ok().filter(|text| !text.is_empty())?;
    Some(url::Url::parse(&text).expect("TEST_DATABASE_URL is a URL"))
});

/// Whether the suite runs on PostgreSQL.
pub fn is_postgres() -> bool {
    SERVER.is_some()
}

static SQLITE_TEMPLATE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.db");
    let url = DatabaseUrl::Sqlite(path.clone());
    db::migrate(&url).unwrap();
    db::connect(&url).unwrap().batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::read(path).unwrap()
});

static POSTGRES_TEMPLATE: LazyLock<String> = LazyLock::new(|| {
    let name = format!("caa_behaviour_{}", std::process::id());
    on_server(&format!("DROP DATABASE IF EXISTS {name}"));
    on_server(&format!("CREATE DATABASE {name}"));
    db::migrate(&DatabaseUrl::parse(&postgres_url(&name)).unwrap()).unwrap();
    name
});

/// A database that nobody else uses; it goes with the value.
pub struct Database {
    /// Where it is.
    pub url: DatabaseUrl,
    /// The same as a setting.
    pub text: String,
    /// The folder for everything that lies beside it.
    pub folder: TempDir,
    name: Option<String>,
}

impl Database {
    /// A migrated, empty one.
    pub fn migrated() -> Database {
        Self::make(true)
    }

    /// One without any table.
    pub fn blank() -> Database {
        Self::make(false)
    }

    fn make(migrated: bool) -> Database {
        let folder = tempfile::tempdir().unwrap();
        if !is_postgres() {
            let path = folder.path().join("test.db");
            if migrated {
                std::fs::write(&path, &*SQLITE_TEMPLATE).unwrap();
            }
            let text = format!("sqlite:{}", path.display());
            return Database { url: DatabaseUrl::Sqlite(path), text, folder, name: None };
        }
        let name = format!("caa_behaviour_{}_{}", std::process::id(), next());
        let template = if migrated { POSTGRES_TEMPLATE.as_str() } else { "template0" };
        on_server(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        let text = postgres_url(&name);
        Database { url: DatabaseUrl::parse(&text).unwrap(), text, folder, name: Some(name) }
    }

    /// A migrated one on a PostgreSQL server of its own, with which it goes.
    pub fn at(text: &str) -> Database {
        let url = DatabaseUrl::parse(text).unwrap();
        db::migrate(&url).unwrap();
        Database { url, text: text.into(), folder: tempfile::tempdir().unwrap(), name: None }
    }

    /// The same one for another node. It goes with the first.
    pub fn shared(&self) -> Database {
        let folder = tempfile::tempdir().unwrap();
        Database { url: self.url.clone(), text: self.text.clone(), folder, name: None }
    }

    /// PostgreSQL: throws everybody out and lets nobody in, or lets them in again.
    pub fn close_to_everybody(&self, closed: bool) {
        let name = self.name.as_deref().expect("runs on PostgreSQL");
        on_server(&format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {}", !closed));
        if closed {
            on_server(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
        }
    }

    /// A connection beside the server's own. It records entries of the activity log as the server does, once that has started.
    pub fn connect(&self) -> DbConnection {
        let mut conn = db::connect(&self.url).unwrap();
        carry_key(&mut conn, super::app::KEY);
        conn
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            drop_database(name);
        }
    }
}

// PostgreSQL's own housekeeping may be looking at it, which nobody but the superuser may interrupt.
fn drop_database(name: &str) {
    for _ in 0..50 {
        if try_on_server(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).is_ok() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Gives a connection the key of the activity log, if the database has one that this secret key opens.
pub fn carry_key(conn: &mut DbConnection, secret_key: &str) {
    let master = MasterKey::from_text(secret_key).unwrap();
    if let Ok(Some(chain)) = Account::chain(conn, &master) {
        db::carry_key(conn, chain.key.of_entries());
    }
}

fn next() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn postgres_url(name: &str) -> String {
    let mut url = SERVER.clone().expect("runs on PostgreSQL");
    url.set_path(name);
    url.to_string()
}

fn on_server(sql: &str) {
    try_on_server(sql).unwrap();
}

// One at a time: a template cannot be copied while somebody looks at it.
fn try_on_server(sql: &str) -> diesel::QueryResult<()> {
    static CONNECTION: LazyLock<Mutex<DbConnection>> = LazyLock::new(|| {
        let url = DatabaseUrl::parse(SERVER.as_ref().expect("runs on PostgreSQL").as_str()).unwrap();
        Mutex::new(db::connect(&url).unwrap())
    });
    let mut conn = CONNECTION.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    conn.batch_execute(sql)
}
