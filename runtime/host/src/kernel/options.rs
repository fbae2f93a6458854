//! Options of the kernel that containers need.

use super::config::{Config, State};
use super::trial;
use std::path::Path;

/// An option, and how to find out about it where no configuration of the kernel is at hand.
#[derive(Debug)]
pub struct KernelOption {
    /// Its name, without `CONFIG_`.
    pub name: &'static str,
    trial: Trial,
}

#[derive(Debug, Clone, Copy)]
enum Trial {
    /// It is on exactly where this file is.
    File(&'static str),
    /// It is on where this file is. Where it is not, it may be in a module that is not loaded.
    ModuleFile(&'static str),
    /// As before, for a file system that the kernel lists.
    FileSystem(&'static str),
    /// It is on where the kernel answers as it does then.
    Call(fn() -> bool),
}

const fn option(name: &'static str, trial: Trial) -> KernelOption {
    KernelOption { name, trial }
}

/// All of them, in the order in which they are told.
pub const OPTIONS: &[KernelOption] = &[
    option("CGROUPS", Trial::File("/proc/self/cgroup")),
    option("NAMESPACES", Trial::File("/proc/self/ns/mnt")),
    option("UTS_NS", Trial::File("/proc/self/ns/uts")),
    option("IPC_NS", Trial::File("/proc/self/ns/ipc")),
    option("PID_NS", Trial::File("/proc/self/ns/pid")),
    option("NET_NS", Trial::File("/proc/self/ns/net")),
    option("USER_NS", Trial::File("/proc/self/ns/user")),
    option("OVERLAY_FS", Trial::FileSystem("overlay")),
    option("SECCOMP", Trial::Call(trial::seccomp)),
    option("SECCOMP_FILTER", Trial::Call(trial::seccomp_filter)),
    option("TUN", Trial::ModuleFile("/sys/class/misc/tun")),
];

/// Where it is known from that an option is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From the configuration of the kernel.
    Config,
    /// By looking for a file, or by a call that changes nothing.
    Trial,
}

/// What is known of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionFact {
    /// Its name, without `CONFIG_`.
    pub name: &'static str,
    /// Its state.
    pub state: State,
    /// Where that is known from.
    pub source: Source,
}

/// All of [`OPTIONS`], from the configuration of the running kernel, or by trying where it is not known.
pub fn options(config: Option<&Config>) -> Vec<OptionFact> {
    OPTIONS
        .iter()
        .map(|option| match config {
            Some(config) => {
                OptionFact { name: option.name, state: config.state(option.name), source: Source::Config }
            }
            None => OptionFact { name: option.name, state: option.trial.run(), source: Source::Trial },
        })
        .collect()
}

impl Trial {
    fn run(self) -> State {
        let on_or = |on: bool, otherwise: State| if on { State::On } else { otherwise };
        // Without /proc nothing can be seen of all this.
        if !Path::new("/proc/self").exists() && !matches!(self, Trial::Call(_)) {
            return State::Unknown;
        }
        match self {
            Trial::File(path) => on_or(Path::new(path).symlink_metadata().is_ok(), State::Off),
            Trial::ModuleFile(path) => on_or(Path::new(path).exists(), State::Unknown),
            Trial::FileSystem(name) => {
                let listed = crate::overlay::file_systems().unwrap_or_default();
                on_or(listed.iter().any(|listed| listed == name), State::Unknown)
            }
            Trial::Call(call) => on_or(call(), State::Off),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, OPTIONS, Source, State, options};

    #[test]
    fn a_configuration_counts_more_than_trials() {
        let facts = options(Some(&Config::parse(b"CONFIG_CGROUPS=y\nCONFIG_TUN=m\n")));
        assert_eq!(facts.len(), OPTIONS.len());
        for fact in facts {
            let expected = match fact.name {
                "CGROUPS" => State::On,
                "TUN" => State::Module,
                _ => State::Off,
            };
            assert_eq!((fact.state, fact.source), (expected, Source::Config), "{}", fact.name);
        }
    }

    /// Both ways must agree on a machine that has both; a trial may only know less.
    #[test]
    fn trials_find_what_the_configuration_says() {
        let config = Config::read(&super::super::release()).unwrap();
        for fact in options(None) {
            assert_eq!(fact.source, Source::Trial);
            let Some((_, config)) = &config else { continue };
            match (fact.state, config.state(fact.name)) {
                (State::Unknown, State::Module | State::Off)
                | (State::On, State::On | State::Module)
                | (State::Off, State::Off) => {}
                (tried, configured) => panic!("{}: tried {tried:?}, configured {configured:?}", fact.name),
            }
        }
    }
}
