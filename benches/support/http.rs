//! A minimal HTTP client for the load generator: one keep-alive connection, requests prepared as bytes, and responses read
//! into one buffer, so that it uses little of the machine it shares with the server.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use url::form_urlencoded;

/// A response.
#[derive(Debug, Default)]
pub struct Response {
    pub status: u16,
    pub location: String,
    pub cookies: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Head and body together.
    pub bytes: usize,
}

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection that is kept open, and opened again when the server closes it after an answer.
pub struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
    is_closed: bool,
    line: String,
    answer: Response,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Result<Connection> {
        let (stream, is_closed) = (connect(address)?, false);
        Ok(Connection { address, stream, is_closed, line: String::new(), answer: Response::default() })
    }

    /// Sends a request and reads the whole response.
    pub fn send(&mut self, request: &[u8]) -> Result<&Response> {
        if std::mem::take(&mut self.is_closed) {
            self.stream = connect(self.address)?;
        }
        self.stream.get_mut().write_all(request)?;
        self.answer = Response { body: std::mem::take(&mut self.answer.body), ..Response::default() };
        let mut length = 0;
        for n in 0.. {
            self.line.clear();
            if self.stream.read_line(&mut self.line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.answer.bytes += self.line.len();
            let line = self.line.trim_end();
            if n == 0 {
                let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
                self.answer.status = status.ok_or(ErrorKind::InvalidData)?;
            } else if line.is_empty() {
                break;
            } else if let Some((name, value)) = line.split_once(": ") {
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.parse().map_err(Error::other)?,
                    "connection" => self.is_closed = value.eq_ignore_ascii_case("close"),
                    "location" => self.answer.location = value.into(),
                    "set-cookie" => {
                        let pair = value.split(';').next().and_then(|pair| pair.split_once('='));
                        self.answer.cookies.extend(pair.map(|(name, value)| (name.into(), value.into())));
                    }
                    _ => {}
                }
            }
        }
        self.answer.body.resize(length, 0);
        self.stream.read_exact(&mut self.answer.body)?;
        self.answer.bytes += length;
        Ok(&self.answer)
    }
}

fn connect(address: SocketAddr) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    Ok(BufReader::with_capacity(64 * 1024, stream))
}

/// A browser session, signed in or not.
#[derive(Clone)]
pub struct Visitor {
    pub address: SocketAddr,
    cookies: Vec<(String, String)>,
    csrf: String,
}

impl Visitor {
    /// A session that is not signed in.
    pub fn stranger(address: SocketAddr) -> Visitor {
        Visitor { address, cookies: Vec::new(), csrf: String::new() }
    }

    /// A session that has opened a form, and the page with the form.
    pub fn at(address: SocketAddr, path: &str) -> (Visitor, String) {
        Self::back_at(address, path, None)
    }

    /// The same in a browser that is known from an earlier session, if there was one.
    pub fn back_at(address: SocketAddr, path: &str, earlier: Option<&Visitor>) -> (Visitor, String) {
        let mut visitor = Self::stranger(address);
        let device = earlier.and_then(|earlier| earlier.cookies.iter().find(|(name, _)| name.contains("device")));
        visitor.cookies.extend(device.cloned());
        let mut connection = Connection::open(address).expect("the server listens");
        let form = connection.send(&visitor.get(path)).expect("the form");
        visitor.csrf = field(&form.text(), "csrf").expect("a form with its token");
        visitor.cookies.extend(form.cookies.iter().cloned());
        (visitor, form.text())
    }

    /// Signs in with the form, its CSRF token and the password.
    pub fn sign_in(address: SocketAddr, email: &str, password: &str) -> Visitor {
        let (mut visitor, _) = Self::at(address, "/sign-in");
        let mut connection = Connection::open(address).expect("the server listens");
        let request = visitor.post("/sign-in", &[("email", email), ("password", password)]);
        let answer = connection.send(&request).expect("an answer to the password");
        assert_eq!(answer.status, 303, "signing in as {email}: {}", answer.text());
        for (name, value) in &answer.cookies {
            visitor.cookies.retain(|(known, _)| known != name);
            visitor.cookies.push((name.clone(), value.clone()));
        }
        let page = connection.send(&visitor.get("/settings/profile")).expect("the profile");
        visitor.csrf = field(&page.text(), "csrf").expect("a page with a form");
        visitor
    }

    pub fn get(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", self.address, self.cookie()).into_bytes()
    }

    /// Submits a form of this program.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        let body = body.append_pair("csrf", &self.csrf).extend_pairs(fields).finish();
        format!(
            "POST {path} HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nCookie: {1}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {2}\r\n\r\n{body}",
            self.address,
            self.cookie(),
            body.len()
        )
        .into_bytes()
    }

    /// One page, read as text; the error says which page had no answer, or not the right one.
    pub fn page(&self, path: &str) -> Result<String> {
        let answer = Connection::open(self.address).and_then(|mut connection| {
            let answer = connection.send(&self.get(path))?;
            Ok((answer.status, answer.text()))
        });
        match answer {
            Ok((200, text)) => Ok(text),
            Ok((status, _)) => Err(Error::other(format!("{path} was answered {status}"))),
            Err(error) => Err(Error::other(format!("{path}: {error}"))),
        }
    }

    fn cookie(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }
}

/// The value of a hidden field in a page.
pub fn field(page: &str, name: &str) -> Option<String> {
    let start = format!("name=\"{name}\" value=\"");
    let rest = &page[page.find(&start)? + start.len()..];
    Some(rest[..rest.find('"')?].to_string())
}

/// The names and values of all hidden fields whose names start like this.
pub fn fields(page: &str, start: &str) -> Vec<(String, String)> {
    let inputs = page.split("name=\"").skip(1).filter(|rest| rest.starts_with(start));
    let names = inputs.filter_map(|rest| rest.split('"').next()).map(str::to_string);
    names.filter_map(|name| field(page, &name).map(|value| (name, value))).collect()
}

/// The target of the first link whose tag contains `mark` after the element with the id `section`.
pub fn link(page: &str, section: &str, mark: &str) -> Option<String> {
    let section = &page[page.find(&format!("id=\"{section}\""))?..];
    // The tag may have the mark before its target or behind it.
    let at = section.find(mark)?;
    let tag = section[..at].rfind("<a ")?;
    let rest = &section[tag..];
    let href = &rest[rest.find("href=\"")? + 6..];
    Some(href[..href.find('"')?].replace("&#38;", "&").replace("&amp;", "&"))
}
