//! Stage1: choosing the image, and calling its entry points.

pub mod call;
pub mod entry;
pub mod select;
