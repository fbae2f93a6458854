//! `rkt app status`.

use std::collections::BTreeMap;
use std::io::Write as _;

use grammar::AppStatusArgs;

use super::required;
use crate::command::output;
use crate::error::{Context as _, EXIT_APP, Failure};
use crate::format::full_time;
use crate::pod::find;
use crate::pod::status::{self, AppStatus};
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &AppStatusArgs) -> Result<u8, Failure> {
    show(session, args).map_err(|failure| failure.code(EXIT_APP))
}

fn show(session: &Session, args: &AppStatusArgs) -> Result<u8, Failure> {
    let name = required(args.app.as_deref())?;
    let format = output::Format::parse(args.format.as_deref())?;
    let pod = find::pod(&session.pods()?, &args.uuid)?;
    let apps = status::apps(&pod).context("error getting app status")?;
    let Some(app) = apps.iter().find(|app| app.name == name) else {
        return Err(find::no_app(name, &apps.iter().map(|app| app.name.as_str()).collect::<Vec<_>>()));
    };
    match format {
        Some(format) => output::json(app, format)?,
        None => lines(app)?,
    }
    Ok(0)
}

fn lines(app: &AppStatus) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "name={}", app.name)?;
    writeln!(out, "state={}", app.state)?;
    writeln!(out, "image_id={}", app.image_id)?;
    for (key, time) in
        [("created_at", app.created), ("started_at", app.started), ("finished_at", app.finished)]
    {
        if let Some(time) = time {
            writeln!(out, "{key}={}", full_time(time))?;
        }
    }
    if let Some(code) = app.exit_code {
        writeln!(out, "exit_code={code}")?;
    }
    if !app.mounts.is_empty() {
        let mounts = app.mounts.iter().map(|mount| {
            format!("{}:{}:(read_only:{})", mount.host_path, mount.container_path, mount.read_only)
        });
        writeln!(out, "mounts={}", mounts.collect::<Vec<_>>().join(","))?;
    }
    for (key, pairs) in [("user_annotations", &app.user_annotations), ("user_labels", &app.user_labels)] {
        if !pairs.is_empty() {
            writeln!(out, "{key}={}", joined(pairs))?;
        }
    }
    Ok(())
}

fn joined(pairs: &BTreeMap<String, String>) -> String {
    pairs.iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>().join(",")
}
