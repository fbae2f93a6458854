//! The units of one app: its service, and the reaper that writes its exit status down.

use super::pod::{ENDS, HALT};
use crate::failure::Failure;
use crate::systemd::inside::reaper;
use crate::systemd::isolation::resources::{Enforced, Resources};
use crate::systemd::isolation::seccomp::Filter;
use crate::systemd::names;
use crate::systemd::streams::Streams;
use crate::systemd::unit::dialect::Dialect;
use crate::systemd::unit::{Unit, escape};

/// Paths that the kernel would tell secrets or take orders by: below the app's root.
const HIDDEN_FILES: [&str; 6] =
    ["/proc/config.gz", "/proc/kallsyms", "/proc/sched_debug", "/proc/kcore", "/proc/kmem", "/proc/mem"];
const HIDDEN_DIRECTORIES: [&str; 5] =
    ["/sys/firmware", "/sys/fs", "/sys/hypervisor", "/sys/module", "/sys/power"];
const READ_ONLY: [&str; 11] = [
    "/proc/bus",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sysrq-trigger",
    "/sys/block",
    "/sys/bus",
    "/sys/class",
    "/sys/dev",
    "/sys/devices",
    "/sys/kernel",
];

/// What is mounted in every root without being part of it: read-only roots leave it as it is.
const NOT_OF_THE_ROOT: [&str; 2] = ["/dev/shm", "/proc"];

/// The program of the reaper.
const REAPER: &str = "/reaper.sh";

/// The longest command that fits on a line of systemd's, which has a megabyte, beside the name of its directive.
const LONGEST_COMMAND: usize = (1 << 20) - 64;

/// A program and its arguments.
pub(crate) type CommandLine = (String, Vec<String>);

/// Whether a pod's apps are known when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// They are: the pod ends with them.
    Immutable,
    /// They come and go: the pod ends when it is stopped.
    Mutable,
}

/// A device node of the host that an app gets as a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    /// Name of the volume.
    pub(crate) volume: String,
    /// Whether it may be written to.
    pub(crate) writable: bool,
}

/// Everything about an app that its units say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppUnits {
    /// Name of the app.
    pub(crate) name: String,
    /// Name of its image.
    pub(crate) image: String,
    /// Whether it tells systemd when it has started.
    pub(crate) notifies: bool,
    /// What is run; the program's path is absolute.
    pub(crate) exec: CommandLine,
    /// Absolute path inside its root.
    pub(crate) working_directory: String,
    /// File of its environment, as systemd reads it.
    pub(crate) env_file: String,
    /// User number.
    pub(crate) uid: u32,
    /// Group number.
    pub(crate) gid: u32,
    /// Further group numbers.
    pub(crate) supplementary: Vec<u32>,
    /// What it keeps; `None` for no restriction.
    pub(crate) capabilities: Option<Vec<String>>,
    /// The system calls that it may make; `None` for all.
    pub(crate) filter: Option<Filter>,
    /// Whether programs that it starts never get more rights.
    pub(crate) no_new_privileges: bool,
    /// Places that stay writable in a read-only root; `None` for a writable root.
    pub(crate) read_only_except: Option<Vec<String>>,
    /// Whether paths of the kernel are protected.
    pub(crate) protect_paths: bool,
    /// Its devices; `None` where nothing restricts devices.
    pub(crate) devices: Option<Vec<Device>>,
    /// Programs that run before it.
    pub(crate) pre_start: Vec<CommandLine>,
    /// Programs that run after it.
    pub(crate) post_stop: Vec<CommandLine>,
    /// How much of the machine it may use.
    pub(crate) resources: Resources,
    /// Whether systemd opens its ports.
    pub(crate) socket_activated: bool,
    /// Its standard streams.
    pub(crate) streams: Streams,
}

impl AppUnits {
    /// `<app>.service`, and what the host cannot enforce, in words. The order of directives is the original's.
    ///
    /// # Errors
    /// When something cannot be written in a unit file.
    pub(crate) fn service(
        &self,
        life: Life,
        dialect: Dialect,
        enforced: Enforced,
    ) -> Result<(Unit, Vec<String>), Failure> {
        let mut unit = Unit::default();
        match life {
            Life::Immutable => {
                unit.unit("After", "systemd-journald.service").unit("OnFailure", "halt.target");
                unit.unit("Before", HALT);
            }
            Life::Mutable => {
                // It may be started again and again.
                dialect.no_start_limit(&mut unit);
                unit.unit("Before", "shutdown.service");
            }
        }
        let name = &self.name;
        // Whatever ends the pod first has the app end in its own way, so that its reaper sees what it ended with.
        unit.unit("Before", "halt.target");
        for target in ENDS {
            unit.unit("Conflicts", target);
        }
        if dialect.keeps_wanted_by_jobs() {
            unit.unit("After", names::reaper(name));
        }
        unit.unit("Description", format!("Application={name} Image={}", self.image))
            .unit("DefaultDependencies", "false")
            .unit("Wants", names::reaper(name))
            .service("Restart", "no")
            .service("SyslogIdentifier", name);
        self.streams.add_to(&mut unit, name, dialect);
        if self.notifies {
            unit.service("Type", "notify");
        }
        unit.service("TimeoutStartSec", "0").needs("sysusers.service");
        self.identity(&mut unit)?;
        unit.needs(&names::prepare(name));
        for gid in &self.supplementary {
            unit.service("SupplementaryGroups", gid.to_string());
        }
        self.rights(&mut unit);
        self.paths(&mut unit, dialect);
        for (directive, programs) in [("ExecStartPre", &self.pre_start), ("ExecStopPost", &self.post_stop)] {
            for program in programs {
                unit.service(directive, self.command(program)?);
            }
        }
        let warnings = self.resources.add_to(&mut unit, dialect, enforced);
        if self.socket_activated {
            unit.unit("Requires", names::socket(name));
        }
        Ok((unit, warnings))
    }

    /// What is run, and as whom.
    fn identity(&self, unit: &mut Unit) -> Result<(), Failure> {
        let directory = escape::path(&self.working_directory)
            .ok_or_else(|| self.unwritable("the working directory", &self.working_directory))?;
        unit.service("ExecStart", self.command(&self.exec)?)
            .service("RootDirectory", names::app_root(&self.name))
            .service("WorkingDirectory", directory)
            .service("EnvironmentFile", &self.env_file)
            .service("User", self.uid.to_string())
            .service("Group", self.gid.to_string())
            // Event handlers run as root.
            .service("PermissionsStartOnly", "true");
        Ok(())
    }

    /// Capabilities and system calls.
    fn rights(&self, unit: &mut Unit) {
        if let Some(set) = &self.capabilities {
            unit.service("CapabilityBoundingSet", set.join(" "));
        }
        if let Some(filter) = &self.filter {
            if let Some(errno) = &filter.errno {
                unit.service("SystemCallErrorNumber", errno);
            }
            let mark = if filter.retain { "" } else { "~" };
            for call in &filter.calls {
                unit.service("SystemCallFilter", format!("{mark}{call}"));
            }
        }
        unit.service("NoNewPrivileges", self.no_new_privileges.to_string());
    }

    /// What of its root, of the kernel's files and of devices the app can use.
    fn paths(&self, unit: &mut Unit, dialect: Dialect) {
        let root = names::app_root(&self.name);
        let [hidden, read_only, writable] = dialect.path_directives();
        // Only the newer directives take the plus sign; the older systemd that need it are not affected.
        let (mark, base) = if dialect.paths_below_root() { ("+", "") } else { ("", root.as_str()) };
        let all = if base.is_empty() { "/" } else { base };
        if let Some(except) = &self.read_only_except {
            for path in except.iter().map(String::as_str).chain(NOT_OF_THE_ROOT) {
                unit.service(writable, listed(mark, &format!("{base}{path}")));
            }
            unit.service(read_only, format!("{mark}{all}"));
        } else if !self.protect_paths {
            // It is writable anyway. But without a word about paths systemd makes no mounts for the app, and then looks for its
            // program outside of its root.
            unit.service(writable, format!("{mark}{all}"));
        }
        if self.protect_paths {
            for path in HIDDEN_FILES.iter().chain(&HIDDEN_DIRECTORIES) {
                unit.service(hidden, format!("-{mark}{base}{path}"));
            }
            for path in READ_ONLY {
                unit.service(read_only, format!("-{mark}{base}{path}"));
            }
        }
        if dialect.at_least(233) {
            // The app has the pod's already, with the sockets of the journal and of notifications in them.
            unit.service("MountAPIVFS", "false");
        }
        unit.service("MountFlags", "shared");
        if let Some(devices) = &self.devices {
            unit.service("DevicePolicy", "closed");
            for device in devices {
                let access = if device.writable { "rw" } else { "r" };
                unit.service("DeviceAllow", format!("/dev/.rkt/{} {access}", device.volume));
            }
        }
    }

    /// The reaper: it is started before the app, and stopped when the app no longer needs it.
    pub(crate) fn reaper(&self, life: Life, dialect: Dialect, enforced: Enforced) -> Unit {
        let mut unit = Unit::default();
        match life {
            Life::Immutable => {
                unit.service("Environment", "\"EXIT_POD=true\"")
                    .unit("Wants", "shutdown.service")
                    .unit("After", "shutdown.service");
            }
            Life::Mutable => {
                dialect.no_start_limit(&mut unit);
                // Some relation to the app, without which systemd forgets what it ended with before that is read.
                unit.unit("PropagatesReloadTo", names::service(&self.name));
                unit.unit("Before", "shutdown.service");
            }
        }
        let name = &self.name;
        unit.unit("Description", format!("{name} Reaper"))
            .unit("DefaultDependencies", "false")
            .unit("StopWhenUnneeded", "yes")
            .unit("Before", "halt.target");
        for target in ENDS {
            unit.unit("Conflicts", target);
        }
        let words = [name.as_str(), &names::app_root(name), &self.exec.0];
        if self.resources.memory.is_some() && enforced.memory && !enforced.unified {
            // Version 2 needs no help to tell that the kernel has ended an app. Should this fail, the app runs all the same.
            unit.service("Type", "oneshot")
                .service("ExecStart", format!("-{REAPER}{}", escape::arguments([reaper::HOLD, name])));
        }
        unit.service("RemainAfterExit", "yes")
            .service("ExecStop", format!("{REAPER}{}", escape::arguments(words)));
        unit
    }

    fn command(&self, (program, arguments): &CommandLine) -> Result<String, Failure> {
        // Arguments may hold all of these.
        if program.chars().any(|c| c.is_control() || matches!(c, '"' | '\'' | '\\')) {
            return Err(self.unwritable("the program", program));
        }
        if let Some(odd) = arguments.iter().find(|argument| argument.chars().any(escape::is_noncharacter)) {
            let what = format!("systemd cannot be told the argument {odd:?} of app \"{}\"", self.name);
            return Err(Failure::new(what)
                .hint("it holds what Unicode has set apart from all characters; hand it over in a file"));
        }
        let line = escape::command(program, arguments);
        if line.len() > LONGEST_COMMAND {
            let what = format!(
                "app \"{}\": its program and arguments are longer than the {LONGEST_COMMAND} bytes that systemd reads",
                self.name
            );
            return Err(Failure::new(what).hint("hand long input over in a file, or in variables"));
        }
        Ok(line)
    }

    fn unwritable(&self, what: &str, text: &str) -> Failure {
        Failure::new(format!("systemd cannot be told {what} {text:?} of app \"{}\"", self.name))
            .hint("choose a path without quotes, backslashes and control characters, and without blanks at its end; a link with such a path will do")
    }
}

/// A path as an item of a list, quoted where white space, quotes or a percent sign would split or change it.
fn listed(mark: &str, path: &str) -> String {
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+:@,=~".contains(&b));
    if plain { format!("{mark}{path}") } else { escape::quote(&format!("{mark}{path}")) }
}
