//! Whether the root of stage1 holds all that a pod needs, looked at before the pod starts: systemd passes over much of what
//! it does not find, and then the pod hangs, or ends as if nothing had been wrong.

use crate::failure::{Failure, at};
use crate::systemd::names::UNITS;
use pod::app::binary;
use pod::root::{Root, is_file};
use rustix::fs::{Dir, OFlags};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What no unit names.
const NEEDED: &str = include_str!("needed.txt");
/// Largest unit that is read, in bytes: a few of the longest lines that systemd reads.
const UNIT_LIMIT: u64 = 4 << 20;
/// Directives whose units must be there.
const REQUIREMENTS: [&str; 3] = ["Requires", "BindsTo", "OnFailure"];

/// Looks for all of it.
///
/// # Errors
/// With everything that is missing, and what needs it.
pub(super) fn check(root: &Root) -> Result<(), Failure> {
    let units = Units::read(root)?;
    let mut missing = Vec::new();
    for (kind, name, why) in needed() {
        let what = match kind {
            "program" => broken(root, Path::new(name)),
            "unit" => units.lacks(name).then(|| format!("{name} is not in /{UNITS}")),
            _ => (!root.stat(name).is_ok_and(|stat| is_file(&stat))).then(|| format!("{name} is no file")),
        };
        missing.extend(what.map(|what| format!("{what}, needed for {why}")));
    }
    for (program, unit) in &units.programs {
        missing.extend(broken(root, program).map(|what| format!("{what}, needed by {unit}")));
    }
    for (name, unit) in units.required.iter().filter(|(name, _)| units.lacks(name)) {
        missing.push(format!("{name} is not in /{UNITS}, needed by {unit}"));
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("the stage1 image lacks what pods need:\n{}", missing.join("\n")))
        .hint("use another stage1 image, or make this one anew; rkt-build lint checks images"))
}

/// The lines of the list: kind, name and purpose.
fn needed() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    NEEDED.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (kind, rest) = line.split_once(' ')?;
        let (name, why) = rest.trim_start().split_once(' ')?;
        Some((kind, name, why.trim_start()))
    })
}

/// Why a program cannot be run, if so.
fn broken(root: &Root, program: &Path) -> Option<String> {
    use binary::Problem;
    let problem = binary::examine(root, program).err()?;
    Some(match problem {
        Problem::Missing(path) => format!("{} does not exist", path.display()),
        Problem::NotAFile(path) => format!("{} is no file", path.display()),
        Problem::NotExecutable(path) => format!("{} is not executable", path.display()),
        Problem::MissingInterpreter { program, interpreter } => {
            format!("{} does not exist, with which {} is run", interpreter.display(), program.display())
        }
        other => other.to_string(),
    })
}

/// What the units of stage1 name.
#[derive(Debug, Default)]
struct Units {
    /// Their own names.
    names: BTreeSet<String>,
    /// Programs that they run in the root of stage1, each with the first unit that does.
    programs: BTreeMap<PathBuf, String>,
    /// Units that they cannot do without, each with the first unit that says so.
    required: BTreeMap<String, String>,
}

impl Units {
    fn read(root: &Root) -> Result<Units, Failure> {
        let mut units = Units::default();
        let outside = root.outside(Path::new(UNITS));
        let directory = root
            .open_file(UNITS, OFlags::RDONLY | OFlags::DIRECTORY)
            .and_then(|fd| Ok(Dir::read_from(fd)?))
            .map_err(at("read the directory", &outside))?;
        for entry in directory {
            let entry = entry.map_err(at("read the directory", &outside))?;
            if let Ok(name) = entry.file_name().to_str()
                && root.stat(Path::new(UNITS).join(name)).is_ok_and(|stat| is_file(&stat))
            {
                units.names.insert(name.to_owned());
            }
        }
        for name in units.names.clone() {
            let path = Path::new(UNITS).join(&name);
            // A link is another name of a unit.
            if root.lstat(&path).is_ok_and(|stat| is_file(&stat))
                && let Some(text) = root.read(&path, UNIT_LIMIT).map_err(at("read", &root.outside(&path)))?
            {
                units.add(&name, &String::from_utf8_lossy(&text));
            }
        }
        Ok(units)
    }

    fn add(&mut self, unit: &str, text: &str) {
        let directives: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('=')).collect();
        for (_, names) in directives.iter().filter(|(directive, _)| REQUIREMENTS.contains(directive)) {
            // What depends on the unit's instance is known when there is one.
            for name in names.split_ascii_whitespace().filter(|name| !name.contains('%')) {
                self.required.entry(name.to_owned()).or_insert_with(|| unit.to_owned());
            }
        }
        // Those of apps are in the root of the app.
        if directives.iter().any(|(directive, _)| *directive == "RootDirectory") {
            return;
        }
        for (_, command) in directives.iter().filter(|(directive, _)| directive.starts_with("Exec")) {
            let program = command.split_ascii_whitespace().next().unwrap_or_default();
            let plain = program.trim_start_matches(['@', ':', '+', '!', '|']);
            // With a dash, it may fail.
            if plain.starts_with('/') {
                self.programs.entry(plain.into()).or_insert_with(|| unit.to_owned());
            }
        }
    }

    /// Whether there is neither a unit of this name nor the template of it.
    fn lacks(&self, name: &str) -> bool {
        let template = name.split_once('@').and_then(|(prefix, instance)| {
            let (_, kind) = instance.rsplit_once('.')?;
            Some(format!("{prefix}@.{kind}"))
        });
        !self.names.contains(name) && !template.is_some_and(|template| self.names.contains(&template))
    }
}

#[cfg(test)]
mod tests {
    use super::{Units, needed};
    use std::path::Path;

    #[test]
    fn the_list_is_of_known_kinds() {
        let list: Vec<_> = needed().collect();
        assert!(list.contains(&("program", "/usr/bin/systemctl", "what apps ended with")));
        for (kind, name, why) in list {
            assert!(["program", "file", "unit"].contains(&kind), "{kind}");
            assert_eq!(name.starts_with('/'), kind != "unit", "{name}");
            assert!(!why.is_empty(), "{name}");
        }
    }

    #[test]
    fn units_name_programs_and_units() {
        let mut units = Units::default();
        for (name, text) in [
            (
                "a.service",
                "[Unit]\nRequires=b.service c@x\\x2dy.service\nAfter=d.service\nBindsTo=%i.service\n[Service]\nExecStart=+/one a\nExecStop=-/two\nExecStart=three\n",
            ),
            ("b.service", "[Service]\nExecStart=/one b\nExecStopPost=@!/four x\n"),
            (
                "app.service",
                "[Unit]\nOnFailure=halt.target\n[Service]\nRootDirectory=/app\nExecStart=/five\n",
            ),
            ("c@.service", "[Service]\nExecStart=/six %I\n"),
        ] {
            units.names.insert(name.to_owned());
            units.add(name, text);
        }
        let programs: Vec<_> =
            units.programs.iter().map(|(path, unit)| (path.as_path(), unit.as_str())).collect();
        let expected = [("/four", "b.service"), ("/one", "a.service"), ("/six", "c@.service")];
        assert_eq!(programs, expected.map(|(path, unit)| (Path::new(path), unit)));
        let missing: Vec<_> = units.required.keys().filter(|name| units.lacks(name)).collect();
        assert_eq!(missing, ["halt.target"]);
    }
}
