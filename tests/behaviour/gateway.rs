//! `docs/nginx.conf` in a real nginx, between callers and an API that believes its headers. `scripts/test clients` runs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client_api_access::employees::Employee;
use client_api_access::scopes::Role;

use crate::support::oauth::bearer;
use crate::support::{Browser, Grant, Page, Person, TestApp};

const CONFIG: &str = include_str!("../../docs/nginx.conf");

const MAIN: &str = "daemon off; master_process off; pid nginx.pid; error_log error.log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include api.conf;
}
";

/// nginx with its files in a folder of its own; it ends with the value.
pub struct Nginx(Child);

impl Nginx {
    /// Starts it in `folder` with servers of `config`, and waits until it listens on `address`.
    pub fn start(folder: &Path, config: &str, address: SocketAddr) -> Nginx {
        std::fs::write(folder.join("nginx.conf"), MAIN).unwrap();
        std::fs::write(folder.join("api.conf"), config).unwrap();
        let mut path = std::env::var_os("PATH").unwrap_or_default();
        path.push(":/usr/sbin");
        let mut command = Command::new("nginx");
        command.env("PATH", path).arg("-p").arg(folder).args(["-e", "error.log", "-c", "nginx.conf"]);
        let nginx = Nginx(command.stdin(Stdio::null()).spawn().expect("nginx is installed"));
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let log = || std::fs::read_to_string(folder.join("error.log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(10), "nginx starts: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// An API that answers with the request as it arrived: its first line and its headers.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let (mut head, mut length) = (String::new(), 0);
                while let Ok(2..) = reader.read_line(&mut head) {
                    let line = head.lines().last().unwrap_or_default().to_ascii_lowercase();
                    if let Some(value) = line.strip_prefix("content-length: ") {
                        length = value.parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let status = if head.contains("/fails ") { "500 Failed" } else { "200 OK" };
                let length = head.len();
                let answer =
                    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{head}");
                drop(reader.get_mut().write_all(answer.as_bytes()));
            });
        }
    });
    address
}

struct Gateway {
    app: TestApp,
    person: Person,
    grant: Grant,
    caller: Browser,
    address: SocketAddr,
    nginx: Nginx,
    _folder: tempfile::TempDir,
}

impl Gateway {
    fn start() -> Gateway {
        let app = TestApp::start_with(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
        let mut shop = app.shop();
        let (client, person) = (shop.client("Ledgerly"), shop.employee("Mona Manager", Role::Manager));
        let scope = "employee:inventory employee:reports employee:register_read";
        let grant = shop.grant_scope(client, &person, scope);
        // One that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut config = CONFIG.to_string();
        for (from, to) in [("8080", app.state.config.listen), ("9000", echo()), ("8000", address)] {
            let from = format!("127.0.0.1:{from};");
            assert_eq!(config.matches(&from).count(), 1, "{from}");
            config = config.replace(&from, &format!("{to};"));
        }
        let folder = tempfile::tempdir().unwrap();
        let nginx = Nginx::start(folder.path(), &config, address);
        let mut caller = Browser::new(&format!("http://{address}"));
        caller.origin_header = None;
        Gateway { app, person, grant, caller, address, nginx, _folder: folder }
    }

    fn get(&mut self, path: &str, headers: &[(String, String)]) -> Page {
        self.caller.send("GET", path, headers, "")
    }

    fn call(&mut self, path: &str) -> Page {
        let header = bearer(&self.grant.access_token);
        self.get(path, &[header])
    }

    // Whatever bytes, as nobody's library would send them; the status.
    fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.split(' ').nth(1).unwrap_or_default().to_string()
    }
}

#[test]
#[ignore = "scripts/test clients runs it"]
fn behind_nginx_the_api_sees_who_it_is_whatever_the_caller_claims() {
    let mut gateway = Gateway::start();
    let client_id = gateway.app.shop().word("SELECT client_id AS word FROM clients");
    let forged = ["Client-Id", "Employee-Id", "Account-Id", "Token-Type", "Scope", "Expires-At"];
    let mut headers: Vec<(String, String)> =
        forged.iter().map(|name| (format!("X-Auth-{name}"), "forged".into())).collect();
    headers.push(("x_auth_client_id".into(), "forged".into()));
    headers.push(("x-forwarded-for".into(), "198.51.100.66".into()));
    headers.push(bearer(&gateway.grant.access_token));

    for path in ["/inventory/items?page=2", "/hours/", "/reports/day"] {
        let seen = gateway.get(path, &headers);
        assert_eq!(seen.status, 200, "{}", seen.body);
        assert!(seen.body.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{}", seen.body);
        let lines: Vec<String> = seen.body.lines().map(str::to_ascii_lowercase).collect();
        let all = |name: &str| {
            let prefix = format!("{name}: ");
            lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_string).collect::<Vec<_>>()
        };
        assert_eq!(all("x-auth-client-id"), [client_id.to_lowercase()]);
        assert_eq!(all("x-auth-employee-id"), [gateway.person.id.to_string()]);
        assert_eq!(all("x-auth-account-id"), ["1"]);
        assert_eq!(all("x-auth-token-type"), ["access_token"]);
        assert_eq!(all("x-auth-scope"), ["employee:inventory employee:reports employee:register_read"]);
        assert_eq!(all("x-auth-expires-at"), [gateway.app.now().plus(3600).0.to_string()]);
        assert!(!seen.body.contains("forged"), "{}", seen.body);
        assert!(!seen.body.contains(&gateway.grant.access_token), "the token stays at the gateway");
    }
    let from = gateway.app.shop().word("SELECT last_used_address AS word FROM access_tokens");
    assert_eq!(from, "127.0.0.1", "nginx says who calls");
    let posted = gateway.caller.send("POST", "/inventory/items", &[bearer(&gateway.grant.access_token)], "a body");
    assert!(posted.status == 200 && posted.body.starts_with("POST /inventory/items "), "{}", posted.body);
    assert_eq!(gateway.call("/inventory/fails").status, 500, "what the API says is passed on");
}

#[test]
#[ignore = "scripts/test clients runs it"]
fn behind_nginx_a_bad_token_is_a_401_and_a_missing_scope_a_403() {
    let mut gateway = Gateway::start();
    let challenge = |page: &Page| -> Vec<String> {
        let all = page.headers.iter().filter(|(name, _)| name == "www-authenticate");
        all.map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(gateway.call("/reports/day").status, 200);

    let none = gateway.get("/inventory/items", &[]);
    assert_eq!((none.status, challenge(&none)), (401, vec!["Bearer realm=\"api\"".to_string()]));
    assert_eq!(none.json()["error"], "access_denied");
    assert_eq!(none.header("content-type"), Some("application/json"));
    let bad = gateway.get("/inventory/items", &[bearer("nonsense")]);
    assert_eq!((bad.status, challenge(&bad)), (401, vec!["Bearer realm=\"api\", error=\"invalid_token\"".to_string()]));
    let odd = gateway.get("/inventory/items", &[("authorization".into(), "Basic eDp5".into())]);
    assert_eq!(odd.status, 401, "{}", odd.body);

    Employee::set_role(gateway.app.shop().conn(), gateway.person.id, Role::Staff).unwrap();
    let missing = gateway.call("/reports/day");
    assert_eq!(missing.status, 403, "{}", missing.body);
    let expected =
        "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"employee:reports employee:register_read\"";
    assert_eq!(challenge(&missing), [expected]);
    assert_eq!(missing.json()["error"], "insufficient_scope");
    assert_eq!(gateway.call("/inventory/items").status, 200, "the rest goes on");
    assert_eq!(gateway.call("/elsewhere").status, 404, "what is not named does not exist");
    assert_eq!(gateway.call("/verify").status, 404, "nobody asks from outside");

    for path in ["/hours/../reports/day", "/hours/..%2freports/day", "//reports//day", "/hours/./%2e%2e/reports/day"] {
        let status = gateway.raw(&format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
            gateway.grant.access_token
        ));
        assert_eq!(status, "403", "{path} is what it leads to");
    }

    gateway.app.shop().lock(&gateway.person);
    assert_eq!(gateway.call("/inventory/items").status, 401, "on its next request");
}

#[test]
#[ignore = "scripts/test clients runs it"]
fn i8_behind_nginx_a_request_of_two_lengths_is_refused() {
    let gateway = Gateway::start();
    let post = |headers: &str, body: &str| {
        let token = &gateway.grant.access_token;
        gateway.raw(&format!(
            "POST /inventory/items HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{headers}\r\n\r\n{body}"
        ))
    };

    assert_eq!(post("content-length: 4", "abcd"), "200", "this is how it should be");
    assert_eq!(post("transfer-encoding: chunked", "4\r\nabcd\r\n0\r\n\r\n"), "200");
    assert_eq!(post("content-length: 4\r\ntransfer-encoding: chunked", "0\r\n\r\n"), "400");
    assert_eq!(post("transfer-encoding: chunked\r\ncontent-length: 4", "0\r\n\r\n"), "400");
    assert_eq!(post("content-length: 4\r\ncontent-length: 5", "abcde"), "400");
    assert_eq!(post("content-length: 4\r\ncontent-length: 4", "abcd"), "400");
    assert_eq!(post("transfer-encoding: chunked", "zz\r\nabcd\r\n0\r\n\r\n"), "400");
    assert!(["400", "501"].contains(&post("transfer-encoding: chunked, identity", "0\r\n\r\n").as_str()));
}

#[test]
#[ignore = "scripts/test clients runs it"]
fn nginx_refuses_every_request_while_the_server_is_down() {
    let mut gateway = Gateway::start();
    assert_eq!(gateway.call("/hours/").status, 200);
    let Gateway { app, grant, mut caller, nginx, .. } = gateway;
    drop(app);

    let answer = caller.send("GET", "/hours/", &[bearer(&grant.access_token)], "");

    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{}", answer.body);
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    drop(nginx);
}
