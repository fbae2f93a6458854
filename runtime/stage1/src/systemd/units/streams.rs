//! The units between an app and whoever attaches to it.
//!
//! An app's streams are pipes, and the service `iomux@` is at their other ends. It opens them before the app starts, so that
//! nothing is lost of an app that ends at once, and is stopped after the app has, so that everybody gets the rest. For an app
//! with a terminal it is `ttymux@`, which makes the terminal.
//!
//! Before 236 systemd could open no pipe by its path: there a socket unit makes each, as in the original. When the app has
//! ended such a unit listens again, and so systemd itself reads what is left in the pipe, and throws it away
//! (`flush_ports` in its `socket.c`). The app also gets descriptors that it may take for sockets of its own.

use crate::systemd::input;
use crate::systemd::names;
use crate::systemd::streams::{Attachable, Streams, Way};
use crate::systemd::unit::dialect::Dialect;
use crate::systemd::unit::{Unit, escape};

impl Streams {
    /// Adds the directives to an app's service.
    pub(super) fn add_to(&self, unit: &mut Unit, app: &str, dialect: Dialect) {
        let file = |stream: &str| {
            if dialect.stream_files() { format!("file:{}", pipe(app, stream)) } else { "fd".to_owned() }
        };
        let input = match self.input {
            Way::Null | Way::Journal => "null".to_owned(),
            Way::Console => "tty".to_owned(),
            Way::Caller => input::DIRECTIVE.to_owned(),
            Way::Terminal => "tty-force".to_owned(),
            Way::Pipe => file("stdin"),
        };
        let output = |way: Way, stream: &str| match way {
            Way::Null | Way::Caller => "null".to_owned(),
            Way::Journal => "journal+console".to_owned(),
            Way::Console | Way::Terminal => "tty".to_owned(),
            Way::Pipe => file(stream),
        };
        unit.service("StandardInput", input)
            .service("StandardOutput", output(self.output, "stdout"))
            .service("StandardError", output(self.error, "stderr"));
        let Some(attachable) = &self.attachable else { return };
        let service = attachable.service(app);
        if attachable.pipes.is_empty() {
            unit.service("TTYPath", format!("/{}/stage2-pts", names::attach_directory(app)));
            unit.needs(&service);
        } else if dialect.stream_files() {
            // An app whose output nobody reads any more is of no use: it ends when the service does.
            unit.unit("BindsTo", &service).unit("After", &service);
        } else {
            for stream in &attachable.pipes {
                unit.service("Sockets", names::stream_socket(app, stream));
            }
            unit.unit("Requires", &service).unit("Before", &service);
        }
    }
}

/// The pipe of a stream, as the pod sees it.
fn pipe(app: &str, stream: &str) -> String {
    format!("/{}/stage2-{stream}", names::attach_directory(app))
}

impl Attachable {
    /// The service that one attaches to.
    fn service(&self, app: &str) -> String {
        if self.pipes.is_empty() { names::ttymux(app) } else { names::iomux(app) }
    }

    /// The socket units that make pipes, by file name, where the service does not make them itself.
    pub(crate) fn sockets(&self, app: &str, dialect: Dialect) -> Vec<(String, Unit)> {
        if dialect.stream_files() {
            return Vec::new();
        }
        let service = names::service(app);
        let socket = |stream: &&'static str| {
            let mut unit = Unit::default();
            unit.unit("Description", format!("{stream} of {app}")).unit("DefaultDependencies", "no");
            for directive in ["StopWhenUnneeded", "RefuseManualStart", "RefuseManualStop"] {
                unit.unit(directive, "yes");
            }
            unit.unit("BindsTo", &service)
                .socket("RemoveOnStop", "yes")
                .socket("Service", &service)
                .socket("FileDescriptorName", *stream)
                .socket("ListenFIFO", pipe(app, stream));
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
    use crate::systemd::streams::{Attachable, Streams, Way};
    use crate::systemd::unit::Unit;
    use crate::systemd::unit::dialect::Dialect;

    fn text(streams: &Streams, version: u32) -> String {
        let mut unit = Unit::default();
        streams.add_to(&mut unit, "a-b", Dialect::of(version));
        unit.to_text()
    }

    fn attachable(pipes: &[&'static str]) -> Attachable {
        let variables =
            vec![("STAGE2_TTY", pipes.is_empty().to_string()), ("KUBERNETES_LOG_PATH", " a\"$".to_owned())];
        Attachable { pipes: pipes.to_vec(), variables }
    }

    #[test]
    fn pipes() {
        let attachable = attachable(&["stdin", "stderr"]);
        let streams = Streams {
            input: Way::Pipe,
            output: Way::Null,
            error: Way::Pipe,
            attachable: Some(attachable.clone()),
        };
        assert_eq!(
            text(&streams, 236),
            "[Service]\nStandardInput=file:/rkt/iottymux/a-b/stage2-stdin\nStandardOutput=null\n\
             StandardError=file:/rkt/iottymux/a-b/stage2-stderr\n\n\
             [Unit]\nBindsTo=iomux@a-b.service\nAfter=iomux@a-b.service\n"
        );
        assert!(attachable.sockets("a-b", Dialect::of(236)).is_empty());
        assert_eq!(attachable.environment(), b"STAGE2_TTY=false\nKUBERNETES_LOG_PATH=\" a\\\"\\$\"\n");
    }

    #[test]
    fn pipes_of_socket_units() {
        let attachable = attachable(&["stdin", "stderr"]);
        let streams = Streams {
            input: Way::Pipe,
            output: Way::Null,
            error: Way::Pipe,
            attachable: Some(attachable.clone()),
        };
        assert_eq!(
            text(&streams, 235),
            "[Service]\nStandardInput=fd\nStandardOutput=null\nStandardError=fd\nSockets=a-b-stdin.socket\n\
             Sockets=a-b-stderr.socket\n\n[Unit]\nRequires=iomux@a-b.service\nBefore=iomux@a-b.service\n"
        );
        let sockets = attachable.sockets("a-b", Dialect::of(235));
        assert_eq!((sockets.len(), sockets[1].0.as_str()), (2, "a-b-stderr.socket"));
        assert_eq!(
            sockets[1].1.to_text(),
            "[Unit]\nDescription=stderr of a-b\nDefaultDependencies=no\nStopWhenUnneeded=yes\n\
             RefuseManualStart=yes\nRefuseManualStop=yes\nBindsTo=a-b.service\n\n\
             [Socket]\nRemoveOnStop=yes\nService=a-b.service\nFileDescriptorName=stderr\n\
             ListenFIFO=/rkt/iottymux/a-b/stage2-stderr\n"
        );
    }

    #[test]
    fn a_terminal() {
        let attachable = attachable(&[]);
        let streams = Streams {
            input: Way::Terminal,
            output: Way::Terminal,
            error: Way::Journal,
            attachable: Some(attachable.clone()),
        };
        assert_eq!(
            text(&streams, 252),
            "[Service]\nStandardInput=tty-force\nStandardOutput=tty\nStandardError=journal+console\n\
             TTYPath=/rkt/iottymux/a-b/stage2-pts\n\n[Unit]\nRequires=ttymux@a-b.service\nAfter=ttymux@a-b.service\n"
        );
        assert!(attachable.sockets("a-b", Dialect::of(235)).is_empty());
    }

    #[test]
    fn streams_that_nobody_attaches_to() {
        assert_eq!(
            text(&Streams::JOURNAL, 252),
            "[Service]\nStandardInput=null\nStandardOutput=journal+console\nStandardError=journal+console\n"
        );
    }
}
