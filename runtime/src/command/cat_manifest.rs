//! `rkt cat-manifest`.

use std::io::Write as _;

use grammar::CatManifestArgs;
use serde_json::Value;

use super::output;
use crate::error::{Context as _, EXIT_FAILURE, Failure};
use crate::pod::find;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &CatManifestArgs) -> Result<u8, Failure> {
    let prefix = find::one_prefix(&args.uuid, args.uuid_file.as_deref(), EXIT_FAILURE)?;
    let pod = find::pod(&session.pods()?, &prefix)?;
    let mut text = pod.manifest_bytes().context("cannot read the pod manifest")?;
    if args.pretty_print {
        let value: Value = serde_json::from_slice(&text)
            .map_err(|error| Failure::from(error).within("the pod manifest is not JSON").at(pod.dir()))?;
        output::json(&value, output::Format::JsonPretty)?;
    } else {
        text.push(b'\n');
        std::io::stdout().write_all(&text)?;
    }
    Ok(0)
}
