//! What differs between architectures, as a table.

use std::fmt;

/// What an object runs on, as its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Machine {
    /// `e_machine`.
    pub number: u16,
    /// 32 or 64: the class.
    pub bits: u8,
    /// Whether numbers have their least significant byte first.
    pub little: bool,
    /// `e_flags`; some architectures have the calling convention there.
    pub flags: u32,
}

/// An architecture.
#[derive(Debug, PartialEq, Eq)]
pub struct Arch {
    /// Its name, as `uname -m` has it, without the variant of the processor.
    pub name: &'static str,
    /// `e_machine`.
    pub number: u16,
    /// 32 or 64.
    pub bits: u8,
    /// Byte order.
    pub little: bool,
    /// The bits of `e_flags` that say which calling convention an object keeps. Objects that both say it must agree.
    pub convention: u32,
    /// Where the loader of glibc is, for what has no interpreter.
    pub loaders: &'static [&'static str],
    /// Values of `$LIB`, and below `/` and `/usr` the default directories, in the order of search. Which of them a
    /// loader really has depends on its distribution: Debian's has its triplet and `lib`, Fedora's `lib64`. They are
    /// all taken, since the others hold nothing, or nothing that fits.
    pub lib: &'static [&'static str],
    /// Values of `$PLATFORM` (`AT_PLATFORM` of the kernel), the best first.
    pub platforms: &'static [&'static str],
    /// Its names in `/etc/ld-musl-NAME.path`.
    pub musl: &'static [&'static str],
}

/// The architectures of rkt's images. Others are searched with the directories of all.
///
/// Loaders: glibc's `shlib-versions` and `sysdeps/**/ldsodefs`; triplets: Debian's list of multiarch tuples; platforms:
/// the kernel's `ELF_PLATFORM`; musl: its `LDSO_ARCH`.
pub const ARCHES: &[Arch] = &[
    Arch {
        name: "x86_64",
        number: 62,
        bits: 64,
        little: true,
        convention: 0,
        loaders: &["/lib64/ld-linux-x86-64.so.2"],
        lib: &["lib/x86_64-linux-gnu", "lib64", "lib"],
        platforms: &["x86_64"],
        musl: &["x86_64"],
    },
    Arch {
        name: "aarch64",
        number: 183,
        bits: 64,
        little: true,
        convention: 0,
        loaders: &["/lib/ld-linux-aarch64.so.1"],
        lib: &["lib/aarch64-linux-gnu", "lib64", "lib"],
        platforms: &["aarch64"],
        musl: &["aarch64"],
    },
    Arch {
        name: "i386",
        number: 3,
        bits: 32,
        little: true,
        convention: 0,
        loaders: &["/lib/ld-linux.so.2"],
        lib: &["lib/i386-linux-gnu", "lib"],
        platforms: &["i686", "i586", "i486", "i386"],
        musl: &["i386"],
    },
    Arch {
        name: "arm",
        number: 40,
        bits: 32,
        little: true,
        // EF_ARM_ABI_FLOAT_SOFT and EF_ARM_ABI_FLOAT_HARD.
        convention: 0x600,
        loaders: &["/lib/ld-linux-armhf.so.3", "/lib/ld-linux.so.3"],
        lib: &["lib/arm-linux-gnueabihf", "lib/arm-linux-gnueabi", "lib"],
        platforms: &["v8l", "v7l", "v6l", "v5l"],
        musl: &["armhf", "arm"],
    },
    Arch {
        name: "ppc64le",
        number: 21,
        bits: 64,
        little: true,
        // EF_PPC64_ABI.
        convention: 3,
        loaders: &["/lib64/ld64.so.2"],
        lib: &["lib/powerpc64le-linux-gnu", "lib64", "lib"],
        platforms: &["power10", "power9", "power8"],
        musl: &["powerpc64le"],
    },
    Arch {
        name: "ppc64",
        number: 21,
        bits: 64,
        little: false,
        convention: 3,
        loaders: &["/lib64/ld64.so.1"],
        lib: &["lib/powerpc64-linux-gnu", "lib64", "lib"],
        platforms: &["power10", "power9", "power8", "power7", "power6"],
        musl: &["powerpc64"],
    },
];

const OTHER_64: Arch = Arch {
    name: "other",
    number: 0,
    bits: 64,
    little: true,
    convention: 0,
    loaders: &[],
    lib: &["lib64", "lib"],
    platforms: &[],
    musl: &[],
};

const OTHER_32: Arch = Arch { bits: 32, lib: &["lib"], ..OTHER_64 };

impl Machine {
    /// The row of the table; `None` for an architecture that is not in it.
    pub fn known(self) -> Option<&'static Arch> {
        ARCHES
            .iter()
            .find(|arch| (arch.number, arch.bits, arch.little) == (self.number, self.bits, self.little))
    }

    /// The row of the table, or what can be said without.
    pub(crate) fn arch(self) -> &'static Arch {
        self.known().unwrap_or(if self.bits == 64 { &OTHER_64 } else { &OTHER_32 })
    }

    /// Whether an object of the other machine can be loaded into the same process.
    pub fn fits(self, other: Machine) -> bool {
        let convention = self.arch().convention;
        let (one, two) = (self.flags & convention, other.flags & convention);
        (self.number, self.bits, self.little) == (other.number, other.bits, other.little)
            && (one == 0 || two == 0 || one == two)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(arch) = self.known() else {
            let order = if self.little { "little" } else { "big" };
            return write!(f, "machine {} with {} bits, {order} endian", self.number, self.bits);
        };
        f.write_str(arch.name)?;
        if self.flags & arch.convention != 0 {
            write!(f, " with calling convention {:#x}", self.flags & arch.convention)?;
        }
        Ok(())
    }
}
