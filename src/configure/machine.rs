//! Machine triples as packaging tools write them, and the architectures that rkt knows.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::config::Machine;

/// The architectures, as data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architectures {
    architecture: Vec<Architecture>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Architecture {
    label: String,
    cpus: Vec<String>,
    rust: BTreeMap<String, String>,
}

/// A triple in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triple {
    /// `x86_64`
    pub cpu: String,
    /// `unknown`, `pc`, `redhat`
    pub vendor: String,
    /// `gnu`, `musl`, `gnueabihf`
    pub environment: String,
}

/// Why a triple is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// Not `cpu-vendor-linux-environment` or a shorter form of it.
    #[error("\"{0}\" is not a machine triple such as x86_64-linux-gnu")]
    Shape(String),
    /// Another system than Linux.
    #[error("\"{0}\" is not a Linux machine")]
    System(String),
    /// No row in the table of architectures.
    #[error("unsupported host architecture \"{cpu}\"")]
    Cpu {
        /// The first part of the triple.
        cpu: String,
        /// Those that are known.
        known: Vec<String>,
    },
    /// The architecture is known, this environment of it is not.
    #[error("no programs can be built for \"{environment}\" on {cpu}")]
    Environment {
        /// The first part of the triple.
        cpu: String,
        /// The last part of the triple.
        environment: String,
        /// Those that are known.
        known: Vec<String>,
    },
}

impl Triple {
    /// Takes `cpu-linux`, `cpu-linux-env`, `cpu-vendor-linux` and `cpu-vendor-linux-env`.
    pub fn parse(text: &str) -> Result<Self, MachineError> {
        let shape = || MachineError::Shape(text.to_owned());
        let parts: Vec<&str> = text.split('-').collect();
        let sane = |part: &&str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
        };
        if !parts.iter().all(sane) {
            return Err(shape());
        }
        let (cpu, vendor, system, environment) = match parts[..] {
            [cpu, "linux"] => (cpu, None, "linux", "gnu"),
            [cpu, "linux", environment] => (cpu, None, "linux", environment),
            [cpu, vendor, system] => (cpu, Some(vendor), system, "gnu"),
            [cpu, vendor, system, environment] => (cpu, Some(vendor), system, environment),
            _ => return Err(shape()),
        };
        if system != "linux" {
            return Err(MachineError::System(text.to_owned()));
        }
        let cpu = match cpu {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            "ppc64" => "powerpc64",
            "ppc64le" => "powerpc64le",
            other => other,
        };
        let pc = cpu == "x86_64" || (cpu.len() == 4 && cpu.starts_with('i') && cpu.ends_with("86"));
        let vendor = vendor.unwrap_or(if pc { "pc" } else { "unknown" });
        Ok(Self { cpu: cpu.to_owned(), vendor: vendor.to_owned(), environment: environment.to_owned() })
    }

    /// All four parts.
    pub fn canonical(&self) -> String {
        format!("{}-{}-linux-{}", self.cpu, self.vendor, self.environment)
    }

    /// The C library that programs for this machine use.
    pub fn libc(&self) -> &str {
        if self.environment.starts_with("musl") { "musl" } else { "gnu" }
    }
}

impl Architectures {
    /// Those that came with this version.
    ///
    /// # Panics
    /// Never: a test reads the file that is compiled in.
    pub fn builtin() -> Self {
        toml::from_str(include_str!("data/architectures.toml")).expect("a test reads this file")
    }

    /// The Rust targets for machines with a label.
    pub fn rust_targets(&self, label: &str) -> Vec<&str> {
        let rows = self.architecture.iter().filter(|row| row.label == label);
        let mut targets: Vec<_> = rows.flat_map(|row| row.rust.values()).map(String::as_str).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    /// The machine that a triple means.
    pub fn machine(&self, text: &str) -> Result<Machine, MachineError> {
        let triple = Triple::parse(text)?;
        let narrow = format!("{}:{}", triple.cpu, triple.environment);
        let found =
            self.architecture.iter().find(|a| a.cpus.iter().any(|cpu| *cpu == triple.cpu || *cpu == narrow));
        let Some(architecture) = found else {
            let known = self.architecture.iter().map(|a| a.cpus[0].clone()).collect();
            return Err(MachineError::Cpu { cpu: triple.cpu, known });
        };
        let Some(target) = architecture.rust.get(&triple.environment) else {
            let known = architecture.rust.keys().cloned().collect();
            return Err(MachineError::Environment {
                cpu: triple.cpu,
                environment: triple.environment,
                known,
            });
        };
        Ok(Machine {
            triple: text.to_owned(),
            canonical: triple.canonical(),
            arch: architecture.label.clone(),
            rust_target: target.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triples_of_distributions() {
        let table = Architectures::builtin();
        for (text, canonical, arch, target) in [
            ("x86_64-linux-gnu", "x86_64-pc-linux-gnu", "amd64", "x86_64-unknown-linux-gnu"),
            ("x86_64-redhat-linux", "x86_64-redhat-linux-gnu", "amd64", "x86_64-unknown-linux-gnu"),
            ("x86_64-redhat-linux-gnu", "x86_64-redhat-linux-gnu", "amd64", "x86_64-unknown-linux-gnu"),
            ("x86_64-pc-linux-gnu", "x86_64-pc-linux-gnu", "amd64", "x86_64-unknown-linux-gnu"),
            ("x86_64-alpine-linux-musl", "x86_64-alpine-linux-musl", "amd64", "x86_64-unknown-linux-musl"),
            ("amd64-linux", "x86_64-pc-linux-gnu", "amd64", "x86_64-unknown-linux-gnu"),
            ("aarch64-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64", "aarch64-unknown-linux-gnu"),
            ("arm64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64", "aarch64-unknown-linux-gnu"),
            ("i686-pc-linux-gnu", "i686-pc-linux-gnu", "i386", "i686-unknown-linux-gnu"),
            ("i386-linux-gnu", "i386-pc-linux-gnu", "i386", "i686-unknown-linux-gnu"),
            ("arm-linux-gnueabihf", "arm-unknown-linux-gnueabihf", "armv7l", "armv7-unknown-linux-gnueabihf"),
            ("arm-linux-gnueabi", "arm-unknown-linux-gnueabi", "armv6l", "arm-unknown-linux-gnueabi"),
            (
                "armv6l-unknown-linux-gnueabihf",
                "armv6l-unknown-linux-gnueabihf",
                "armv6l",
                "arm-unknown-linux-gnueabihf",
            ),
            (
                "armv7l-unknown-linux-gnu",
                "armv7l-unknown-linux-gnu",
                "armv7l",
                "armv7-unknown-linux-gnueabihf",
            ),
            (
                "ppc64le-redhat-linux",
                "powerpc64le-redhat-linux-gnu",
                "ppc64le",
                "powerpc64le-unknown-linux-gnu",
            ),
            ("powerpc64-linux-gnu", "powerpc64-unknown-linux-gnu", "ppc64", "powerpc64-unknown-linux-gnu"),
        ] {
            let machine = table.machine(text).unwrap();
            assert_eq!(
                (&*machine.canonical, &*machine.arch, &*machine.rust_target),
                (canonical, arch, target),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_machine() {
        let table = Architectures::builtin();
        for text in ["", "x86_64", "-", "a-b-c-d-e", "x86_64--linux", "x86 64-linux-gnu", "é-linux"] {
            assert!(matches!(table.machine(text), Err(MachineError::Shape(_))), "{text}");
        }
        assert!(matches!(table.machine("x86_64-apple-darwin"), Err(MachineError::System(_))));
        assert!(matches!(table.machine("mips-linux-gnu"), Err(MachineError::Cpu { .. })));
        assert!(matches!(table.machine("x86_64-linux-gnux32"), Err(MachineError::Environment { .. })));
    }
}
