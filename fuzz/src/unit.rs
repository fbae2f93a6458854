//! Files of images that `lint` reads: units of systemd and os-release.

use rkt_build::inspect::{os_release, unit};

/// Whatever a unit names is a name, and every fault of an os-release file says something.
pub fn run(data: &[u8]) {
    let needs = unit::needs(data);
    assert!(needs.units.iter().all(|unit| !unit.is_empty() && !unit.contains(char::is_whitespace)));
    assert!(needs.programs.iter().all(|program| program.starts_with('/') && !program.contains('%')));
    assert!(os_release::faults(data).iter().all(|fault| !fault.is_empty()));
}
