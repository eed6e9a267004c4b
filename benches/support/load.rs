//! Sends one request repeatedly on several connections and measures the responses.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::http::{Connection, Visitor};
use super::process::Server;

/// A page to request.
pub struct Case {
    pub name: String,
    request: Vec<u8>,
    status: u16,
}

impl Case {
    pub fn get(name: impl Into<String>, visitor: &Visitor, path: &str) -> Case {
        Case { name: name.into(), request: visitor.get(path), status: 200 }
    }

    /// A form that redirects.
    pub fn post(name: impl Into<String>, visitor: &Visitor, path: &str, fields: &[(&str, &str)]) -> Case {
        Case { name: name.into(), request: visitor.post(path, fields), status: 303 }
    }
}

/// The result of one case on a number of connections.
pub struct Figures {
    pub p50: Duration,
    pub p99: Duration,
    /// Requests per second, over all connections.
    pub rate: f64,
    /// Size of one response, head and body.
    pub bytes: usize,
    /// The server's processor time per request.
    pub cpu: Duration,
    /// Responses with an unexpected status.
    pub wrong: usize,
}

const WARM_UP: usize = 10;

/// Requests a page on every connection for this duration.
pub fn run(server: &Server, case: &Case, connections: usize, time: Duration) -> Figures {
    let mut bytes = 0;
    let ask = |_: usize| {
        |connection: &mut Connection| {
            let answer = connection.send(&case.request).expect("an answer");
            Some(answer.status == case.status)
        }
    };
    let figures = drive(server, connections, time, ask);
    if let Ok(mut connection) = Connection::open(server.address) {
        bytes = connection.send(&case.request).map_or(0, |answer| answer.bytes);
    }
    Figures { bytes, ..figures }
}

/// Runs one caller per connection for this duration. `caller` creates the caller with this number; it sends a request and
/// returns whether the response was as expected, or nothing if it has no requests left.
pub fn drive<F>(server: &Server, connections: usize, time: Duration, caller: impl Fn(usize) -> F) -> Figures
where
    F: FnMut(&mut Connection) -> Option<bool> + Send,
{
    let start = Barrier::new(connections + 1);
    let context = |mut ask: F| {
        let mut connection = Connection::open(server.address).expect("the server listens");
        let (mut times, mut wrong) = (Vec::new(), 0);
        for _ in 0..WARM_UP {
            ask(&mut connection);
        }
        start.wait();
        let begun = Instant::now();
        while begun.elapsed() < time {
            let sent = Instant::now();
            let Some(right) = ask(&mut connection) else { break };
            times.push(sent.elapsed());
            wrong += usize::from(!right);
        }
        (times, wrong, begun.elapsed())
    };
    std::thread::scope(|scope| {
        let context = &context;
        let visits: Vec<_> = (0..connections)
            .map(|n| {
                let ask = caller(n);
                scope.spawn(move || context(ask))
            })
            .collect();
        start.wait();
        let before = server.cpu();
        let (mut times, mut wrong, mut spent) = (Vec::new(), 0, Duration::ZERO);
        for context in visits {
            let (own, failed, lasted) = context.join().expect("the visitor came back");
            times.extend(own);
            wrong += failed;
            spent = spent.max(lasted);
        }
        let cpu = server.cpu().saturating_sub(before);
        let requests = times.len();
        Figures {
            p50: percentile(&mut times, 50.0),
            p99: percentile(&mut times, 99.0),
            rate: requests as f64 / spent.as_secs_f64(),
            bytes: 0,
            cpu: cpu / u32::try_from(requests.max(1)).unwrap_or(u32::MAX),
            wrong,
        }
    })
}

/// A percentile of the times; zero if there are none.
pub fn percentile(times: &mut [Duration], percent: f64) -> Duration {
    times.sort_unstable();
    let rank = (times.len() as f64 * percent / 100.0).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
