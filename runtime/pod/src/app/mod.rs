//! What an app needs to be started: who it is, what it runs, in which environment.
//!
//! Everything is looked up inside the app's own root ([`crate::root::Root`]); nothing of the host is
//! consulted.

pub mod binary;
pub mod environment;
pub mod users;
