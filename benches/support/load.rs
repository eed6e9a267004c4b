//! Sends one request repeatedly on several connections and measures the responses.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::http::{Connection, Visitor};
use super::process::Server;

/// A page to request.
#[derive(Clone)]
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
#[derive(Clone)]
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
    /// Connections that the server closed, or on which no answer came.
    pub closed: usize,
}

impl Figures {
    /// Wrong answers, and closed connections where there were any.
    pub fn failures(&self) -> String {
        match (self.wrong, self.closed) {
            (wrong, 0) => wrong.to_string(),
            (wrong, closed) => format!("{wrong} + {closed} closed"),
        }
    }
}

/// What a caller returns: whether the response was as expected, or the error of its connection.
pub type Asked = std::io::Result<bool>;

const WARM_UP: usize = 10;

/// Requests a page on every connection for this duration.
pub fn run(server: &Server, case: &Case, connections: usize, time: Duration) -> Figures {
    let mut bytes = 0;
    let ask = |_: usize| {
        |connection: &mut Connection| Some(connection.send(&case.request).map(|answer| answer.status == case.status))
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
    F: FnMut(&mut Connection) -> Option<Asked> + Send,
{
    let start = Barrier::new(connections + 1);
    std::thread::scope(|scope| {
        let start = &start;
        let visits: Vec<_> = (0..connections)
            .map(|n| {
                let mut ask = caller(n);
                scope.spawn(move || {
                    let mut line = Line::open(server.address);
                    for _ in 0..WARM_UP {
                        line.ask(&mut ask);
                    }
                    (line.times, line.wrong, line.closed) = Default::default();
                    start.wait();
                    let begun = Instant::now();
                    while begun.elapsed() < time && line.ask(&mut ask) {}
                    (line, begun.elapsed())
                })
            })
            .collect();
        start.wait();
        let before = server.cpu();
        let (mut all, mut spent) = (Line::default(), Duration::ZERO);
        for visit in visits {
            let (line, lasted) = visit.join().expect("the visitor came back");
            all.times.extend(line.times);
            all.wrong += line.wrong;
            all.closed += line.closed;
            spent = spent.max(lasted);
        }
        let cpu = server.cpu().saturating_sub(before);
        let requests = all.times.len();
        Figures {
            p50: percentile(&mut all.times, 50.0),
            p99: percentile(&mut all.times, 99.0),
            rate: requests as f64 / spent.as_secs_f64(),
            bytes: 0,
            cpu: cpu / u32::try_from(requests.max(1)).unwrap_or(u32::MAX),
            wrong: all.wrong,
            closed: all.closed,
        }
    })
}

// One caller's connection, opened again whenever the server has closed it.
#[derive(Default)]
struct Line {
    address: Option<SocketAddr>,
    connection: Option<Connection>,
    times: Vec<Duration>,
    wrong: usize,
    closed: usize,
}

impl Line {
    fn open(address: SocketAddr) -> Line {
        Line { address: Some(address), ..Line::default() }
    }

    // Returns whether there may be more to ask.
    fn ask(&mut self, ask: &mut impl FnMut(&mut Connection) -> Option<Asked>) -> bool {
        let Some(connection) = &mut self.connection else {
            self.connection = self.address.and_then(|address| Connection::open(address).ok());
            if self.connection.is_none() {
                self.closed += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            return true;
        };
        let sent = Instant::now();
        match ask(connection) {
            None => return false,
            Some(Ok(right)) => {
                self.times.push(sent.elapsed());
                self.wrong += usize::from(!right);
            }
            Some(Err(_)) => {
                self.times.push(sent.elapsed());
                self.closed += 1;
                self.connection = None;
            }
        }
        true
    }
}

/// A percentile of the times; zero if there are none.
pub fn percentile(times: &mut [Duration], percent: f64) -> Duration {
    times.sort_unstable();
    let rank = (times.len() as f64 * percent / 100.0).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
