//! `rkt image verify`.

use std::io::Write as _;

use grammar::ImagesArgs;

use crate::error::{Context as _, EXIT_OK, Failure};
use crate::session::Session;
use crate::store::tree::{TreeStoreId, Verdict};

/// Runs the command and returns its exit code. A tree that is not what was rendered is rendered again.
pub fn run(session: &Session, args: &ImagesArgs) -> Result<u8, Failure> {
    if args.images.is_empty() {
        return Err(
            Failure::new("must provide at least one image ID").hint("`rkt image list` shows the images")
        );
    }
    let store = session.store()?;
    let mut out = std::io::stdout();
    for image in &args.images {
        let id = store.find_reference(image)?;
        match store.trees().verify(&TreeStoreId::of(&id))? {
            Verdict::Sound => {
                writeln!(out, "successfully verified checksum for image: \"{image}\" (\"{id}\")")?;
            }
            Verdict::NotRendered => {
                writeln!(out, "image \"{image}\" not rendered; no verification needed")?;
            }
            Verdict::Changed(how) => {
                eprintln!("verify: tree cache verification failed for image {image}: {how};  rebuilding...");
                store
                    .trees()
                    .render_again(&id)
                    .context(format!("cannot rebuild the tree of image {image}"))?;
            }
        }
    }
    Ok(EXIT_OK)
}
