//! The processes beside the load: the server under test, and a bare "hello" to compare with.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::http::Connection;

/// The server's program, as Cargo built it for this benchmark.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_client-api-access");
/// The data is made up, so its key may stand here.
pub const SECRET_KEY: &str = "the data of a benchmark needs no real secret";
/// The argument with which this benchmark starts itself as the "hello" server.
pub const HELLO: &str = "--hello";
/// The argument with which it starts itself as the server that looks one row up.
pub const LOOKUP: &str = "--lookup";
// Where that server finds the database.
const DATABASE: &str = "BENCH_LOOKUP_DATABASE";

/// A process that listens; it ends with this value.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// The program on the data in `folder`, or in the PostgreSQL database at `url`, with these settings in addition.
    pub fn start(folder: &Path, url: Option<&str>, settings: &[(&str, &str)]) -> Server {
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--log-level", "error", "--data-dir"]).arg(folder);
        command.env("SECRET_KEY", SECRET_KEY).env_remove("DATABASE_URL");
        // Cached data grows older: nothing is to be deleted while something else is measured.
        command.env("KEEP_EXPIRED_DAYS", "3650").envs(settings.iter().copied());
        if let Some(url) = url {
            command.env("DATABASE_URL", url);
        }
        let address = free_address();
        command.arg("--listen").arg(address.to_string());
        Self::run(command, address, "/readyz")
    }

    /// Actix answering `hello`, in as many threads as the program has.
    pub fn hello() -> Server {
        let mut command = Command::new(std::env::current_exe().expect("our own path"));
        let address = free_address();
        command.arg(HELLO).arg(address.to_string());
        Self::run(command, address, "/")
    }

    /// Actix looking one row up, on the data in `folder` or in the PostgreSQL database at `url`.
    pub fn lookup(folder: &Path, url: Option<&str>) -> Server {
        let mut command = Command::new(std::env::current_exe().expect("our own path"));
        let file = format!("sqlite:{}", folder.join("client-api-access.db").display());
        command.env(DATABASE, url.unwrap_or(&file));
        let address = free_address();
        command.arg(LOOKUP).arg(address.to_string());
        Self::run(command, address, "/")
    }

    fn run(mut command: Command, address: SocketAddr, ready: &str) -> Server {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the server starts");
        let server = Server { child, address };
        let request = format!("GET {ready} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        let begun = Instant::now();
        loop {
            let ready = Connection::open(address).and_then(|mut to| Ok(to.send(request.as_bytes())?.status == 200));
            if ready.is_ok_and(|ready| ready) {
                return server;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "the server is not ready after 30 s");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The time its threads have spent on a processor.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the server runs");
        // Behind the name, which may hold anything: fields 14 and 15, in ticks of a hundredth of a second.
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap_or(0)..].split(' ').collect();
        let ticks = |n: usize| fields.get(n).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
        Duration::from_millis(10 * (ticks(12) + ticks(13)))
    }

    /// Its memory in MB: now, and at its highest.
    pub fn memory(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the server runs");
        let kib = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0)
        };
        (kib("VmRSS:") * 1024.0 / 1e6, kib("VmHWM:") * 1024.0 / 1e6)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Runs the "hello" server in this process.
pub fn serve_hello(address: &str) {
    use actix_web::{App, HttpServer, rt, web};
    let app = || App::new().route("/", web::get().to(async || "hello"));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let server = HttpServer::new(app).workers(threads).bind(address).expect("the port is free").run();
    rt::System::new().block_on(server).expect("it serves");
}

/// Runs the server that looks one row up in this process: `/here/TOKEN` in the thread that serves the request,
/// `/there/TOKEN` in another.
pub fn serve_lookup(address: &str) {
    use actix_web::{App, HttpResponse, HttpServer, rt, web};
    use client_api_access::db::{Db, DbConnection};
    use client_api_access::error::Result;
    use client_api_access::schema::access_tokens;
    use client_api_access::secrets::TokenHash;
    use diesel::prelude::*;

    fn find(conn: &mut DbConnection, hash: &TokenHash) -> Result<i64> {
        Ok(access_tokens::table.filter(access_tokens::hash.eq(hash)).select(access_tokens::id).get_result(conn)?)
    }
    fn answer(found: Result<i64>) -> HttpResponse {
        match found {
            Ok(_) => HttpResponse::NoContent().finish(),
            Err(_) => HttpResponse::NotFound().finish(),
        }
    }
    async fn here(db: web::Data<Db>, token: web::Path<String>) -> HttpResponse {
        let hash = TokenHash::of(&token);
        answer(db.lookup(move |conn| find(conn, &hash)).await)
    }
    async fn there(db: web::Data<Db>, token: web::Path<String>) -> HttpResponse {
        let hash = TokenHash::of(&token);
        answer(db.read(move |conn| find(conn, &hash)).await)
    }

    let url = std::env::var(DATABASE).expect("the database is named");
    let url = client_api_access::db::DatabaseUrl::parse(&url).expect("a database URL");
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    // As the program has it.
    let db = web::Data::new(Db::open(&url, 8).expect("the database opens"));
    let app = move || {
        App::new()
            .app_data(db.clone())
            .route("/", web::get().to(async || "ready"))
            .route("/here/{token}", web::get().to(here))
            .route("/there/{token}", web::get().to(there))
    };
    let blocking = 8_usize.div_ceil(threads).max(2) + 2;
    let server = HttpServer::new(app).workers(threads).worker_max_blocking_threads(blocking);
    rt::System::new().block_on(server.bind(address).expect("the port is free").run()).expect("it serves");
}
