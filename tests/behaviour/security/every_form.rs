//! Row D6 for every form there is: what did not come from our own page changes nothing.

use crate::security::access_matrix::{Answer, World, filled, matrix};
use crate::support::snapshot::difference;
use crate::support::{Browser, Page};

const FORM: &str = "application/x-www-form-urlencoded";

type Attempt = (&'static str, Box<dyn Fn(&mut Browser, &str) -> Page>);

fn attempt(what: &'static str, send: impl Fn(&mut Browser, &str) -> Page + 'static) -> Attempt {
    (what, Box::new(send))
}

// As the browser of somebody signed in sends them from elsewhere; `csrf` is the right token.
fn attempts(csrf: String, foreign: String) -> Vec<Attempt> {
    let body = format!("csrf={csrf}");
    let right = csrf.clone();
    let mut all = vec![
        attempt("no token", |browser, path| browser.post(path, &[])),
        attempt("an empty token", |browser, path| browser.post(path, &[("csrf", "")])),
        attempt("another session's token", move |browser, path| browser.post(path, &[("csrf", &foreign)])),
        attempt("neither Origin nor Sec-Fetch-Site", move |browser, path| {
            browser.origin_header = None;
            browser.post(path, &[("csrf", &right)])
        }),
    ];
    for origin in ["https://evil.example", "null", "http://127.0.0.1", "http://localhost.evil.example"] {
        let csrf = csrf.clone();
        all.push(attempt(origin, move |browser, path| {
            browser.origin_header = Some(origin.into());
            browser.post(path, &[("csrf", &csrf)])
        }));
    }
    for site in ["cross-site", "same-site", "none"] {
        let csrf = csrf.clone();
        all.push(attempt(site, move |browser, path| {
            browser.headers.push(("sec-fetch-site".into(), site.into()));
            browser.post(path, &[("csrf", &csrf)])
        }));
    }
    for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x", ""] {
        let body = body.clone();
        all.push(attempt(kind, move |browser, path| browser.post_body(path, kind, &body)));
    }
    for method in ["PUT", "PATCH", "DELETE"] {
        let body = body.clone();
        all.push(attempt(method, move |browser, path| {
            browser.send(method, path, &[("content-type".into(), FORM.into())], &body)
        }));
    }
    all
}

#[test]
fn d6_no_form_is_accepted_from_another_site_or_in_another_way() {
    let world = World::start();
    let World { app, owner, grant, key } = &world;
    let (mut admin, mut other) = (app.admin(), app.manager());
    let csrf = admin.csrf();
    let attempts = attempts(csrf.clone(), other.csrf());
    let is_form =
        |((method, _), answers): &((&str, &str), [Answer; 6])| *method == "POST" && answers[3] == Answer::Form;
    let forms: Vec<&str> = matrix().into_iter().filter(is_form).map(|((_, path), _)| path).collect();
    assert!(forms.len() > 70, "{} forms", forms.len());
    let before = app.shop().lasting_snapshot();

    for pattern in forms {
        let path = filled(pattern, owner, grant, key);
        for (what, send) in &attempts {
            let page = send(&mut admin.clone(), &path);
            assert!(matches!(page.status, 403 | 405 | 415), "{what} at {path}: {} {}", page.status, page.text());
        }
        let mut as_get = admin.clone();
        as_get.headers.extend(
            ["x-http-method-override", "x-method-override", "x-http-method"].map(|name| (name.into(), "POST".into())),
        );
        let shown = as_get.get(&format!("{path}?_method=POST&csrf={csrf}"));
        assert!(shown.status < 500, "GET {path}: {}", shown.text());
        assert_eq!(difference(&before, &app.shop().lasting_snapshot()), [""; 0], "{path}");
    }
}
