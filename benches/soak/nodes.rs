//! Three nodes on one PostgreSQL, and the connections in it.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client_api_access::connections::state;
use client_api_access::connections::state::{Authorized, TransitionContext};
use client_api_access::connections::{ApiType, Connection, ConnectionFields, OAuthClient, ServiceKey, Status};
use client_api_access::db;
use client_api_access::db::{DatabaseUrl, DbConnection};
use client_api_access::employees::{Employee, NewEmployee};
use client_api_access::id::ConnectionKey;
use client_api_access::schema::connections;
use client_api_access::scopes::Role;
use client_api_access::secrets::MasterKey;
use client_api_access::secrets::sealed::Vault;
use client_api_access::time::Clock;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::provider::Provider;

/// The server's program, as Cargo built it for this benchmark.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_client-api-access");
/// The data is made up, so its key may be public.
pub const SECRET_KEY: &str = "the data of a soak needs no real secret";
const NODES: usize = 3;

/// A server process, killed on drop.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A free port.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Waits until a server is ready.
pub fn wait_until_ready(address: SocketAddr) {
    let begun = Instant::now();
    while ureq::get(format!("http://{address}/readyz")).call().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the server at {address} is ready");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// All of them.
pub struct Nodes {
    url: String,
    folder: TempDir,
    running: Vec<(SocketAddr, Option<Process>)>,
    conn: DbConnection,
}

impl Nodes {
    /// Starts the nodes on a new database of the PostgreSQL server `server`.
    pub fn start(server: &str) -> Nodes {
        let name = format!("soak_{}", std::process::id());
        let mut admin = db::connect(&DatabaseUrl::parse(server).expect("a database URL")).expect("PostgreSQL answers");
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).expect("a new database");
        let mut url = url::Url::parse(server).expect("a URL");
        url.set_path(&name);
        let url = url.to_string();
        let database = DatabaseUrl::parse(&url).expect("a database URL");
        db::migrate(&database).expect("a schema");
        let conn = db::connect(&database).expect("the new database answers");
        let folder = tempfile::tempdir().expect("a folder");
        let mut nodes = Nodes { url, folder, running: Vec::new(), conn };
        for n in 0..NODES {
            let address = free_address();
            nodes.running.push((address, None));
            nodes.run(n);
        }
        nodes.running.iter().for_each(|(address, _)| wait_until_ready(*address));
        nodes
    }

    fn run(&mut self, n: usize) {
        let address = self.running[n].0;
        let log = File::options().create(true).append(true).open(self.folder.path().join(format!("{n}.log")));
        let child = Command::new(PROGRAM)
            .args(["serve", "--log-level", "warn", "--outbound-private", "on", "--listen", &address.to_string()])
            .arg("--data-dir")
            .arg(self.folder.path())
            .env("DATABASE_URL", &self.url)
            .env("SECRET_KEY", SECRET_KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("the server starts");
        self.running[n].1 = Some(Process(child));
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.running.len()
    }

    /// Where they are.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.running.iter().map(|(address, _)| *address).collect()
    }

    /// The database.
    pub fn conn(&mut self) -> &mut DbConnection {
        &mut self.conn
    }

    /// Kills one with SIGKILL and starts it again.
    pub fn kill_and_restart(&mut self, turn: usize) {
        let n = turn % NODES;
        self.running[n].1 = None;
        std::thread::sleep(Duration::from_millis(500));
        self.run(n);
    }

    /// Creates the connections, with a service key for each.
    pub fn connect(&mut self, provider: &Provider, count: usize, seconds: i64) -> Vec<(ConnectionKey, String)> {
        let key = MasterKey::from_text(SECRET_KEY).expect("long enough");
        let transition_context = TransitionContext { vault: Vault::new(&key, None) };
        let conn = &mut self.conn;
        let now = Clock::System.now();
        let new = NewEmployee { name: "Ada Admin", email: "ada@soak.example", role: Role::Admin, password_hash: None };
        let by = Employee::create(conn, &new, now).expect("an admin");
        let of = (ApiType::Other, "soak");
        let client =
            OAuthClient::create(conn, &transition_context.vault, of, &provider.client(), provider.secret(), now);
        let client = client.expect("a client");
        let authorized = Authorized {
            account_id: String::new(),
            account_name: String::new(),
            by,
            by_name: "Ada Admin".into(),
            client_ip: String::new(),
        };
        // Adopt tokens as they are issued, or the first would expire before the last are created.
        let mut keys = Vec::new();
        for n in 0..count.div_ceil(100) {
            for pair in provider.grants((count - n * 100).min(100)) {
                let now = Clock::System.now();
                let fields = ConnectionFields { name: format!("Connection {}", keys.len()), ..Default::default() };
                let connection = Connection::create(conn, client.id, &fields, now).expect("a connection");
                let reply = json!({ "access_token": pair.0, "refresh_token": pair.1, "expires_in": seconds });
                let reply = serde_json::from_value(reply).expect("tokens");
                state::authorize(conn, &transition_context, (&connection, &client), &reply, &authorized, now)
                    .expect("adopted");
                let key = ServiceKey::create(conn, connection.id, ("Soak", "Ada"), now).expect("a key");
                keys.push((connection.id, key.expose().to_string()));
            }
        }
        keys
    }

    /// The number of connections in each state.
    pub fn states(&mut self) -> Vec<(Status, usize)> {
        let all: Vec<Connection> =
            connections::table.select(Connection::as_select()).load(&mut self.conn).expect("the connections");
        let count = |status: Status| all.iter().filter(|connection| connection.status() == status).count();
        Status::ALL.iter().map(|status| (*status, count(*status))).collect()
    }

    /// The same in one line.
    pub fn in_short(&mut self) -> String {
        let states = self.states().into_iter().filter(|(_, n)| *n > 0);
        states.map(|(status, n)| format!("{} {n}", status.word())).collect::<Vec<_>>().join(", ")
    }
}
