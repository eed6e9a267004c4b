//! What all pages show of a connection: the summary, and the badges of its status and its history.

use actix_web::HttpResponse;
use actix_web::http::header;

use crate::connections::{ApiType, Connection, ConnectionEvent, EventKind, Status};
use crate::error::{Error, Result};
use crate::pages::connections::path;
use crate::time::{DisplayTime, TimeFormat, Timestamp};
use crate::web::badge::Badge;
use crate::web::headers;
use crate::web::page::Viewer;
use crate::web::state::State;

/// The badge of an event in the history.
pub(super) fn event_badge(event: &ConnectionEvent) -> Badge {
    let (tone, icon) = match event.kind {
        kind if kind.is_failure() => ("bad", "alert-triangle"),
        EventKind::Authorized | EventKind::Recovered => ("good", "check-circle"),
        EventKind::Refreshed => ("", "refresh"),
        EventKind::Paused => ("", "pause"),
        _ => ("", "info"),
    };
    let mut text = event.kind.word().to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Badge::new(tone, icon, text)
}

impl Status {
    /// The badge of the status.
    pub fn badge(self) -> Badge {
        let (tone, icon) = match self {
            Status::Online => ("good", "check-circle"),
            Status::Refreshing => ("", "refresh"),
            Status::Retrying => ("warn", "alert-triangle"),
            Status::NeedsAuthorization => ("bad", "x-circle"),
            Status::Paused => ("", "pause"),
        };
        Badge::new(tone, icon, self.label())
    }
}

/// The button that leads to the provider.
pub(super) fn authorize_label(was_authorized: bool) -> &'static str {
    if was_authorized { "Reconnect" } else { "Authorize" }
}

/// The summary of a connection.
pub struct ConnectionFacts {
    /// The path of its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub badge: Badge,
    /// The name of its API type.
    pub api: &'static str,
    /// The environment of its API type; may be empty.
    pub environment: &'static str,
    /// The name of its account; empty if it is unknown.
    pub account: String,
    /// When its access token expires.
    pub expires: DisplayTime,
    /// When its tokens were last refreshed.
    pub refreshed: DisplayTime,
    /// When a call last used it.
    pub used: DisplayTime,
}

impl ConnectionFacts {
    /// The summary at the current time.
    pub fn of(connection: &Connection, api_type: ApiType, times: &TimeFormat) -> ConnectionFacts {
        ConnectionFacts {
            href: path(connection.id),
            name: connection.name.clone(),
            badge: connection.status().badge(),
            api: api_type.name(),
            environment: api_type.environment().unwrap_or_default(),
            account: connection.account_name.clone(),
            expires: match connection.access_expires_at {
                Timestamp::NEVER_YET => plain("no token"),
                at => times.until(at),
            },
            refreshed: ago(connection.last_refreshed_at, times, "never"),
            used: times.ago(connection.last_used_at),
        }
    }
}

/// How long ago, or `never` if it never happened.
pub fn ago(at: Timestamp, times: &TimeFormat, never: &str) -> DisplayTime {
    match at {
        Timestamp::NEVER_YET => plain(never),
        at => times.ago(at),
    }
}

fn plain(text: &str) -> DisplayTime {
    DisplayTime { text: text.into(), ..DisplayTime::default() }
}

/// Adds a Content-Security-Policy that lets an admin's forms redirect to any provider and its sign-in page.
pub fn allow_form_redirects(app: &State, viewer: &Viewer, mut response: HttpResponse) -> Result<HttpResponse> {
    if !viewer.is_admin() {
        return Ok(response);
    }
    let targets = if app.config.outbound.private { "https: http:" } else { "https:" };
    let policy = headers::policy_for_forms_that_lead_to(targets);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.parse().map_err(Error::internal)?);
    Ok(response)
}
