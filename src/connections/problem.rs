//! What is wrong with a connection, in three kinds, and why, with what the provider answered apart from the words for people.

use diesel::prelude::*;

use crate::connections::connection::{Connection, connections_needing_attention, failing_connections};
use crate::connections::refusal::REDIRECTED;
use crate::db::DbConnection;
use crate::schema::connections;
use crate::time::{MINUTE, Timestamp};

const REFUSED: &str = "The provider refused to refresh the tokens";

/// What is wrong with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The provider no longer accepts its tokens, or they were deleted: an admin must authorize it again.
    Reconnect,
    /// Refreshing its tokens fails, and is retried.
    Failing,
    /// Nobody has authorized it yet.
    NeverAuthorized,
}

/// The connections with one problem.
#[derive(Clone, Debug)]
pub struct WithProblem {
    /// The problem.
    pub problem: Problem,
    /// How many there are.
    pub total: i64,
    /// The first few: failing ones by how long they fail, others by name.
    pub first: Vec<Connection>,
}

impl Connection {
    /// What is wrong with it; nothing while it is paused.
    pub fn problem(&self) -> Option<Problem> {
        match self {
            Connection { paused_at: Some(_), .. } => None,
            Connection { needs_authorization_since: Some(_), .. } if self.was_authorized() => Some(Problem::Reconnect),
            Connection { needs_authorization_since: Some(_), .. } => Some(Problem::NeverAuthorized),
            Connection { failing_since: Some(_), .. } => Some(Problem::Failing),
            _ => None,
        }
    }

    /// The connections with each problem, the most serious first, at most `most` of each; without problems that no
    /// connection has.
    pub fn with_problems(conn: &mut DbConnection, most: i64) -> QueryResult<Vec<WithProblem>> {
        let mut all = Vec::new();
        for problem in [Problem::Reconnect, Problem::Failing, Problem::NeverAuthorized] {
            let found = match problem {
                Problem::Failing => failing(conn, most)?,
                _ => needing_authorization(conn, problem == Problem::Reconnect, most)?,
            };
            if found.0 > 0 {
                all.push(WithProblem { problem, total: found.0, first: found.1 });
            }
        }
        Ok(all)
    }
}

fn failing(conn: &mut DbConnection, most: i64) -> QueryResult<(i64, Vec<Connection>)> {
    let first = failing_connections()
        .order((connections::failing_since, connections::id))
        .limit(most)
        .select(Connection::as_select())
        .load(conn)?;
    Ok((failing_connections().count().get_result(conn)?, first))
}

fn needing_authorization(
    conn: &mut DbConnection,
    was_authorized: bool,
    most: i64,
) -> QueryResult<(i64, Vec<Connection>)> {
    let all = || {
        let never = connections::authorized_at.eq(Timestamp::NEVER_YET);
        let query = connections_needing_attention().into_boxed();
        if was_authorized { query.filter(diesel::dsl::not(never)) } else { query.filter(never) }
    };
    let first = all()
        .order((connections::name_fold, connections::id))
        .limit(most)
        .select(Connection::as_select())
        .load(conn)?;
    Ok((all().count().get_result(conn)?, first))
}

/// Why a connection needs authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What happened, for people.
    pub words: String,
    /// What the provider answered; may be empty.
    pub answer: String,
    /// Whether the app credentials must be corrected first, so that reconnecting alone does not help.
    pub concerns_client: bool,
}

impl Reason {
    /// The stored reason after an OAuth error (RFC 6749 section 5.2): its code, and its description if there is one.
    pub(super) fn of_error(error: &str) -> String {
        format!("{REFUSED}: {error}")
    }

    /// The stored reason after `times` refusals in a row within `seconds`; `last` describes the last answer.
    pub(super) fn of_refusals(times: i64, seconds: i64, last: &str) -> String {
        format!("{REFUSED} {times} times in {} minutes. {last}", seconds / MINUTE)
    }

    /// Reads a stored reason.
    pub fn parse(stored: &str) -> Reason {
        let of = |words: &str, answer: &str, concerns_client| Reason {
            words: words.into(),
            answer: answer.into(),
            concerns_client,
        };
        let Some(rest) = stored.strip_prefix(REFUSED) else { return of(stored, "", false) };
        if let Some(error) = rest.strip_prefix(": ") {
            return match error.split(':').next().unwrap_or_default() {
                "invalid_grant" => of(
                    "The provider no longer accepts the tokens. They have expired there, or somebody removed the access.",
                    error,
                    false,
                ),
                "invalid_client" | "unauthorized_client" => of(
                    "The provider does not accept the app credentials. Check the client ID and enter the client secret \
                     again, then reconnect.",
                    error,
                    true,
                ),
                _ => of(&format!("{REFUSED}."), error, false),
            };
        }
        match stored.split_once(". ") {
            Some((words, answer)) if answer.starts_with(REDIRECTED) => of(
                &format!("{words}. Its token URL has moved: check the app credentials, then reconnect."),
                answer,
                true,
            ),
            Some((words, answer)) => of(&format!("{words}."), answer, false),
            None => of(stored, "", false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_reason_is_read_in_two_parts() {
        let gone = Reason::parse(&Reason::of_error("invalid_grant: Token: gone"));
        assert!(gone.words.starts_with("The provider no longer accepts the tokens."), "{gone:?}");
        assert_eq!((gone.answer.as_str(), gone.concerns_client), ("invalid_grant: Token: gone", false));

        assert!(Reason::parse(&Reason::of_error("invalid_client")).concerns_client);
        let other = Reason::parse(&Reason::of_error("invalid_scope"));
        assert_eq!(
            (other.words.as_str(), other.answer.as_str()),
            ("The provider refused to refresh the tokens.", "invalid_scope")
        );

        let often = Reason::parse(&Reason::of_refusals(6, 900, "The provider answered 400 with “a. b”."));
        assert_eq!(often.words, "The provider refused to refresh the tokens 6 times in 15 minutes.");
        assert_eq!(often.answer, "The provider answered 400 with “a. b”.");

        let plain = Reason::parse("Its server has changed.");
        assert_eq!((plain.words.as_str(), plain.answer.as_str()), ("Its server has changed.", ""));
    }
}
