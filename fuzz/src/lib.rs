//! What the fuzz targets do with their bytes. The ordinary tests replay the corpus through the same functions.
//!
//! A target is a name, a file here with `run`, a binary in `fuzz_targets/` and a folder of seeds in `corpus/`.

pub mod aci;
pub mod bus;
pub mod elf;
pub mod flavor;
pub mod machine;
pub mod manifest;
pub mod options;
pub mod unit;

/// A target: takes any bytes, and panics only if something is wrong.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("aci", aci::run),
    ("bus", bus::run),
    ("elf", elf::run),
    ("flavor", flavor::run),
    ("machine", machine::run),
    ("manifest", manifest::run),
    ("options", options::run),
    ("unit", unit::run),
];
