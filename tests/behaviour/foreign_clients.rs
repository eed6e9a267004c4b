//! OAuth 2.0 clients that others wrote, each as a program of its own: `scripts/test clients` installs them and names
//! their folder in FOREIGN_CLIENTS. They are ignored in other runs.
//!
//! A client prints a line and waits for one back. `AUTHORIZE <url>` is answered with the address its browser was sent to;
//! `OK <step> <value>` with nothing, once the step has been checked against the server.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use client_api_access::scopes::Role;

use crate::support::foreign::{Running, installed, node};
use crate::support::oauth::{Integration, SCOPE, mark_lightspeed_approved};
use crate::support::records::REDIRECT_URI;
use crate::support::{Browser, TestApp};

/// The folder of the installed clients.
pub fn folder() -> PathBuf {
    installed("FOREIGN_CLIENTS")
}

// Plays the browser's part and checks each step; returns the steps in their order.
fn play(app: &TestApp, integration: &Integration, browser: &mut Browser, command: &mut Command) -> Vec<String> {
    let mut client = Running(
        command
            .env("ISSUER", app.origin())
            .env("CLIENT_ID", &integration.client_id)
            .env("CLIENT_SECRET", &integration.secret)
            .env("REDIRECT_URI", REDIRECT_URI)
            .env("SCOPE", SCOPE)
            // What it asks for goes to loopback.
            .env("NO_PROXY", "*")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut input = client.0.stdin.take().unwrap();
    let output = BufReader::new(client.0.stdout.take().unwrap());
    let (mut steps, mut tokens) = (Vec::new(), Vec::<String>::new());
    for line in output.lines() {
        let line = line.unwrap();
        let mut words = line.splitn(3, ' ');
        let mut answer = String::new();
        match (words.next(), words.next(), words.next().unwrap_or_default()) {
            (Some("AUTHORIZE"), Some(url), _) => {
                let page = browser.open(url.strip_prefix(app.origin()).expect("an address of the server"));
                // A browser keeps the fragment to itself.
                answer = mark_lightspeed_approved(browser, &page).location().trim_end_matches('#').to_string();
                assert!(answer.starts_with(REDIRECT_URI), "{answer}");
            }
            (Some("OK"), Some(step), value) => {
                match step {
                    "exchanged" | "refreshed" => {
                        assert!(app.works(value), "{step}: its access token works");
                        tokens.push(value.to_string());
                    }
                    "called" => assert_eq!(value, "Harbour & Pine"),
                    "introspected" | "described" => assert_eq!(value, "true"),
                    "revoked" => assert!(!tokens.iter().any(|token| app.works(token)), "nothing of the grant works"),
                    "refused" => assert_eq!(value, "invalid_grant"),
                    _ => panic!("an unknown step: {line}"),
                }
                steps.push(step.to_string());
            }
            _ => panic!("an unknown line: {line}"),
        }
        writeln!(input, "{answer}").unwrap();
    }
    drop(input);
    assert!(client.0.wait().unwrap().success(), "it ended well after {steps:?}");
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM refresh_tokens"), 0);
    steps
}

#[test]
#[ignore = "scripts/test clients runs it"]
fn openid_client_for_node_and_authlib_for_python_work_as_they_are() {
    let folder = folder();
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (mut browser, _) = app.sign_in_as(Role::Manager);
    let all = ["exchanged", "called", "refreshed", "introspected", "revoked", "refused"];

    let mut openid = node(&folder);
    let steps = play(&app, &integration, &mut browser, openid.arg(folder.join("openid_client.js")));
    let with_userinfo =
        ["exchanged", "called", "refreshed", "described", "described", "introspected", "revoked", "refused"];
    assert_eq!(steps, with_userinfo);

    let mut authlib = Command::new(folder.join(".venv/bin/python"));
    let steps = play(&app, &integration, &mut browser, authlib.arg(folder.join("authlib_client.py")));
    assert_eq!(steps, all);
}

#[test]
#[ignore = "scripts/test clients runs it"]
fn simple_oauth2_for_node_works_with_json_bodies_and_without_pkce() {
    let folder = folder();
    let app = TestApp::start();
    let integration = app.shop().integration_without_pkce("Ledgerly");
    // With two it has to say which, at both endpoints.
    app.shop().redirect_uri(&integration, "https://app.example/other");
    let (mut browser, _) = app.sign_in_as(Role::Manager);

    let mut simple = node(&folder);
    let steps = play(&app, &integration, &mut browser, simple.arg(folder.join("simple_oauth2.js")));

    assert_eq!(steps, ["exchanged", "refreshed", "revoked", "refused"]);
}
