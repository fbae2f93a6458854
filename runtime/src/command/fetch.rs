//! `rkt fetch`.

use std::io::Write as _;

use grammar::FetchArgs;

use crate::error::{Context as _, EXIT_OK, Failure};
use crate::fetch::{Finder, PullPolicy, Purpose};
use crate::session::Session;

/// Hex digits of an image ID that are printed unless all are asked for.
const SHORT: usize = 32;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &FetchArgs) -> Result<u8, Failure> {
    if args.images.is_empty() {
        return Err(
            Failure::new("must provide at least one image").hint("give an image file: rkt fetch FILE.aci")
        );
    }
    if args.signature.is_some() && args.images.len() != 1 {
        return Err(Failure::new("you have provided a signature, but not exactly one image")
            .hint("fetch images with signatures one by one"));
    }
    if args.signature.is_some() && !session.insecure.image() {
        return Err(Failure::new("--signature: this version of rkt cannot verify signatures yet").hint(
            "that comes with the trust commands; if you trust the file, use --insecure-options=image",
        ));
    }
    let policy = match &args.pull.pull_policy {
        Some(policy) => policy.parse()?,
        None if args.pull.store_only => PullPolicy::Never,
        None => PullPolicy::Update,
    };
    let store = session.store()?;
    let debug = session.global.debug;
    let finder = Finder { store: &store, insecure: session.insecure, policy, trusted: false, debug };
    // Rendered now, the tree is there when the image is run. Without overlay mounts it would never be used.
    let render = rustix::process::geteuid().is_root() && host::overlay::support(store.data_dir()).is_ok();
    for image in &args.images {
        let id = finder.find(image, Purpose::Fetch)?;
        if render && store.manifest(&id)?.dependencies.is_empty() {
            store.trees().render(&id).context("error rendering tree image")?;
        }
        let shown = if args.full { id.to_string() } else { id.short(SHORT) };
        writeln!(std::io::stdout(), "{shown}")?;
    }
    Ok(EXIT_OK)
}
