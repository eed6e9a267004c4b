//! Settings › Activity.

pub mod activity_list;
pub mod activity_rows;
