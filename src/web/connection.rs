//! A caller's connection, as the HTTP library reads and writes it.
//!
//! The library decodes every request that it has read, and reads on while it makes an answer. A caller who sends requests
//! without reading the answers would fill the memory. So a connection is read only while somebody waits for what comes: the
//! library for the head of the next request, or a handler for a body; and little at a time. A caller who keeps the server
//! waiting, by sending a head too slowly or by not taking an answer, loses the connection.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::web::connection_limits::OpenConnection;

// What is read at once, in bytes: more than the head of an ordinary request has.
const CHUNK: usize = 4 * 1024;
// How long a caller may take no byte of an answer.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// A connection, which counts until it is dropped.
pub struct Connection {
    stream: TcpStream,
    exchange: Rc<Exchange>,
    head_within: Duration,
    // How many bytes were read since the library last had to wait.
    read: usize,
    // When to look again whether the caller is late.
    check: Pin<Box<Sleep>>,
}

/// Whose turn it is on one connection. The connection shares it with the requests that come over it.
pub struct Exchange {
    turn: Cell<Turn>,
    // When the turn, or a wait for the caller to take bytes, began.
    since: Cell<Instant>,
    is_blocked: Cell<bool>,
    reader: Cell<Option<Waker>>,
    answerer: Cell<Option<Waker>>,
    _open: OpenConnection,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    // The caller's: the head of a request.
    Head,
    // The caller's: a handler waits for the body.
    Body,
    // The server's.
    Answer,
}

impl Connection {
    /// Takes over an accepted connection. Each head must be complete within `head_within` of the answer before it.
    pub fn new(stream: TcpStream, open: OpenConnection, head_within: Duration) -> Connection {
        let exchange = Exchange {
            turn: Cell::new(Turn::Head),
            since: Cell::new(Instant::now()),
            is_blocked: Cell::new(false),
            reader: Cell::default(),
            answerer: Cell::default(),
            _open: open,
        };
        let check = Box::pin(sleep(head_within.min(TAKEN_WITHIN)));
        Connection { stream, exchange: Rc::new(exchange), head_within, read: 0, check }
    }

    /// What the requests of this connection share with it.
    pub fn exchange(&self) -> Rc<Exchange> {
        self.exchange.clone()
    }

    // Fails when the caller has kept the server waiting for longer than `limit`; wakes the task when that may be so.
    fn poll_late(&mut self, cx: &mut Context<'_>, limit: Duration) -> io::Result<()> {
        while self.check.as_mut().poll(cx).is_ready() {
            let end = self.exchange.since.get() + limit;
            if Instant::now() >= end {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the caller kept the server waiting"));
            }
            self.check.as_mut().reset(end);
        }
        Ok(())
    }

    fn poll_read_some(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read >= CHUNK {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let most = buffer.remaining().min(CHUNK - self.read);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        let outcome = Pin::new(&mut self.stream).poll_read(cx, &mut part);
        let n = part.filled().len();
        buffer.advance(n);
        self.read += n;
        outcome
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        if connection.exchange.turn.get() == Turn::Answer {
            // Whatever arrives later wakes the task; what has arrived waits for the end of the answer.
            if connection.stream.poll_read_ready(cx).is_ready() {
                connection.exchange.reader.set(Some(cx.waker().clone()));
            }
            return Poll::Pending;
        }
        let outcome = connection.poll_read_some(cx, buffer);
        if outcome.is_pending() {
            connection.read = 0;
            if connection.exchange.turn.get() == Turn::Head {
                connection.poll_late(cx, connection.head_within)?;
            } else {
                connection.exchange.reader.set(Some(cx.waker().clone()));
            }
        }
        outcome
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let connection = self.get_mut();
        let outcome = Pin::new(&mut connection.stream).poll_write(cx, bytes);
        let exchange = &connection.exchange;
        if outcome.is_ready() {
            exchange.is_blocked.set(false);
            wake(&exchange.answerer);
            return outcome;
        }
        if !exchange.is_blocked.replace(true) {
            exchange.since.set(Instant::now());
        }
        connection.poll_late(cx, TAKEN_WITHIN)?;
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Exchange {
    /// The server's turn: nothing is read.
    pub fn answer(&self) {
        self.turn.set(Turn::Answer);
    }

    /// A handler waits for the body of its request.
    pub fn wait_for_body(&self) {
        self.turn.set(Turn::Body);
        wake(&self.reader);
    }

    /// The answer is complete: the caller's next request may come.
    pub fn end(&self) {
        self.turn.set(Turn::Head);
        self.since.set(Instant::now());
        wake(&self.reader);
    }

    /// Waits until the caller has taken what it was answered before. A caller that does not take it loses the connection, and
    /// the request is dropped with it.
    pub async fn taken(&self) {
        poll_fn(|cx| {
            if !self.is_blocked.get() {
                return Poll::Ready(());
            }
            self.answerer.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

fn wake(waker: &Cell<Option<Waker>>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
