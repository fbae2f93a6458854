//! Looking at finished images, ours or anybody's: what is in one, how two differ, whether one keeps the contract
//! between rkt and its stage1.

mod contents;
pub mod diff;
pub mod lint;
mod origins;
pub mod os_release;
mod report;
mod resolve;
pub mod unit;

pub use contents::{Contents, InspectError, Item, Program, Wanted};
pub use origins::Origins;
pub use report::Report;
