//! Authorization servers that others wrote, each as a program of its own, and somebody who signs in there.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use url::Url;

use crate::support::Browser;
use crate::support::foreign::{Running, installed, node};

/// One of `tests/providers`; it ends with the value.
pub struct NodeProvider {
    /// Its address.
    pub origin: String,
    _program: Running,
}

impl NodeProvider {
    /// Starts one with its settings. `scripts/test providers` installs them and names their folder in FOREIGN_PROVIDERS.
    pub fn start(script: &str, settings: &[(&str, &str)]) -> NodeProvider {
        let folder = installed("FOREIGN_PROVIDERS");
        let mut command = node(&folder);
        command.arg(folder.join(script)).envs(settings.iter().copied());
        let mut program = Running(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ready = lines.find_map(|line| line.strip_prefix("READY ").map(str::to_string));
        // It may have more to say, and would wait for somebody to read it.
        std::thread::spawn(move || lines.for_each(drop));
        NodeProvider { origin: ready.expect("it starts"), _program: program }
    }

    /// Goes where an authorization URL leads until that is another server; returns the address there.
    pub fn walk(&self, authorize_url: &str) -> String {
        let mut browser = Browser::new(&self.origin);
        let here = Url::parse(&self.origin).unwrap().origin();
        let mut url = Url::parse(authorize_url).unwrap();
        for _ in 0..10 {
            let page = browser.get(url.as_str());
            assert!((300..400).contains(&page.status), "{url}: {} {}", page.status, page.body);
            url = url.join(&page.location()).unwrap();
            if url.origin() != here {
                return url.into();
            }
        }
        panic!("{authorize_url} leads nowhere else");
    }

    /// Steers it by one of its `POST /control/…`; `what` may have a query.
    pub fn control(&self, what: &str, body: &str) -> Value {
        let answer = Browser::new(&self.origin).send("POST", &format!("/control/{what}"), &[], body);
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
        answer.json()
    }

    /// What it was asked so far.
    pub fn log(&self) -> Vec<Value> {
        let log = Browser::new(&self.origin).open("/control/log").json();
        log.as_array().unwrap().clone()
    }
}
