//! Every token list, with every filter and every sort order: complete, in order, and read through one index at a time.

mod inventory;
pub mod plans;
mod random;
mod world;
