//! A shop on a server process that is killed and started again on the same data.

use std::process::Command;
use std::time::{Duration, Instant};

use client_api_access::id::ClientKey;
use client_api_access::time::Clock;

use crate::registration::with;
use crate::support::oauth::{Integration, Pair, bearer, pair};
use crate::support::{Browser, Database, PASSWORD, Server, Shop, is_postgres, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_client-api-access");

/// The shop, its admin, and an integration.
pub struct FaultShop {
    /// Its database, and the folder of everything.
    pub database: Database,
    /// The process.
    pub server: Server,
    /// Its admin's browser, which keeps its session through a restart.
    pub admin: Browser,
    /// A program without cookies.
    pub program: Browser,
    /// An integration that people authorize.
    pub integration: Integration,
    env: Vec<(String, String)>,
}

impl FaultShop {
    /// Sets one up.
    pub fn start() -> FaultShop {
        Self::start_by(Command::new(PROGRAM), Database::blank())
    }

    /// The same on this database, by a command that ends in the program.
    pub fn start_by(command: Command, database: Database) -> FaultShop {
        let folder = database.folder.path().join("data");
        let server = Server::start_with(command, &database, &folder, &[]);
        let mut admin = server.set_up("ada@shop.example", PASSWORD);
        admin.may_lose = true;
        let mut program = server.browser();
        (program.origin_header, program.may_lose) = (None, true);
        // Through its pages like everything else: a record of the server's writes then has all of them.
        let integration = Integration { id: ClientKey(0), client_id: String::new(), secret: String::new() };
        let mut shop = FaultShop { database, server, admin, program, integration, env: Vec::new() };
        shop.integration = shop.register("Ledgerly").expect("a client");
        shop
    }

    /// The same shop on another database: people and programs find it at the same address.
    pub fn on(&self, database: Database) -> FaultShop {
        let public = self.admin.origin_header.clone().unwrap();
        let server = Server::start(&database, &[("PUBLIC_URL", &public)]);
        let (admin, program) = (self.admin.moved_to(&server.origin), self.program.moved_to(&server.origin));
        let integration = self.integration.clone();
        FaultShop { database, server, admin, program, integration, env: Vec::new() }
    }

    /// A connection beside the server's. It must not be open while the server is killed: the next one would then find the
    /// database in use, and recover nothing.
    pub fn shop(&self) -> Shop {
        open(&self.database)
    }

    /// Registers a client on its page; nothing when the server is gone meanwhile.
    pub fn register(&self, name: &str) -> Option<Integration> {
        let mut admin = self.admin.clone();
        let form = admin.get("/settings/client-api-access/register");
        (form.status == 200).then_some(())?;
        let shown = admin.submit(&form, "/register", &with(&[("name", name)]));
        (shown.status == 200).then_some(())?;
        let page = shown.link("I have copied it")?;
        let text = |id: &str| shown.texts(id).into_iter().next();
        let id = ClientKey(page.rsplit('/').next()?.parse().ok()?);
        Some(Integration { id, client_id: text("#public-id")?, secret: text("#secret")? })
    }

    /// Kills the server, starts it again, and returns how long it took until it was ready.
    pub fn restart(&mut self) -> Duration {
        self.restart_by(Command::new(PROGRAM))
    }

    /// The same by a command that ends in the program.
    pub fn restart_by(&mut self, command: Command) -> Duration {
        self.server.kill();
        let mut env: Vec<(&str, &str)> = self.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // Cookies are named after the port that people use.
        let public = self.admin.origin_header.clone().unwrap();
        env.push(("PUBLIC_URL", &public));
        let begun = Instant::now();
        let folder = self.database.folder.path().join("data");
        self.server = Server::start_with(command, &self.database, &folder, &env);
        self.admin = self.admin.moved_to(&self.server.origin);
        self.program = self.program.moved_to(&self.server.origin);
        while self.program.get("/readyz").status != 200 {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is ready: {}", self.server.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        begun.elapsed()
    }

    /// Whether an access token works.
    pub fn works(&self, token: &str) -> bool {
        let answer = self.program.clone().send("GET", "/auth/oauth/verify", &[bearer(token)], "");
        assert!([204, 401].contains(&answer.status), "verify: {} {}", answer.status, answer.body);
        answer.status == 204
    }

    /// Refreshes: the new pair, if the token is good.
    pub fn refresh(&self, integration: &Integration, token: &str) -> Option<Pair> {
        let answer = self.program.clone().post("/auth/oauth/token", &integration.refresh_request(token));
        assert!([200, 400, 401].contains(&answer.status), "refresh: {} {}", answer.status, answer.body);
        (answer.status == 200).then(|| pair(&answer))
    }

    /// What must be true of any database whose server was killed: it is sound, every act has its entry, every entry its act.
    pub fn assert_sound(&self) {
        let mut shop = self.shop();
        if !is_postgres() {
            assert_eq!(shop.words("SELECT integrity_check AS word FROM pragma_integrity_check"), ["ok"]);
            assert_eq!(shop.number("SELECT COUNT(*) FROM pragma_foreign_key_check"), 0);
        }
        let entries = |kind: &str| format!("SELECT COUNT(*) FROM activity WHERE kind = '{kind}'");
        let invited = shop.number(&entries("employee invited"));
        assert_eq!(shop.number("SELECT COUNT(*) FROM employees WHERE password_hash IS NULL"), invited, "invitations");
        assert_eq!(shop.number("SELECT COUNT(*) FROM one_time_links WHERE employee_id IS NOT NULL"), invited, "links");
        let clients = format!("(SELECT COUNT(*) FROM clients) + ({})", entries("client revoked"));
        assert_eq!(shop.number(&clients), shop.number(&entries("client registered")), "registrations");
        // Of grants whose access token has not expired since.
        let recently = shop.now().plus(-1800).0;
        let loose = format!(
            "SELECT COUNT(*) FROM refresh_tokens r WHERE revoked_at IS NULL AND rotated_at > {recently} AND NOT EXISTS \
             (SELECT 1 FROM access_tokens a WHERE a.refresh_token_id = r.id)"
        );
        assert_eq!(shop.number(&loose), 0, "every grant has its access token");
    }

    /// The chain over the activity log, as the command checks it.
    pub fn assert_chain(&self) {
        let folder = self.database.folder.path().join("data");
        let mut env = vec![("DATA_DIR", folder.to_str().unwrap())];
        if is_postgres() {
            env.extend([("DATABASE_URL", self.database.text.as_str()), ("SECRET_KEY", Server::KEY)]);
        }
        let checked = run(&["verify-activity"], &env);
        assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    }
}

fn open(database: &Database) -> Shop {
    let now = Clock::System.now();
    match is_postgres() {
        true => Shop::open(database, now),
        false => Shop::at_file(&database.folder.path().join("data/client-api-access.db")).at_moment(now),
    }
}
