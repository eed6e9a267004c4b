//! A mail server that keeps what it is given, and refuses it when it is told to.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use base64::Engine;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::provider::Certificate;

/// One mail as it was taken.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// Who sent it, by the envelope.
    pub from: String,
    /// Who is to get it, by the envelope.
    pub to: Vec<String>,
    /// Headers and text.
    pub text: String,
    /// What the sender signed in with: name, a zero byte, password.
    pub login: String,
    /// Whether it came by TLS.
    pub is_tls: bool,
}

impl Mail {
    /// A header, as it was written.
    pub fn header(&self, name: &str) -> String {
        let unfolded = self.text.replace("\r\n ", " ");
        let head = unfolded.split("\r\n\r\n").next().unwrap_or_default();
        let values = head.lines().filter_map(|line| line.split_once(": ").filter(|(key, _)| *key == name));
        values.map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(" AND ")
    }
}

/// One server on loopback; it stops with the value.
pub struct MailServer {
    /// Where it is.
    pub address: SocketAddr,
    /// Who signed its certificate, in PEM; empty when it has none.
    pub authority: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    mails: Mutex<Vec<Mail>>,
    refusals: Mutex<Vec<String>>,
    stopped: AtomicBool,
    tls: Option<Arc<ServerConfig>>,
}

impl MailServer {
    /// One that speaks in clear.
    pub fn start() -> MailServer {
        Self::launch(None, String::new())
    }

    /// One that offers STARTTLS with a certificate of this kind.
    pub fn start_tls(certificate: Certificate) -> MailServer {
        let (config, authority) = certificate.make();
        Self::launch(Some(Arc::new(config)), authority)
    }

    fn launch(tls: Option<Arc<ServerConfig>>, authority: String) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { tls, ..Shared::default() });
        let all = shared.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if all.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let shared = all.clone();
                std::thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        MailServer { address, authority, shared, thread: Some(thread) }
    }

    /// Refuses the next mail with these words.
    pub fn refuse(&self, words: &str) {
        self.shared.refusals.lock().unwrap().push(words.into());
    }

    /// What it was given and did not refuse.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().unwrap().clone()
    }
}

impl Drop for MailServer {
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
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(b"220 mail.test ready\r\n")?;
        if !self.converse(&mut stream, false)? {
            return Ok(());
        }
        let Some(tls) = self.tls.clone() else { return Ok(()) };
        let session = ServerConnection::new(tls).map_err(io::Error::other)?;
        self.converse(&mut StreamOwned::new(session, stream), true).map(drop)
    }

    // True when the rest is to go by TLS.
    fn converse(&self, stream: &mut (impl Read + Write), is_tls: bool) -> io::Result<bool> {
        let offers = if self.tls.is_some() && !is_tls { "250-STARTTLS\r\n" } else { "" };
        let mut mail = Mail { is_tls, ..Mail::default() };
        loop {
            let command = line(stream)?;
            let answer = match command.split(' ').next().unwrap_or_default() {
                "EHLO" => format!("250-mail.test\r\n{offers}250-AUTH PLAIN\r\n250 8BITMIME"),
                "STARTTLS" => {
                    stream.write_all(b"220 go ahead\r\n")?;
                    return Ok(true);
                }
                "AUTH" => {
                    let login = command.rsplit(' ').next().unwrap_or_default();
                    let login = base64::engine::general_purpose::STANDARD.decode(login).map_err(io::Error::other)?;
                    mail.login = String::from_utf8_lossy(&login).trim_start_matches('\0').into();
                    "235 welcome".into()
                }
                "MAIL" => {
                    mail.from = within(&command);
                    "250 good".into()
                }
                "RCPT" => {
                    mail.to.push(within(&command));
                    "250 good".into()
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n")?;
                    mail.text = data(stream)?;
                    self.take(mail.clone())
                }
                "QUIT" => {
                    stream.write_all(b"221 good bye\r\n")?;
                    return Ok(false);
                }
                _ => "250 as you wish".into(),
            };
            stream.write_all(format!("{answer}\r\n").as_bytes())?;
        }
    }

    fn take(&self, mail: Mail) -> String {
        let mut refusals = self.refusals.lock().unwrap();
        if !refusals.is_empty() {
            return refusals.remove(0);
        }
        self.mails.lock().unwrap().push(mail);
        "250 taken".into()
    }
}

fn within(command: &str) -> String {
    let address = command.split('<').nth(1).and_then(|rest| rest.split('>').next());
    address.unwrap_or_default().into()
}

fn data(stream: &mut impl Read) -> io::Result<String> {
    let mut text = String::new();
    loop {
        match line(stream)?.as_str() {
            "." => return Ok(text),
            line => text.push_str(&format!("{line}\r\n")),
        }
    }
}

// Byte by byte: what follows STARTTLS is not ours to read ahead.
fn line(stream: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while byte != *b"\n" {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().into())
}
