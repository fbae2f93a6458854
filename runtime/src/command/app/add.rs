//! `rkt app add`.

use grammar::AppAddArgs;

use crate::cli::TypedApp;
use crate::error::Failure;
use crate::pod::assemble::WantedApp;
use crate::pod::umask::NoMask;
use crate::pod::{find, mutable, volume};
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &AppAddArgs) -> Result<u8, Failure> {
    session.require_root()?;
    let typed = TypedApp { image: args.image.clone(), flags: args.app.clone(), args: arguments(&args.args)? };
    let mut wanted = WantedApp::new(&typed)?;
    wanted.replace_image_arguments();
    let volumes = args.mnt_volume.iter().map(|text| volume::parse_mnt_volume(text));
    wanted.mount_own_volumes(volumes.collect::<Result<_, _>>()?);
    let mut pod = find::running_pod(&session.pods()?, &args.uuid)?;
    let _mask = NoMask::set();
    mutable::add(session, &mut pod, &wanted)?;
    Ok(0)
}

/// What follows `--`, which `---` ends as it does elsewhere; no second image can follow.
fn arguments(words: &[String]) -> Result<Vec<String>, Failure> {
    match words.iter().position(|word| word == "---") {
        Some(end) if end + 1 < words.len() => {
            Err(Failure::new("must give only one app").hint("add each app with an `rkt app add` of its own"))
        }
        Some(end) => Ok(words[..end].to_vec()),
        None => Ok(words.to_vec()),
    }
}
