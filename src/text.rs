//! Plain text helpers.
