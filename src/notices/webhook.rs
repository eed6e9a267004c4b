//! Notices to a webhook, signed as Standard Webhooks specifies: the message id is the same in every attempt, the timestamp
//! and the signature are new.

use oauth2::http::Request;

use crate::config::Webhook;
use crate::http::HttpClient;
use crate::notices::OutboxMessage;
use crate::notices::delivery::Failure;
use crate::text::one_line;
use crate::time::Timestamp;

// The most characters of an answer that are shown.
const LONGEST_ANSWER: usize = 300;
// Shorter parts of a URL are words, not secrets.
const SHORTEST_SECRET: usize = 8;

/// Posts one message; returns what the receiver answered. Errors: why it was not delivered.
pub async fn deliver(
    webhook: &Webhook,
    http: &HttpClient,
    message: &OutboxMessage,
    now: Timestamp,
) -> Result<String, Failure> {
    let signature = webhook.sign(&format!("{}.{}.{}", message.message_id, now.0, message.body));
    let request = Request::post(webhook.url.as_str())
        .header("content-type", "application/json")
        .header("webhook-id", &message.message_id)
        .header("webhook-timestamp", now.0)
        .header("webhook-signature", signature)
        .body(message.body.clone().into_bytes())
        .map_err(|_| Failure::new("the message is not a valid request"))?;
    let answer = http.send(request).await.map_err(|why| Failure::new(why.to_string()))?;
    let status = answer.status();
    let text = one_line(&String::from_utf8_lossy(answer.body()));
    let text: String = webhook.without_secrets(text).chars().take(LONGEST_ANSWER).collect();
    let told = format!("{status} {}", text.trim()).trim().to_string();
    match status.is_success() {
        true => Ok(told),
        false => {
            let cause = format!("the receiver answered with status {}", status.as_u16());
            Err(Failure { cause, answer: Some(told) })
        }
    }
}

impl Webhook {
    // Any part of the URL after the host may be a secret that the receiver repeats.
    fn without_secrets(&self, text: String) -> String {
        let parts = self.url.split(['/', '?', '&', '=', '#']).skip(3).filter(|part| part.len() >= SHORTEST_SECRET);
        parts.fold(text, |text, part| text.replace(part, "***"))
    }
}
