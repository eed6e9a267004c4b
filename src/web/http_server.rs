//! The HTTP server: actix-web's, over connections that are counted and read only when it is their turn.
//!
//! `actix_web::HttpServer` serves `TcpStream`s only. This is what it does for a listener without TLS, for [`Connection`].

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server};
use actix_web::rt::net::TcpStream;

use crate::config::Limits;
use crate::web::connection::Connection;
use crate::web::connection_limits::ConnectionLimits;

// Threads of each worker for passwords and host names. The database has its own.
const BLOCKING_THREADS: usize = 8;
// How long requests may take to finish when the server is stopped, in seconds.
const STOP_WITHIN: u64 = 20;
// How long a caller may go on sending a body that nobody reads any more.
const DISCONNECT_WITHIN: Duration = Duration::from_secs(1);

/// Serves the application that `app` makes for each of `workers` threads, until the server is stopped. The head of a request
/// must arrive within `--header-seconds`; on a connection that was used before, within `--keep-alive-seconds` more.
pub fn serve<F, I, S, B>(
    listener: TcpListener,
    workers: usize,
    (limits, times): (Arc<ConnectionLimits>, Limits),
    app: F,
) -> std::io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error>,
    S::InitError: std::fmt::Debug,
    S::Response: Into<Response<B>>,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let builder =
        Server::build().workers(workers).worker_max_blocking_threads(BLOCKING_THREADS).shutdown_timeout(STOP_WITHIN);
    let stopping = builder.graceful_shutdown_signal();
    let (keep_alive, header) =
        (Duration::from_secs(times.keep_alive_seconds), Duration::from_secs(times.header_seconds));
    let builder = builder.listen("http", listener, move || {
        let (limits, stopping) = (limits.clone(), stopping.clone());
        let service = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(keep_alive)
            .client_request_timeout(header)
            .client_disconnect_timeout(DISCONNECT_WITHIN)
            .on_connect_ext(|connection: &Connection, data| drop(data.insert(connection.exchange())));
        let app = app().into_factory().map_err(|error: S::Error| error.into().error_response());
        let http = service.finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let accepted = limits.accept(&stream);
            async move {
                let (peer, open) = accepted?;
                Ok((Connection::new(stream, open, keep_alive + header), Protocol::Http1, Some(peer)))
            }
        })
        .and_then(http)
    })?;
    Ok(builder.run())
}
