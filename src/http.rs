//! Calls to other servers: bounded in time and size, no redirect followed (one could take a secret along), and errors that
//! do not quote the address, which may hold one too.

use std::time::Duration;

use oauth2::http;

const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_BODY: usize = 1024 * 1024;

/// The HTTP client; cloning it shares its connections.
#[derive(Clone, Debug)]
pub struct HttpClient(reqwest::Client);

/// Why there is no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// The server could not be reached, or took too long.
    Unreachable,
    /// Its answer was longer than a megabyte.
    TooLong,
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NoAnswer::Unreachable => "the server could not be reached or took longer than ten seconds",
            NoAnswer::TooLong => "the server's answer was longer than a megabyte",
        })
    }
}

impl std::error::Error for NoAnswer {}

impl HttpClient {
    /// A new client. Errors: the system's own reason.
    pub fn new() -> Result<HttpClient, String> {
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
        builder.no_proxy().build().map(HttpClient).map_err(|error| error.to_string())
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        let request = reqwest::Request::try_from(request).map_err(|_| NoAnswer::Unreachable)?;
        let mut answer = self.0.execute(request).await.map_err(|_| NoAnswer::Unreachable)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| NoAnswer::Unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_BODY {
                return Err(NoAnswer::TooLong);
            }
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    /// Reads an address with a Bearer token.
    pub async fn get_with_token(&self, url: &str, token: &str) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        let request = http::Request::get(url).header("authorization", format!("Bearer {token}")).body(Vec::new());
        self.send(request.map_err(|_| NoAnswer::Unreachable)?).await
    }
}
