//! `rkt version`.

use std::io::Write as _;

use grammar::VersionArgs;
use serde_json::json;

use super::output;
use crate::defaults;
use crate::error::Failure;
use crate::session::Session;

/// Version of the App Container specification that images and pods of this rkt follow.
const APPC_VERSION: appc::SemVer = appc::AC_VERSION;

/// Runs the command and returns its exit code.
pub fn run(_session: &Session, args: &VersionArgs) -> Result<u8, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let platform = format!("linux/{}", crate::fetch::host_arch());
    if args.json {
        let value = json!({
            "rkt": version,
            "appc": APPC_VERSION.to_string(),
            "platform": platform,
            "features": defaults::FEATURES.split_whitespace().collect::<Vec<_>>(),
            "stage1": {
                "name": defaults::STAGE1_NAME,
                "version": defaults::STAGE1_VERSION,
                "location": defaults::STAGE1_LOCATION,
                "file": defaults::STAGE1_FILE,
                "imagesDir": defaults::STAGE1_IMAGES_DIR,
            },
        });
        output::json(&value, output::Format::Json)?;
        return Ok(0);
    }
    writeln!(
        std::io::stdout(),
        "rkt Version: {version}\nappc Version: {APPC_VERSION}\nOS/Arch: {platform}\nFeatures: {}",
        defaults::FEATURES
    )?;
    Ok(0)
}
