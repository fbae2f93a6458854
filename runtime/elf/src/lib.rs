//! What programs need to run: the closure of shared libraries, found by reading files. Nothing is executed, and `ldd` is
//! never asked: the tree may be of another machine, or of somebody who is not trusted.
//!
//! [`closure()`] takes a [`Root`] (the host's, an image's), what must run, and gives every file with the links that lead to
//! it, or everything that is missing. [`Content::read`] says what one file needs.
//!
//! The rules are those of the loaders of glibc and musl. What they do and this crate does not, on purpose:
//!
//! * Variants for better processors (`glibc-hwcaps`) are not taken: the plain library is, which runs everywhere.
//! * `/etc/ld.so.cache` is not read; the configuration that it is made of is.
//! * `/etc/ld.so.preload` and the environment belong to a host, not to what runs.
//! * Directories relative to the working directory are not searched.
//! * Whether the kernel is new enough for a library (`.note.ABI-tag`), and whether symbols can be resolved, is not asked.

mod arch;
mod closure;
mod conf;
mod dlopen;
mod error;
mod glob;
pub mod host;
pub mod memory;
mod near;
mod object;
mod paths;
mod process;
mod reader;
mod request;
mod root;
mod script;
mod search;
mod tree;

pub use arch::{ARCHES, Arch, Machine};
pub use closure::closure;
pub use dlopen::{Dlopen, Priority};
pub use error::{ClosureError, Miss, Passed, Reason, Searched, Why};
pub use object::{Content, Object, ObjectError};
pub use request::{Closure, How, Needed, Needer, Nss, Request, Search, What};
pub use root::{Entry, ReadAt, Root};
pub use script::Script;
pub use tree::Link;

/// How much is read at most. Real files are far below; what is above is refused, not cut off.
pub mod limits {
    pub use crate::conf::{MAX_CONF, MAX_CONF_DIRECTORIES, MAX_CONF_FILES};
    pub use crate::dlopen::{MAX_ALTERNATIVES, MAX_DLOPEN};
    pub use crate::object::{
        MAX_DIRECTORIES, MAX_DYNAMIC, MAX_NEEDED, MAX_NOTES, MAX_SEGMENTS, MAX_STRING, MAX_STRINGS,
    };
    pub use crate::process::MAX_OBJECTS;
    pub use crate::tree::{MAX_KEPT, MAX_LOOKUPS, MAX_STEPS};
}
