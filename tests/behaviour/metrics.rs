//! `/metrics`: what is counted, in Prometheus' text format, without anything about clients or people; and the dashboard and
//! alerts that read it.

use std::collections::{BTreeMap, BTreeSet};

use client_api_access::scopes::Role;
use serde_json::Value;

use crate::support::{Browser, Database, PASSWORD, Server, TestApp, free_port, is_postgres, until};

const PREFIX: &str = "client_api_access_";
// PostgreSQL has no such queue.
const OF_SQLITE: &str = "writer_queue_length";

fn with_metrics() -> TestApp {
    TestApp::start_with(|config| config.metrics_listen = Some(([127, 0, 0, 1], 0).into()))
}

/// The families of one answer: the type, and the value of each series.
struct Scrape {
    families: BTreeMap<String, String>,
    series: BTreeMap<String, f64>,
    text: String,
}

impl Scrape {
    fn of(origin: &str) -> Scrape {
        let answer = Browser::new(origin).get("/metrics");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
        Scrape::parse(answer.body)
    }

    // As strictly as `promtool check metrics`: every family has help and a type before its series, names and labels are well
    // formed, counters end in _total, no series comes twice, and the buckets of a histogram grow up to its count.
    fn parse(text: String) -> Scrape {
        assert!(text.ends_with('\n'));
        let (mut families, mut series, mut helped) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(help.ends_with('.') && helped.insert(name.to_string()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert!(helped.contains(name) && name.starts_with(PREFIX), "{line}");
                assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
                assert!(families.insert(name.to_string(), kind.to_string()).is_none(), "twice: {line}");
            } else {
                let (name, value) = line.rsplit_once(' ').expect("a value");
                let family = family_of(&families, name);
                assert!(family.is_some(), "no family before {line}");
                check_labels(name);
                assert!(series.insert(name.to_string(), value.parse::<f64>().expect(line)).is_none(), "twice: {line}");
            }
        }
        let scrape = Scrape { families, series, text };
        scrape.check_histograms();
        scrape
    }

    fn check_histograms(&self) {
        for (name, _) in self.families.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut groups: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
            for (series, value) in
                self.series.iter().filter(|(series, _)| series.starts_with(&format!("{name}_bucket")))
            {
                let (rest, bound) = series.split_once("le=\"").expect("a bound");
                let bound = bound.trim_end_matches("\"}").replace("+Inf", "inf").parse().expect("a number");
                let rest = rest.trim_end_matches(['{', ',']).replace("_bucket", "_count");
                groups.entry(rest).or_default().push((bound, *value));
            }
            for (group, mut buckets) in groups {
                buckets.sort_by(|a, b| a.partial_cmp(b).unwrap());
                assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{group}: {buckets:?}");
                let closed = if group.contains('{') { format!("{group}}}") } else { group };
                assert_eq!(buckets.last(), Some(&(f64::INFINITY, self.series[&closed])), "{closed}");
            }
        }
    }

    fn value(&self, series: &str) -> f64 {
        *self.series.get(&format!("{PREFIX}{series}")).unwrap_or(&0.0)
    }
}

fn family_of<'a>(families: &'a BTreeMap<String, String>, series: &str) -> Option<&'a str> {
    let name = series.split('{').next().unwrap_or_default();
    let parts = ["", "_bucket", "_sum", "_count"].map(|part| name.strip_suffix(part).unwrap_or_default());
    parts.into_iter().find_map(|name| families.get_key_value(name).map(|(name, _)| name.as_str()))
}

fn check_labels(series: &str) {
    let Some((name, labels)) = series.split_once('{') else { return };
    assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'), "{series}");
    for label in labels.strip_suffix("\"}").expect("closed").split("\",") {
        let (name, value) = label.split_once("=\"").expect("a label");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{series}");
        assert!(!["job", "instance"].contains(&name), "Prometheus sets it itself: {series}");
        assert!(!value.contains(['"', '\\', '\n']) && value.len() < 40, "{series}");
    }
}

#[test]
fn what_happens_is_counted_and_nothing_names_a_client_or_a_person() {
    let app = with_metrics();
    let origin = app.metrics.clone().unwrap();
    let integration = app.shop().integration("Needle Books");
    let (mut browser, person) = app.sign_in_as(Role::Admin);
    let pair = integration.grant(&app, &mut browser);
    assert!(app.works(&pair.access_token));
    assert_eq!(app.call("/auth/oauth/verify", "not a token").status, 401);
    let next = crate::support::oauth::pair(&integration.refresh(&app, &pair.refresh_token));
    assert!(app.works(&next.access_token));
    app.advance(60);
    assert_eq!(integration.refresh(&app, &pair.refresh_token).status, 400, "token reuse");
    assert_eq!(app.browser().sign_in(&person.email, "wrong wrong wrong").status, 422);
    assert_eq!(app.browser().get("/nowhere/needle-path").status, 404);

    let scrape = Scrape::of(&origin);

    let refreshed = "tokens_refreshed_total{kind=\"refresh_token\"}";
    let count = |series: &str| scrape.value(series);
    assert_eq!(count("tokens_issued_total{kind=\"access_token\"}"), 2.0);
    assert_eq!(count("tokens_issued_total{kind=\"refresh_token\"}"), 1.0);
    assert_eq!(count(refreshed), 1.0);
    assert_eq!(count("tokens_reused_total{kind=\"refresh_token\"}"), 1.0);
    assert_eq!(count("tokens_revoked_total{kind=\"refresh_token\"}"), 1.0);
    assert_eq!(count("tokens_revoked_total{kind=\"access_token\"}"), 2.0);
    assert_eq!(count("sign_ins_total{outcome=\"accepted\"}"), 1.0);
    assert_eq!(count("sign_ins_total{outcome=\"wrong\"}"), 1.0);
    assert_eq!(count("http_requests_total{area=\"verify\",status=\"204\"}"), 2.0);
    assert_eq!(count("http_requests_total{area=\"verify\",status=\"401\"}"), 1.0);
    assert_eq!(count("http_request_duration_seconds_count{area=\"verify\",status_class=\"2xx\"}"), 2.0);
    assert_eq!(count("http_requests_total{area=\"other\",status=\"404\"}"), 1.0);
    assert_eq!(count("refusals_total{area=\"verify\",reason=\"invalid_token\"}"), 1.0);
    assert_eq!(count("refusals_total{area=\"token\",reason=\"invalid_grant\"}"), 1.0);
    assert_eq!(count("ready{part=\"writer\"}"), 1.0);
    assert!(count("database_write_seconds_count") > 4.0);
    // S1 and I10: no secret, and nothing about a client or a person.
    let name = person.email.split('@').next().unwrap().to_string();
    let secrets = [&pair.access_token, &pair.refresh_token, &next.refresh_token, &integration.secret];
    let known =
        [&integration.client_id, &name, &"Needle".to_string(), &"needle-path".to_string(), &"127.0.0".to_string()];
    for text in secrets.iter().map(|secret| &secret[..8]).chain(known.map(String::as_str)) {
        assert!(!scrape.text.contains(text), "{text} is in {}", scrape.text);
    }
}

#[test]
fn strangers_cannot_add_more_than_a_few_series() {
    let app = with_metrics();
    let before = Scrape::of(app.metrics.as_ref().unwrap()).series.len();
    let mut stranger = app.browser();

    for n in 0..40 {
        stranger.get(&format!("/nowhere/{n}"));
        stranger.get(&format!("/auth/oauth/verify?scope=made-up-{n}"));
        stranger.post("/auth/oauth/token", &[("client_id", &format!("client-{n}")), ("client_secret", "x")]);
    }

    let after = Scrape::of(app.metrics.as_ref().unwrap());
    // Three areas, each with a count, a histogram and a reason.
    assert!(after.series.len() - before < 3 * 2 * 20, "{} series more", after.series.len() - before);
    assert!(!after.text.contains("client-1") && !after.text.contains("made-up"));
}

#[test]
fn i10_health_and_metrics_give_no_data_and_no_way_in() {
    let app = with_metrics();
    let agents = ["Prometheus/3.0", "kube-probe/1.33", "GoogleHC/1.0", "ELB-HealthChecker/2.0"];
    for agent in agents {
        let mut browser = app.browser();
        browser.headers.push(("user-agent".into(), agent.into()));
        for path in ["/metrics", "/metrics?x=1", "/metrics/", "//metrics", "/healthz/../metrics", "/settings/metrics"] {
            let answer = browser.get(path);
            assert!(answer.status == 404 && !answer.body.contains(PREFIX), "{agent} {path}: {}", answer.status);
        }
        for path in
            ["/settings", "/settings?/healthz", "/settings?path=/readyz", "/settings%23/healthz", "/settings;/readyz"]
        {
            let answer = browser.get(path);
            assert!([303, 404].contains(&answer.status), "{agent} {path}: {}", answer.status);
        }
        for path in ["/healthz", "/healthz?verbose=1&full=true"] {
            assert_eq!((browser.get(path).status, browser.get(path).body), (200, "ok\n".into()));
        }
        assert_eq!(browser.get("/readyz?verbose=1").body, "ready\n");
    }
    let mut metrics = Browser::new(app.metrics.as_ref().unwrap());
    for path in ["/", "/settings", "/healthz", "/metrics/x", "/sign-in", "/auth/oauth/verify", "/static/style.css"] {
        assert_eq!(metrics.get(path).status, 404, "{path}: the listener serves metrics only");
    }
    assert_eq!(metrics.send("POST", "/metrics", &[], "x").status, 405);
    assert_eq!(metrics.get("/metrics?name[]=x").status, 200);
}

// Every metric that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with(PREFIX) && *word != PREFIX).map(String::from).collect()
}

#[test]
fn every_metric_of_the_dashboard_and_the_alerts_exists() {
    let (database, port) = (Database::migrated(), free_port());
    let address = format!("127.0.0.1:{port}");
    let mut server = Server::start(&database, &[("METRICS_LISTEN", &address)]);
    let mut admin = server.set_up("ada@shop.example", PASSWORD);
    admin.open("/settings");
    assert_eq!(admin.get("/auth/oauth/verify").status, 401);
    let origin = format!("http://{address}");
    let done = "job_last_success_timestamp_seconds{background_job=\"seal the activity log\"}";
    until("a job has succeeded", || Scrape::of(&origin).value(done) > 0.0);
    let scrape = Scrape::of(&origin);

    let dashboard: Value = serde_json::from_str(include_str!("../../docs/grafana-dashboard.json")).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() >= 10);
    let alerts = include_str!("../../docs/alerts.yml");
    let exists =
        |name: &str| family_of(&scrape.families, name).is_some() || (is_postgres() && name.ends_with(OF_SQLITE));
    for (file, text) in [("dashboard", dashboard.to_string()), ("alerts", alerts.into())] {
        let names = named(&text);
        assert!(names.len() >= 10, "{file}");
        names.iter().for_each(|name| assert!(exists(name), "{file} names {name}, which does not exist"));
    }
    // The documentation lists exactly what there is.
    let section = include_str!("../../docs/operations.md").split("## Watch it").last().unwrap();
    let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap_or_default());
    let listed: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    listed.iter().for_each(|name| assert!(exists(&format!("{PREFIX}{name}")), "operations.md lists {name}"));
    for family in scrape.families.keys() {
        assert!(listed.contains(family.trim_start_matches(PREFIX)), "operations.md does not list {family}");
    }
    assert_eq!(server.stop(), 0);
    assert!(server.log().contains(&format!("metrics on http://{address}/metrics")));
}
