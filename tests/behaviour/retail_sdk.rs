//! lightspeed-retail-sdk, which others wrote, as it is: it calls Lightspeed's two hosts by name over TLS, and finds this
//! server and an API behind nginx there. `scripts/test clients` runs it.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;

use client_api_access::scopes::Role;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::foreign_clients::folder;
use crate::gateway::Nginx;
use crate::support::TestApp;
use crate::support::foreign::{Running, node};

const HOSTS: [&str; 2] = ["cloud.lightspeedapp.com", "api.lightspeedapp.com"];

// Both hosts: the server answers below /auth/ and for the account; the API answers the rest, after the server was asked.
const FRONT: &str = "
server {
    listen FRONT ssl;
    server_name cloud.lightspeedapp.com api.lightspeedapp.com;
    ssl_certificate front.pem;
    ssl_certificate_key front.key;
    location /auth/ { proxy_pass http://SERVER; }
    location /API/ {
        auth_request /verify;
        proxy_pass http://API;
    }
    location ~ ^/API/V3/Account(/1)?(\\.json)?$ { proxy_pass http://SERVER; }
    location = /verify {
        internal;
        proxy_pass http://SERVER/auth/oauth/verify?scope=employee:inventory_read;
        proxy_pass_request_body off;
        proxy_set_header Content-Length \"\";
    }
}
";

// A certificate for both hosts; returns the authority that signed it, in PEM.
fn certify(folder: &Path) -> String {
    let mut authority = CertificateParams::default();
    // Not the default, which the other one has: that would seem to have signed itself.
    authority.distinguished_name.push(DnType::CommonName, "Somebody to trust");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(HOSTS.map(str::to_string)).unwrap();
    let own = params.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    std::fs::write(folder.join("front.pem"), own.pem()).unwrap();
    std::fs::write(folder.join("front.key"), key.serialize_pem()).unwrap();
    root.pem()
}

/// An API with three items on two pages.
fn items() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut head).is_ok_and(|n| n > 2) {}
            let body = match head.contains("after=2") {
                false => {
                    r#"{"@attributes":{"next":"https://api.lightspeedapp.com/API/V3/Account/1/Item.json?after=2"},
                    "Item":[{"itemID":"1","description":"Oars"},{"itemID":"2","description":"Rope"}]}"#
                }
                true => r#"{"@attributes":{"next":""},"Item":{"itemID":"3","description":"Anchor"}}"#,
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    address
}

#[test]
#[ignore = "scripts/test clients runs it"]
fn the_retail_sdk_reads_the_account_and_items_refreshes_and_is_refused_after_a_revocation() {
    let clients = folder();
    let app = TestApp::start();
    let integration = app.shop().integration_without_pkce("Ledgerly");
    let (mut browser, _) = app.sign_in_as(Role::Admin);
    let granted = integration.grant(&app, &mut browser);
    let front = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("authority.pem"), certify(folder.path())).unwrap();
    let mut config = FRONT.to_string();
    for (name, address) in [("FRONT", front), ("SERVER", app.state.config.listen), ("API", items())] {
        // Only where an address stands: "API" is also part of a path.
        config = config.replace(&format!("listen {name} "), &format!("listen {address} "));
        config = config.replace(&format!("http://{name}"), &format!("http://{address}"));
    }
    let _nginx = Nginx::start(folder.path(), &config, front);

    let mut sdk = node(&clients);
    sdk.arg("--import").arg(clients.join("lightspeed_hosts.js")).arg(clients.join("retail_sdk.js"));
    sdk.env("NODE_EXTRA_CA_CERTS", folder.path().join("authority.pem"));
    sdk.env("TLS_PORT", front.port().to_string()).env("REFRESH_TOKEN", &granted.refresh_token).env("NO_PROXY", "*");
    sdk.env("CLIENT_ID", &integration.client_id).env("CLIENT_SECRET", &integration.secret);
    // Its own reports about refusals are long.
    let sdk = sdk.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut sdk = Running(sdk.unwrap());
    let mut input = sdk.0.stdin.take().unwrap();
    let mut steps = Vec::new();
    for line in BufReader::new(sdk.0.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("REVOKE", _) => app.shop().sql("UPDATE clients SET suspended_at = 1"),
            (_, step) if step.starts_with("exchanged ") || step.starts_with("refreshed ") => {
                let (step, token) = step.split_once(' ').unwrap();
                assert!(app.works(token), "{step}: its access token works");
                steps.push(step.to_string());
            }
            (_, step) => steps.push(step.to_string()),
        }
        writeln!(input).unwrap();
    }

    assert!(sdk.0.wait().unwrap().success(), "it ended well after {steps:?}");
    let (account, all) = ("called Harbour & Pine", "listed Oars+Rope+Anchor");
    let before = [account, "exchanged", all, account, "refreshed", "rotated true"];
    assert_eq!(steps, [&before[..], &["called nothing", "listed "]].concat());
}
