//! Flavor files: a packager writes them, or gets them from somewhere.

use rkt_build::flavor;

/// Any text is a flavor file, or is refused with at least one fault that names its place.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(faults) = flavor::check("flavor.toml", text) {
        assert!(!faults.is_empty());
        assert!(faults.iter().all(|fault| fault.place.starts_with("flavor.toml")));
    }
}
