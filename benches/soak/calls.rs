//! Programs that call through the connections while nodes are killed and restarted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use client_api_access::id::ConnectionKey;
use rand::seq::IndexedRandom;

const CALLERS: u64 = 5;

/// Response counts by status; 0 for no response, because the node was just killed.
pub type Answers = BTreeMap<u16, usize>;

/// All of them.
pub struct Callers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Answers>>,
}

impl Callers {
    /// Starts the programs: this many calls per second in total, each to a random node through a random connection.
    pub fn start(
        nodes: Vec<SocketAddr>,
        keys: Vec<(ConnectionKey, String)>,
        path: &'static str,
        a_second: u64,
    ) -> Callers {
        let (stop, shared) = (Arc::new(AtomicBool::new(false)), Arc::new((nodes, keys)));
        let pause = Duration::from_millis(1000 * CALLERS / a_second.max(1));
        let threads = (0..CALLERS).map(|_| {
            let (stop, shared) = (stop.clone(), shared.clone());
            std::thread::spawn(move || {
                let agent: ureq::Agent = ureq::Agent::config_builder()
                    .http_status_as_error(false)
                    .timeout_global(Some(Duration::from_secs(40)))
                    .build()
                    .into();
                let (mut answers, (nodes, keys)) = (Answers::new(), &*shared);
                while !stop.load(Ordering::Relaxed) {
                    let mut rng = rand::rng();
                    let (Some(node), Some((id, key))) = (nodes.choose(&mut rng), keys.choose(&mut rng)) else { break };
                    let call = agent.get(format!("http://{node}/connect/{id}{path}"));
                    let answer = call.header("authorization", format!("Bearer {key}")).call();
                    *answers.entry(answer.map_or(0, |answer| answer.status().as_u16())).or_default() += 1;
                    std::thread::sleep(pause);
                }
                answers
            })
        });
        Callers { threads: threads.collect(), stop }
    }

    /// Stops the programs and returns the response counts.
    pub fn stop(self) -> Answers {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Answers::new();
        for thread in self.threads {
            for (status, n) in thread.join().expect("a caller ends") {
                *all.entry(status).or_default() += n;
            }
        }
        all
    }
}
