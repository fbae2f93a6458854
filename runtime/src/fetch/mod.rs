//! Finding the image that somebody means by a hash, a file name or a name, importing files on the way.

mod error;
mod reference;

use std::path::Path;

use appc::{AcIdentifier, ImageId};

use crate::insecure::InsecureOptions;
use crate::store::{Imported, Store, StoredName};

pub use error::FetchError;
pub use reference::{Reference, later_scheme};

/// When images are looked for outside the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Never: only what is stored.
    Never,
    /// If the store has no such image.
    New,
    /// Always, to see whether there is a newer one.
    Update,
}

impl std::str::FromStr for PullPolicy {
    type Err = FetchError;

    fn from_str(text: &str) -> Result<PullPolicy, FetchError> {
        match text {
            "never" => Ok(PullPolicy::Never),
            "new" => Ok(PullPolicy::New),
            "update" => Ok(PullPolicy::Update),
            _ => Err(FetchError::UnknownPolicy(text.to_owned())),
        }
    }
}

/// What an image is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To run it as an app, or as stage1: a hash means a stored image.
    Run,
    /// To put it into the store: a hash is a name like any other, as with the original.
    Fetch,
}

/// Finds images.
#[derive(Debug)]
pub struct Finder<'a> {
    /// Where images are and go.
    pub store: &'a Store,
    /// What is not insisted on.
    pub insecure: InsecureOptions,
    /// When to look outside the store. Files are read whatever it says.
    pub policy: PullPolicy,
    /// True for files that need no signature: stage1 images from the compiled images directory.
    pub trusted: bool,
    /// Say on standard error where each image comes from.
    pub debug: bool,
}

impl Finder<'_> {
    /// The image that `reference` means, in the store when this returns.
    ///
    /// # Errors
    /// If it is not found, not a sound image, or needs what this version of rkt cannot do.
    pub fn find(&self, reference: &str, purpose: Purpose) -> Result<ImageId, FetchError> {
        if purpose == Purpose::Run && crate::store::is_hash(reference) {
            let id = self.store.resolve(reference)?;
            self.tell(format_args!("using image from the store with hash {id}"));
            return Ok(id);
        }
        match Reference::parse(reference)? {
            Reference::File(path) => Ok(self.import(&path)?.id),
            Reference::Name(name) => {
                let id = self.find_name(name)?;
                self.tell(format_args!("using image from local store for image name {reference}"));
                Ok(id)
            }
            Reference::Later { scheme, text } => Err(later_scheme(&scheme, text)),
        }
    }

    /// Takes a file into the store.
    pub fn import(&self, path: &Path) -> Result<Imported, FetchError> {
        if !(self.trusted || self.insecure.image()) {
            // Asked first: a file that is not there is the more useful message.
            std::fs::metadata(path).map_err(|source| FetchError::File { path: path.to_owned(), source })?;
            return Err(FetchError::Signature(path.to_owned()));
        }
        self.tell(format_args!("using image from file {}", path.display()));
        Ok(self.store.import_file(path)?)
    }

    /// A line of `--debug`, worded as the original's, which scripts look for.
    pub fn tell(&self, what: std::fmt::Arguments<'_>) {
        if self.debug {
            eprintln!("image: {what}");
        }
    }

    fn find_name(&self, mut name: StoredName) -> Result<ImageId, FetchError> {
        let asked = name.clone();
        add_host_labels(&mut name);
        let found = match self.policy {
            PullPolicy::Update => None,
            PullPolicy::Never | PullPolicy::New => self.store.find(&name.name, &name.labels)?,
        };
        match found {
            Some(id) => Ok(id),
            None if self.policy == PullPolicy::Never => Err(FetchError::NotStored(asked)),
            None => Err(FetchError::Discovery { name: asked, policy: self.policy }),
        }
    }
}

/// The machine's architecture in appc's words.
pub fn host_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "i386",
        "arm" => "armv7l",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// Adds the labels `os` and `arch` of this machine unless they are given.
pub fn add_host_labels(name: &mut StoredName) {
    for (label, value) in [("os", "linux"), ("arch", host_arch())] {
        if let Ok(label) = AcIdentifier::new(label) {
            name.default_label(&label, value);
        }
    }
}

#[cfg(test)]
mod tests;
