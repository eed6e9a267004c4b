//! Around every request: whose turn it is on its connection, and the time for its body.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::rt::time::{Sleep, sleep};
use actix_web::{HttpMessage, HttpResponse, web};
use futures_util::Stream;

use crate::web::connection::Exchange;
use crate::web::state::State;

/// Middleware around everything. A request waits until the caller has taken earlier answers; nothing more is read from the
/// connection until its own answer is complete, except its body, which must arrive in time (`--body-seconds`): otherwise the
/// answer is 408.
pub async fn apply<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Answer<EitherBody<B>>>, actix_web::Error> {
    // Tests of single handlers have no connection.
    let turn = ServerTurn(request.conn_data::<Rc<Exchange>>().cloned());
    if let Some(exchange) = &turn.0 {
        exchange.answer();
        exchange.taken().await;
    }
    let is_late = Rc::new(Cell::new(false));
    if has_body(&request) {
        let time = request.app_data::<web::Data<State>>().map_or(10, |app| app.config.limits.body_seconds);
        let end = Box::pin(sleep(Duration::from_secs(time)));
        let payload = request.take_payload();
        let body = TimedBody { payload, end, exchange: turn.0.clone(), is_late: is_late.clone() };
        request.set_payload(Payload::Stream { payload: Box::pin(body) });
    }
    let response = next.call(request).await?;
    let response = if is_late.get() { late(response) } else { response.map_into_left_body() };
    Ok(response.map_body(|_, body| Answer { body: Box::pin(body), _turn: turn }))
}

fn late<B>(response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    let mut late = HttpResponse::RequestTimeout();
    late.force_close();
    let late = late.content_type("text/plain; charset=utf-8").body("The body did not arrive in time. Send it again.\n");
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, late).map_into_right_body()
}

fn has_body(request: &ServiceRequest) -> bool {
    let length = request.headers().get(header::CONTENT_LENGTH);
    length.is_some_and(|length| length != "0") || request.headers().contains_key(header::TRANSFER_ENCODING)
}

// The server's turn, which ends when the answer is complete or given up.
struct ServerTurn(Option<Rc<Exchange>>);

impl Drop for ServerTurn {
    fn drop(&mut self) {
        if let Some(exchange) = &self.0 {
            exchange.end();
        }
    }
}

/// The body of an answer, at whose end the caller has its turn.
pub struct Answer<B> {
    body: Pin<Box<B>>,
    _turn: ServerTurn,
}

impl<B: MessageBody> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<web::Bytes, B::Error>>> {
        self.body.as_mut().poll_next(cx)
    }
}

// A body that is read when it is wanted, and fails when it is not complete by the end of its time.
struct TimedBody {
    payload: Payload,
    end: Pin<Box<Sleep>>,
    exchange: Option<Rc<Exchange>>,
    is_late: Rc<Cell<bool>>,
}

impl Stream for TimedBody {
    type Item = Result<web::Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.payload).poll_next(cx);
        if next.is_ready() {
            self.exchange.iter().for_each(|exchange| exchange.answer());
            return next;
        }
        if self.end.as_mut().poll(cx).is_ready() {
            self.is_late.set(true);
            let late = std::io::Error::new(std::io::ErrorKind::TimedOut, "the body did not arrive in time");
            return Poll::Ready(Some(Err(PayloadError::Io(late))));
        }
        self.exchange.iter().for_each(|exchange| exchange.wait_for_body());
        next
    }
}
