//! `rkt image rm`.

use std::io::Write as _;

use grammar::ImagesArgs;

use crate::error::{EXIT_OK, Failure};
use crate::session::Session;

/// Runs the command and returns its exit code. A name that is not stored is reported, but is no failure: what should be
/// gone is gone.
pub fn run(session: &Session, args: &ImagesArgs) -> Result<u8, Failure> {
    if args.images.is_empty() {
        return Err(
            Failure::new("must provide at least one image ID").hint("`rkt image list` shows the images")
        );
    }
    let store = session.store()?;
    let (mut removed, mut stale, mut kept) = (0, 0, 0);
    for image in &args.images {
        let done = store.find_reference(image).and_then(|id| Ok((id, store.remove(&id)?)));
        match done {
            Ok((id, left)) => {
                for error in &left {
                    eprintln!("rm: {error}");
                }
                if left.is_empty() {
                    removed += 1;
                    writeln!(std::io::stdout(), "successfully removed aci for image: \"{id}\"")?;
                } else {
                    stale += 1;
                }
            }
            Err(error) => {
                eprintln!("rm: unable to remove image \"{image}\": {error}");
                kept += 1;
            }
        }
    }
    if removed > 0 {
        eprintln!("rm: {removed} image(s) successfully removed");
    }
    if stale > 0 {
        eprintln!("rm: {stale} image(s) removed but left some stale files");
    }
    if kept > 0 {
        eprintln!("rm: {kept} image(s) cannot be removed");
    }
    Ok(EXIT_OK)
}
