//! The summary that `configure` shows.

use std::fmt::Write;

use super::config::{Config, Setup};

/// Where values begin.
const COLUMN: usize = 42;

/// The summary as text: blocks with one value a line.
pub fn render(config: &Config) -> String {
    let yes = |on: bool| if on { "yes" } else { "no" };
    let mut out = format!("\n  rkt {}\n", config.version);
    let mut block = |title: &str, lines: &[(&str, String)]| {
        let _ = writeln!(out, "\n  {title}");
        for (name, value) in lines {
            let name = format!("{name}:");
            let _ = writeln!(out, "    {name:<width$} '{value}'", width = COLUMN - 5);
        }
    };
    let default = &config.default_stage1;
    let setup = match config.setup {
        Setup::Flavor => "flavor",
        Setup::Detailed => "detailed",
    };
    let mut lines = vec![
        ("type", setup.to_owned()),
        ("default stage1 location", default.location.clone().unwrap_or_default()),
        ("default stage1 images directory", default.images_directory.display().to_string()),
        ("built stage1 flavors", config.flavors.join(",")),
    ];
    match config.setup {
        Setup::Flavor => {
            let version = if config.flavors_version_overridden { "overridden" } else { "implied" };
            lines.push(("default stage1 flavor", default.flavor.clone().unwrap_or_default()));
            lines.push(("implied default stage1 name", default.name.clone()));
            let name = if version == "implied" {
                "implied default stage1 version"
            } else {
                "overridden default stage1 version"
            };
            lines.push((name, default.version.clone()));
        }
        Setup::Detailed => {
            lines.push(("default stage1 name", default.name.clone()));
            lines.push(("default stage1 version", default.version.clone()));
        }
    }
    block("stage1 setup", &lines);
    if config.flavors.iter().any(|flavor| flavor == "coreos" || flavor == "kvm") {
        let (path, version) = match &config.pxe {
            Some(pxe) => (pxe.path.display().to_string(), pxe.systemd_version.clone()),
            None => Default::default(),
        };
        block("coreos and kvm", &[("local PXE image", path), ("its systemd version", version)]);
    }
    if let Some(systemd) = &config.systemd {
        let version = systemd.version.clone().unwrap_or_default();
        let lines = [
            ("source", systemd.source.clone()),
            ("revision", systemd.revision.clone()),
            ("version", version),
        ];
        block("systemd for src", &lines);
    }
    if !config.hypervisors.is_empty() {
        block("kvm", &[("hypervisors", config.hypervisors.join(","))]);
    }
    let sign = |on: bool| if on { '+' } else { '-' };
    let features = format!("{}TPM {}SDJOURNAL", sign(config.features.tpm), sign(config.features.sdjournal));
    let mut lines = vec![
        ("programs", config.directories.bindir.display().to_string()),
        ("functional tests", yes(config.features.functional_tests).to_owned()),
        ("incremental build", yes(config.features.incremental).to_owned()),
        ("features", features),
        ("arch of images", config.host.arch.clone()),
        ("target of rkt", config.host.rust_target.clone()),
        ("target of the stage1 executable", config.stage1_target.clone()),
        ("cross build", yes(config.cross).to_owned()),
    ];
    if let Some(compiler) = &config.compiler {
        lines.push(("rustc version", compiler.version.clone()));
    }
    if let Some(file) = &config.rkt_executable {
        lines.push(("ready-made rkt", file.display().to_string()));
    }
    if let Some(file) = &config.stage1_executable {
        lines.push(("ready-made stage1 executable", file.display().to_string()));
    }
    lines.push(("network", if config.offline { "never" } else { "where an input is not here" }.to_owned()));
    lines.push(("build directory", config.builddir.display().to_string()));
    block("other", &lines);
    out.push('\n');
    out
}
