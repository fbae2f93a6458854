//! Options that mean something to single flavors only: systemd's source, the PXE image, hypervisors.

use super::Rules;
use crate::configure::absolute;
use crate::configure::config::{PxeImage, SystemdSource};
use crate::configure::options::Key;
use crate::failure::Problem;

/// Hypervisors of flavor `kvm`.
const HYPERVISORS: &[&str] = &["lkvm", "qemu"];

impl Rules<'_> {
    pub(super) fn systemd(&mut self, flavors: &[String]) -> Option<SystemdSource> {
        let keys = [Key::SystemdSource, Key::SystemdRevision, Key::SystemdVersion];
        if !self.listed(flavors, "src") {
            for key in keys {
                if self.said(key).is_some() {
                    let place = self.typed(key);
                    self.warn(Problem::new("ignored: flavor src is not built").at(place));
                }
            }
            return None;
        }
        let source = self
            .said(Key::SystemdSource)
            .unwrap_or_else(|| "https://github.com/systemd/systemd.git".to_owned());
        let source = if source.contains("://") {
            source
        } else {
            absolute(self.facts, &source).to_string_lossy().into_owned()
        };
        let mut version = self.said(Key::SystemdVersion);
        if version.as_deref() == Some("HEAD") {
            let place = self.typed(Key::SystemdVersion);
            self.warn(Problem::new("HEAD is taken as master").at(place));
            version = Some("master".to_owned());
        }
        let revision = self.said(Key::SystemdRevision).unwrap_or_else(|| "master".to_owned());
        Some(SystemdSource { source, version, revision })
    }

    pub(super) fn pxe(&mut self, flavors: &[String]) -> Option<PxeImage> {
        let path = self.said(Key::PxePath);
        let version = self.said(Key::PxeSystemdVersion);
        if !self.listed(flavors, "coreos") && !self.listed(flavors, "kvm") {
            for key in [Key::PxePath, Key::PxeSystemdVersion] {
                if self.said(key).is_some() {
                    let place = self.typed(key);
                    self.warn(
                        Problem::new("ignored: neither flavor coreos nor flavor kvm is built").at(place),
                    );
                }
            }
            return None;
        }
        match (path, version) {
            (None, None) => None,
            (Some(path), Some(systemd_version)) => {
                Some(PxeImage { path: absolute(self.facts, &path), systemd_version })
            }
            (Some(_), None) => {
                let problem = Problem::new("the version of systemd in the PXE image is missing")
                    .at(self.typed(Key::PxePath));
                self.error(problem.hint("give --with-coreos-local-pxe-image-systemd-version=vNUMBER"));
                None
            }
            (None, Some(_)) => {
                let place = self.typed(Key::PxeSystemdVersion);
                let problem = Problem::new("a version of systemd is given, but no PXE image").at(place);
                self.error(
                    problem.hint("give --with-coreos-local-pxe-image-path=FILE, or leave the version out"),
                );
                None
            }
        }
    }

    pub(super) fn hypervisors(&mut self, flavors: &[String]) -> Vec<String> {
        let given = self.given(Key::KvmHypervisors).map(str::to_owned);
        let built = self.listed(flavors, "kvm");
        let place = self.typed(Key::KvmHypervisors);
        let Some(list) = given else {
            return if built { vec!["qemu".to_owned()] } else { Vec::new() };
        };
        let hint = format!("of {}, separated by a comma", HYPERVISORS.join(" and "));
        let mut hypervisors: Vec<String> = Vec::new();
        if list.is_empty() {
            self.error(Problem::new("the list of hypervisors is empty").at(place).hint(hint));
            return hypervisors;
        }
        let mut faults = false;
        for item in list.split(',') {
            let what = if item.is_empty() {
                "an empty item in the list of hypervisors".to_owned()
            } else if !HYPERVISORS.contains(&item) {
                format!("unknown hypervisor \"{item}\"")
            } else if hypervisors.iter().any(|other| other == item) {
                format!("hypervisor \"{item}\" is listed twice")
            } else {
                hypervisors.push(item.to_owned());
                continue;
            };
            self.error(Problem::new(what).at(&place).hint(&hint));
            faults = true;
        }
        if built || faults {
            return hypervisors;
        }
        self.warn(Problem::new("ignored: flavor kvm is not built").at(place));
        Vec::new()
    }
}
