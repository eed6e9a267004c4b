//! How the list of connections shows what is wrong: one row for each kind of problem.

use crate::connections::{Connection, Problem, Status, WithProblem};
use crate::pages::connections::connection_detail::next_attempt;
use crate::pages::connections::connection_summary::authorize_label;
use crate::pages::connections::path;
use crate::time::{TimeFormat, thousands};

/// A problem, and the first connections that have it.
pub struct ProblemRow {
    /// The color.
    pub tone: &'static str,
    /// The icon.
    pub icon: &'static str,
    /// How many connections have it, and what it is.
    pub title: String,
    /// What it means.
    pub text: &'static str,
    /// The first connections.
    pub first: Vec<Named>,
    /// The address of the list with all of them, and its label, if there are more.
    pub all: Option<(String, String)>,
}

/// A connection with what fits its problem.
pub struct Named {
    /// The path of its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// How long it has been failing and what comes next; empty for other problems.
    pub details: String,
    /// The last part of the form that mends it, and the label of its button.
    pub act: (&'static str, &'static str),
}

impl ProblemRow {
    /// The row of a problem.
    pub fn of(found: &WithProblem, times: &TimeFormat) -> ProblemRow {
        let is_one = found.total == 1;
        let plural = |one: &'static str, many: &'static str| if is_one { one } else { many };
        let (tone, icon, title, text) = match found.problem {
            Problem::Reconnect => (
                "bad",
                "alert-triangle",
                plural("connection must be reconnected", "connections must be reconnected"),
                "Calls fail until an admin signs in at the provider again.",
            ),
            Problem::Failing => (
                "warn",
                "refresh",
                plural("connection is failing, retrying", "connections are failing, retrying"),
                "The server tries again by itself. If it lasts, check the provider.",
            ),
            Problem::NeverAuthorized => (
                "",
                "plug",
                plural("connection was never authorized", "connections were never authorized"),
                "Programs cannot call through a connection until an admin authorizes it at the provider.",
            ),
        };
        let status = match found.problem {
            Problem::Failing => Status::Retrying,
            _ => Status::NeedsAuthorization,
        };
        let is_more = found.total > found.first.len() as i64;
        let all = (format!("?status={}", status.word()), format!("All {}", thousands(found.total)));
        ProblemRow {
            tone,
            icon,
            title: format!("{} {title}", thousands(found.total)),
            text,
            first: found.first.iter().map(|one| named(one, found.problem, times)).collect(),
            all: is_more.then_some(all),
        }
    }
}

fn named(connection: &Connection, problem: Problem, times: &TimeFormat) -> Named {
    let details = match (problem, connection.failing_since) {
        (Problem::Failing, Some(since)) => {
            let next = next_attempt(connection.due_at, times).text;
            format!("Failing for {}, next retry {next}", times.lasting(since).text)
        }
        _ => String::new(),
    };
    Named {
        href: path(connection.id),
        name: connection.name.clone(),
        details,
        act: match problem {
            Problem::Failing => ("refresh", "Retry now"),
            _ => ("authorize", authorize_label(connection.was_authorized())),
        },
    }
}
