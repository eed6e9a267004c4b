//! A browser without scripts: keeps cookies, finds forms in pages, sends what a browser sends with them, and follows a
//! redirect only when told to.

use std::time::Duration;

use scraper::{Html, Selector};
use ureq::http::{Method, Request};
use url::form_urlencoded;

/// A browser of one person.
#[derive(Clone)]
pub struct Browser {
    origin: String,
    agent: ureq::Agent,
    /// What it was given to keep.
    pub cookies: Vec<Cookie>,
    /// Sent with every request, beside what a browser sends by itself.
    pub headers: Vec<(String, String)>,
    /// What it says about where a form came from; nothing, to say nothing.
    pub origin_header: Option<String>,
    /// Whether a server that is gone is an answer: one with status 0. Otherwise the test fails.
    pub may_lose: bool,
}

/// A cookie and what was said about it.
#[derive(Clone, Debug)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Everything behind the value, in small letters: `path=/`, `httponly`.
    pub attributes: Vec<String>,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body, whatever bytes it holds.
    pub body: String,
    /// The path and query that were asked for.
    pub path: String,
}

impl Browser {
    /// A browser that has never been at `origin`.
    pub fn new(origin: &str) -> Browser {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .allow_non_standard_methods(true)
            .build();
        Browser {
            origin: origin.into(),
            agent: ureq::Agent::new_with_config(config),
            cookies: Vec::new(),
            headers: Vec::new(),
            origin_header: Some(origin.into()),
            may_lose: false,
        }
    }

    /// The same browser at the same public address, which now leads to another port.
    #[must_use]
    pub fn moved_to(&self, port: &str) -> Browser {
        Browser { origin: port.into(), agent: Browser::new(port).agent, ..self.clone() }
    }

    /// Opens a page.
    pub fn get(&mut self, path: &str) -> Page {
        self.send("GET", path, &[], "")
    }

    /// Opens a page that must be there.
    pub fn open(&mut self, path: &str) -> Page {
        let page = self.get(path);
        assert_eq!(page.status, 200, "GET {path}: {}", page.text());
        page
    }

    /// Sends fields as a form would; nothing is added to them.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.post_body(path, "application/x-www-form-urlencoded", &body)
    }

    /// Sends a body of any kind.
    pub fn post_body(&mut self, path: &str, content_type: &str, body: &str) -> Page {
        let mut headers = vec![("content-type".to_string(), content_type.to_string())];
        headers.extend(self.origin_header.clone().map(|origin| ("origin".to_string(), origin)));
        self.send("POST", path, &headers, body)
    }

    /// Fills in the form of a page whose action ends with `action` and presses its button: hidden fields and what is
    /// ticked go along, `fields` replace or join them. If there is a link to a confirmation instead, it is followed first.
    pub fn submit(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let confirmation = match page.form(action) {
            Some(_) => None,
            None => {
                let links = format!("a.button[href$='{action}'], .menu a[href$='{action}']");
                page.attribute(&links, "href").map(|href| self.open(&href))
            }
        };
        let page = confirmation.as_ref().unwrap_or(page);
        let (to, mut all) = page.form(action).unwrap_or_else(|| panic!("no form to {action:?} on {}", page.path));
        all.retain(|(name, _)| fields.iter().all(|(own, _)| own != name));
        all.extend(fields.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(&to, &all)
    }

    /// Sends the filter form of a page whose id or action holds `panel`, as its button does.
    pub fn filter(&mut self, page: &Page, panel: &str, fields: &[(&str, &str)]) -> Page {
        let (to, mut all) = page.form_in(panel);
        all.retain(|(name, _)| fields.iter().all(|(own, _)| own != name));
        all.extend(fields.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
        self.get(&format!("{to}?{query}"))
    }

    /// Where a redirect leads.
    pub fn follow(&mut self, page: &Page) -> Page {
        assert_eq!(page.status, 303, "a redirect after {}: {}", page.path, page.text());
        let to = page.location();
        self.get(&to)
    }

    /// Follows a link as it stands on a page.
    pub fn click(&mut self, page: &Page, href: &str) -> Page {
        let here = url::Url::parse(&format!("{}{}", self.origin, page.path)).unwrap();
        let there = here.join(href).unwrap();
        self.get(&there[url::Position::BeforePath..])
    }

    /// Types an e-mail and a password into the sign-in form.
    pub fn sign_in(&mut self, email: &str, password: &str) -> Page {
        let form = self.open("/sign-in");
        self.submit(&form, "/sign-in", &[("email", email), ("password", password)])
    }

    /// The token of this browser's forms.
    pub fn csrf(&mut self) -> String {
        let mut page = self.get("/sign-in");
        if page.status == 303 {
            page = self.open("/settings");
        }
        page.attribute("input[name=csrf]", "value").expect("a form with a token")
    }

    /// Sends any request.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(String, String)], body: &str) -> Page {
        let uri = if path.starts_with("http") { path.to_string() } else { format!("{}{path}", self.origin) };
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(uri);
        for (name, value) in self.headers.iter().chain(headers) {
            request = request.header(name, value);
        }
        if !self.cookies.is_empty() {
            let all: Vec<String> =
                self.cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
            request = request.header("cookie", all.join("; "));
        }
        let response = match body {
            "" if method == "GET" || method == "HEAD" => self.agent.run(request.body(()).unwrap()),
            body => self.agent.run(request.body(body.to_string()).unwrap()),
        };
        let mut response = match response {
            Err(_) if self.may_lose => return Page::lost(path),
            response => response.unwrap_or_else(|error| panic!("{method} {path}: {error}")),
        };
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let bytes = match response.body_mut().with_config().limit(64 << 20).read_to_vec() {
            Err(_) if self.may_lose => return Page::lost(path),
            bytes => bytes.unwrap(),
        };
        let page = Page {
            status: response.status().as_u16(),
            headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            path: path.to_string(),
        };
        self.keep_cookies(&page);
        page
    }

    /// A cookie whose name begins so.
    pub fn cookie(&self, name: &str) -> Option<&Cookie> {
        self.cookies.iter().find(|cookie| cookie.name.starts_with(name))
    }

    fn keep_cookies(&mut self, page: &Page) {
        for (_, line) in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let mut parts = line.split("; ");
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a name");
            let attributes: Vec<String> = parts.map(str::to_lowercase).collect();
            self.cookies.retain(|cookie| cookie.name != name);
            if !attributes.contains(&"max-age=0".to_string()) {
                self.cookies.push(Cookie { name: name.into(), value: value.into(), attributes });
            }
        }
    }
}

impl Page {
    fn lost(path: &str) -> Page {
        Page { status: 0, headers: Vec::new(), body: String::new(), path: path.to_string() }
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Where a redirect leads.
    pub fn location(&self) -> String {
        self.header("location").unwrap_or_else(|| panic!("{} leads nowhere: {}", self.path, self.text())).to_string()
    }

    fn form(&self, action: &str) -> Option<(String, Vec<(String, String)>)> {
        let html = Html::parse_document(&self.body);
        let forms = Selector::parse("form").unwrap();
        let own = self.path.split('?').next().unwrap_or_default();
        let form = html
            .select(&forms)
            .find(|form| form.attr("method") == Some("post") && form.attr("action").unwrap_or(own).ends_with(action))?;
        Some((form.attr("action").unwrap_or(own).to_string(), fields(form)))
    }

    fn form_in(&self, panel: &str) -> (String, Vec<(String, String)>) {
        let html = Html::parse_document(&self.body);
        let form = Selector::parse(&format!("{panel} form.filters")).unwrap();
        let form = html.select(&form).next().unwrap_or_else(|| panic!("no filters in {panel} on {}", self.path));
        let own = self.path.split('?').next().unwrap_or_default();
        let action = form.attr("action").filter(|action| !action.is_empty()).unwrap_or(own);
        (action.to_string(), fields(form))
    }
}

// What a browser would send of a form that nobody touched.
fn fields(form: scraper::ElementRef<'_>) -> Vec<(String, String)> {
    let inputs = Selector::parse("input[name], select[name], textarea[name]").unwrap();
    let chosen = Selector::parse("option[selected]").unwrap();
    let mut fields = Vec::new();
    for input in form.select(&inputs) {
        let name = input.attr("name").unwrap_or_default().to_string();
        let ticked = input.attr("checked").is_some();
        let value = match (input.value().name(), input.attr("type").unwrap_or("text")) {
            ("select", _) => {
                let first = Selector::parse("option").unwrap();
                let option = input.select(&chosen).next().or_else(|| input.select(&first).next());
                option.map(|option| {
                    option.attr("value").map_or_else(|| option.text().collect::<String>(), str::to_string)
                })
            }
            // The line break behind the tag is not part of it.
            ("textarea", _) => Some(input.text().collect::<String>().trim_start_matches('\n').to_string()),
            (_, "radio" | "checkbox") if !ticked => None,
            _ => Some(input.attr("value").unwrap_or_default().to_string()),
        };
        fields.extend(value.map(|value| (name, value)));
    }
    fields
}
