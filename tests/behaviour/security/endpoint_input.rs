//! Input that no client of ours would send, to every endpoint that programs call and to the authorization page.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use client_api_access::oauth::parameters::LONGEST_BODY;
use client_api_access::routes::{ENDPOINTS, PAGES};
use client_api_access::scopes::Role;
use client_api_access::web::route_table::{Access, Route};

use crate::support::oauth::{Integration, bearer, refusal};
use crate::support::{Browser, Database, Page, Server, TestApp};

const TOKEN: &str = "/auth/oauth/token";
const FORM: &str = "application/x-www-form-urlencoded";
const BROKEN: [&str; 8] =
    ["%FF", "%C0%AF", "%ED%A0%80", "%F4%90%80%80", "%00", "a%00b", "%", "%0d%0aX-Evil:%201%0d%0a%0d%0a%3Cscript%3E"];

fn posts() -> impl Iterator<Item = &'static Route> {
    // A provider that signs people out has no credentials; `identity` tests what it may send.
    let authenticates = |access| !matches!(access, Access::ServiceKey | Access::Public);
    ENDPOINTS.iter().filter(move |route| route.method == "POST" && authenticates(route.access))
}

fn gets() -> impl Iterator<Item = &'static Route> {
    // What goes through a connection is another server's to judge.
    ENDPOINTS.iter().filter(|route| route.method == "GET" && route.access != Access::ServiceKey)
}

// A refusal as a program expects it: JSON with an error code, the status one of ours, nothing of it the server's fault.
fn is_refused(page: &Page, statuses: &[u16], what: &str) {
    assert!(statuses.contains(&page.status), "{what}: {} {}", page.status, page.body);
    assert_eq!(page.header("content-type"), Some("application/json"), "{what}: {}", page.body);
    let (_, error, hint) = refusal(page);
    let known = ["invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type", "access_denied"];
    assert!(known.contains(&error.as_str()), "{what}: {error} {hint}");
    assert!(page.header("x-evil").is_none() && page.header("set-cookie").is_none(), "{what}");
}

// What came back on a connection of our own: everything, until the server closes it or is silent.
fn exchange(app: &TestApp, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.state.config.listen).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    // The server may hang up before it has read everything.
    drop(stream.write_all(request));
    let (mut answer, mut buffer) = (Vec::new(), [0; 8192]);
    while let Ok(n) = stream.read(&mut buffer) {
        if n == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..n]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<u16> {
    let starts = answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..]);
    starts.filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}

// The statuses of what came back, asked again while the server hangs up before its answer has been read.
fn answered(app: &TestApp, request: &[u8]) -> Vec<u16> {
    let answers = (0..20).map(|_| statuses(&exchange(app, request)));
    let request = String::from_utf8_lossy(&request[..request.len().min(80)]);
    answers.into_iter().find(|all| !all.is_empty()).unwrap_or_else(|| panic!("no answer to {request:?}"))
}

fn status(answer: &str) -> u16 {
    let all = statuses(answer);
    assert_eq!(all.len(), 1, "one answer: {answer:?}");
    all[0]
}

// One request, one answer, by the byte.
fn raw(app: &TestApp, line: &str, headers: &[&[u8]], body: &[u8]) -> String {
    exchange(app, &request(line, headers, body))
}

fn request(line: &str, headers: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut request = format!("{line} HTTP/1.1\r\nHost: pos.example\r\nConnection: close\r\n").into_bytes();
    for header in headers {
        request.extend_from_slice(header);
        request.extend_from_slice(b"\r\n");
    }
    if !body.is_empty() {
        request.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
    request
}

fn is_alive(app: &TestApp) {
    assert_eq!(app.program().get("/healthz").status, 200);
}

fn client_of(app: &TestApp) -> (Integration, Browser) {
    let integration = app.shop().integration("Ledgerly");
    let mut program = app.program();
    program.headers.push(integration.basic());
    (integration, program)
}

fn credentials(integration: &Integration) -> String {
    format!("client_id={}&client_secret={}", integration.client_id, integration.secret)
}

#[test]
fn i1_broken_text_in_any_parameter_of_a_form_is_refused() {
    let app = TestApp::start();
    let (_, mut client) = client_of(&app);

    for route in posts() {
        for bad in BROKEN {
            for name in [
                "grant_type",
                "code",
                "redirect_uri",
                "code_verifier",
                "refresh_token",
                "scope",
                "token",
                "token_type_hint",
            ] {
                let usual = if name == "grant_type" { "" } else { "grant_type=refresh_token&" };
                let page = client.post_body(route.path, FORM, &format!("{usual}{name}={bad}"));
                let what = format!("{name}={bad} at {}", route.path);
                // A lone `%` and a line break are text: to revoke or to ask about what nobody knows is no error.
                let is_text = bad == "%" || bad.starts_with("%0d");
                if is_text && route.path != TOKEN && page.status == 200 {
                    continue;
                }
                is_refused(&page, &[400], &what);
            }
            is_refused(&client.post_body(route.path, FORM, &format!("{bad}=1")), &[400], bad);
        }
        app.advance(61);
    }
}

#[test]
fn i1_broken_text_in_credentials_is_refused() {
    let app = TestApp::start();
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);

    for route in posts() {
        for bad in BROKEN {
            for body in [format!("client_id={bad}&client_secret=x"), format!("client_id=x&client_secret={bad}")] {
                is_refused(&app.program().post_body(route.path, FORM, &body), &[400, 401], &body);
            }
        }
        for bytes in [&b"\xff:x"[..], b"x:\xff", b"\0:\0", b"%00:%00", b"rs-%00:x", b"rs-\xff:x", b":", b"", b"%FF:%FF"]
        {
            let header = ("authorization".to_string(), format!("Basic {}", base64(bytes)));
            let mut program = app.program();
            program.headers.push(header);
            is_refused(&program.post(route.path, &[("token", "x")]), &[401], &format!("{bytes:?}"));
            app.advance(61);
        }
    }
}

#[test]
fn i1_json_values_that_are_not_strings_are_refused() {
    let app = TestApp::start();
    let (_, mut client) = client_of(&app);

    for route in posts() {
        for body in [
            r#"{"grant_type":"\ud800"}"#,
            r#"{"token":"\udfff"}"#,
            r#"{"token":"a\u0000b"}"#,
            r#"{"\u0000":"a"}"#,
            r#"{"\ud800":"a"}"#,
            r#"{"token":"\uFFFD"}"#,
            r#"{"token":"\x41"}"#,
            "{\"token\":\"a\nb\"}",
        ] {
            is_refused(&client.post_body(route.path, "application/json", body), &[400], body);
        }
    }
    for (kind, body) in [
        ("application/json", &b"{\"token\":\"\xff\"}"[..]),
        ("application/json", b"\xff\xfe{\0}\0"),
        (FORM, b"token=\xff\xfe&grant_type=\xc0\xaf"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n\xff\r\n--x--\r\n",
        ),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\na\r\n--x--\r\n",
        ),
    ] {
        let kind = format!("Content-Type: {kind}");
        for route in posts() {
            let answer = raw(&app, &format!("POST {}", route.path), &[kind.as_bytes()], body);
            assert_eq!(status(&answer), 400, "{body:?} at {}: {answer}", route.path);
            assert!(answer.contains("\"error\":\"invalid_request\""), "{answer}");
        }
    }
}

#[test]
fn i1_broken_text_in_an_address_or_a_header_is_answered_by_every_endpoint() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (_, person) = app.sign_in_as(Role::Admin);
    let grant = app.shop().grant_scope(integration.id, &person, "financial-api");

    for route in gets().filter(|route| !route.path.starts_with("/.well-known")) {
        for bad in BROKEN {
            for query in
                [format!("?scope={bad}"), format!("?page={bad}&size={bad}"), format!("?{bad}=1"), format!("?{bad}")]
            {
                let path = format!("{}{query}", route.path);
                let page = app.call(&path, &grant.access_token);
                let what = format!("{path}: {} {}", page.status, page.body);
                assert!(matches!(page.status, 200 | 204 | 400 | 403), "{what}");
                assert!(page.status < 400 || page.header("content-type") == Some("application/json"), "{what}");
                assert!(page.header("x-evil").is_none(), "{what}");
                assert_eq!(app.program().get(&path).status, 401, "{path} without a token");
                app.advance(1);
            }
        }
    }
    let odd: [&[u8]; 6] = [
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: \xff",
        b"Authorization: Bearer",
        b"Authorization: Bearer a b c",
        b"Authorization: Basic \xff",
        b"Authorization: Bearer a\tb",
    ];
    for route in ENDPOINTS {
        for header in odd {
            let answer = raw(&app, &format!("{} {}", route.method, route.path), &[header], b"");
            let open = route.path.starts_with("/.well-known");
            assert!(matches!(status(&answer), 400 | 401) || open && status(&answer) == 200, "{header:?}: {answer}");
            assert!(open || answer.contains("{\"error\":\""), "{header:?}: {answer}");
        }
        let others: [&[u8]; 5] = [
            b"Cookie: \xff=\xff; session=\xff",
            b"User-Agent: \xff\xfe",
            b"Origin: \xff",
            b"X-Forwarded-For: \xff",
            b"Content-Type: \xff",
        ];
        let answer = raw(&app, &format!("{} {}", route.method, route.path), &others, b"a=b");
        assert!((200..500).contains(&status(&answer)), "{answer}");
    }
}

#[test]
fn i1_broken_text_in_an_authorization_request_is_refused_without_redirect() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let mut browser = app.manager();
    let path = integration.authorize_path(&[("state", "")]);

    for bad in BROKEN {
        for name in [
            "response_type",
            "response_mode",
            "scope",
            "code_challenge",
            "code_challenge_method",
            "client_id",
            "redirect_uri",
        ] {
            let request = format!("{}&{name}={bad}", integration.authorize_path(&[("state", ""), (name, "")]));
            let page = browser.get(&request);
            let leads = page.header("location").unwrap_or_default().to_string();
            let to_client = page.status == 303 && leads.starts_with("https://app.example/cb?error=invalid_");
            let unsupported = leads.starts_with("https://app.example/cb?error=unsupported_response_type");
            assert!(page.status == 400 || to_client || unsupported, "{request}: {} {leads}", page.status);
            assert!(page.header("x-evil").is_none() && !page.body.contains("<script>"), "{request}");
        }
        assert!(matches!(browser.get(&format!("{path}&{bad}=1")).status, 200 | 303), "{bad} as a name");
    }
    let line = format!("GET {path}");
    for header in
        [&b"Cookie: \xff\xfe=1; session=\xff"[..], b"Origin: \xff", b"Sec-Fetch-Site: \xff", b"User-Agent: \xff"]
    {
        assert!(status(&raw(&app, &line, &[header], b"")) < 500);
    }
    let raw_bytes = [line.as_bytes(), b"&state=\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"].concat();
    assert!(status(&exchange(&app, &raw_bytes)) < 500);
}

#[test]
fn i6_a_body_that_is_too_long_is_refused_by_every_endpoint() {
    let app = TestApp::start();
    let (_, mut client) = client_of(&app);

    for route in posts() {
        for kind in [FORM, "application/json", "multipart/form-data; boundary=x", "text/plain"] {
            for length in [LONGEST_BODY + 1, 1_000_000] {
                let page = client.post_body(route.path, kind, &"x".repeat(length));
                is_refused(&page, &[413], &format!("{length} bytes of {kind} at {}", route.path));
            }
        }
        let most = format!("token={}", "x".repeat(LONGEST_BODY - 6));
        assert!(matches!(client.post_body(route.path, FORM, &most).status, 200 | 400), "the longest is read");
        let mut chunked = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n",
            route.path
        );
        for _ in 0..40 {
            chunked.push_str(&format!("400\r\n{}\r\n", "x".repeat(1024)));
        }
        chunked.push_str("0\r\n\r\n");
        assert_eq!(statuses(&exchange(&app, chunked.as_bytes())).first(), Some(&413), "{} in chunks", route.path);
        app.advance(61);
    }
    for route in ENDPOINTS {
        let announced = format!(
            "{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 999999999999\r\n\r\nabc",
            route.method, route.path
        );
        let answers = answered(&app, announced.as_bytes());
        assert!(answers.iter().all(|status| *status < 500), "{announced}: {answers:?}");
    }
    is_alive(&app);
}

#[test]
fn i6_too_many_parameters_are_refused_by_every_endpoint() {
    let app = TestApp::start();
    let (integration, mut client) = client_of(&app);
    let parts: String = (0..60)
        .map(|n| format!("--x\r\nContent-Disposition: form-data; name=\"p{n}\"\r\n\r\n1\r\n"))
        .chain(["--x--\r\n".to_string()])
        .collect();
    let members: Vec<String> = (0..1_000).map(|n| format!("\"p{n}\":\"\"")).collect();
    let pairs: Vec<String> = (0..1_000).map(|n| format!("p{n}=1")).collect();

    for route in posts() {
        for (kind, body) in [
            (FORM, "a&".repeat(5_000)),
            (FORM, format!("{}&{}", pairs.join("&"), credentials(&integration))),
            ("application/json", format!("{{{}}}", members.join(","))),
            ("multipart/form-data; boundary=x", parts.clone()),
        ] {
            let what = format!("{} of {kind} at {}", &body[..10], route.path);
            let page = client.post_body(route.path, kind, &body);
            is_refused(&page, &[400], &what);
            assert_eq!(refusal(&page).2, "Send at most 50 parameters", "{what}");
        }
        is_refused(&client.post_body(route.path, FORM, &"&".repeat(16_000)), &[400], "nothing but separators");
        is_refused(&client.post_body(route.path, FORM, &"a&".repeat(10_000)), &[413], "ten thousand");
    }
}

#[test]
fn i6_a_body_of_another_shape_is_refused_as_json() {
    let app = TestApp::start();
    let (_, mut client) = client_of(&app);
    let deep =
        [format!("{{\"token\":{}", "[".repeat(10_000)), format!("{}1{}", "{\"a\":".repeat(2_000), "}".repeat(2_000))];
    let closed = format!("{{\"token\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));

    for route in posts() {
        for body in [
            deep[0].as_str(),
            deep[1].as_str(),
            closed.as_str(),
            r#"{"token":"a","token":"b"}"#,
            r#"{"token":"a","t\u006fken":"a"}"#,
            r#"{"token":1}"#,
            r#"{"token":["a"]}"#,
            r#"{"token":null}"#,
            r#"{"token":true}"#,
            r#"{"token":{"a":"b"}}"#,
            r#"{"token":1e999}"#,
            r#"["token"]"#,
            r#""token""#,
            "null",
            "1",
            "",
            " ",
            "{",
            r#"{"token":"a"}{"#,
            r#"{"token":"a"} x"#,
            "\u{FEFF}{\"token\":\"a\"}",
            "{'token':'a'}",
            "token=a",
        ] {
            let what = format!("{} at {}", body.chars().take(40).collect::<String>(), route.path);
            is_refused(&client.post_body(route.path, "application/json", body), &[400], &what);
        }
        for kind in [
            "text/plain",
            "text/html",
            "application/xml",
            "application/octet-stream",
            "application/json-patch+json",
            "application/x-www-form-urlencoded-not",
            "multipart/mixed; boundary=x",
            "*/*",
            "nonsense",
        ] {
            let page = client.post_body(route.path, kind, "token=a");
            is_refused(&page, &[415], &format!("{kind} at {}", route.path));
        }
        for (kind, body) in [
            ("multipart/form-data", "--x--"),
            ("multipart/form-data; boundary=", "--x--"),
            ("multipart/form-data; boundary=x", "token=a"),
            ("multipart/form-data; boundary=x", ""),
            ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\na"),
            ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n"),
            (
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data; name=\"\"\r\n\r\na\r\n--x--\r\n",
            ),
            ("multipart/form-data; boundary=x", "--x\r\n\r\na\r\n--x--\r\n"),
            (
                "multipart/form-data; boundary=y",
                "--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\na\r\n--x--\r\n",
            ),
        ] {
            is_refused(&client.post_body(route.path, kind, body), &[400], &format!("{body:?} at {}", route.path));
        }
        for coding in ["gzip", "deflate", "br", "identity", "gzip, gzip"] {
            let coding = [("content-encoding".to_string(), coding.to_string()), ("content-type".into(), FORM.into())];
            is_refused(&client.send("POST", route.path, &coding, "token=a"), &[415], route.path);
        }
    }
    let bare = raw(&app, &format!("POST {TOKEN}"), &[], b"grant_type=refresh_token");
    assert_eq!(status(&bare), 415, "without a content type: {bare}");
}

#[test]
fn i6_a_consent_form_of_another_shape_is_refused_as_a_page() {
    let app = TestApp::start();
    let integration = app.shop().integration_without_pkce("Ledgerly");
    let mut browser = app.manager();
    let csrf = browser.open(&integration.authorize_path(&[])).attribute("input[name=csrf]", "value").unwrap();
    let good = format!("csrf={csrf}&decision=approve");

    for (kind, body, status) in [
        (FORM, format!("{good}&request={}", "x".repeat(LONGEST_BODY)), 413),
        (FORM, format!("{good}{}", "&a".repeat(600)), 413),
        (FORM, "&".repeat(1_000_000), 413),
        (FORM, format!("{good}&request=%FF%00&signature=%FF%00"), 403),
        (FORM, format!("{good}&request=a%0d%0ab&signature=%0d%0a"), 403),
        ("application/json", format!("{{\"csrf\":\"{csrf}\"}}"), 415),
        ("text/plain", good.clone(), 415),
        ("multipart/form-data; boundary=x", "--x--".into(), 415),
    ] {
        let page = browser.post_body("/auth/oauth/consent", kind, &body);
        assert_eq!((page.status, page.header("location")), (status, None), "{kind} {}", &body[..20.min(body.len())]);
        assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    }
    assert_eq!(app.shop().number("SELECT COUNT(*) FROM authorization_codes"), 0);
}

#[test]
fn i6_headers_that_are_too_long_or_too_many_are_refused() {
    let app = TestApp::start();
    let megabyte = format!("X-Long: {}", "x".repeat(1_000_000));
    let many: Vec<String> = (0..2_000).map(|n| format!("X-{n}: 1")).collect();
    let many: Vec<&[u8]> = many.iter().map(|line| line.as_bytes()).collect();

    for route in
        ENDPOINTS.iter().chain(PAGES.iter().copied().flatten().filter(|route| route.path.starts_with("/auth/")))
    {
        let line = format!("{} {}", route.method, route.path);
        for headers in [&[megabyte.as_bytes()][..], &many] {
            let answers = answered(&app, &request(&line, headers, b""));
            assert!(answers.iter().all(|status| matches!(status, 400 | 413 | 414 | 431)), "{line}: {answers:?}");
        }
        let long = format!("{} {}?{}", route.method, route.path, "x".repeat(1_000_000));
        let answers = answered(&app, &request(&long, &[], b""));
        assert!(answers.iter().all(|status| matches!(status, 400 | 413 | 414 | 431)), "{line}: {answers:?}");
    }
    is_alive(&app);
}

#[test]
fn i6_memory_stays_flat_whatever_is_sent() {
    let database = Database::blank();
    let server = Server::start(&database, &[]);
    let mut program = Browser::new(&server.origin);
    let resident = || {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", server.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<i64>().unwrap() * 4 // KiB
    };
    let bomb = gzip_of_zeros(10_000_000);
    assert!(bomb.len() < LONGEST_BODY);
    let mut storm = |rounds: std::ops::Range<usize>| {
        for n in rounds {
            for route in posts() {
                // Another client each time, so that nothing of one guess is reused for the next.
                let id = format!("{n}{}{}:x", route.path, "i".repeat(70_000));
                let id = base64::engine::general_purpose::STANDARD.encode(id);
                program.headers = vec![("authorization".into(), format!("Basic {id}"))];
                assert_eq!(program.post(route.path, &[("token", "x")]).status, 401);
            }
            program.headers.clear();
            let id = format!("client_id={n}{}", "i".repeat(16_000));
            assert_eq!(program.post_body(TOKEN, FORM, &id).status, 401);
            assert_eq!(program.post_body(TOKEN, FORM, &"a&".repeat(10_000)).status, 413);
            assert_eq!(program.post_body(TOKEN, "application/json", &"[".repeat(16_000)).status, 400);
            let long = format!("/auth/oauth/authorize?client_id={}", "x".repeat(60_000));
            assert_eq!(program.get(&long).status, 400);
            assert_eq!(post_gzip(&server.origin, &bomb), 415);
        }
    };

    storm(0..10);
    let before = resident();
    storm(10..60);
    let grown = resident() - before;

    assert!(grown < 5 * 1024, "{grown} KiB more than before");
}

fn gzip_of_zeros(n: usize) -> Vec<u8> {
    let mut gzip = Command::new("gzip").arg("-9c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || input.write_all(&vec![0; n]).unwrap());
    let output = gzip.wait_with_output().unwrap();
    feeding.join().unwrap();
    output.stdout
}

fn post_gzip(origin: &str, body: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(origin.trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST {TOKEN} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {FORM}\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    status(&String::from_utf8_lossy(&answer))
}

#[test]
fn i7_what_a_program_sends_never_splits_a_header() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (_, person) = app.sign_in_as(Role::Admin);
    let grant = app.shop().grant(integration.id, &person);

    for scope in ["%0d%0aX-Evil:%201", "a%22,%20error=%22x", "%00", "%1b[31m", "%E2%80%AE", "a%0ab", "%5C%22"] {
        let page = app.call(&format!("/auth/oauth/verify?scope={scope}"), &grant.access_token);

        assert_eq!(page.status, 403, "{scope}");
        let challenge = page.header("www-authenticate").unwrap();
        assert!(challenge.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{challenge:?}");
        assert_eq!(challenge.matches("error=\"").count(), 1, "{challenge}");
        assert_eq!(challenge.matches('"').count(), 6, "{challenge}");
        assert!(page.header("x-evil").is_none());
    }
}

#[test]
fn i7_one_request_is_one_line_of_the_log_whatever_it_holds() {
    let database = Database::blank();
    let server = Server::start(&database, &[("LOG_LEVEL", "trace"), ("RUST_LOG", "trace")]);
    let mut program = Browser::new(&server.origin);
    let fake = "2026-11-20T12:00:00Z ERROR forged entry";
    let (line, escaped) =
        (format!("\n{fake}\n\u{1b}[31m"), "%0d%0a2026-11-20T12:00:00Z%20ERROR%20forged%20entry%0a%1b[31m");

    for path in [TOKEN, "/auth/oauth/verify", "/auth/oauth/authorize", "/sign-in", "/nowhere", "/set-up/x", "/static/x"]
    {
        program.get(&format!("{path}?client_id={escaped}&scope={escaped}&next={escaped}"));
        program.get(&format!("{path}/{escaped}"));
        program.post(path, &[("client_id", &line), ("client_secret", "x"), ("email", &line), ("grant_type", &line)]);
        program.post_body(path, "multipart/form-data; boundary=x", &line);
    }
    let form = program.open("/sign-in");
    program.submit(&form, "/sign-in", &[("email", &line), ("password", &line)]);

    let log = server.log();
    assert!(log.contains(TOKEN), "the log speaks of these requests");
    assert!(!log.contains("forged entry"), "{log}");
    assert!(!log.contains('\u{1b}'));
}

#[test]
fn i8_a_request_with_two_ends_is_refused_and_nothing_is_smuggled() {
    let app = TestApp::start();
    let hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let head = format!("POST {TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n");
    let chunk = |size: &str| format!("{size}\r\na=b\r\n0\r\n\r\n");

    for (what, request) in [
        (
            "a length and chunks",
            format!("{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "chunks and a length",
            format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        ("two lengths", format!("{head}Content-Length: 3\r\nContent-Length: 43\r\n\r\na=b{hidden}")),
        ("two equal lengths", format!("{head}Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b{hidden}")),
        ("a list of lengths", format!("{head}Content-Length: 3, 3\r\n\r\na=b{hidden}")),
        ("a signed length", format!("{head}Content-Length: +3\r\n\r\na=b{hidden}")),
        ("a negative length", format!("{head}Content-Length: -1\r\n\r\na=b{hidden}")),
        ("a hexadecimal length", format!("{head}Content-Length: 0x3\r\n\r\na=b{hidden}")),
        ("a length beyond 64 bits", format!("{head}Content-Length: 18446744073709551619\r\n\r\na=b{hidden}")),
        ("a blank before the colon", format!("{head}Content-Length : 3\r\n\r\na=b{hidden}")),
        ("a folded header", format!("{head}X: a\r\n Content-Length: 43\r\nContent-Length: 3\r\n\r\na=b{hidden}")),
        ("an unknown coding", format!("{head}Transfer-Encoding: xchunked\r\n\r\n{}{hidden}", chunk("3"))),
        ("two codings", format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n{}{hidden}", chunk("3"))),
        (
            "a coding twice",
            format!("{head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{}{hidden}", chunk("3")),
        ),
        ("a coding behind a tab", format!("{head}Transfer-Encoding: \x0bchunked\r\n\r\n{}{hidden}", chunk("3"))),
        ("a chunk of no size", format!("{head}Transfer-Encoding: chunked\r\n\r\n\r\na=b\r\n0\r\n\r\n{hidden}")),
        ("a chunk of a signed size", format!("{head}Transfer-Encoding: chunked\r\n\r\n{}{hidden}", chunk("+3"))),
        ("a chunk in 0x", format!("{head}Transfer-Encoding: chunked\r\n\r\n{}{hidden}", chunk("0x3"))),
        (
            "a chunk beyond 64 bits",
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{}{hidden}", chunk("10000000000000003")),
        ),
        ("a chunk without its end", format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\na=bXX0\r\n\r\n{hidden}")),
    ] {
        let answer = exchange(&app, request.as_bytes());

        assert!(!answer.contains("HTTP/1.1 200"), "{what}: the hidden request was answered: {answer}");
        let answers = statuses(&answer);
        assert!(!answers.is_empty(), "{what} is answered");
        assert!(answers.iter().all(|status| (400..500).contains(status)), "{what}: {answer}");
    }
    let both = exchange(&app, format!("{head}Content-Length: 3\r\n\r\na=b{hidden}").as_bytes());
    assert_eq!(statuses(&both), [401, 200], "two requests that are two are both answered");
    is_alive(&app);
}

#[test]
fn i8_another_way_to_write_an_address_is_the_same_route_or_none() {
    let app = TestApp::start();
    let integration = app.shop().integration("Ledgerly");
    let (_, person) = app.sign_in_as(Role::Admin);
    app.shop().grant(integration.id, &person);

    let guarded = ENDPOINTS.iter().filter(|route| route.access != Access::Public);
    for route in guarded.chain(PAGES.iter().copied().flatten().filter(|route| route.path == "/settings/account")) {
        let (folder, name) = route.path.rsplit_once('/').unwrap();
        for path in [
            format!("/{}", route.path),
            format!("//{}", route.path),
            format!("{folder}//{name}"),
            format!("{folder}/./{name}"),
            format!("{folder}/x/../{name}"),
            format!("/healthz/..{}", route.path),
            format!("/static/..{}", route.path),
            format!("/.well-known/..;{}", route.path),
            format!("{}/", route.path),
            format!("{}//", route.path),
            format!("{};x", route.path),
            format!("{};x=1/", route.path),
            format!("{folder};x/{name}"),
            format!("{}%2f", route.path),
            format!("{}%00", route.path),
            format!("{}%20", route.path),
            format!("{}.", route.path),
            format!("{}.css", route.path),
            format!("{}/healthz", route.path),
            format!("{folder}%2f{name}"),
            format!("{folder}/%2e/{name}"),
            format!("{folder}/{}{}", percent(&name[..1]), &name[1..]),
            format!("{}?", route.path),
            format!("{}?/healthz", route.path),
            format!("{}#/healthz", route.path),
            route.path.to_uppercase(),
            route.path.replacen(name, &name.to_uppercase(), 1),
            route.path.replace('/', "\\"),
            format!("http://evil.example{}", route.path),
            format!("http://evil.example/healthz?{}", route.path),
        ] {
            let answer = raw(&app, &format!("{} {path}", route.method), &[], b"");
            let served = statuses(&answer);
            if path.starts_with("http://evil.example/healthz") {
                let expected = if route.method == "GET" { 200 } else { 404 };
                assert_eq!(served, [expected], "{path}");
                continue;
            }
            let page = route.path == "/settings/account";
            let asked_who = if page { matches!(served[..], [303 | 403]) } else { matches!(served[..], [401]) };
            assert!(asked_who || matches!(served[..], [400 | 404 | 405]), "{} {path}: {answer}", route.method);
        }
        for header in [
            "X-Original-URL: /healthz",
            "X-Rewrite-URL: /healthz",
            "X-Forwarded-Uri: /healthz",
            "X-Forwarded-Prefix: /healthz",
        ] {
            let answer = raw(&app, &format!("{} {}", route.method, route.path), &[header.as_bytes()], b"");
            assert!(matches!(status(&answer), 303 | 401 | 403), "{header}: {answer}");
        }
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[test]
fn i8_odd_request_lines_are_refused_and_the_server_goes_on() {
    let app = TestApp::start();
    let token = bearer("x").1;

    for line in [
        format!("GET /auth/oauth/verify\r\nAuthorization: {token}\r\n\r\n"),
        "GET /auth/oauth/verify HTTP/9.9\r\nHost: x\r\n\r\n".into(),
        "GET /auth/oauth/verify HTTP/1.1\nHost: x\n\n".into(),
        "GET  /auth/oauth/verify HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "GET\t/auth/oauth/verify\tHTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "GET /auth/oauth/verify x HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "get /auth/oauth/verify HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "CONNECT pos.example:443 HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(),
        "\0\0\0\0".into(),
        "GET /auth/oauth/verify HTTP/1.1\r\n: x\r\n\r\n".into(),
        "GET /auth/oauth/verify HTTP/1.1\r\nHost: x\0y\r\n\r\n".into(),
    ] {
        let served = statuses(&exchange(&app, line.as_bytes()));
        assert!(matches!(served[..], [400..500]), "{line:?}: {served:?}");
    }
    let blank = exchange(&app, b"\r\n\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(statuses(&blank), [200], "blank lines before a request are skipped");
    is_alive(&app);
}
