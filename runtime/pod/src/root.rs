//! Paths resolved inside a root directory.
