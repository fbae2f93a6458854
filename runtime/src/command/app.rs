//! `rkt app …`: pods whose apps come and go.

pub mod add;
pub mod change;
pub mod list;
pub mod sandbox;
pub mod status;

use crate::error::Failure;

/// The name of an app, which some commands cannot do without.
fn required(app: Option<&str>) -> Result<&str, Failure> {
    app.filter(|app| !app.is_empty()).ok_or_else(|| {
        Failure::new("no app named").hint("name it with --app=NAME; `rkt app list` shows what there is")
    })
}
