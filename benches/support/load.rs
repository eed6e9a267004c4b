//! One request, sent over and over on some connections at once, and what came of it.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::http::{Connection, Visitor};
use super::process::Server;

/// A page to ask for.
pub struct Case {
    pub name: String,
    request: Vec<u8>,
    status: u16,
}

impl Case {
    pub fn get(name: impl Into<String>, visitor: &Visitor, path: &str) -> Case {
        Case { name: name.into(), request: visitor.get(path), status: 200 }
    }

    /// A form that leads elsewhere.
    pub fn post(name: impl Into<String>, visitor: &Visitor, path: &str, fields: &[(&str, &str)]) -> Case {
        Case { name: name.into(), request: visitor.post(path, fields), status: 303 }
    }
}

/// What one case came to on a number of connections.
pub struct Figures {
    pub p50: Duration,
    pub p99: Duration,
    /// Requests in a second, over all connections.
    pub rate: f64,
    /// Of one answer, head and body.
    pub bytes: usize,
    /// The server's processor time for one request.
    pub cpu: Duration,
    /// Answers with another status than expected.
    pub wrong: usize,
}

const WARM_UP: usize = 10;

/// Asks for a page for so long on every connection.
pub fn run(server: &Server, case: &Case, connections: usize, time: Duration) -> Figures {
    let start = Barrier::new(connections + 1);
    let visit = || {
        let mut connection = Connection::open(server.address).expect("the server listens");
        let mut send =
            || connection.send(&case.request).map(|answer| (answer.status, answer.bytes)).expect("an answer");
        let (mut times, mut wrong, mut bytes) = (Vec::new(), 0, 0);
        for _ in 0..WARM_UP {
            send();
        }
        start.wait();
        let begun = Instant::now();
        while begun.elapsed() < time {
            let sent = Instant::now();
            let (status, size) = send();
            times.push(sent.elapsed());
            wrong += usize::from(status != case.status);
            bytes = size;
        }
        (times, wrong, bytes)
    };
    std::thread::scope(|scope| {
        let visits: Vec<_> = (0..connections).map(|_| scope.spawn(visit)).collect();
        start.wait();
        let (begun, before) = (Instant::now(), server.cpu());
        let (mut times, mut wrong, mut bytes) = (Vec::new(), 0, 0);
        for visit in visits {
            let (own, failed, size) = visit.join().expect("the visitor came back");
            times.extend(own);
            wrong += failed;
            bytes = bytes.max(size);
        }
        let (spent, cpu) = (begun.elapsed(), server.cpu().saturating_sub(before));
        let requests = times.len();
        Figures {
            p50: percentile(&mut times, 50.0),
            p99: percentile(&mut times, 99.0),
            rate: requests as f64 / spent.as_secs_f64(),
            bytes,
            cpu: cpu / u32::try_from(requests.max(1)).unwrap_or(u32::MAX),
            wrong,
        }
    })
}

/// The time that so many of a hundred stay within; zero without any.
pub fn percentile(times: &mut [Duration], percent: f64) -> Duration {
    times.sort_unstable();
    let rank = (times.len() as f64 * percent / 100.0).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
