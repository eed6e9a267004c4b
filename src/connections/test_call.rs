//! Tests a connection with one API call that changes nothing.

use oauth2::http::StatusCode;

use crate::connections::challenge::says_invalid_token;
use crate::connections::ready::{NotReady, Refused, ready};
use crate::connections::remote_account::{RemoteAccount, Unnamed};
use crate::connections::{
    Connection, ConnectionEvent, Connections, EventKind, OAuthClient, Provider, Requester, or_gone, remote_account,
};
use crate::error::Result;
use crate::id::ConnectionKey;
use crate::text::capitalized;
use crate::time::Timestamp;

/// What a test found.
#[derive(Clone, Debug)]
pub struct TestOutcome {
    /// Whether the API answered with success.
    pub passed: bool,
    /// What was found, as sentences for people.
    pub message: String,
    /// When the tokens are refreshed next, if the test was not possible because that failed.
    pub next_retry: Option<Timestamp>,
}

impl TestOutcome {
    fn failed(message: impl Into<String>) -> TestOutcome {
        TestOutcome { passed: false, message: message.into(), next_retry: None }
    }
}

struct Answer {
    status: StatusCode,
    is_invalid_token: bool,
    account: std::result::Result<RemoteAccount, Unnamed>,
}

impl Connections {
    /// Makes one read-only API call, and records the outcome. If the provider refuses the access token, it is refreshed and
    /// the call is made once more. An account that was unknown is stored if the answer names it.
    pub async fn test(&self, id: ConnectionKey, by: &Requester) -> Result<TestOutcome> {
        self.db.read(move |conn| or_gone(Connection::find(conn, id), conn, id)).await?;
        let (outcome, account) = self.run_test(id).await?;
        let (by, noted, now) = (by.name.clone(), outcome.message.clone(), self.clock.now());
        self.db
            .write(move |conn| {
                if let Some(account) = &account {
                    Connection::set_account(conn, id, account)?;
                }
                Ok(ConnectionEvent::record(conn, id, (EventKind::Tested, &noted), &by, now)?)
            })
            .await?;
        Ok(outcome)
    }

    // The outcome, and the account if it was not known before.
    async fn run_test(&self, id: ConnectionKey) -> Result<(TestOutcome, Option<RemoteAccount>)> {
        let mut refused: Option<(Connection, bool)> = None;
        loop {
            let refusal = refused.as_ref();
            let refusal = refusal
                .map(|(connection, is_invalid_token)| Refused { connection, is_invalid_token: *is_invalid_token });
            let (connection, client) = match ready(self, id, refusal).await? {
                Ok(found) => found,
                Err(why) => return Ok((not_ready(why, refused.is_some()), None)),
            };
            match self.call(&connection, &client).await? {
                Ok(Answer { status: StatusCode::UNAUTHORIZED, is_invalid_token, .. }) if refused.is_none() => {
                    refused = Some((connection, is_invalid_token));
                }
                Ok(answer) if answer.status.is_success() => return Ok(passed(answer, &connection, &client)),
                Ok(Answer { status, .. }) => {
                    return Ok((TestOutcome::failed(format!("Test failed: the API answered {status}.")), None));
                }
                Err(why) => return Ok((TestOutcome::failed(why), None)),
            }
        }
    }

    async fn call(&self, connection: &Connection, client: &OAuthClient) -> Result<std::result::Result<Answer, String>> {
        let provider = Provider::of(client, &connection.domain_prefix, &self.hosts)?;
        let Some(url) = provider.test_call() else {
            return Ok(Err("No test path is set. Add one to the app credentials.".into()));
        };
        let token = connection.access_token(&self.vault)?;
        Ok(match self.http.get_with_token(url.as_str(), token.expose()).await {
            Ok(answer) => Ok(Answer {
                status: answer.status(),
                is_invalid_token: says_invalid_token(answer.headers()),
                account: remote_account::read(answer.body(), &provider.account_member),
            }),
            Err(why) => Err(format!("Test failed: {why}.")),
        })
    }
}

// The account of the answer counts if none is known, or if an admin has chosen another member to name it.
fn passed(answer: Answer, connection: &Connection, client: &OAuthClient) -> (TestOutcome, Option<RemoteAccount>) {
    let message = format!("Test passed: the API answered {}.", answer.status.as_u16());
    let (is_unknown, is_chosen) = (connection.account_id.is_empty(), !client.account_member.is_empty());
    let (message, account) = match answer.account {
        Ok(account) if is_unknown || (is_chosen && account.is_of_another_kind(&connection.account_id)) => {
            (format!("{message} The account is {}.", account.name), Some(account))
        }
        Err(unnamed) if is_unknown || is_chosen => {
            let message = format!("{message} {}. {}", capitalized(&unnamed.to_string()), unnamed.advice());
            (message.trim().to_string(), None)
        }
        _ => (message, None),
    };
    (TestOutcome { passed: true, message, next_retry: None }, account)
}

fn not_ready(why: NotReady, was_refused: bool) -> TestOutcome {
    let what = match was_refused {
        true => "Test failed: the API refuses the access token.",
        false => "Test not possible.",
    };
    let mut next_retry = None;
    let sentence = match why {
        NotReady::Paused => "The connection is paused. Resume it first.".into(),
        NotReady::NeedsAuthorization(reason) => format!("The connection must be authorized first. {reason}"),
        NotReady::Retrying(cause, until) => {
            next_retry = Some(until);
            format!("Refreshing the tokens failed: {cause}")
        }
        NotReady::JustRefreshed => "The tokens were refreshed seconds ago.".into(),
        NotReady::Busy => "The tokens are being refreshed. Try again in a few seconds.".into(),
    };
    TestOutcome { next_retry, ..TestOutcome::failed(format!("{what} {sentence}")) }
}
