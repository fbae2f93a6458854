//! The facts and the verdicts for people.

use std::path::Path;

use host::cgroup::Layout;
use host::facts::{Facts, Registration};
use host::fit::{Finding, Verdict};
use host::kernel::{OptionFact, State};
use host::systemd::assets::When;

use crate::format::Table;

/// Two parts: a line a fact, then a line a flavor with what is said about it below.
pub(super) fn text(facts: &Facts, verdicts: &[(&str, Verdict)], default_flavor: Option<&str>) -> String {
    let mut table = Table::new();
    table.row(["FACT", "VALUE"]);
    for (fact, value) in rows(facts) {
        table.row([fact.to_owned(), value]);
    }
    let mut text = table.to_string();
    text.push('\n');
    let mut table = Table::new();
    table.row(["FLAVOR", "RESULT"]);
    for (name, verdict) in verdicts {
        let result = match (verdict.works(), verdict.notes.is_empty()) {
            (false, _) => "does not work",
            (true, false) => "works, with notes",
            (true, true) => "works",
        };
        let default = if default_flavor == Some(name) { " (default)" } else { "" };
        table.row([format!("{name}{default}"), result.to_owned()]);
        for finding in &verdict.obstacles {
            say(&mut table, "because", finding);
        }
        for finding in &verdict.notes {
            say(&mut table, "note", finding);
        }
    }
    text + &table.to_string()
}

fn say(table: &mut Table, kind: &str, finding: &Finding) {
    table.row(["", &format!("{kind}: {}", finding.what)]);
    if let Some(hint) = &finding.hint {
        table.row(["", &format!("hint: {hint}")]);
    }
}

fn rows(facts: &Facts) -> Vec<(&'static str, String)> {
    let kernel = &facts.kernel;
    let tools = &facts.systemd.tools;
    let mut rows = vec![
        ("user", if facts.root { "root" } else { "not root" }.to_owned()),
        ("missing capabilities", facts.missing_capabilities.as_deref().map_or_else(unknown, list)),
        ("kernel", format!("{} {}", kernel.release, kernel.version)),
        ("kernel options from", options_from(kernel.config.as_ref().map(Option::as_deref))),
        ("kernel options on", options(&kernel.options, State::On)),
        ("kernel options in modules", options(&kernel.options, State::Module)),
        ("kernel options off", options(&kernel.options, State::Off)),
        ("kernel options unknown", options(&kernel.options, State::Unknown)),
    ];
    rows.extend(kernel.calls.iter().map(|call| (call.name, answer(call.obstacle.as_deref()))));
    rows.extend([
        ("control groups", facts.cgroups.layout.as_ref().map_or_else(unknown, |layout| described(*layout))),
        ("controllers", list(&facts.cgroups.controllers)),
        ("namespaces", facts.namespaces.kinds.as_deref().map_or_else(unknown, list)),
        ("user namespaces", user_namespaces(facts)),
        (
            "overlay",
            format!(
                "{}, on {}",
                answer(facts.overlay.usable.as_ref().err().map(String::as_str)),
                facts.overlay.directory.display()
            ),
        ),
        (
            "/dev/kvm",
            facts.kvm.as_ref().map_or_else(unusable, |version| format!("usable, version {version}")),
        ),
        ("booted with systemd", if facts.systemd.booted { "yes" } else { "no" }.to_owned()),
        (
            "systemd-machined",
            match &facts.systemd.registration {
                Registration::Machined => "on the system bus".to_owned(),
                Registration::NoMachined => "not on the system bus".to_owned(),
                Registration::NoBus(reason) => format!("no system bus: {reason}"),
            },
        ),
        (
            "systemd-nspawn",
            match (&tools.nspawn, &tools.version) {
                (Some(path), Some(Ok(version))) => format!("{} of systemd {version}", path.display()),
                (Some(path), Some(Err(reason))) => {
                    format!("{}, version unknown: {reason}", path.display())
                }
                _ => "missing".to_owned(),
            },
        ),
    ]);
    rows.extend(tools.assets.iter().map(|(asset, path)| {
        let place = match path {
            Some(path) => path.display().to_string(),
            None => match asset.when {
                When::Always => "missing".to_owned(),
                When::Since(version) => format!("missing; needed from systemd {version} on"),
                When::JournalKept => "missing; needed where systemd boots the machine".to_owned(),
                When::IfThere => "missing; not needed".to_owned(),
            },
        };
        (asset.name, place)
    }));
    rows.push((
        "libraries of systemd",
        tools.libraries.as_ref().map_or_else(unusable, |()| "complete".to_owned()),
    ));
    rows.retain(|(_, value)| !value.is_empty());
    rows
}

fn options_from(config: Result<Option<&Path>, &String>) -> String {
    match config {
        Ok(Some(path)) => path.display().to_string(),
        Ok(None) => "trying, since the kernel's configuration is not at hand".to_owned(),
        Err(reason) => format!("trying, since the kernel's configuration cannot be read: {reason}"),
    }
}

/// The options in a state; empty when there are none.
fn options(options: &[OptionFact], state: State) -> String {
    let names: Vec<&str> =
        options.iter().filter(|option| option.state == state).map(|option| option.name).collect();
    names.join(", ")
}

fn described(layout: Layout) -> String {
    match layout {
        Layout::Unified => "unified (version 2)",
        Layout::Hybrid => "hybrid (version 1, with version 2 below)",
        Layout::Legacy => "legacy (version 1)",
        Layout::Absent => "not mounted",
    }
    .to_owned()
}

fn user_namespaces(facts: &Facts) -> String {
    let namespaces = &facts.namespaces;
    let usable = answer(namespaces.user.as_ref().err().map(String::as_str));
    let limit =
        namespaces.user_limit.as_ref().map_or(String::new(), |limit| format!(", {limit} for each user"));
    let here = if namespaces.in_first_user { "" } else { ", and this is one" };
    format!("{usable}{limit}{here}")
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn answer(obstacle: Option<&str>) -> String {
    obstacle.map_or("usable".to_owned(), unusable)
}

fn unusable(reason: impl AsRef<str>) -> String {
    format!("not usable: {}", reason.as_ref())
}

fn unknown(reason: impl AsRef<str>) -> String {
    format!("unknown: {}", reason.as_ref())
}
