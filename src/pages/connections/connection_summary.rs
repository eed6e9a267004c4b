//! A connection as pages show it.

use actix_web::HttpResponse;
use actix_web::http::header;

use crate::connections::{ApiType, Connection, Status};
use crate::error::{Error, Result};
use crate::pages::connections::path;
use crate::time::{DisplayTime, TimeFormat, Timestamp};
use crate::web::badge::Badge;
use crate::web::headers;
use crate::web::page::Viewer;
use crate::web::state::State;

impl Status {
    /// How it is shown.
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

/// What every page says about a connection.
pub struct ConnectionFacts {
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// How it is doing.
    pub badge: Badge,
    /// The kind of server it leads to.
    pub api: &'static str,
    /// Which of its environments, or nothing.
    pub environment: &'static str,
    /// The account it leads to; empty when it is not known.
    pub account: String,
    /// When its access token ends.
    pub expires: DisplayTime,
    /// When its tokens were last renewed.
    pub refreshed: DisplayTime,
    /// When a call last went through it.
    pub used: DisplayTime,
}

impl ConnectionFacts {
    /// The facts as of now.
    pub fn of(connection: &Connection, api_type: ApiType, words: &TimeFormat) -> ConnectionFacts {
        ConnectionFacts {
            href: path(connection.id),
            name: connection.name.clone(),
            badge: connection.status().badge(),
            api: api_type.name(),
            environment: api_type.environment().unwrap_or_default(),
            account: connection.account_name.clone(),
            expires: match connection.access_expires_at {
                Timestamp::NEVER_YET => said("no token"),
                at => words.until(at),
            },
            refreshed: ago(connection.last_refreshed_at, words, "never"),
            used: words.ago(connection.last_used_at),
        }
    }
}

/// How long ago, or the word for what never happened.
pub fn ago(at: Timestamp, words: &TimeFormat, never: &str) -> DisplayTime {
    match at {
        Timestamp::NEVER_YET => said(never),
        at => words.ago(at),
    }
}

fn said(text: &str) -> DisplayTime {
    DisplayTime { text: text.into(), ..DisplayTime::default() }
}

/// The page with a policy under which an admin's forms may lead to a provider, and on from there to wherever people sign
/// in.
pub fn allow_form_redirects(app: &State, viewer: &Viewer, mut response: HttpResponse) -> Result<HttpResponse> {
    if !viewer.is_admin() {
        return Ok(response);
    }
    let targets = if app.config.outbound.private { "https: http:" } else { "https:" };
    let policy = headers::policy_for_forms_that_lead_to(targets);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.parse().map_err(Error::internal)?);
    Ok(response)
}
