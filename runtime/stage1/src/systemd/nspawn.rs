//! The command line and environment of systemd-nspawn: a pure function of what was decided.

use crate::systemd::volumes::ReadyMount;
use host::nspawn::Abilities;
use pod::Uuid;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// What systemd of the pod is told, as an option and as a word of a kernel's command line. The last two keep it quiet.
const SETTINGS: [(&str, &str); 3] = [
    ("--default-standard-output=tty", "systemd.default_standard_output=tty"),
    ("--log-target=null", "systemd.log_target=null"),
    ("--show-status=0", "systemd.show_status=0"),
];

/// The option that lets systemd of the pod make more system calls.
pub(crate) const LOAD_PROGRAMS: &str = "system-call-filter";

/// Everything that nspawn is told.
#[derive(Debug, Clone)]
pub(crate) struct Container<'a> {
    /// The pod.
    pub(crate) uuid: Uuid,
    /// What the host has: whether a machine manager can be told of the pod.
    pub(crate) register: bool,
    /// Whether the pod stays in the control group that it is started in.
    pub(crate) keep_unit: bool,
    /// Whether systemd of the pod says when it is ready.
    pub(crate) notify_ready: bool,
    /// Whether the console reads from standard input, wherever output goes.
    pub(crate) interactive: bool,
    /// Say more.
    pub(crate) debug: bool,
    /// Whether what the pod says goes to a terminal.
    pub(crate) terminal: bool,
    /// Whether systemd of the pod takes settings as words of a kernel's command line only.
    pub(crate) settings_as_kernel_words: bool,
    /// `SHIFT:COUNT`, or nothing.
    pub(crate) private_users: &'a str,
    /// `SELinux` label of the processes, or nothing.
    pub(crate) process_label: &'a str,
    /// `SELinux` label of the mounts, or nothing.
    pub(crate) mount_label: &'a str,
    /// Directory of the host for logs of Kubernetes.
    pub(crate) kubernetes_log_dir: Option<&'a str>,
    /// Whether the pod is in the caller's IPC namespace.
    pub(crate) share_ipc: bool,
    /// Whether paths of the kernel are writable.
    pub(crate) writable_paths: bool,
    /// Whether systemd of the pod may load programs into the kernel, by which it restricts devices where there are only control
    /// groups of version 2. Filters and capabilities of apps keep them from it.
    pub(crate) loads_programs: bool,
    /// Each app's name, mounts and capabilities; no capabilities for all.
    pub(crate) apps: Vec<ContainerApp<'a>>,
}

/// What nspawn is told of one app.
#[derive(Debug, Clone)]
pub(crate) struct ContainerApp<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its volumes.
    pub(crate) mounts: &'a [ReadyMount],
    /// What it keeps; `None` for all.
    pub(crate) capabilities: Option<&'a [String]>,
}

impl Container<'_> {
    /// The arguments after the program, relative to the pod's directory. The order is the original's. Options that this
    /// nspawn does not have are left out where it does without being told what they ask for.
    pub(crate) fn arguments(&self, abilities: &Abilities) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["--boot".into()];
        if self.notify_ready && abilities.has("notify-ready") {
            words.push("--notify-ready=yes".into());
        }
        for (flag, label) in [("-Z", self.process_label), ("-L", self.mount_label)] {
            if !label.is_empty() {
                words.push(format!("{flag}{label}").into());
            }
        }
        words.push(format!("--register={}", self.register).into());
        if let Some(dir) = self.kubernetes_log_dir {
            words.push(joined("--bind=", &[escape(OsStr::new(dir)), "/rkt/kubernetes/log".into()]));
        }
        // The link is ours to make: nspawn of today makes one to where it alone has mounted the root.
        words.push("--link-journal=no".into());
        if self.keep_unit && abilities.has("keep-unit") {
            words.push("--keep-unit".into());
        }
        if !self.debug {
            words.push("--quiet".into());
        }
        if self.interactive && abilities.has("console") {
            words.push("--console=interactive".into());
        }
        if !self.private_users.is_empty() {
            words.push(format!("--private-users={}", self.private_users).into());
        }
        words.push(format!("--uuid={}", self.uuid).into());
        words.push(format!("--machine={}", machine(self.uuid)).into());
        words.push("--directory=stage1/rootfs".into());
        if self.loads_programs && abilities.has(LOAD_PROGRAMS) {
            words.push(format!("--{LOAD_PROGRAMS}=bpf").into());
        }
        for app in &self.apps {
            words.extend(app.mounts.iter().map(|mount| bind(app.name, mount)));
        }
        for app in &self.apps {
            if let Some(set) = app.capabilities {
                words.push(format!("--capability={}", set.join(",")).into());
            }
        }
        if self.apps.iter().any(|app| app.capabilities.is_none()) {
            words.push("--capability=all".into());
        }
        words.push("--".into());
        let settings: &[_] = if self.debug { &SETTINGS[..1] } else { &SETTINGS };
        words.extend(settings.iter().map(|(option, kernel_word)| {
            if self.settings_as_kernel_words { kernel_word.into() } else { option.into() }
        }));
        words
    }

    /// Variables that are added to the caller's environment.
    pub(crate) fn environment(&self) -> Vec<(&'static str, &'static str)> {
        let mut variables =
            vec![("SYSTEMD_NSPAWN_CONTAINER_SERVICE", "rkt"), ("SYSTEMD_NSPAWN_USE_CGNS", "no")];
        if !self.debug {
            variables.push(("SYSTEMD_LOG_LEVEL", "err"));
        }
        if !self.terminal {
            // systemd of today asks a terminal for its size, and resets it, unless it is of this type.
            variables.push(("TERM", "dumb"));
        }
        if self.share_ipc {
            variables.push(("SYSTEMD_NSPAWN_SHARE_NS_IPC", "true"));
        }
        if self.writable_paths {
            variables.push(("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "yes"));
        }
        variables
    }
}

/// The machine ID of a pod.
pub(crate) fn machine_id(uuid: Uuid) -> String {
    uuid.to_string().replace('-', "")
}

/// The name of a pod among the host's machines.
pub(crate) fn machine(uuid: Uuid) -> String {
    format!("rkt-{uuid}")
}

fn bind(app: &str, mount: &ReadyMount) -> OsString {
    let flag = if mount.read_only { "--bind-ro=" } else { "--bind=" };
    let target = PathBuf::from(crate::systemd::names::app_root(app))
        .join(mount.target.strip_prefix("/").unwrap_or(&mount.target));
    let recursion = if mount.recursive { "rbind" } else { "norbind" };
    joined(flag, &[escape(mount.source.as_os_str()), escape(target.as_os_str()), recursion.into()])
}

fn joined(flag: &str, parts: &[OsString]) -> OsString {
    let mut word = OsString::from(flag);
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            word.push(":");
        }
        word.push(part);
    }
    word
}

/// A path as a part of a bind: nspawn splits at colons and undoes backslashes.
fn escape(path: &OsStr) -> OsString {
    let mut escaped = Vec::with_capacity(path.len());
    for &byte in path.as_bytes() {
        if matches!(byte, b':' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(byte);
    }
    OsString::from_vec(escaped)
}

#[cfg(test)]
mod tests {
    use super::{Container, ContainerApp};
    use crate::systemd::volumes::ReadyMount;
    use host::nspawn::Abilities;

    fn container<'a>(mounts: &'a [ReadyMount], capabilities: &'a [String]) -> Container<'a> {
        Container {
            uuid: "15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21".parse().expect("uuid"),
            register: false,
            keep_unit: true,
            notify_ready: true,
            interactive: false,
            debug: false,
            terminal: true,
            settings_as_kernel_words: false,
            private_users: "",
            process_label: "",
            mount_label: "",
            kubernetes_log_dir: None,
            share_ipc: false,
            writable_paths: false,
            loads_programs: false,
            apps: vec![ContainerApp { name: "bb", mounts, capabilities: Some(capabilities) }],
        }
    }

    fn line(container: &Container<'_>, help: &str) -> String {
        let words = container.arguments(&Abilities::parse(help.as_bytes()));
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    const HELP: &str =
        "     --notify-ready=BOOLEAN\n     --keep-unit\n     --register=BOOLEAN\n     --console=MODE\n";

    #[test]
    fn the_order_is_the_original_s() {
        let mounts = [ReadyMount {
            volume: "v".to_owned(),
            source: "/s:1\\".into(),
            target: "/data".into(),
            read_only: true,
            recursive: false,
            device: false,
        }];
        let capabilities = ["CAP_KILL".to_owned(), "CAP_CHOWN".to_owned()];
        let mut container = container(&mounts, &capabilities);
        assert_eq!(
            line(&container, HELP),
            "--boot --notify-ready=yes --register=false --link-journal=no --keep-unit --quiet \
             --uuid=15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21 --machine=rkt-15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21 \
             --directory=stage1/rootfs --bind-ro=/s\\:1\\\\:/opt/stage2/bb/rootfs/data:norbind \
             --capability=CAP_KILL,CAP_CHOWN -- --default-standard-output=tty --log-target=null --show-status=0"
        );
        container.apps[0].capabilities = None;
        container.debug = true;
        container.private_users = "65536:65536";
        container.process_label = "a:b";
        container.kubernetes_log_dir = Some("/var/log/k");
        assert_eq!(
            line(&container, ""),
            "--boot -Za:b --register=false --bind=/var/log/k:/rkt/kubernetes/log --link-journal=no \
             --private-users=65536:65536 --uuid=15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21 \
             --machine=rkt-15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21 --directory=stage1/rootfs \
             --bind-ro=/s\\:1\\\\:/opt/stage2/bb/rootfs/data:norbind --capability=all -- --default-standard-output=tty"
        );
    }
    #[test]
    fn what_is_no_terminal_is_told_to_be_none() {
        let mut container = container(&[], &[]);
        assert!(!container.environment().iter().any(|(name, _)| *name == "TERM"));
        container.terminal = false;
        assert!(container.environment().contains(&("TERM", "dumb")));
    }

    #[test]
    fn settings_for_systemd_of_today() {
        let mut container = container(&[], &[]);
        container.settings_as_kernel_words = true;
        let words = line(&container, HELP);
        assert!(words.ends_with(
            " -- systemd.default_standard_output=tty systemd.log_target=null systemd.show_status=0"
        ));
        container.debug = true;
        assert!(line(&container, HELP).ends_with(" -- systemd.default_standard_output=tty"));
    }
}
