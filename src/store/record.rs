//! What a step was made of when it last ran, and what it made.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::write_beside;

/// The layout of the file; another one is as good as none.
const FORMAT: u32 = 1;

/// The record of one step that has run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// Digest of all inputs.
    pub key: Digest,
    /// Names and values of the inputs, to tell later which one changed.
    pub inputs: BTreeMap<String, String>,
    /// Outputs of other steps that it read, relative to the build directory.
    pub uses: BTreeMap<PathBuf, Digest>,
    /// What the step made, relative to the build directory.
    pub outputs: BTreeMap<PathBuf, Digest>,
}

impl Record {
    /// A record of what was just done.
    pub fn new(
        key: Digest,
        inputs: BTreeMap<String, String>,
        uses: BTreeMap<PathBuf, Digest>,
        outputs: BTreeMap<PathBuf, Digest>,
    ) -> Self {
        Self { format: FORMAT, key, inputs, uses, outputs }
    }

    /// Reads a record. One that is missing, or that cannot be understood, is none.
    pub fn load(file: &Path) -> Option<Self> {
        let record: Self = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        (record.format == FORMAT).then_some(record)
    }

    /// Writes the record, whole or not at all.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        write_beside(file, 0o644, &serde_json::to_vec(self)?)
    }
}
