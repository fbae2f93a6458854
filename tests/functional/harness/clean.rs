//! What must not be left of pods that have ended.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use super::Sandbox;
use super::pod::within;
use crate::common::isolation::Cgroups;

impl Sandbox {
    /// Removes all pods with `rkt gc`, and expects that no file, mount, process or cgroup of theirs is left.
    #[track_caller]
    pub(crate) fn expect_nothing_left(&self) {
        self.ended(["gc", "--grace-period=0s", "--expire-prepared=0s"]).ok();
        assert_eq!(self.pods(), [""; 0], "pods are left");
        assert_eq!(self.mounts(), [""; 0], "mounts are left");
        // What has just ended may take a moment to go away.
        let gone = within(Duration::from_secs(5), || processes().is_empty().then_some(()));
        assert!(gone.is_some(), "processes are left: {:#?}", processes());
        let cgroups = Cgroups::of_pods();
        assert!(cgroups.is_empty(), "cgroups are left: {cgroups:#?}");
    }

    /// All pods, as `state directory/UUID`.
    pub(crate) fn pods(&self) -> Vec<String> {
        let mut pods = Vec::new();
        for directory in fs::read_dir(self.data().join("pods")).into_iter().flatten() {
            let directory = directory.unwrap();
            for pod in fs::read_dir(directory.path()).unwrap() {
                let names = [directory.file_name(), pod.unwrap().file_name()];
                pods.push(names.map(|name| name.to_string_lossy().into_owned()).join("/"));
            }
        }
        pods.sort();
        pods
    }

    /// Mounts below this sandbox, as the lines of `/proc/self/mountinfo`.
    pub(crate) fn mounts(&self) -> Vec<String> {
        let all = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let here = format!(" {}/", self.path().display());
        all.lines().filter(|line| line.contains(&here)).map(str::to_owned).collect()
    }
}

/// Processes of the world besides the test and its init, with their command lines. Those that have ended are nobody's:
/// init waits for them.
fn processes() -> BTreeMap<u32, String> {
    let own = [1, std::process::id()];
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let entry = entry.unwrap();
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if own.contains(&pid) {
            continue;
        }
        if let Ok(words) = fs::read(entry.path().join("cmdline")) {
            found.insert(pid, String::from_utf8_lossy(&words).replace('\0', " "));
        }
    }
    found
}
