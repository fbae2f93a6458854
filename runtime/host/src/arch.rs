//! Names of processor architectures: the kernel's, and those of App Container labels.

/// The kernel's name for a machine, and the App Container name.
const NAMES: &[(&str, &str)] = &[
    ("x86_64", "amd64"),
    ("i386", "i386"),
    ("i486", "i386"),
    ("i586", "i386"),
    ("i686", "i386"),
    ("aarch64", "aarch64"),
    ("aarch64_be", "aarch64_be"),
    ("armv6l", "armv6l"),
    ("armv7l", "armv7l"),
    ("armv7b", "armv7b"),
    // An ARMv8 kernel with a 32-bit personality.
    ("armv8l", "armv7l"),
    ("armv8b", "armv7b"),
    ("ppc64", "ppc64"),
    ("ppc64le", "ppc64le"),
    ("s390x", "s390x"),
];

/// The App Container name of a machine as `uname -m` says it; `None` for those that have none.
pub fn from_machine(machine: &str) -> Option<&'static str> {
    NAMES.iter().find(|(kernel, _)| *kernel == machine).map(|(_, label)| *label)
}

/// The App Container name of this machine.
///
/// # Errors
/// The kernel's name, when the App Container specification has none for it.
pub fn current() -> Result<&'static str, String> {
    let uname = rustix::system::uname();
    let machine = uname.machine().to_string_lossy();
    from_machine(&machine).ok_or_else(|| machine.into_owned())
}

#[cfg(test)]
mod tests {
    use super::{current, from_machine};

    #[test]
    fn names_are_translated() {
        assert_eq!(from_machine("x86_64"), Some("amd64"));
        assert_eq!(from_machine("i686"), Some("i386"));
        assert_eq!(from_machine("aarch64"), Some("aarch64"));
        assert_eq!(from_machine("riscv64"), None);
        assert!(current().is_ok());
    }
}
