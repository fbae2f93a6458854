//! `enter`: runs a command in the pod, in an app's root or, without an app, in the root of stage1.

use super::inside::enterexec;
use crate::failure::{Failure, at};
use crate::process::process_id;
use crate::system;
use pod::layout;
use pod::protocol::EnterArgs;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus};
use rustix::thread::ThreadNameSpaceType;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) fn main(program: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let args = EnterArgs::decode(program, arguments)?;
    if args.command.is_empty() {
        return Err(Failure::new("no command to run").hint("name one: rkt enter UUID COMMAND"));
    }
    go_in(&First::open(args.pid)?)?;
    // The namespace of processes is that of children.
    match system::fork().map_err(|error| Failure::new(format!("cannot start the command: {error}")))? {
        Some(child) => wait(child),
        None => become_command(&args),
    }
}

fn become_command(args: &EnterArgs) -> Result<ExitCode, Failure> {
    if !args.app.is_empty() {
        return enterexec::as_root(&args.app, args.command.clone()).exec();
    }
    let program = args.command[0].clone();
    let error = system::exec(
        &program,
        args.command.iter().map(OsString::as_os_str),
        env::vars_os().map(|(name, value)| {
            let mut entry = name;
            entry.push("=");
            entry.push(value);
            entry
        }),
    );
    Err(at("execute", Path::new(&program))(error)
        .hint("without an app, the path of a program of stage1 is needed"))
}

/// The pod's first process: it and no other that has its number later.
#[derive(Debug)]
pub(crate) struct First {
    pid: Pid,
    pidfd: OwnedFd,
    root: OwnedFd,
}

impl First {
    /// Opens the first process of the pod in the working directory.
    pub(crate) fn open(number: u32) -> Result<First, Failure> {
        let pid = process_id(&number.to_string())
            .ok_or_else(|| Failure::new(format!("{number} is not a process ID")))?;
        let ended = "the pod has ended; look at rkt status";
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())
            .map_err(|errno| Failure::new(format!("cannot find process {number}: {errno}")).hint(ended))?;
        let path = PathBuf::from(format!("/proc/{number}/root"));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&path, flags, Mode::empty())
            .map_err(|errno| at("open", &path)(errno).hint(ended))?;
        check_parent(pid)?;
        Ok(First { pid, pidfd, root })
    }

    /// The root of stage1 as the pod sees it.
    pub(crate) fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// The process, for as long as it lives.
    pub(crate) fn pidfd(&self) -> &OwnedFd {
        &self.pidfd
    }
}

/// Joins the namespaces of the pod's first process and goes to its root.
fn go_in(first: &First) -> Result<(), Failure> {
    let number = first.pid.as_raw_nonzero();
    let mut kinds = ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::NETWORK
        | ThreadNameSpaceType::PROCESS_ID
        | ThreadNameSpaceType::MOUNT;
    if differs(first.pid, "user") {
        // Else commands would have rights that nothing in the pod has.
        kinds |= ThreadNameSpaceType::USER;
    }
    join(first.pidfd.as_fd(), kinds)
        .map_err(|errno| Failure::new(format!("cannot join the namespaces of process {number}: {errno}")))?;
    to_root(&first.root)
        .map_err(|errno| Failure::new(format!("cannot go to the root of process {number}: {errno}")))?;
    if kinds.contains(ThreadNameSpaceType::USER) {
        become_root().map_err(|errno| {
            Failure::new(format!("cannot become root of the pod's user namespace: {errno}"))
        })?;
    }
    Ok(())
}

fn join(pidfd: std::os::fd::BorrowedFd<'_>, kinds: ThreadNameSpaceType) -> rustix::io::Result<()> {
    rustix::thread::move_into_thread_name_spaces(pidfd, kinds)
}

fn to_root(root: &OwnedFd) -> rustix::io::Result<()> {
    rustix::process::fchdir(root)?;
    rustix::process::chroot(".")
}

fn become_root() -> rustix::io::Result<()> {
    use rustix::fs::{Gid, Uid};
    rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)?;
    rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)
}

/// Whether a process is in another namespace of this kind than we.
fn differs(process: Pid, kind: &str) -> bool {
    let link = |process: &str| fs::read_link(format!("/proc/{process}/ns/{kind}")).ok();
    link(&process.as_raw_nonzero().to_string()) != link("self")
}

/// The number may be used again by another process: the pod's first one is the child of the one that the pod names.
fn check_parent(first: Pid) -> Result<(), Failure> {
    let Ok(text) = fs::read_to_string(layout::PPID) else { return Ok(()) };
    let number = first.as_raw_nonzero().to_string();
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    let parent = stat.rsplit(')').next().and_then(|rest| rest.split_ascii_whitespace().nth(1));
    if parent == Some(text.trim()) {
        return Ok(());
    }
    Err(Failure::new(format!("process {number} is not the first of the pod in the working directory"))
        .hint("this program is started by rkt enter in the pod's directory"))
}

/// Waits for the command; its end is ours, and when it is stopped so are we.
fn wait(child: Pid) -> Result<ExitCode, Failure> {
    loop {
        let status = match rustix::process::waitpid(Some(child), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) => status,
            Ok(None) | Err(rustix::io::Errno::INTR) => continue,
            Err(errno) => return Err(Failure::new(format!("cannot wait for the command: {errno}"))),
        };
        if let Some(code) = status.exit_status() {
            return Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)));
        }
        if status.stopped() {
            let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::STOP);
            let _ = rustix::process::kill_process(child, Signal::CONT);
            continue;
        }
        return Ok(ended_by_signal(status));
    }
}

/// Ends by the same signal, so that whoever waits for us sees it.
fn ended_by_signal(status: WaitStatus) -> ExitCode {
    let number = status.terminating_signal().unwrap_or(0);
    system::end_by_signal(number);
    ExitCode::from(u8::try_from(128 + number).unwrap_or(u8::MAX))
}
