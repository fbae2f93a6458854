//! `rkt list`.

use std::io::Write as _;
use std::time::SystemTime;

use grammar::TableArgs;
use pod::{Directory, list};

use super::output;
use crate::error::{Context as _, Failure};
use crate::format::{Table, full_time, relative_time};
use crate::pod::status::PodStatus;
use crate::session::Session;

/// Hex digits of an image ID in the table.
const ID_LENGTH: usize = "sha512-".len() + 12;
/// Characters of a UUID in the table.
const UUID_LENGTH: usize = 8;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &TableArgs) -> Result<u8, Failure> {
    let format = output::Format::parse(args.format.as_deref())?;
    let data = session.pods()?;
    let found = list::pods(&data, &Directory::LISTED).context("failed to get pod handles")?;
    let mut pods = Vec::with_capacity(found.len());
    for pod in found {
        match pod {
            Ok(pod) => pods.push(PodStatus::of(&pod)),
            Err(error) => eprintln!("list: {error}"),
        }
    }
    for problem in pods.iter().flat_map(|pod| &pod.problems) {
        eprintln!("list: {problem}");
    }
    let Some(format) = format else {
        write!(std::io::stdout(), "{}", table(&pods, args, SystemTime::now()))?;
        return Ok(0);
    };
    pods.retain(|pod| {
        if pod.created.is_none() {
            eprintln!("list: pod {}: invalid creation time", pod.name);
        }
        pod.created.is_some()
    });
    // The original writes an empty list so, and scripts look for it.
    if pods.is_empty() {
        writeln!(std::io::stdout(), "null")?;
    } else {
        output::json(&pods, format)?;
    }
    Ok(0)
}

fn table(pods: &[PodStatus], args: &TableArgs, now: SystemTime) -> Table {
    let mut table = Table::new();
    let mut row = |cells: [&str; 8]| {
        let shown = cells.into_iter().enumerate().filter(|(column, _)| args.full || *column != 3);
        table.row(shown.map(|(_, cell)| cell.to_owned()));
    };
    if !args.no_legend {
        row(["UUID", "APP", "IMAGE NAME", "IMAGE ID", "STATE", "CREATED", "STARTED", "NETWORKS"]);
    }
    for pod in pods {
        let uuid = if args.full { &pod.name } else { &pod.name[..UUID_LENGTH] };
        let created = match pod.created {
            Some(time) => time_text(time, args.full, now),
            None if args.full => "0001-01-01 00:00:00 +0000 UTC".to_owned(),
            None => "a long while ago".to_owned(),
        };
        let started = pod.started.map(|time| time_text(time, args.full, now)).unwrap_or_default();
        let networks = pod.networks_text();
        let (name, image, id) = pod
            .apps
            .first()
            .map_or(("-", "-", "-"), |app| (&app.name, &app.image_name, &app.image_id[..ID_LENGTH]));
        row([uuid, name, image, id, pod.state, &created, &started, &networks]);
        for app in pod.apps.iter().skip(1) {
            row(["", &app.name, &app.image_name, &app.image_id[..ID_LENGTH], "", "", "", ""]);
        }
    }
    table
}

fn time_text(time: SystemTime, full: bool, now: SystemTime) -> String {
    if full { full_time(time) } else { relative_time(time, now) }
}
