//! One step, and why it would run.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use appc::ImageManifest;

use super::key_of;
use crate::flavor::Flavor;
use crate::recipe::cargo::Cargo;
use crate::report::Compiled;
use crate::store::digest::Digest;
use crate::store::memory::Memory;
use crate::store::record::Record;

/// One step.
#[derive(Debug)]
pub struct Step {
    /// Its name.
    pub id: String,
    /// What is done.
    pub work: Work,
    /// Names and values of everything that the outputs depend on.
    pub inputs: BTreeMap<String, String>,
    /// Steps that come before it.
    pub after: Vec<String>,
    /// Outputs of those steps that it reads, relative to the build directory.
    pub uses: Vec<PathBuf>,
    /// What it makes, relative to the build directory.
    pub outputs: Vec<PathBuf>,
    /// Digest of the kind of work and of the inputs.
    pub key: Digest,
    /// Why it would run; empty when everything is as it left it.
    pub reasons: Vec<Reason>,
}

/// What a step does.
#[derive(Debug)]
pub enum Work {
    /// Compiles a program and puts it in place.
    Compile(Box<Cargo>),
    /// Takes a ready-made program.
    Copy {
        /// Where it is.
        from: PathBuf,
    },
    /// Writes an image.
    Image(Box<ImageWork>),
}

/// What an image is made of.
#[derive(Debug)]
pub struct ImageWork {
    /// The flavor.
    pub flavor: Flavor,
    /// The manifest.
    pub manifest: ImageManifest,
    /// The time of every entry, in seconds since 1970.
    pub time: u64,
    /// The static executable.
    pub stage1: Stage1Source,
}

/// Where the static executable comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage1Source {
    /// Another step makes it.
    Made {
        /// Where, relative to the build directory.
        path: PathBuf,
        /// How it is compiled.
        how: Compiled,
    },
    /// It is ready made.
    Given {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        sha256: Digest,
    },
}

/// Why a step would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// There is no record of a run.
    NeverRan,
    /// An input has another value.
    Changed(String),
    /// An input was not there the last time.
    Added(String),
    /// An input is not there any more.
    Removed(String),
    /// What it made is gone.
    Missing(PathBuf),
    /// What it made, or what it was made of, was changed by somebody else.
    Tampered(PathBuf),
    /// Another step runs before it.
    After(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverRan => f.write_str("it has not run yet in this build directory"),
            Self::Changed(input) => write!(f, "{input} changed"),
            Self::Added(input) => write!(f, "{input} is new"),
            Self::Removed(input) => write!(f, "{input} is gone"),
            Self::Missing(path) => write!(f, "{} is missing", path.display()),
            Self::Tampered(path) => write!(f, "{} is not what it was", path.display()),
            Self::After(step) => write!(f, "{step} runs before it"),
        }
    }
}

impl Work {
    /// The kind of work, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Compile(_) => "compile",
            Self::Copy { .. } => "copy",
            Self::Image(_) => "image",
        }
    }
}

impl Step {
    pub(super) fn new(
        id: String,
        work: Work,
        inputs: BTreeMap<String, String>,
        after: Vec<String>,
        uses: Vec<PathBuf>,
        outputs: Vec<PathBuf>,
    ) -> Self {
        let key = key_of(work.kind(), &inputs);
        Self { id, work, inputs, after, uses, outputs, key, reasons: Vec::new() }
    }

    /// Where the record of the step is.
    pub fn record_file(&self, builddir: &Path) -> PathBuf {
        builddir.join("steps").join(format!("{}.json", self.id))
    }

    /// Where the output of its programs goes.
    pub fn log_file(&self, builddir: &Path, phase: &str) -> PathBuf {
        builddir.join("logs").join(format!("{}{phase}.log", self.id))
    }

    /// Why it would run, as things are now. A file that cannot be read counts as missing.
    pub fn why(&self, builddir: &Path, memory: &mut Memory) -> Vec<Reason> {
        let Some(record) = Record::load(&self.record_file(builddir)) else { return vec![Reason::NeverRan] };
        let mut reasons = Vec::new();
        if record.key != self.key {
            for (name, value) in &self.inputs {
                match record.inputs.get(name) {
                    None => reasons.push(Reason::Added(name.clone())),
                    Some(old) if old != value => reasons.push(Reason::Changed(name.clone())),
                    Some(_) => {}
                }
            }
            let gone = record.inputs.keys().filter(|name| !self.inputs.contains_key(*name));
            reasons.extend(gone.cloned().map(Reason::Removed));
            if reasons.is_empty() {
                reasons.push(Reason::Changed("the kind of work".to_owned()));
            }
        }
        for path in self.outputs.iter().chain(&self.uses) {
            let known = record.outputs.get(path).or_else(|| record.uses.get(path));
            match (memory.digest(&builddir.join(path)), known) {
                (Err(_), _) => reasons.push(Reason::Missing(path.clone())),
                (Ok(now), Some(then)) if now == *then => {}
                _ => reasons.push(Reason::Tampered(path.clone())),
            }
        }
        reasons
    }
}
