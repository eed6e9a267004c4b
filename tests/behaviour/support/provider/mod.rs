//! A server for our connections to talk to. Left alone it is a well-behaved token endpoint; a test tells it what else to
//! say, in which order, and reads afterwards what it was asked.

mod answer;
mod certificate;
mod node;
mod request;

use std::collections::HashSet;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Map, Value, json};

pub use answer::Answer;
use answer::Reply;
pub use certificate::{Certificate, cryptography};
pub use node::NodeProvider;
pub use request::Request;

/// One server on loopback; it stops with the value, whoever still waits for an answer.
pub struct Provider {
    origin: String,
    authority: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    script: Mutex<Script>,
    stopped: AtomicBool,
    taken: AtomicU64,
}

#[derive(Default)]
struct Script {
    once: Vec<(String, Answer)>,
    always: Vec<(String, Answer)>,
    members: Map<String, Value>,
    requests: Vec<Request>,
    issued: Vec<String>,
    // The refresh tokens it was sent, if it takes each only once.
    spent: Option<HashSet<String>>,
}

impl Provider {
    /// One that speaks plain http.
    pub fn start() -> Provider {
        Self::launch("http", None, String::new())
    }

    /// One that speaks https and shows a certificate of this kind.
    pub fn start_tls(certificate: Certificate) -> Provider {
        let (config, authority) = certificate.make();
        Self::launch("https", Some(Arc::new(config)), authority)
    }

    fn launch(scheme: &str, tls: Option<Arc<ServerConfig>>, authority: String) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let all = shared.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if all.stopped() {
                    break;
                }
                let (shared, tls) = (all.clone(), tls.clone());
                // What the peer makes of it is the test's to find out.
                std::thread::spawn(move || drop(shared.converse(stream, tls)));
            }
        });
        Provider { origin: format!("{scheme}://{address}"), authority, address, shared, thread: Some(thread) }
    }

    /// Its address.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The certificate, in PEM, of who signed for it: trust this and a good one is good.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Answers one request whose path begins so; several of them in the order they were given.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.shared.script().once.push((path.into(), answer));
    }

    /// Answers every request whose path begins so and that no single answer waits for; the latest word counts.
    pub fn always(&self, path: &str, answer: Answer) {
        self.shared.script().always.insert(0, (path.into(), answer));
    }

    /// Lays these members over every token answer of its own from now on; null takes one away.
    pub fn tokens_with(&self, members: Value) {
        self.shared.script().members = members.as_object().unwrap().clone();
    }

    /// Takes each refresh token once from now on, whether its answer arrives or not.
    pub fn take_each_refresh_token_once(&self) {
        self.shared.script().spent = Some(HashSet::new());
    }

    /// What it was asked so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.script().requests.clone()
    }

    /// Every access and refresh token it has made so far.
    pub fn issued(&self) -> Vec<String> {
        self.shared.script().issued.clone()
    }

    /// How many bytes of endless answers its peers took before they hung up.
    pub fn taken(&self) -> u64 {
        self.shared.taken.load(Ordering::SeqCst)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes it where it waits for the next.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn converse(&self, stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<()> {
        match tls {
            None => self.serve(stream),
            Some(config) => {
                let session = ServerConnection::new(config).map_err(io::Error::other)?;
                self.serve(StreamOwned::new(session, stream))
            }
        }
    }

    // One request for each connection, so that none is answered by a script that was meant for another.
    fn serve(&self, mut stream: impl Read + Write) -> io::Result<()> {
        let request = Request::read(&mut BufReader::new(&mut stream))?;
        let (answer, own) = self.script().decide(request);
        match answer {
            Answer::Own => own.write(&mut stream),
            Answer::Reply(reply) => reply.write(&mut stream),
            Answer::AfterProcessing(delay) => {
                self.wait(delay);
                own.write(&mut stream)
            }
            Answer::Trickle(length) => {
                let end = Instant::now() + length;
                self.pad(&mut stream, &own, |_| {
                    self.wait(Duration::from_millis(50));
                    (Instant::now() < end).then_some(b" ")
                })
            }
            Answer::Huge => self.pad(&mut stream, &own, |taken| (taken < 1 << 30).then_some(&[b' '; 64 << 10])),
            Answer::Silence => {
                self.wait(Duration::from_secs(3600));
                Ok(())
            }
            Answer::Hangup => Ok(()),
        }
    }

    fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.stopped() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10).min(time));
        }
    }

    // Blanks before a good answer, which JSON allows: who had the patience and the room would get it.
    fn pad<const N: usize>(
        &self,
        stream: &mut impl Write,
        own: &Reply,
        mut next: impl FnMut(u64) -> Option<&'static [u8; N]>,
    ) -> io::Result<()> {
        own.write_head(stream, "transfer-encoding: chunked\r\n")?;
        let mut taken = 0;
        while let Some(blanks) = next(taken).filter(|_| !self.stopped()) {
            write_chunk(stream, blanks)?;
            taken += blanks.len() as u64;
            self.taken.fetch_add(blanks.len() as u64, Ordering::SeqCst);
        }
        write_chunk(stream, own.body.as_bytes())?;
        write_chunk(stream, b"")
    }
}

fn write_chunk(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    write!(stream, "{:x}\r\n", bytes.len())?;
    stream.write_all(bytes)?;
    stream.write_all(b"\r\n")?;
    stream.flush()
}

impl Script {
    // The answer, and what it would have said by itself.
    fn decide(&mut self, request: Request) -> (Answer, Reply) {
        let fits = |(path, _): &(String, Answer)| request.path.starts_with(path.as_str());
        let answer = match self.once.iter().position(fits) {
            Some(next) => self.once.remove(next).1,
            None => self.always.iter().find(|entry| fits(entry)).map_or(Answer::Own, |(_, answer)| answer.clone()),
        };
        let own = match answer {
            Answer::Reply(_) | Answer::Silence | Answer::Hangup => Reply::new(200, "{}"),
            _ => self.own(&request),
        };
        self.requests.push(request);
        (answer, own)
    }

    fn own(&mut self, request: &Request) -> Reply {
        let path = request.path.split('?').next().unwrap_or_default();
        if request.method != "POST" || !path.ends_with("/token") {
            return Reply::new(200, "{}");
        }
        if !matches!(request.field("grant_type").as_deref(), Some("authorization_code" | "refresh_token")) {
            return Reply::new(400, r#"{"error":"unsupported_grant_type"}"#);
        }
        if let (Some(spent), Some(token)) = (&mut self.spent, request.field("refresh_token"))
            && !spent.insert(token)
        {
            return Reply::new(400, r#"{"error":"invalid_grant"}"#);
        }
        let [access_token, refresh_token] =
            ["access", "refresh"].map(|kind| format!("{kind}-{:032x}", rand::random::<u128>()));
        self.issued.extend([access_token.clone(), refresh_token.clone()]);
        let mut body = json!({
            "token_type": "Bearer",
            "expires_in": 3600,
            "access_token": access_token,
            "refresh_token": refresh_token,
        });
        let members = body.as_object_mut().unwrap();
        members.extend(self.members.clone());
        members.retain(|_, value| !value.is_null());
        Reply::new(200, body)
    }
}
