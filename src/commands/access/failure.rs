//! Why a command failed, with its exit code.

use crate::error::Error;

/// Something else failed.
pub(super) const FAILED: u8 = 1;
/// The command line is wrong.
pub(super) const WRONG_USE: u8 = 2;
/// What was named does not exist.
pub(super) const NOT_FOUND: u8 = 3;
/// Nobody confirmed.
pub(super) const NOT_CONFIRMED: u8 = 4;
/// Ctrl-C, between two acts.
pub(super) const INTERRUPTED: u8 = 130;

/// An exit code, and one line for each problem.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// One line each.
    pub problems: Vec<String>,
}

/// What commands return.
pub(super) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(super) fn new(code: u8, problem: impl Into<String>) -> Failure {
        Failure { code, problems: vec![problem.into()] }
    }

    pub(super) fn wrong_use(problem: impl Into<String>) -> Failure {
        Failure::new(WRONG_USE, problem)
    }

    /// Of an act that can only conflict with a revocation: what was named was revoked in the meantime.
    pub(super) fn gone(error: Error) -> Failure {
        match error {
            Error::Conflict(why) => Failure::not_found(why),
            error => error.into(),
        }
    }

    // Whether what was named does not exist any more.
    pub(super) fn is_gone(&self) -> bool {
        self.code == NOT_FOUND
    }

    pub(super) fn not_found(what: impl Into<String>) -> Failure {
        Failure::new(NOT_FOUND, what)
    }
}

impl From<Vec<String>> for Failure {
    fn from(problems: Vec<String>) -> Failure {
        Failure { code: FAILED, problems }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::NotFound => Failure::not_found("not found"),
            Error::Gone(why) => Failure::not_found(why),
            Error::Invalid(why) | Error::Conflict(why) | Error::Forbidden(why) => Failure::new(FAILED, why),
            error => Failure::new(FAILED, error.to_string()),
        }
    }
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Failure {
        Error::from(error).into()
    }
}
