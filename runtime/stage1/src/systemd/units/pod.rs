//! The units of the pod itself.

use super::app::Life;
use crate::systemd::names;
use crate::systemd::unit::Unit;
use crate::systemd::unit::dialect::Dialect;

/// Targets that end the pod.
pub(super) const ENDS: [&str; 3] = ["exit.target", "halt.target", "poweroff.target"];

/// The service that ends a pod for these targets, after apps and reapers have ended. No app can have its name.
pub(super) const HALT: &str = "systemd-halt.service";

/// How long the steps before an app may take, in seconds, until systemd gives them up.
const STEP_LIMIT: &str = "60";

/// The units of a pod with these apps, by file name. The order of directives is the original's.
pub(crate) fn units(life: Life, apps: &[&str], dialect: Dialect) -> Vec<(&'static str, Unit)> {
    let mut units = vec![
        ("default.target", default_target(life, apps)),
        ("prepare-app@.service", prepare_app(life)),
        ("halt.target", halt_target(life)),
        ("shutdown.service", shutdown(life, dialect)),
    ];
    if life == Life::Immutable {
        units.push((HALT, halt(dialect)));
    }
    units
}

fn default_target(life: Life, apps: &[&str]) -> Unit {
    let mut unit = Unit::default();
    unit.unit("Description", "rkt apps target").unit("DefaultDependencies", "false");
    if life == Life::Mutable {
        unit.needs("systemd-journald.service");
        unit.unit("Before", "halt.target").unit("Conflicts", "halt.target");
    }
    unit.unit("Wants", "supervisor-ready.service").unit("Before", "supervisor-ready.service");
    for app in apps {
        unit.unit("After", names::service(app)).unit("Wants", names::service(app));
    }
    unit
}

fn prepare_app(life: Life) -> Unit {
    let mut unit = Unit::default();
    unit.unit("Description", "Prepare minimum environment for chrooted applications")
        .unit("DefaultDependencies", "false")
        .unit("OnFailureJobMode", "fail");
    if life == Life::Immutable {
        unit.needs("systemd-journald.service");
    }
    unit.service("Type", "oneshot")
        .service("Restart", "no")
        .service("ExecStart", "/prepare-app %I")
        .service("User", "0")
        .service("Group", "0")
        .service("CapabilityBoundingSet", "CAP_SYS_ADMIN CAP_DAC_OVERRIDE CAP_MKNOD")
        .service("TimeoutStartSec", STEP_LIMIT);
    if life == Life::Mutable {
        unit.service("RemainAfterExit", "yes");
    }
    unit
}

fn halt_target(life: Life) -> Unit {
    let mut unit = Unit::default();
    unit.unit("Description", "Halt").unit("DefaultDependencies", "false").unit("AllowIsolate", "true");
    if life == Life::Mutable {
        unit.needs("shutdown.service");
    }
    unit
}

/// Ends the pod when it is to end and no app's reaper did it: none may have been started.
fn halt(dialect: Dialect) -> Unit {
    let mut unit = Unit::default();
    unit.unit("Description", "Halt of the pod")
        .unit("DefaultDependencies", "false")
        .service("Type", "oneshot");
    for target in ENDS {
        unit.unit("After", target);
    }
    silent(&mut unit);
    unit.service("ExecStart", end(dialect));
    unit
}

/// The first process may end before it has answered that it will.
fn silent(unit: &mut Unit) {
    for stream in ["StandardInput", "StandardOutput", "StandardError"] {
        unit.service(stream, "null");
    }
}

/// The command that ends the first process.
fn end(dialect: Dialect) -> String {
    let verb = if dialect.exit_codes() { "exit" } else { "halt" };
    format!("/usr/bin/systemctl --force {verb}")
}

/// Ends the first process, and with it the pod: when no app's reaper wants it any more, or when it is started.
fn shutdown(life: Life, dialect: Dialect) -> Unit {
    let mut unit = Unit::default();
    unit.unit("Description", "Pod shutdown").unit("AllowIsolate", "true");
    if life == Life::Immutable {
        unit.unit("StopWhenUnneeded", "yes");
    }
    unit.unit("DefaultDependencies", "false").service("RemainAfterExit", "yes");
    silent(&mut unit);
    unit.service(if life == Life::Immutable { "ExecStop" } else { "ExecStart" }, end(dialect));
    unit
}

/// Links that make units part of others: link and target.
pub(crate) fn wants(life: Life, apps: &[&str], flush: bool) -> Vec<(String, String)> {
    let link = |target: &str, name: &str| (format!("{target}.wants/{name}"), format!("../{name}"));
    let mut links: Vec<_> = apps.iter().map(|app| link("default.target", &names::service(app))).collect();
    if flush {
        links.push(link("default.target", "systemd-journal-flush.service"));
    }
    if life == Life::Immutable {
        links.extend(ENDS.map(|target| link(target, HALT)));
    }
    links
}

#[cfg(test)]
mod tests {
    use super::{Life, units};
    use crate::systemd::unit::dialect::Dialect;

    #[test]
    fn the_pod_ends_when_no_reaper_wants_it_to_go_on() {
        let text = |life, version| -> Vec<String> {
            units(life, &["a", "b"], Dialect::of(version)).iter().map(|(_, unit)| unit.to_text()).collect()
        };
        let immutable = text(Life::Immutable, 252);
        assert!(
            immutable[0].contains("After=a.service\nWants=a.service\nAfter=b.service\nWants=b.service\n")
        );
        assert!(
            immutable[3].contains("StopWhenUnneeded=yes")
                && immutable[3].contains("ExecStop=/usr/bin/systemctl --force exit\n")
        );
        assert!(immutable[4].contains("ExecStart=/usr/bin/systemctl --force exit\n"));
        assert!(text(Life::Immutable, 226)[3].contains("--force halt\n"));
        let mutable = text(Life::Mutable, 252);
        assert!(
            !mutable[3].contains("StopWhenUnneeded") && mutable[3].contains("ExecStart=/usr/bin/systemctl")
        );
        assert!(mutable[2].contains("Requires=shutdown.service"));
    }
}
