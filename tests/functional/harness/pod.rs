//! A pod that runs while the test goes on.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::run::{PATIENCE, Started, lines_of};
use super::{Ended, Run, Sandbox, process};

/// Waits until `done` gives something, which it must within two minutes.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, done: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, done).unwrap_or_else(|| panic!("still waiting for {what}"))
}

/// What `done` gives within a time, if it does.
pub(super) fn within<T>(patience: Duration, mut done: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let value = done();
        if value.is_some() || begun.elapsed() > patience {
            return value;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A pod that was started in the background.
#[derive(Debug)]
pub(crate) struct Pod<'a> {
    sandbox: &'a Sandbox,
    uuid: String,
    started: Started,
}

impl<'a> Run<'a> {
    /// Starts it in the background and returns once the pod is running and its first process is known. An app may
    /// not have done anything by then: [`Pod::wait_for_line`] waits for what it says.
    #[track_caller]
    pub(crate) fn start(self) -> Pod<'a> {
        let sandbox = self.sandbox;
        let file = sandbox.at("uuid");
        let _ = fs::remove_file(&file);
        let save = format!("--uuid-file-save={}", file.display());
        let mut started = Started::new(sandbox, self.options([save]).command());
        let begun = Instant::now();
        loop {
            let uuid = fs::read_to_string(&file).unwrap_or_default();
            if !uuid.is_empty() {
                let status = status(sandbox, &uuid);
                if status.get("state").is_some_and(|state| state == "running") && status.contains_key("pid") {
                    return Pod { sandbox, uuid, started };
                }
            }
            let ended = started.child.try_wait().unwrap();
            assert!(ended.is_none(), "the pod ended before it ran: {ended:?}\n{}", started.show());
            assert!(begun.elapsed() < PATIENCE, "the pod does not get to run: {}", started.show());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Sandbox {
    /// A pod whose app sleeps until it is told to end.
    #[track_caller]
    pub(crate) fn sleeping(&self) -> Pod<'_> {
        let mut pod = self.run().shell("echo started; exec sleep 1000").start();
        pod.wait_for_line("started");
        pod
    }
}

impl Pod<'_> {
    /// Its UUID.
    pub(crate) fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Its directory while it runs.
    pub(crate) fn dir(&self) -> PathBuf {
        self.sandbox.data().join("pods/run").join(&self.uuid)
    }

    /// The first process of a pod with systemd: the only child of the one that `rkt` became. Before it is systemd, a helper of
    /// nspawn has its place.
    #[track_caller]
    pub(crate) fn first_process(&self) -> u32 {
        wait_for("systemd of the pod", || {
            let parent = self.status().get("pid")?.parse().ok()?;
            let child = process::children(parent).into_iter().next()?;
            (process::name(child) == "systemd").then_some(child)
        })
    }

    /// The first process of an app that has said something: in a pod with systemd it is in the control group of its service.
    #[track_caller]
    pub(crate) fn process_of(&self, app: &str) -> u32 {
        let (service, scope) = (format!("/{app}.service"), self.scope());
        let mut found: Vec<u32> = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let groups = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
            if groups.lines().any(|line| line.ends_with(&service) && line.contains(&scope)) {
                found.push(pid);
            }
        }
        found.into_iter().min().unwrap_or_else(|| panic!("no process of app {app} runs"))
    }

    /// The part of the path of its control groups that is its own.
    fn scope(&self) -> String {
        fs::read_to_string(self.dir().join("subcgroup")).unwrap().trim().to_owned()
    }

    /// The root of the first process as that sees it, with all that is mounted there.
    #[track_caller]
    pub(crate) fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.first_process()))
    }

    /// The process that was started as `rkt`.
    pub(crate) fn process(&self) -> u32 {
        self.started.child.id()
    }

    /// What `rkt status` tells, line by line.
    #[track_caller]
    pub(crate) fn status(&self) -> BTreeMap<String, String> {
        status(self.sandbox, &self.uuid)
    }

    /// What `rkt status --format=json` tells.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let text = self.sandbox.rkt_ok(["status", "--format=json", &self.uuid]);
        serde_json::from_str(&text).unwrap()
    }

    /// Waits for a line of the app `busybox`.
    #[track_caller]
    pub(crate) fn wait_for_line(&mut self, line: &str) {
        self.wait_for_line_of("busybox", line);
    }

    /// Waits for a line of an app.
    #[track_caller]
    pub(crate) fn wait_for_line_of(&mut self, app: &str, line: &str) {
        let begun = Instant::now();
        let said = |pod: &Self| lines_of(pod.sandbox.flavor(), &pod.started.said(), app);
        while !said(self).iter().any(|said| said == line) {
            let ended = self.started.child.try_wait().unwrap();
            let lost = ended.is_some() && !said(self).iter().any(|said| said == line);
            assert!(!lost, "the pod ended without \"{line}\": {ended:?}\n{}", self.started.show());
            assert!(begun.elapsed() < PATIENCE, "\"{line}\" does not come: {}", self.started.show());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Runs a program in it by `rkt enter`.
    pub(crate) fn enter<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Ended {
        let words: Vec<_> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self.sandbox.ended(["enter".into(), self.uuid.clone().into()].into_iter().chain(words))
    }

    /// Sends a signal to the process that was started as `rkt`.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.started.child);
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(self) -> Ended {
        self.started.end()
    }

    /// Ends it with `rkt stop`, which says its UUID.
    #[track_caller]
    pub(crate) fn stop(self) -> Ended {
        let said = self.sandbox.rkt_ok(["stop", &self.uuid]);
        assert_eq!(said, format!("\"{}\"\n", self.uuid));
        self.end()
    }
}

#[track_caller]
fn status(sandbox: &Sandbox, uuid: &str) -> BTreeMap<String, String> {
    let text = sandbox.rkt_ok(["status", uuid]);
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}
