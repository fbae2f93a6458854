//! The rules, in the order of their meaning. None stops at its first error.

mod features;
mod machines;
mod single;
mod stage1;
#[cfg(test)]
mod tests;
mod tools;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::config::{Config, FORMAT, VERSION};
use super::dirs::Directories;
use super::facts::HostFacts;
use super::options::{Key, Options};
use super::table;
use crate::failure::Problem;

/// What is being decided, with everything that turned out to be wrong so far.
struct Rules<'a> {
    options: &'a Options,
    facts: &'a HostFacts,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// What came out: a configuration, or everything that is wrong; and in both cases what may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The configuration.
    pub config: Result<Config, Vec<Problem>>,
    /// Warnings.
    pub warnings: Vec<Problem>,
}

/// Decides a configuration.
pub fn check(options: &Options, facts: &HostFacts) -> Outcome {
    let mut rules = Rules { options, facts, errors: Vec::new(), warnings: Vec::new() };
    rules.names();
    rules.errors.extend(facts.flavor_faults.iter().cloned());
    let machines = rules.machines();
    let directories = rules.directories();
    let stage1 = rules.stage1(directories.as_ref(), machines.as_ref());
    let features = rules.features(machines.as_ref(), &stage1, directories.as_ref());
    let compiler = rules.compiler(machines.as_ref());
    rules.inputs(&stage1);
    let source_date_epoch = rules.source_date_epoch();
    let cache_dir = rules.cache_dir();
    let Rules { errors, warnings, .. } = rules;
    let config = match (machines, directories, errors.is_empty()) {
        (Some(machines), Some(directories), true) => {
            let path =
                |key| options.value(key).filter(|v| !v.is_empty()).map(|path| super::absolute(facts, path));
            Ok(Config {
                format: FORMAT,
                version: VERSION.to_owned(),
                srcdir: path(Key::SourceDirectory),
                builddir: super::builddir(options, facts),
                cache_dir,
                offline: options.is_on(Key::Offline),
                directories,
                flavors: stage1.flavors,
                flavors_dir: path(Key::FlavorsDirectory),
                flavors_version: stage1.flavors_version,
                flavors_version_overridden: stage1.overridden,
                setup: stage1.setup,
                default_stage1: stage1.default,
                cross: machines.cross,
                stage1_target: machines.stage1_target,
                host: machines.host,
                build: machines.build,
                stage1_executable: path(Key::Stage1Executable),
                rkt_executable: path(Key::RktExecutable),
                features,
                systemd: stage1.systemd,
                pxe: stage1.pxe,
                hypervisors: stage1.hypervisors,
                source_date_epoch,
                compiler,
                variables: kept_variables(options, facts),
            })
        }
        _ => Err(errors),
    };
    Outcome { config, warnings }
}

/// Variables whose value when configuring counts, from the words and from the environment.
fn kept_variables(options: &Options, facts: &HostFacts) -> BTreeMap<String, String> {
    let known = table::VARIABLES.iter().filter(|row| row.kept).filter_map(|row| {
        let value = options.variables.get(row.name).or_else(|| facts.environment.get(row.name))?;
        Some((row.name.to_owned(), value.clone()))
    });
    let mut variables: BTreeMap<_, _> = known.collect();
    for (name, value) in &options.variables {
        if table::VARIABLES.iter().all(|row| row.name != name) {
            variables.insert(name.clone(), value.clone());
        }
    }
    variables
}

impl Rules<'_> {
    fn error(&mut self, problem: Problem) {
        self.errors.push(problem);
    }

    fn warn(&mut self, problem: Problem) {
        self.warnings.push(problem);
    }

    /// The option as it was typed, as the place of a problem.
    fn typed(&self, key: Key) -> String {
        self.options.given(key).map_or_else(|| key.spelling(), |given| given.typed.clone())
    }

    /// Options that nobody knows, and those of older versions.
    fn names(&mut self) {
        for (typed, today) in &self.options.old {
            let problem =
                Problem::new("an option of older versions").at(typed).hint(format!("today it is {today}"));
            self.errors.push(problem);
        }
        let unknown = &self.options.unknown;
        let checking = self.options.value(Key::OptionChecking).unwrap_or("yes");
        if !matches!(checking, "yes" | "no" | "fatal") {
            let typed = self.typed(Key::OptionChecking);
            let problem = Problem::new(format!("\"{checking}\" is none of yes, no, fatal")).at(typed);
            self.error(problem.hint("leave it out, or write --enable-option-checking=fatal"));
        }
        if unknown.is_empty() || checking == "no" {
            return;
        }
        let list: Vec<_> = unknown.iter().map(|option| option.typed.as_str()).collect();
        let hints: Vec<_> = unknown
            .iter()
            .filter_map(|option| Some(format!("{} may mean {}", option.typed, option.nearest.as_ref()?)))
            .collect();
        let mut problem = Problem::new(format!("unknown options: {}", list.join(" ")));
        if !hints.is_empty() {
            problem = problem.hint(hints.join("; "));
        }
        if checking == "fatal" { self.error(problem) } else { self.warn(problem) }
    }

    fn directories(&mut self) -> Option<Directories> {
        for key in [Key::ProgramPrefix, Key::ProgramSuffix, Key::ProgramTransformName] {
            let unchanged = |value: &str| value.is_empty() || matches!(value, "NONE" | "s,x,x," | "s&^&&");
            if self.options.value(key).is_some_and(|value| !unchanged(value)) {
                let typed = self.typed(key);
                self.warn(Problem::new("ignored: programs keep their names").at(typed));
            }
        }
        match super::dirs::resolve(&self.given_directories()) {
            Ok(directories) => Some(directories),
            Err(errors) => {
                for problem in errors {
                    let given = self.options.iter().find(|(key, _)| {
                        matches!(key, Key::Directory(_)) && Some(key.spelling()) == problem.place
                    });
                    let typed = given.map(|(_, given)| given.typed.clone());
                    self.error(Problem { place: typed.or(problem.place), ..problem });
                }
                None
            }
        }
    }

    fn given_directories(&self) -> BTreeMap<&'static str, &str> {
        self.options
            .iter()
            .filter_map(|(key, given)| match key {
                // autoconf spells "not given" so.
                Key::Directory(name) if given.value != "NONE" => Some((name, given.value.as_str())),
                _ => None,
            })
            .collect()
    }

    fn source_date_epoch(&mut self) -> Option<u64> {
        let value = self.facts.variable(self.options, "SOURCE_DATE_EPOCH")?;
        match super::epoch(value) {
            Ok(seconds) => Some(seconds),
            Err(problem) => {
                self.error(problem);
                None
            }
        }
    }

    fn cache_dir(&self) -> PathBuf {
        let home = |name| self.facts.environment.get(name).filter(|value| value.starts_with('/'));
        match (self.options.value(Key::CacheDirectory), home("XDG_CACHE_HOME"), home("HOME")) {
            (Some(given), ..) if !given.is_empty() => super::absolute(self.facts, given),
            (_, Some(cache), _) => PathBuf::from(cache).join("rkt-build"),
            (_, None, Some(home)) => PathBuf::from(home).join(".cache/rkt-build"),
            (_, None, None) => super::builddir(self.options, self.facts).join("cache"),
        }
    }

    /// `yes`, `no` or `auto`; anything else is an error (and counts as `no`).
    fn three(&mut self, key: Key, default: &'static str) -> &'static str {
        match self.options.value(key) {
            None => default,
            Some("yes") => "yes",
            Some("no") => "no",
            Some("auto") => "auto",
            Some(other) => {
                let typed = self.typed(key);
                let problem = Problem::new(format!("\"{other}\" is none of yes, no, auto")).at(typed);
                self.error(problem.hint(format!("write {}=yes, =no or =auto", key.spelling())));
                "no"
            }
        }
    }

    /// `yes` or `no`; anything else is an error (and counts as `no`).
    fn two(&mut self, key: Key) -> bool {
        match self.options.value(key) {
            None | Some("no") => false,
            Some("yes") => true,
            Some(other) => {
                let typed = self.typed(key);
                let problem = Problem::new(format!("\"{other}\" is neither yes nor no")).at(typed);
                self.error(problem.hint(format!("write {}=yes, or leave it out", key.spelling())));
                false
            }
        }
    }
}
