//! Arguments of the run entry point.

use super::DecodeError;
use super::dns::DnsConfMode;
use super::goflags::{self, Flag, FlagKind};
use super::net::NetList;
use crate::uuid::Uuid;
use std::ffi::OsString;
use std::path::PathBuf;

/// What stage0 tells stage1 when it starts a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunArgs {
    /// Say what is done.
    pub debug: bool,
    /// Networks.
    pub net: NetList,
    /// The app gets the terminal.
    pub interactive: bool,
    /// `SHIFT:COUNT` of a user namespace; empty for none.
    pub private_users: String,
    /// Token of the metadata service; empty for none.
    pub mds_token: String,
    /// Local configuration directory.
    pub local_config: Option<PathBuf>,
    /// Host name of the pod; empty for the default.
    pub hostname: String,
    /// Who writes the app's resolver and hosts files.
    pub dns_conf_mode: DnsConfMode,
    /// Keep all capabilities.
    pub disable_capabilities_restriction: bool,
    /// Do not protect paths of the kernel.
    pub disable_paths: bool,
    /// No system call filter.
    pub disable_seccomp: bool,
    /// Apps will be added and removed.
    pub mutable: bool,
    /// `auto`, `private` or `parent`; empty for the default.
    pub ipc: String,
    /// The pod.
    pub uuid: Uuid,
}

/// Something asked for that the stage1 image is too old to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("--{flag} is not supported by the stage1 image (it needs interface version {since}); ignoring it")]
pub struct Omission {
    /// The flag of stage1 that would have said it.
    pub flag: &'static str,
    /// The interface version that has it.
    pub since: u32,
}

const FLAGS: &[Flag] = &[
    Flag { name: "debug", kind: FlagKind::Switch, help: "Run in debug mode" },
    Flag { name: "net", kind: FlagKind::Value("value"), help: "Networks of the pod: name[:args],..." },
    Flag { name: "interactive", kind: FlagKind::Switch, help: "The pod is interactive" },
    Flag {
        name: "private-users",
        kind: FlagKind::Value("string"),
        help: "Run within user namespace: SHIFT:COUNT",
    },
    Flag { name: "mds-token", kind: FlagKind::Value("string"), help: "Token of the metadata service" },
    Flag { name: "local-config", kind: FlagKind::Value("string"), help: "Local configuration directory" },
    Flag { name: "hostname", kind: FlagKind::Value("string"), help: "Hostname of the pod" },
    Flag {
        name: "dns-conf-mode",
        kind: FlagKind::Value("value"),
        help: "Who writes resolv.conf and hosts: resolv={host,stage0,none,default},hosts={host,stage0,default}",
    },
    Flag {
        name: "disable-capabilities-restriction",
        kind: FlagKind::Switch,
        help: "Do not restrict capabilities",
    },
    Flag { name: "disable-paths", kind: FlagKind::Switch, help: "Do not restrict access to kernel paths" },
    Flag { name: "disable-seccomp", kind: FlagKind::Switch, help: "Do not restrict system calls" },
    Flag { name: "mutable", kind: FlagKind::Switch, help: "Apps of the pod can be changed" },
    Flag { name: "ipc", kind: FlagKind::Value("string"), help: "IPC namespace: auto, private or parent" },
];

impl RunArgs {
    /// Nothing asked for but to run this pod.
    pub fn new(uuid: Uuid) -> RunArgs {
        RunArgs {
            debug: false,
            net: NetList::default(),
            interactive: false,
            private_users: String::new(),
            mds_token: String::new(),
            local_config: None,
            hostname: String::new(),
            dns_conf_mode: DnsConfMode::default(),
            disable_capabilities_restriction: false,
            disable_paths: false,
            disable_seccomp: false,
            mutable: false,
            ipc: String::new(),
            uuid,
        }
    }

    /// The arguments for a stage1 image of this interface version, without the program's path; and
    /// what had to be left out that the user should know. (That restrictions stay on in an image that
    /// cannot switch them off is left out silently, as the original does.)
    pub fn encode(&self, interface_version: u32) -> (Vec<OsString>, Vec<Omission>) {
        let mut args: Vec<OsString> = Vec::with_capacity(8);
        let mut omissions = Vec::new();
        let mut switch = |on: bool, since: u32, text: &str| {
            if on && interface_version >= since {
                args.push(text.into());
            }
        };
        switch(self.debug, 1, "--debug");
        switch(true, 1, &format!("--net={}", self.net));
        switch(self.interactive, 1, "--interactive");
        switch(!self.private_users.is_empty(), 1, &format!("--private-users={}", self.private_users));
        switch(!self.mds_token.is_empty(), 1, &format!("--mds-token={}", self.mds_token));
        if let Some(path) = self.local_config.as_ref().filter(|path| !path.as_os_str().is_empty()) {
            let mut word = OsString::from("--local-config=");
            word.push(path);
            args.push(word);
        }
        let mut versioned = |asked: bool, since: u32, flag: &'static str, value: &dyn std::fmt::Display| {
            if asked && interface_version >= since {
                args.push(format!("--{flag}={value}").into());
            } else if asked {
                omissions.push(Omission { flag, since });
            }
        };
        versioned(!self.hostname.is_empty(), 2, "hostname", &self.hostname);
        versioned(!self.dns_conf_mode.is_default(), 4, "dns-conf-mode", &self.dns_conf_mode);
        let mut switch = |on: bool, since: u32, text: &str| {
            if on && interface_version >= since {
                args.push(text.into());
            }
        };
        switch(self.disable_capabilities_restriction, 3, "--disable-capabilities-restriction");
        switch(self.disable_paths, 3, "--disable-paths");
        switch(self.disable_seccomp, 3, "--disable-seccomp");
        // Not tied to a version: stage0 has looked for the annotations of mutable pods.
        switch(self.mutable, 1, "--mutable");
        if !self.ipc.is_empty() {
            if interface_version >= 6 {
                args.push(format!("--ipc={}", self.ipc).into());
            } else {
                omissions.push(Omission { flag: "ipc", since: 6 });
            }
        }
        args.push(self.uuid.to_string().into());
        (args, omissions)
    }

    /// Reads the arguments as a stage1 of the flags without those in `without`.
    ///
    /// # Errors
    /// [`DecodeError`]: end with code 2 for wrong flags, 254 for a wrong UUID.
    pub fn decode(
        program: &str,
        args: impl IntoIterator<Item = OsString>,
        without: &[&str],
    ) -> Result<RunArgs, DecodeError> {
        let flags: Vec<Flag> = FLAGS.iter().filter(|flag| !without.contains(&flag.name)).copied().collect();
        let parsed = goflags::parse(program, &flags, args)?;
        let invalid = |name: &str, reason: &str| {
            let value = parsed.text(name);
            goflags::usage(program, &flags, &format!("invalid value \"{value}\" for flag -{name}: {reason}"))
        };
        let mut net = NetList::default();
        for (name, value) in &parsed.flags {
            if *name == "net" {
                net.add(&value.to_string_lossy()).map_err(|error| invalid("net", &error.to_string()))?;
            }
        }
        Ok(RunArgs {
            debug: parsed.is_set("debug"),
            net,
            interactive: parsed.is_set("interactive"),
            private_users: parsed.text("private-users"),
            mds_token: parsed.text("mds-token"),
            local_config: parsed.value("local-config").map(PathBuf::from),
            hostname: parsed.text("hostname"),
            dns_conf_mode: parsed
                .text("dns-conf-mode")
                .parse()
                .map_err(|error: String| invalid("dns-conf-mode", &error))?,
            disable_capabilities_restriction: parsed.is_set("disable-capabilities-restriction"),
            disable_paths: parsed.is_set("disable-paths"),
            disable_seccomp: parsed.is_set("disable-seccomp"),
            mutable: parsed.is_set("mutable"),
            ipc: parsed.text("ipc"),
            uuid: super::uuid(&parsed.rest)?,
        })
    }
}
