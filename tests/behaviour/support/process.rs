//! The program itself, as a process of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client_api_access::connections::state::TransitionContext;
use client_api_access::db;
use client_api_access::db::{DatabaseUrl, DbConnection};
use client_api_access::secrets::MasterKey;
use client_api_access::secrets::sealed::Vault;

use super::browser::Browser;
use super::database::{Database, carry_key, is_postgres};

const PROGRAM: &str = env!("CARGO_BIN_EXE_client-api-access");
const KEY: &str = Server::KEY;

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

// Nothing of the machine's own settings.
fn command(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).env_clear().envs(env.iter().copied()).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(args: &[&str], env: &[(&str, &str)]) -> Finished {
    let output = command(args, env).output().unwrap();
    Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Starts a command; its standard output can be read while it runs.
pub fn spawn(args: &[&str], env: &[(&str, &str)]) -> Child {
    command(args, env).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A server in a process of its own; it is killed with the value.
pub struct Server {
    child: Child,
    /// The address people type.
    pub origin: String,
    /// The one-time link on its console, when it was empty.
    pub set_up_link: String,
    log: PathBuf,
}

impl Server {
    /// The secret key of every one on PostgreSQL.
    pub const KEY: &str = "a key for the processes under test only";

    /// Starts one on its own data in `folder`, with the database given.
    pub fn start(database: &Database, env: &[(&str, &str)]) -> Server {
        let folder = database.folder.path().join("data");
        Self::start_with(Command::new(PROGRAM), database, &folder, env)
    }

    /// Starts one by a command that ends in the program: with limits set around it.
    pub fn start_with(mut command: Command, database: &Database, folder: &Path, env: &[(&str, &str)]) -> Server {
        let port = free_port();
        let origin = format!("http://127.0.0.1:{port}");
        let log = database.folder.path().join("server.log");
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data-dir", folder.to_str().unwrap()]);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(env.iter().copied());
        if is_postgres() {
            command.env("DATABASE_URL", &database.text).env("SECRET_KEY", KEY);
        }
        let console = database.folder.path().join("server.console");
        let (out, err) = (std::fs::File::create(&console).unwrap(), std::fs::File::create(&log).unwrap());
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        let mut server = Server { child, origin, set_up_link: String::new(), log };
        server.wait();
        let console = std::fs::read_to_string(console).unwrap();
        let link = console.lines().map(str::trim).find(|line| line.starts_with("http"));
        server.set_up_link = link.unwrap_or_default().to_string();
        server
    }

    // The link goes to the console first; when this is logged, everything is there.
    fn wait(&mut self) {
        let begun = Instant::now();
        while !self.log().contains("listening on") {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(20), "the server starts: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A browser nobody is signed in with.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// Sets the shop up by the link on the console; the browser of its first admin.
    pub fn set_up(&self, email: &str, password: &str) -> Browser {
        let mut browser = self.browser();
        let path = self.set_up_link.trim_start_matches(&self.origin).to_string();
        let form = browser.open(&path);
        let fields = [
            ("shop", "Harbour & Pine"),
            ("zone", "Europe/Stockholm"),
            ("name", "Ada Admin"),
            ("email", email),
            ("password", password),
            ("again", password),
        ];
        let done = browser.submit(&form, &path, &fields);
        assert_eq!(done.status, 303, "{}", done.text());
        browser
    }

    /// Its own database, and what connections in it are sealed with.
    pub fn data(&self, database: &Database) -> (DbConnection, TransitionContext) {
        let folder = database.folder.path().join("data");
        let (conn, key) = match is_postgres() {
            true => (database.connect(), KEY.to_string()),
            false => {
                let url = DatabaseUrl::Sqlite(folder.join("client-api-access.db"));
                (db::connect(&url).unwrap(), std::fs::read_to_string(folder.join("secret.key")).unwrap())
            }
        };
        let mut conn = conn;
        carry_key(&mut conn, key.trim());
        let vault = Vault::new(&MasterKey::from_text(&key).unwrap(), None);
        (conn, TransitionContext { vault })
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended.
    pub fn stopped(&mut self) {
        self.child.wait().unwrap();
    }

    /// Kills it as `kill -9` does, if it still runs, and waits until it is gone.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) -> i32 {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
