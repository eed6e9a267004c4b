//! Notices to a webhook, signed as Standard Webhooks has it: the id stays the same at every attempt, the time and with it
//! the signature are those of the attempt.

use oauth2::http::Request;

use crate::config::Webhook;
use crate::http::HttpClient;
use crate::notices::OutboxMessage;
use crate::time::Timestamp;

/// Posts one message. Errors: why it did not arrive, in words that hold nothing secret.
pub async fn deliver(
    webhook: &Webhook,
    http: &HttpClient,
    message: &OutboxMessage,
    now: Timestamp,
) -> Result<(), String> {
    let signature = webhook.sign(&format!("{}.{}.{}", message.message_id, now.0, message.body));
    let request = Request::post(webhook.url.as_str())
        .header("content-type", "application/json")
        .header("webhook-id", &message.message_id)
        .header("webhook-timestamp", now.0)
        .header("webhook-signature", signature)
        .body(message.body.clone().into_bytes())
        .map_err(|_| "the message cannot be written as a request".to_string())?;
    match http.send(request).await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("the receiver answered with status {}", answer.status().as_u16())),
        Err(why) => Err(why.to_string()),
    }
}
