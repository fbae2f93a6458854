//! What is switched on.

use super::Rules;
use super::machines::Machines;
use super::stage1::Stage1;
use crate::configure::config::{Features, Setup};
use crate::configure::dirs::Directories;
use crate::configure::needs::SYSTEMD;
use crate::configure::options::Key;
use crate::configure::tools::Tools;
use crate::failure::Problem;

/// The oldest systemd that pods of the flavor `host` run with.
const OLDEST_SYSTEMD: u32 = 220;

/// Directories that belong to the system: an incremental build must not end up there.
const SYSTEM_PREFIXES: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt"];

impl Rules<'_> {
    pub(super) fn features(
        &mut self,
        machines: Option<&Machines>,
        stage1: &Stage1,
        directories: Option<&Directories>,
    ) -> Features {
        let tpm = match self.three(Key::Tpm, "yes") {
            "auto" => self.facts.tpm,
            value => value == "yes",
        };
        let sdjournal = match self.three(Key::Sdjournal, "yes") {
            "auto" => self.facts.journal,
            value => value == "yes",
        };
        let cross = machines.is_some_and(|machines| machines.cross);
        let incremental = self.two(Key::IncrementalBuild);
        if incremental && cross {
            let typed = self.typed(Key::IncrementalBuild);
            self.error(
                Problem::new("incremental builds are for this machine only, this is a cross build")
                    .at(typed)
                    .hint("leave --enable-incremental-build or --host out"),
            );
        }
        if incremental && let Some(directories) = directories {
            self.incremental_place(directories);
        }
        Features {
            tpm,
            sdjournal,
            functional_tests: self.functional_tests(cross, stage1),
            incremental,
            // As it always was: anything but `no` switches it on.
            insecure_go: self.options.is_on(Key::InsecureGo),
        }
    }

    fn incremental_place(&mut self, directories: &Directories) {
        let system = SYSTEM_PREFIXES.iter().find(|prefix| {
            directories.bindir.starts_with(prefix) && !directories.bindir.starts_with("/usr/local")
        });
        if system.is_some() {
            let typed = self.typed(Key::IncrementalBuild);
            self.error(
                Problem::new(format!(
                    "an incremental build is not for a system directory ({})",
                    directories.bindir.display()
                ))
                .at(typed)
                .hint("give a --prefix of your own, such as --prefix=$HOME/rkt"),
            );
        }
    }

    fn functional_tests(&mut self, cross: bool, stage1: &Stage1) -> bool {
        let wanted = self.three(Key::FunctionalTests, "no");
        if wanted == "no" {
            return false;
        }
        let obstacles = self.obstacles(cross, stage1);
        let none = obstacles.is_empty();
        for obstacle in obstacles {
            if wanted == "yes" {
                let place = self.typed(Key::FunctionalTests);
                let what = format!("the functional tests cannot run: {}", obstacle.what);
                self.error(Problem { what, ..obstacle }.at(place));
            } else {
                self.warn(Problem::new(format!("no functional tests: {}", obstacle.what)));
            }
        }
        none
    }

    /// Why the functional tests cannot run.
    fn obstacles(&self, cross: bool, stage1: &Stage1) -> Vec<Problem> {
        if cross {
            let what = "what is built here does not run on this machine";
            return vec![Problem::new(what).hint("leave --host out")];
        }
        if stage1.setup == Setup::Detailed {
            let what = "only flavors that are built here can be tested, not a default image from elsewhere";
            let hint = "leave --with-stage1-default-name and --with-stage1-default-version out";
            return vec![Problem::new(what).hint(hint)];
        }
        if !stage1.flavors.iter().any(|flavor| flavor == "host") {
            return Vec::new();
        }
        let tools = Tools::builtin();
        let obstacle = |name: &&str| match self.facts.systemd.get(*name) {
            None => Some(tools.missing(name)),
            Some(version) if *version < OLDEST_SYSTEMD => {
                let what =
                    format!("flavor host needs systemd {OLDEST_SYSTEMD} or newer, {name} here is {version}");
                Some(Problem::new(what).hint("use a newer system"))
            }
            Some(_) => None,
        };
        SYSTEMD.iter().filter_map(obstacle).collect()
    }
}
