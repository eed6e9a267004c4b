//! A request as it arrived.

use std::io::{self, BufRead, ErrorKind};

use serde_json::Value;
use url::form_urlencoded;

/// What a provider was asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Request {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field of its body, a form or JSON.
    pub fn field(&self, name: &str) -> Option<String> {
        if let Ok(Value::Object(members)) = serde_json::from_str(&self.body) {
            return members.get(name).and_then(Value::as_str).map(str::to_string);
        }
        let mut fields = form_urlencoded::parse(self.body.as_bytes());
        fields.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Request> {
        let first = line(from)?;
        let mut words = first.split(' ').map(str::to_string);
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(io::Error::new(ErrorKind::InvalidData, first));
        };
        let mut request = Request { method, path, headers: Vec::new(), body: String::new() };
        loop {
            let line = line(from)?;
            let Some((name, value)) = line.split_once(':') else { break };
            request.headers.push((name.to_lowercase(), value.trim().into()));
        }
        let mut body = Vec::new();
        if request.header("transfer-encoding") == Some("chunked") {
            loop {
                let length = usize::from_str_radix(&line(from)?, 16).map_err(io::Error::other)?;
                read(from, length, &mut body)?;
                line(from)?;
                if length == 0 {
                    break;
                }
            }
        } else if let Some(length) = request.header("content-length") {
            read(from, length.parse().map_err(io::Error::other)?, &mut body)?;
        }
        request.body = String::from_utf8_lossy(&body).into_owned();
        Ok(request)
    }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    match from.read_line(&mut line)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end().into()),
    }
}

fn read(from: &mut impl BufRead, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
    let begin = into.len();
    into.resize(begin + length, 0);
    from.read_exact(&mut into[begin..])
}
