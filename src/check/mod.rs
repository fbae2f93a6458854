//! Which of the functional tests are meant: by flavor, and by Go's habit of naming them.

mod go;
mod pattern;
mod select;

pub use go::go_words;
pub use pattern::{InvalidPattern, Pattern};
pub use select::{Wanted, select};
