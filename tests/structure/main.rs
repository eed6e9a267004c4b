//! The source itself: imports point down, files and functions stay short, and `Debug` prints no secret.
//!
//! These tests read the text of `src/`, `templates/` and `tests/` and start nothing. `src/lib.rs` lists the top-level modules in
//! one total order ([`table`] describes its form), and a module may import only modules below itself ([`direction`]).
//! Because every import goes down in a total order, modules cannot import each other in a circle, so no test looks for
//! cycles.
//!
//! Each test reports everything it finds at once and says how to fix it. Exceptions are written where they apply: a
//! `Longer than …` sentence for [`lengths`], a `Debug: not a secret` comment for [`debug`], and one short list of web
//! crates in [`direction`].

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod debug;
mod direction;
mod lengths;
mod paths;
mod resolver;
mod rows;
mod source;
mod table;
