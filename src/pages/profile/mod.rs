//! Your profile: password and sessions.

mod browser_name;
#[expect(clippy::module_inception, reason = "a page file is named after its page")]
pub mod profile;
