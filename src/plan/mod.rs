//! The plan: every step with its inputs, outputs and key, and everything that is missing. Nothing is left to
//! decide after it; nothing but the memory of digests is written by it.

mod programs;
mod show;
mod step;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::configure::Config;
use crate::failure::Problem;
use crate::flavor::{self, Flavor};
use crate::image::assemble::NO_TIME;
use crate::image::{Content, Kind};
use crate::store::digest::Digest;
use crate::store::memory::Memory;

pub use show::{explain, to_json, to_text};
pub use step::{ImageWork, Reason, Stage1Source, Step, Work};

/// What will be done.
#[derive(Debug)]
pub struct Plan {
    /// The build directory.
    pub builddir: PathBuf,
    /// The steps in an order in which they can be done.
    pub steps: Vec<Step>,
    /// What is missing for doing them, all of it.
    pub missing: Vec<Problem>,
}

impl Plan {
    /// Decides what will be done to build what was configured.
    pub fn new(config: &Config, memory: &mut Memory) -> Self {
        Self::of(config, &[], memory)
    }

    /// Decides what will be done to build some of it: the steps with these names, and those that come before them.
    /// No names mean everything.
    pub fn of(config: &Config, names: &[String], memory: &mut Memory) -> Self {
        let mut plan = Self { builddir: config.builddir.clone(), steps: Vec::new(), missing: Vec::new() };
        let known = steps_of(config);
        let unknown = names.iter().filter(|name| !known.contains(name));
        plan.missing.extend(unknown.map(|name| {
            Problem::new(format!("there is no step named {name}"))
                .hint(format!("the steps of this configuration are {}", known.join(", ")))
        }));
        let wanted = |name: &str| names.is_empty() || names.iter().any(|other| other == name);
        let flavors: Vec<_> =
            config.flavors.iter().filter(|flavor| wanted(&format!("stage1-{flavor}"))).collect();
        if wanted(programs::RKT) {
            programs::add_rkt(config, memory, &mut plan);
        }
        let stage1 = if flavors.is_empty() && (names.is_empty() || !wanted(programs::STAGE1)) {
            None
        } else {
            programs::add_stage1(config, memory, &mut plan)
        };
        for name in flavors {
            match flavor::load(name, config.flavors_dir.as_deref()) {
                Ok(flavor) => plan.add_image(config, flavor, stage1.as_ref()),
                Err(faults) => plan.missing.extend(faults.into_iter().map(Problem::from)),
            }
        }
        for index in 0..plan.steps.len() {
            let (before, rest) = plan.steps.split_at_mut(index);
            let step = &mut rest[0];
            step.reasons = step.why(&plan.builddir, memory);
            let anew =
                before.iter().filter(|other| !other.reasons.is_empty() && step.after.contains(&other.id));
            step.reasons.extend(anew.map(|other| Reason::After(other.id.clone())));
            if let Work::Compile(cargo) = &step.work
                && !step.reasons.is_empty()
            {
                plan.missing.extend(cargo.missing());
            }
        }
        // The same thing can be missing for two steps.
        let mut seen = Vec::new();
        plan.missing.retain(|problem| {
            let new = !seen.contains(problem);
            seen.push(problem.clone());
            new
        });
        plan
    }

    /// A step by its name.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    fn add_image(
        &mut self,
        config: &Config,
        flavor: Flavor,
        stage1: Option<&(Stage1Source, Option<String>)>,
    ) {
        if !flavor.builds_for(&config.host.arch) {
            let known = flavor.arches.join(", ");
            self.missing.push(
                Problem::new(format!("the flavor {} cannot be built for {}", flavor.name, config.host.arch))
                    .hint(format!("it can be built for {known}")),
            );
            return;
        }
        // The tree with anything in place of the executable shows every fault before something is compiled.
        let placeholder = Content::Bytes(b"".as_slice().into());
        let manifest = match flavor.manifest(&config.flavors_version, &config.host.arch) {
            Ok(manifest) => manifest,
            Err(fault) => return self.missing.push(fault.into()),
        };
        let tree = match flavor.tree(&placeholder) {
            Ok(tree) => tree,
            Err(faults) => return self.missing.extend(faults.into_iter().map(Problem::from)),
        };
        let Some((source, after)) = stage1 else { return };
        let time = config.source_date_epoch.unwrap_or(NO_TIME);
        let mut inputs = BTreeMap::from([
            ("tool".to_owned(), config.version.clone()),
            ("manifest".to_owned(), manifest.to_json()),
            ("time".to_owned(), time.to_string()),
        ]);
        inputs
            .extend(flavor.files.iter().map(|(name, digest)| (format!("flavor:{name}"), digest.to_string())));
        for (path, entry) in tree.iter() {
            if let (Kind::File(content @ Content::File { .. }), Some(input)) =
                (&entry.kind, &entry.origin.input)
            {
                inputs.insert(
                    format!("file:{}:{input}:{path}", entry.origin.flavor),
                    content.sha256().to_string(),
                );
            }
        }
        let mut uses = Vec::new();
        match source {
            Stage1Source::Given { sha256, .. } => {
                inputs.insert("stage1-executable".to_owned(), sha256.to_string());
            }
            Stage1Source::Made { path, .. } => {
                let key = after.as_ref().and_then(|id| self.step(id)).map(|step| step.key.to_string());
                inputs.insert("step:stage1-executable".to_owned(), key.unwrap_or_default());
                uses.push(path.clone());
            }
        }
        let file = flavor.file_name();
        let outputs =
            vec![PathBuf::from("bin").join(&file), PathBuf::from("bin").join(format!("{file}.json"))];
        let id = format!("stage1-{}", flavor.name);
        let work = ImageWork { flavor, manifest, time, stage1: source.clone() };
        let after = after.iter().cloned().collect();
        self.steps.push(Step::new(id, Work::Image(Box::new(work)), inputs, after, uses, outputs));
    }
}

/// The names of all steps that a configuration can have.
fn steps_of(config: &Config) -> Vec<String> {
    let mut steps = vec![programs::RKT.to_owned()];
    if !config.flavors.is_empty() && config.stage1_executable.is_none() {
        steps.push(programs::STAGE1.to_owned());
    }
    steps.extend(config.flavors.iter().map(|flavor| format!("stage1-{flavor}")));
    steps
}

/// The digest of names and values.
fn key_of(work: &str, inputs: &BTreeMap<String, String>) -> Digest {
    let mut fields = crate::store::digest::Fields::default();
    fields.add(work);
    for (name, value) in inputs {
        fields.add(name);
        fields.add(value);
    }
    fields.finish()
}
