//! Faults (rows F1 to F5 and F9) played against the program as a process: what it has acknowledged is there afterwards, and
//! nothing is half done. Each runs a short form here; `scripts/faults` runs the long forms.

mod acts;
mod calls;
mod clock;
mod disk;
mod kills;
mod power;
mod record;
mod shop;
mod tracer;

pub use acts::{Act, Kind, Outcome};
pub use shop::FaultShop;

/// How often to do something: as often as the environment says, or else `short`.
pub fn times(name: &str, short: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(short)
}

/// Whether this is the long form, which measures.
pub fn is_long(name: &str) -> bool {
    std::env::var_os(name).is_some()
}
