//! Answers from a server, through its admin API with an API token.

mod names;
mod verbs;

use std::time::Duration;

use actix_web::rt::{System, SystemRunner};
use oauth2::http;
use serde_json::{Value, json};
use url::Url;

use crate::access::named_token::TokenName;
use crate::commands::access::failure::{FAILED, Failure, NOT_FOUND, Result, WRONG_USE};
use crate::commands::access::source::{Done, Noun, Planned, Rows, Source, Verb, require_key};
use crate::config::access_filters::Pairs;
use crate::http::{HttpClient, Outbound};
use crate::secrets::random_name;
use crate::text::one_line;
use crate::time::{Clock, TimeFormat, count};

// The most rows of a page of the API.
const PAGE: usize = 50;
// How often a request is sent, and how long the server may ask to wait in between, in seconds.
const MOST_TIMES: u32 = 10;
const LONGEST_WAIT: u64 = 60;

/// A server.
pub(super) struct Remote {
    base: Url,
    token: String,
    http: HttpClient,
    runtime: SystemRunner,
}

impl Remote {
    /// A server at this address: https, or http on loopback. Errors: the address or the token cannot be one.
    pub(super) fn new(address: &str, token: &str) -> Result<Remote> {
        let wrong = |why: &str| Failure::wrong_use(format!("--server / CLIENT_API_ACCESS_SERVER: {why}"));
        let base = Url::parse(address).map_err(|_| wrong("enter an address like https://pos.example"))?;
        // This is the caller's own server, so it may be on a private network.
        let outbound = Outbound { private: true, ..Outbound::default() };
        if !crate::http::may_be_called(&base, true) || base.path() != "/" || base.query().is_some() {
            return Err(wrong("enter an address like https://pos.example, without a path; http on loopback only"));
        }
        let token = token.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::wrong_use("the API token is empty, or has a character that no token has"));
        }
        let http = HttpClient::new(&outbound).map_err(|why| Failure::new(FAILED, why))?;
        Ok(Remote { base, token: token.into(), http, runtime: System::new() })
    }

    fn request(&self, method: &str, path: &[&str], pairs: &[(&str, &str)], body: Option<&Value>) -> Result<Value> {
        match self.answer(method, path, pairs, body)? {
            (200..=299, value) => Ok(value),
            (status, value) => Err(refused(status, &value)),
        }
    }

    // Sends a request, and returns the status and what was answered; again if the server asks to wait, cannot answer now or
    // still works on it, and once if the answer got lost. The server recognises a repeated act by its key.
    fn answer(
        &self,
        method: &str,
        path: &[&str],
        pairs: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<(u16, Value)> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        let (key, mut times, mut is_lost) = (random_name(32), 0, false);
        loop {
            times += 1;
            let answer = self.runtime.block_on(self.http.send(self.built(method, &url, (&key, body))?));
            match answer {
                Ok(answer) => {
                    let value: Value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
                    match answer.status().as_u16() {
                        status if times < MOST_TIMES && is_for_now(status, &value) => wait(answer.headers(), times),
                        status => return Ok((status, value)),
                    }
                }
                Err(why) if why.may_have_arrived() && !is_lost => is_lost = true,
                Err(why) => {
                    let origin = self.base.origin().ascii_serialization();
                    return Err(Failure::new(FAILED, format!("{origin}: {why}")));
                }
            }
        }
    }

    fn built(&self, method: &str, url: &Url, (key, body): (&str, Option<&Value>)) -> Result<http::Request<Vec<u8>>> {
        let request = http::Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept", "application/json");
        let request = match body {
            None => request.body(Vec::new()),
            Some(body) => request
                .header("content-type", "application/json")
                .header("idempotency-key", key)
                .body(body.to_string().into_bytes()),
        };
        request.map_err(|_| Failure::new(FAILED, "the request cannot be built"))
    }

    fn get(&self, path: &[&str], pairs: &[(&str, &str)]) -> Result<Value> {
        self.request("GET", path, pairs, None)
    }

    fn object(&self, noun: Noun, id: &str) -> Result<Value> {
        let path = if noun == Noun::Keys || noun == Noun::Tokens { "tokens" } else { path(noun) };
        self.get(&[path, id], &[])
    }
}

fn path(noun: Noun) -> &'static str {
    match noun {
        Noun::Clients => "clients",
        Noun::Tokens | Noun::Keys => "inventory",
        Noun::Employees => "employees",
        Noun::Connections => "connections",
        Noun::Attention => "attention",
        Noun::Activity => "activity",
    }
}

fn items(mut page: Value) -> Vec<Value> {
    match page["data"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

// Whether the same request may be answered in a while: too many requests, a server that cannot answer now, or an act whose first
// request it still works on.
fn is_for_now(status: u16, problem: &Value) -> bool {
    let is_in_progress = || problem["type"].as_str().is_some_and(|kind| kind.ends_with("/request-in-progress"));
    matches!(status, 429 | 503) || (status == 409 && is_in_progress())
}

// `Retry-After` in seconds; without it, each time a second longer.
fn wait(headers: &http::HeaderMap, times: u32) {
    let asked = headers.get("retry-after").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let seconds = asked.unwrap_or_else(|| u64::from(times)).clamp(1, LONGEST_WAIT);
    eprintln!("The server asks to wait for {}.", count(seconds.cast_signed(), "second"));
    std::thread::sleep(Duration::from_secs(seconds));
}

// Problem details (RFC 9457).
fn refused(status: u16, problem: &Value) -> Failure {
    let Some(why) = problem["detail"].as_str().map(one_line) else {
        let why = format!("the server answered {status}, and not as the admin API does: check the address");
        return Failure::new(FAILED, why);
    };
    let code = match status {
        400 | 422 => WRONG_USE,
        404 | 410 => NOT_FOUND,
        _ => FAILED,
    };
    Failure::new(code, format!("the server answered {status}: {why}"))
}

impl Source for Remote {
    fn list(&mut self, noun: Noun, filters: &Pairs, after: Option<&str>, most: usize) -> Result<Rows> {
        let limit = most.min(PAGE).to_string();
        let mut pairs: Vec<(&str, &str)> = filters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if noun != Noun::Attention {
            pairs.push(("limit", &limit));
        }
        pairs.extend(after.map(|cursor| ("cursor", cursor)));
        let page = self.get(&[path(noun)], &pairs)?;
        let next = page["next_cursor"].as_str().map(String::from);
        Ok(Rows { items: items(page), next })
    }

    fn show(&mut self, noun: Noun, name: &str) -> Result<Value> {
        let id = self.id_of(noun, name)?;
        let mut object = self.object(noun, &id)?;
        if noun == Noun::Attention {
            let more = object["more"].clone();
            object = json!({ "rule": id, "more": more, "items": items(object) });
        }
        match noun == Noun::Keys && object["type"] != "api_key" {
            true => Err(Failure::not_found("this is not an API key")),
            false => Ok(object),
        }
    }

    fn plan(&mut self, verb: &Verb, name: &str) -> Result<Planned> {
        let noun = verbs::noun(verb);
        let id = self.id_of(noun, name)?;
        if let (Verb::RevokeKey, Some(name)) = (verb, TokenName::parse(&id)) {
            require_key(name)?;
        }
        let object = self.object(noun, &id)?;
        let foreseen = match verbs::can_be_tried(verb) {
            true => {
                let (path, _) = verbs::route(verb, &id);
                self.request("POST", &path, &[], Some(&json!({ "dry_run": true })))?
            }
            false => Value::Null,
        };
        let (sentence, consequence) = verbs::words(verb, &object, &foreseen);
        Ok(Planned { verb: verb.clone(), id, sentence, consequence, seen: None, foreseen })
    }

    fn carry_out(&mut self, planned: &Planned, dry_run: bool) -> Result<Done> {
        let answered = match dry_run {
            true => planned.foreseen.clone(),
            false => {
                let (path, body) = verbs::route(&planned.verb, &planned.id);
                self.request("POST", &path, &[], Some(&body))?
            }
        };
        Ok(verbs::done(planned, answered))
    }

    fn follow_up(&mut self) -> Result<String> {
        Ok(String::new())
    }

    fn server(&self) -> Option<String> {
        Some(self.base.origin().ascii_serialization())
    }

    fn times(&self) -> TimeFormat {
        TimeFormat::new(Clock::System.now(), "UTC")
    }
}
