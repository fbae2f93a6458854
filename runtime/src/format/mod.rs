//! What people read: tables, sizes and times, in the forms that the original's scripts and users know.

mod duration;
mod json;
mod local_time;
mod size;
mod table;
mod time;

pub use duration::{InvalidDuration, Signed, parse_duration};
pub use json::json_with_tabs;
pub use size::iec_size;
pub use table::Table;
pub use time::{full_time, relative_time};
