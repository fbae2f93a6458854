//! What a user does with images, by running the built `rkt` on a data directory of its own.

mod bad_input;
mod broken_off;
mod fetching;
mod full_disk;
mod handling;
mod index;
#[path = "../common/killing.rs"]
mod killing;
mod support;
mod together;
