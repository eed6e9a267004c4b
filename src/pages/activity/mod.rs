//! Settings › Activity.

pub mod activity_list;
