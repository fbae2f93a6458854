//! Pods: making them ready, starting them, and collecting what they leave.

pub mod assemble;
pub mod collect;
pub mod dns;
pub mod environment;
pub mod export;
pub mod find;
pub mod inside;
pub mod isolation;
pub mod launch;
pub mod mutable;
pub mod overlay;
pub mod pairs;
pub mod port;
pub mod prepare;
pub mod remove;
pub mod request;
pub mod status;
pub mod streams;
pub mod survivors;
pub mod umask;
pub mod volume;
