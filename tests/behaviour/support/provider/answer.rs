//! What a provider can be told to answer.

use std::io::{self, Write};
use std::time::Duration;

/// An answer, good or odd.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What it would have said anyway.
    Own,
    /// These words.
    Reply(Reply),
    /// Its own answer, but this long after it has done what was asked.
    AfterProcessing(Duration),
    /// Its own answer behind blanks, one now and then, for this long.
    Trickle(Duration),
    /// Its own answer behind a gigabyte of blanks.
    Huge,
    /// Nothing, on a connection that stays open.
    Silence,
    /// Nothing, on a connection that is closed.
    Hangup,
}

/// A status, headers and a body.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    /// JSON, or what is given out as JSON.
    pub fn json(status: u16, body: impl ToString) -> Answer {
        Answer::Reply(Reply::new(status, body))
    }

    /// A redirect that asks for the same again, method and body included.
    pub fn redirect(to: &str) -> Answer {
        Answer::Reply(Reply::new(307, "")).header("location", to)
    }

    /// The same with a header set.
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        let Answer::Reply(reply) = &mut self else { panic!("{self:?} has no headers") };
        reply.headers.retain(|(known, _)| known != name);
        reply.headers.push((name.into(), value.into()));
        self
    }
}

impl Reply {
    pub(super) fn new(status: u16, body: impl ToString) -> Reply {
        let headers = vec![("content-type".into(), "application/json".into())];
        Reply { status, headers, body: body.to_string() }
    }

    pub(super) fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        // A 204 has no length either.
        let length = format!("content-length: {}\r\n", self.body.len());
        self.write_head(stream, if self.status == 204 { "" } else { &length })?;
        stream.write_all(self.body.as_bytes())?;
        stream.flush()
    }

    pub(super) fn write_head(&self, stream: &mut impl Write, framing: &str) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} As told\r\nconnection: close\r\n{framing}", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(head.as_bytes())?;
        stream.write_all(b"\r\n")
    }
}
