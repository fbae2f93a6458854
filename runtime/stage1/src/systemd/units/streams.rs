//! The units between an app and whoever attaches to it.
//!
//! systemd makes a pipe for each stream when the app is to start, and takes it away when the app has ended. The service
//! `iomux@` opens the other ends before the app starts, so that nothing is lost of an app that ends at once, and is stopped
//! after the app has, so that everybody gets the rest. For an app with a terminal it is `ttymux@`, which makes the terminal.

use crate::systemd::names;
use crate::systemd::streams::{Attachable, Streams};
use crate::systemd::unit::dialect::Dialect;
use crate::systemd::unit::{Unit, escape};

impl Streams {
    /// Adds the directives to an app's service.
    pub(super) fn add_to(&self, unit: &mut Unit, app: &str, dialect: Dialect) {
        unit.service("StandardInput", self.input)
            .service("StandardOutput", self.output)
            .service("StandardError", self.error);
        let Some(attachable) = &self.attachable else { return };
        for stream in &attachable.pipes {
            unit.service("Sockets", names::stream_socket(app, stream));
        }
        let service = attachable.service(app);
        if attachable.pipes.is_empty() {
            unit.service("TTYPath", format!("/{}/stage2-pts", names::attach_directory(app)));
            unit.needs(&service);
        } else if starts_before(dialect) {
            // An app whose output nobody reads any more would wait for ever: it ends when the service does.
            unit.unit("BindsTo", &service).unit("After", &service);
        } else {
            unit.unit("Requires", &service).unit("Before", &service);
        }
    }
}

/// Whether the service behind the pipes starts before the app. Where systemd may take the pipes away as long as only a job
/// wants them, as the original it starts after it.
fn starts_before(dialect: Dialect) -> bool {
    dialect.keeps_wanted_by_jobs()
}

impl Attachable {
    /// The service that one attaches to.
    fn service(&self, app: &str) -> String {
        if self.pipes.is_empty() { names::ttymux(app) } else { names::iomux(app) }
    }

    /// The sockets that are pipes, by file name.
    pub(crate) fn sockets(&self, app: &str, dialect: Dialect) -> Vec<(String, Unit)> {
        let service = names::service(app);
        let socket = |stream: &&'static str| {
            let mut unit = Unit::default();
            unit.unit("Description", format!("{stream} of {app}")).unit("DefaultDependencies", "no");
            for directive in ["StopWhenUnneeded", "RefuseManualStart", "RefuseManualStop"] {
                unit.unit(directive, "yes");
            }
            unit.unit("BindsTo", &service);
            if starts_before(dialect) {
                unit.unit("Before", self.service(app));
            }
            unit.socket("RemoveOnStop", "yes")
                .socket("Service", &service)
                .socket("FileDescriptorName", *stream)
                .socket("ListenFIFO", format!("/{}/stage2-{stream}", names::attach_directory(app)));
            (names::stream_socket(app, stream), unit)
        };
        self.pipes.iter().map(socket).collect()
    }

    /// The environment of the service, as systemd reads it.
    pub(crate) fn environment(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (name, value) in &self.variables {
            let plain = escape::is_plain_variable(value.as_bytes());
            let value = if plain { value.clone().into_bytes() } else { escape::variable(value.as_bytes()) };
            text.extend_from_slice(name.as_bytes());
            text.push(b'=');
            text.extend_from_slice(&value);
            text.push(b'\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use crate::systemd::streams::{Attachable, Streams};
    use crate::systemd::unit::Unit;
    use crate::systemd::unit::dialect::Dialect;

    fn streams(pipes: &[&'static str], input: &'static str) -> Streams {
        let variables =
            vec![("STAGE2_TTY", pipes.is_empty().to_string()), ("KUBERNETES_LOG_PATH", " a\"$".to_owned())];
        Streams {
            input,
            output: "null",
            error: "null",
            attachable: Some(Attachable { pipes: pipes.to_vec(), variables }),
        }
    }

    #[test]
    fn pipes() {
        let streams = streams(&["stdin", "stderr"], "fd");
        let mut unit = Unit::default();
        streams.add_to(&mut unit, "a-b", Dialect::of(252));
        assert_eq!(
            unit.to_text(),
            "[Service]\nStandardInput=fd\nStandardOutput=null\nStandardError=null\nSockets=a-b-stdin.socket\n\
             Sockets=a-b-stderr.socket\n\n[Unit]\nBindsTo=iomux@a-b.service\nAfter=iomux@a-b.service\n"
        );
        let mut unit = Unit::default();
        streams.add_to(&mut unit, "a-b", Dialect::of(232));
        assert!(unit.to_text().ends_with("Requires=iomux@a-b.service\nBefore=iomux@a-b.service\n"));
        let attachable = streams.attachable.expect("attachable");
        let sockets = attachable.sockets("a-b", Dialect::of(252));
        assert_eq!((sockets.len(), sockets[1].0.as_str()), (2, "a-b-stderr.socket"));
        assert_eq!(
            sockets[1].1.to_text(),
            "[Unit]\nDescription=stderr of a-b\nDefaultDependencies=no\nStopWhenUnneeded=yes\n\
             RefuseManualStart=yes\nRefuseManualStop=yes\nBindsTo=a-b.service\nBefore=iomux@a-b.service\n\n\
             [Socket]\nRemoveOnStop=yes\nService=a-b.service\nFileDescriptorName=stderr\n\
             ListenFIFO=/rkt/iottymux/a-b/stage2-stderr\n"
        );
        assert_eq!(attachable.environment(), b"STAGE2_TTY=false\nKUBERNETES_LOG_PATH=\" a\\\"\\$\"\n");
    }

    #[test]
    fn a_terminal() {
        let streams = streams(&[], "tty-force");
        let mut unit = Unit::default();
        streams.add_to(&mut unit, "b", Dialect::of(252));
        assert!(unit.to_text().contains("TTYPath=/rkt/iottymux/b/stage2-pts\n"));
        assert!(unit.to_text().ends_with("Requires=ttymux@b.service\nAfter=ttymux@b.service\n"));
        assert!(streams.attachable.expect("attachable").sockets("b", Dialect::of(252)).is_empty());
    }
}
