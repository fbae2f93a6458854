//! What compiling needs. Every miss names the packages that have it.

use super::Rules;
use super::machines::Machines;
use super::stage1::Stage1;
use crate::configure::config::Compiler;
use crate::configure::needs::{self, CompilerNeeds};
use crate::configure::options::Key;
use crate::configure::tools::{Tools, Version, advisories};
use crate::failure::Problem;

/// The oldest compiler that the sources are written for.
const OLDEST_RUST: &str = env!("CARGO_PKG_RUST_VERSION");

impl Rules<'_> {
    /// The compiler, where something is compiled and everything for it is there.
    pub(super) fn compiler(&mut self, machines: Option<&Machines>) -> Option<Compiler> {
        let needs = needs::compiler(self.options, self.facts)?;
        let tools = Tools::builtin();
        let cargo = self.program(&tools, "cargo", &needs.cargo, "CARGO");
        let rustc = self.program(&tools, "rustc", &needs.rustc, "RUSTC");
        let version = rustc.is_some().then(|| self.rust(&tools, &needs, machines)).flatten();
        let linker = self.linker(&tools, &needs, machines);
        let named = self.facts.variable(self.options, "CC").is_some() || machines.is_some_and(|m| m.cross);
        Some(Compiler {
            cargo: cargo?,
            rustc: rustc?,
            version: version?,
            linker: Some(linker?).filter(|_| named),
        })
    }

    fn program(
        &mut self,
        tools: &Tools,
        tool: &str,
        name: &str,
        variable: &str,
    ) -> Option<std::path::PathBuf> {
        if let Some(path) = self.facts.programs.get(name).cloned().flatten() {
            return Some(path);
        }
        let place = match self.facts.variable(self.options, variable) {
            Some(value) => format!("{variable}={value}"),
            None => "PATH".to_owned(),
        };
        self.error(tools.missing(tool).at(place));
        None
    }

    fn rust(&mut self, tools: &Tools, needs: &CompilerNeeds, machines: Option<&Machines>) -> Option<String> {
        let Some(rust) = &self.facts.rust else {
            self.error(Problem::new("rustc does not tell its version").hint("`rustc -vV` must work"));
            return None;
        };
        let Some(version) = Version::parse(&rust.version) else {
            let what = format!("the version of rustc, \"{}\", cannot be understood", rust.version);
            self.error(Problem::new(what).hint("use a released compiler, or name another one with RUSTC="));
            return None;
        };
        if Version::parse(OLDEST_RUST).is_some_and(|oldest| version < oldest) {
            let what = format!("rustc {} is too old, the sources need {OLDEST_RUST}", rust.version);
            self.error(
                Problem::new(what).hint("install a newer compiler, or name one with RUSTC= and CARGO="),
            );
        }
        let insecure = self.options.is_on(Key::InsecureGo);
        for advisory in advisories(version) {
            let what = format!(
                "rustc {} has a known security fault, {}: {}",
                rust.version, advisory.id, advisory.what
            );
            let problem = Problem::new(what);
            if insecure {
                self.warn(problem.hint(format!("fixed in {}", advisory.fixed)));
            } else {
                let hint = format!("use {} or newer, or accept it with --enable-insecure-go", advisory.fixed);
                self.error(problem.hint(hint));
            }
        }
        let mut targets = Vec::new();
        if let Some(machines) = machines {
            if needs.rkt {
                targets.push(&machines.host.rust_target);
            }
            if needs.stage1 && !targets.contains(&&machines.stage1_target) {
                targets.push(&machines.stage1_target);
            }
        }
        for target in targets {
            if !rust.targets.contains(target) {
                let problem = tools.missing("rust-std").at(target);
                let packages = problem.hint.clone().unwrap_or_default();
                self.error(
                    problem.hint(format!("with rustup: rustup target add {target}; else {packages} for it")),
                );
            }
        }
        Some(rust.version.clone())
    }

    fn linker(
        &mut self,
        tools: &Tools,
        needs: &CompilerNeeds,
        machines: Option<&Machines>,
    ) -> Option<String> {
        if let Some(cc) = self.facts.variable(self.options, "CC").map(str::trim)
            && cc.contains(char::is_whitespace)
        {
            let place = format!("CC={cc}");
            self.warn(
                Problem::new(format!("CC has arguments; the programs are linked with {}", needs.linkers[0]))
                    .at(place)
                    .hint("name a program alone in CC, such as a small script"),
            );
        }
        let found = |name: &&String| self.facts.programs.get(*name).is_some_and(Option::is_some);
        let Some(linker) = needs.linkers.iter().find(found) else {
            let tool = match machines {
                Some(machines) if machines.cross => format!("linker-{}", machines.host.arch),
                _ => "linker".to_owned(),
            };
            self.error(tools.missing(&tool).at(needs.linkers.join(" or ")));
            return None;
        };
        if needs.static_libc && self.facts.static_libc == Some(false) {
            let problem = tools.missing("static-libc").at(linker);
            let problem = match machines {
                Some(machines) if machines.cross => {
                    let hint = problem.hint.clone().unwrap_or_default();
                    problem.hint(format!("{hint}, as built for {}", machines.host.arch))
                }
                _ => problem,
            };
            self.error(problem);
        }
        Some(linker.clone())
    }

    /// Files and directories that were named are there. Nobody looks for a PXE image that is ignored.
    pub(super) fn inputs(&mut self, stage1: &Stage1) {
        use crate::configure::facts::PathKind::{Directory, Executable, File, Missing, Other};
        for (key, wanted) in [
            (Key::Stage1Executable, "a file"),
            (Key::RktExecutable, "a file"),
            (Key::PxePath, "a file"),
            (Key::SourceDirectory, "a directory"),
        ] {
            let pxe = || ["coreos", "kvm"].iter().any(|flavor| self.listed(&stage1.flavors, flavor));
            let value =
                if key == Key::PxePath { self.given(key).filter(|_| pxe()) } else { self.options.value(key) };
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            let path = crate::configure::absolute(self.facts, value);
            let what = match (self.facts.paths.get(&path), wanted) {
                (Some(Missing), _) => "there is nothing with this name".to_owned(),
                (Some(Directory | Other), "a file") | (Some(File | Executable | Other), "a directory") => {
                    format!("this is not {wanted}")
                }
                _ => continue,
            };
            let place = self.typed(key);
            self.error(Problem::new(what).at(place).hint(format!("{} must be {wanted}", path.display())));
        }
    }
}
