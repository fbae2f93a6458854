//! Results of steps by key, and the digests that keys and results are made of.

pub mod digest;
