//! Notices to a webhook, signed as Standard Webhooks specifies: the message id is the same in every attempt, the timestamp
//! and the signature are new.

use oauth2::http::Request;

use crate::config::Webhook;
use crate::http::HttpClient;
use crate::notices::OutboxMessage;
use crate::time::Timestamp;

/// Posts one message. Errors: the reason as a clause, without secrets.
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
        .map_err(|_| "the message is not a valid request".to_string())?;
    match http.send(request).await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("the receiver answered with status {}", answer.status().as_u16())),
        Err(why) => Err(why.to_string()),
    }
}
