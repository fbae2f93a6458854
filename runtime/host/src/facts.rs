//! All that decides which pods this machine can run.

use crate::bus::Machined;
use crate::cgroup::{self, Layout};
use crate::kernel::{self, Call, Config, OptionFact};
use crate::systemd::tools::Tools;
use crate::{bus, capabilities, kvm, namespaces, overlay, systemd};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// What is known of the machine. What could not be found out is there with the reason.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Whether this process is root's (its effective user).
    pub root: bool,
    /// Capabilities that the kernel has and this process has not.
    pub missing_capabilities: Result<Vec<String>, String>,
    /// The kernel.
    pub kernel: Kernel,
    /// Control groups.
    pub cgroups: Cgroups,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// Overlay mounts.
    pub overlay: Overlay,
    /// The version of the interface of `/dev/kvm`.
    pub kvm: Result<i32, String>,
    /// Whether the processor says that it helps virtual machines; `None` where it would not say so.
    pub processor_helps: Option<bool>,
    /// systemd.
    pub systemd: Systemd,
}

/// The running kernel.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// As `uname -r` says it.
    pub release: String,
    /// As `uname -v` says it.
    pub version: String,
    /// The file that tells its options; `None` where there is none.
    pub config: Result<Option<PathBuf>, String>,
    /// Its options.
    pub options: Vec<OptionFact>,
    /// Calls that older kernels do not have.
    pub calls: Vec<Call>,
}

/// Control groups.
#[derive(Debug, Clone)]
pub struct Cgroups {
    /// How they are mounted.
    pub layout: Result<Layout, String>,
    /// The controllers that are switched on, of version 1 or of version 2, sorted.
    pub controllers: Vec<String>,
}

/// Namespaces.
#[derive(Debug, Clone)]
pub struct Namespaces {
    /// The kinds that the kernel has, by their names in `/proc/PID/ns`.
    pub kinds: Result<Vec<String>, String>,
    /// How many user namespaces each user may make.
    pub user_limit: Result<u64, String>,
    /// Whether one could be made.
    pub user: Result<(), String>,
    /// Whether this process is in the first one of the machine.
    pub in_first_user: bool,
}

/// Overlay mounts.
#[derive(Debug, Clone)]
pub struct Overlay {
    /// The directory that was looked at: the data directory, or what there is of it.
    pub directory: PathBuf,
    /// Whether images there can be parts of overlay mounts.
    pub usable: Result<(), String>,
}

/// systemd.
#[derive(Debug, Clone)]
pub struct Systemd {
    /// Whether it booted the machine.
    pub booted: bool,
    /// Whether machines can be registered.
    pub registration: Registration,
    /// Its programs and files.
    pub tools: Tools,
}

/// Whether pods can be registered with systemd-machined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// No: there is no system bus, for this reason.
    NoBus(String),
    /// No: the bus has no machined.
    NoMachined,
    /// Yes.
    Machined,
}

impl Facts {
    /// Looks at this machine. What is tried changes nothing, but may load the kernel's module for overlays
    /// and start machined, as running a pod would. Takes at most as long as [`bus::TIME_LIMIT`] and the
    /// programs that are asked for their versions.
    pub fn gather(data_dir: &Path) -> Facts {
        Facts {
            root: rustix::process::geteuid().is_root(),
            missing_capabilities: told(capabilities::missing()),
            kernel: Kernel::gather(),
            cgroups: Cgroups::gather(),
            namespaces: Namespaces {
                kinds: told(namespaces::kinds()),
                user_limit: told(namespaces::user_limit()),
                user: told(namespaces::try_user()),
                in_first_user: namespaces::in_first().unwrap_or(true),
            },
            overlay: Overlay::gather(data_dir),
            kvm: told(kvm::api_version()),
            processor_helps: kvm::this_processor_helps().unwrap_or(None),
            systemd: Systemd::gather(),
        }
    }
}

impl Kernel {
    fn gather() -> Kernel {
        let release = kernel::release();
        let (path, config) = match Config::read(&release) {
            Ok(Some((path, config))) => (Ok(Some(path)), Some(config)),
            Ok(None) => (Ok(None), None),
            Err(error) => (Err(error.to_string()), None),
        };
        let options = kernel::options(config.as_ref());
        Kernel { release, version: kernel::version(), config: path, options, calls: kernel::calls() }
    }
}

impl Cgroups {
    fn gather() -> Cgroups {
        let root = Path::new(cgroup::ROOT);
        let layout = told(cgroup::layout(root));
        // A kernel without cgroups has no list; that is told by the layout.
        let known = cgroup::controllers().unwrap_or_default();
        let mut controllers: BTreeSet<String> = known
            .into_iter()
            .filter(|controller| controller.enabled)
            .map(|controller| controller.name)
            .collect();
        let unified = match layout {
            Ok(Layout::Unified) => root.to_path_buf(),
            _ => root.join("unified"),
        };
        // Younger kernels list in /proc/cgroups only what version 1 can have too.
        controllers.extend(cgroup::unified_controllers(&unified).unwrap_or_default());
        Cgroups { layout, controllers: controllers.into_iter().collect() }
    }
}

impl Overlay {
    fn gather(data_dir: &Path) -> Overlay {
        let there = data_dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("/"));
        Overlay { directory: there.to_path_buf(), usable: told(overlay::support(there)) }
    }
}

impl Systemd {
    fn gather() -> Systemd {
        let registration = match bus::machined() {
            Machined::NoBus(error) => Registration::NoBus(error.to_string()),
            Machined::Absent => Registration::NoMachined,
            Machined::Present => Registration::Machined,
        };
        Systemd { booted: systemd::is_booted(), registration, tools: Tools::look() }
    }
}

fn told<T, E: Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::Facts;
    use std::path::Path;

    #[test]
    fn a_data_directory_that_is_not_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        let facts = Facts::gather(&dir.path().join("not/yet"));
        assert_eq!(facts.overlay.directory, dir.path());
        assert_eq!(Facts::gather(Path::new("")).overlay.directory, Path::new("/"));
        assert_eq!(facts.root, rustix::process::geteuid().is_root());
    }
}
