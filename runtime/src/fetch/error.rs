//! Why an image cannot be had.

use std::io;
use std::path::PathBuf;

use super::PullPolicy;
use crate::store::{StoreError, StoredName};

/// Why an image was not found or not taken.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be looked at.
    #[error("open {}: {source}; give the path of an image file, or the name or ID of a stored image", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The text means nothing.
    #[error(
        "invalid image string \"{text}\": {reason}; give an image file (path ending in .aci), an image ID (sha512-…) or a name of a stored image"
    )]
    BadReference {
        /// What was given.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// The signature of a file would have to be verified.
    #[error(
        "{}: the signature of the image cannot be verified: this version of rkt has no signature verification yet, it comes with the trust commands; if you trust the file, use --insecure-options=image",
        .0.display()
    )]
    Signature(PathBuf),
    /// Not in the store, and nothing else may be asked.
    #[error(
        "cannot find aci satisfying name: \"{}\" and labels: [{}] in the local store; `rkt image list` shows what is stored, `rkt fetch FILE.aci` stores a file",
        .0.name,
        .0.labels_text()
    )]
    NotStored(StoredName),
    /// Not in the store, and what would come next is not there yet.
    #[error("\"{name}\" {}: discovery failed: this version of rkt cannot find images by name outside the store, that comes with a later one; {}",
        found(*policy), remedy(*policy), name = .name.name)]
    Discovery {
        /// Name asked for.
        name: StoredName,
        /// The policy that was in force.
        policy: PullPolicy,
    },
    /// A kind of reference that a later version brings.
    #[error(
        "\"{text}\": this version of rkt cannot fetch {what} yet, that comes with a later one; fetch the image by other means and give the file"
    )]
    Later {
        /// What was given.
        text: String,
        /// What cannot be fetched.
        what: &'static str,
    },
    /// Not a pull policy.
    #[error("\"{0}\" is not a pull policy: it must be never, new or update")]
    UnknownPolicy(String),
}

fn found(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Update => "was not looked for in the store (pull policy update)",
        PullPolicy::Never | PullPolicy::New => "is not in the store",
    }
}

fn remedy(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Update => "use --pull-policy=new for a stored image, or give a file",
        PullPolicy::Never | PullPolicy::New => {
            "`rkt fetch FILE.aci` stores a file, `rkt image list` shows what is stored"
        }
    }
}
