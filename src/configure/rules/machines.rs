//! Which machine builds, which runs what is built, and the Rust targets that follow.

use super::Rules;
use crate::configure::config::Machine;
use crate::configure::machine::{Architectures, MachineError, Triple};
use crate::configure::needs;
use crate::configure::options::Key;
use crate::failure::Problem;

/// Architectures for which images are built and started in tests.
const TESTED: &[&str] = &["amd64", "aarch64"];

/// The machines, decided.
#[derive(Debug)]
pub(super) struct Machines {
    pub(super) host: Machine,
    pub(super) build: Machine,
    pub(super) cross: bool,
    pub(super) stage1_target: String,
}

impl Rules<'_> {
    pub(super) fn machines(&mut self) -> Option<Machines> {
        let architectures = Architectures::builtin();
        let build = self.machine(&architectures, Key::Build, &self.facts.machine);
        let host = match (self.options.value(Key::Host), &build) {
            (Some(given), _) if !given.is_empty() => self.machine(&architectures, Key::Host, given),
            _ => build.clone(),
        };
        if let Some(target) = self.options.value(Key::Target)
            && let (Ok(target), Some(host)) = (Triple::parse(target), &host)
            && Triple::parse(&host.canonical).is_ok_and(|host| host.cpu != target.cpu)
        {
            let typed = self.typed(Key::Target);
            self.warn(Problem::new("ignored: nothing built here makes code for a third machine").at(typed));
        }
        let (host, build) = (host?, build?);
        if !TESTED.contains(&host.arch.as_str()) {
            let what = format!("images for {} have never been tried by the authors", host.arch);
            self.warn(Problem::new(what).hint("tell them how it went"));
        }
        let cross = needs::is_cross(&host, &build);
        let stage1_target = match self.options.value(Key::Stage1Target) {
            None | Some("") => host.rust_target.clone(),
            Some(target) => {
                let known = architectures.rust_targets(&host.arch);
                if !known.contains(&target) {
                    let what = format!("\"{target}\" is not a Rust target for programs on {}", host.arch);
                    let problem = Problem::new(what).at(self.typed(Key::Stage1Target));
                    self.error(problem.hint(format!("one of {}", known.join(", "))));
                }
                target.to_owned()
            }
        };
        Some(Machines { host, build, cross, stage1_target })
    }

    fn machine(&mut self, architectures: &Architectures, key: Key, default: &str) -> Option<Machine> {
        let text = self.options.value(key).filter(|text| !text.is_empty()).unwrap_or(default);
        let error = match architectures.machine(text) {
            Ok(machine) => return Some(machine),
            Err(error) => error,
        };
        let mut problem = Problem::new(error.to_string());
        if self.options.has(key) {
            problem = problem.at(self.typed(key));
        }
        self.error(match error {
            MachineError::Cpu { known, .. } => problem.hint(format!("known are {}", known.join(", "))),
            MachineError::Environment { known, .. } => {
                problem.hint(format!("known are {}", known.join(", ")))
            }
            MachineError::Shape(_) => problem.hint("write cpu-linux-gnu or cpu-vendor-linux-gnu"),
            MachineError::System(_) => problem.hint("rkt runs on Linux only"),
        });
        None
    }
}
