//! What is switched on.

use host::systemd::assets::Miss;

use super::Rules;
use super::machines::Machines;
use super::stage1::Stage1;
use crate::configure::config::{Features, Setup};
use crate::configure::dirs::Directories;
use crate::configure::options::Key;
use crate::failure::Problem;

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
        let obstacle = if cross {
            Some(("what is built here does not run on this machine".to_owned(), "leave --host out"))
        } else if stage1.setup == Setup::Detailed {
            Some((
                "only flavors that are built here can be tested, not a default image from elsewhere"
                    .to_owned(),
                "leave --with-stage1-default-name and --with-stage1-default-version out",
            ))
        } else if stage1.flavors.iter().any(|flavor| flavor == "host") {
            self.facts.systemd_misses.first().map(|first| {
                let misses: Vec<String> = self.facts.systemd_misses.iter().map(Miss::to_string).collect();
                (format!("flavor host takes systemd from the machine: {}", misses.join("; ")), first.hint())
            })
        } else {
            None
        };
        match (obstacle, wanted) {
            (None, _) => true,
            (Some((what, hint)), "yes") => {
                let place = self.typed(Key::FunctionalTests);
                self.error(
                    Problem::new(format!("the functional tests cannot run: {what}")).at(place).hint(hint),
                );
                false
            }
            (Some((what, _)), _) => {
                self.warn(Problem::new(format!("no functional tests: {what}")));
                false
            }
        }
    }
}
