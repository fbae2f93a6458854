//! The unit files of a pod: pure functions from what was decided to text.

pub(crate) mod app;
pub(crate) mod pod;
pub(crate) mod ports;
pub(crate) mod streams;
