//! Names inside a pod: of units, and of paths in the stage1 root.

use crate::failure::Failure;
use crate::systemd::unit::escape;
use pod::app::users::Credentials;
use pod::layout;
use pod::protocol::PrivateUsers;

/// Directory of unit files in the stage1 root.
pub(crate) const UNITS: &str = "usr/lib/systemd/system";

/// Longest name of a unit, in bytes (systemd, `UNIT_NAME_MAX`).
const UNIT_NAME_LIMIT: usize = 255;

/// Root of an app as the pod sees it.
pub(crate) fn app_root(app: &str) -> String {
    format!("/opt/stage2/{app}/rootfs")
}

/// File of an app's environment as the pod sees it.
pub(crate) fn env_file(app: &str) -> String {
    format!("/rkt/env/{app}")
}

/// The service of an app.
pub(crate) fn service(app: &str) -> String {
    format!("{app}.service")
}

/// The socket of an app's socket-activated ports.
pub(crate) fn socket(app: &str) -> String {
    format!("{app}.socket")
}

/// The pipe of one of an app's standard streams.
pub(crate) fn stream_socket(app: &str, stream: &str) -> String {
    format!("{app}-{stream}.socket")
}

/// The service behind the pipes of an app.
pub(crate) fn iomux(app: &str) -> String {
    format!("iomux@{app}.service")
}

/// The service behind the terminal of an app.
pub(crate) fn ttymux(app: &str) -> String {
    format!("ttymux@{app}.service")
}

/// Where one attaches to an app, in the stage1 root.
pub(crate) fn attach_directory(app: &str) -> String {
    layout::app_iottymux(app).to_string_lossy().into_owned()
}

/// The service that writes an app's exit status down.
pub(crate) fn reaper(app: &str) -> String {
    format!("reaper-{app}.service")
}

/// The service that prepares an app's root. The dash before the instance makes `%I` an absolute path.
pub(crate) fn prepare(app: &str) -> String {
    format!("prepare-app@-{}.service", escape::instance(&app_root(app)))
}

/// Fails for an app whose units could not be named, or would be units that the pod has already.
///
/// # Errors
/// With what to do.
pub(crate) fn check(app: &str) -> Result<(), Failure> {
    let longest = [service(app), reaper(app), prepare(app)].map(|name| name.len()).into_iter().max();
    if longest > Some(UNIT_NAME_LIMIT) {
        let length = app.len();
        return Err(Failure::new(format!("the name of app \"{app}\" is too long ({length} characters): systemd allows names of units up to {UNIT_NAME_LIMIT} bytes, and each dash counts as four"))
            .hint("give it a shorter one with --name=NAME after the image"));
    }
    if RESERVED.contains(&app) || app.starts_with("reaper-") || app.starts_with("systemd-") {
        return Err(Failure::new(format!("app \"{app}\" has the name of a service of the pod itself"))
            .hint("give it another with --name=NAME after the image"));
    }
    Ok(())
}

/// Fails for users and groups that systemd does not take: their numbers, cut to 16 or seen as signed, mean nobody. And for
/// those that the pod's user namespace does not have.
///
/// # Errors
/// With what to do.
pub(crate) fn check_numbers(
    app: &str,
    who: &Credentials,
    namespace: Option<PrivateUsers>,
) -> Result<(), Failure> {
    let groups = who.groups.iter().map(|&gid| ("group", gid));
    for (what, number) in [("user", who.uid)].into_iter().chain(groups) {
        let reason = match namespace {
            _ if matches!(number, 0xffff | u32::MAX) => {
                format!("systemd starts nothing as {what} {number}, which stands for nobody")
            }
            Some(users) if number >= users.count => {
                format!("the pod's user namespace has no {what} {number}, only 0 to {}", users.count - 1)
            }
            _ => continue,
        };
        return Err(Failure::new(format!("app \"{app}\": {reason}"))
            .hint("choose another number with --user=UID, --group=GID or --supplementary-gids=GIDS"));
    }
    Ok(())
}

/// Services of the pod itself, without `.service`.
const RESERVED: &[&str] = &["shutdown", "supervisor-ready", "sysusers"];

#[cfg(test)]
mod tests {
    use super::{check, prepare};

    #[test]
    fn names_of_units() {
        assert_eq!(prepare("bb"), "prepare-app@-opt-stage2-bb-rootfs.service");
        assert_eq!(prepare("a-b"), "prepare-app@-opt-stage2-a\\x2db-rootfs.service");
        for (name, fits) in [
            ("bb", true),
            (&*"a".repeat(200), true),
            (&*"a".repeat(512), false),
            (&*"a-".repeat(60), false),
            ("shutdown", false),
            ("reaper-bb", false),
            ("systemd-journald", false),
            ("systemd", true),
        ] {
            assert_eq!(check(name).is_ok(), fits, "{name}");
        }
    }
}
