//! The list of endpoints of an app: where one attaches to it.

use crate::failure::{Failure, at};
use appc::AcName;
use pod::layout;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Version of the list that is written and understood.
const VERSION: u64 = 1;

/// Largest list that is read, in bytes.
const LIMIT: u64 = 64 << 10;

/// Where one attaches to one channel of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Endpoint {
    /// `stdin`, `stdout`, `stderr` or `tty`.
    pub(super) name: String,
    /// Kind of address: `unix`.
    pub(super) domain: String,
    /// Path of the socket in the pod.
    pub(super) address: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct List {
    version: u64,
    targets: Vec<Endpoint>,
}

/// The directory of an app in the pod, where all this is.
pub(super) fn directory(app: &AcName) -> PathBuf {
    Path::new("/").join(layout::app_iottymux(app.as_str()))
}

/// A list that others find. It is gone when this is dropped, which says that the app has ended.
#[derive(Debug)]
pub(super) struct Published(PathBuf);

impl Published {
    /// Publishes these channels of an app: all at once or not at all.
    pub(super) fn publish(app: &AcName, names: &[&str]) -> Result<Published, Failure> {
        let directory = directory(app);
        let endpoint = |name: &&str| Endpoint {
            name: (*name).to_owned(),
            domain: "unix".to_owned(),
            address: directory.join(socket(name)),
        };
        let list = List { version: VERSION, targets: names.iter().map(endpoint).collect() };
        let path = directory.join("endpoints");
        let mut text = serde_json::to_vec(&list).map_err(at("compose", &path))?;
        text.push(b'\n');
        crate::pod_dir::write(&path, &text)?;
        Ok(Published(path))
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Name of the socket of a channel.
pub(super) fn socket(name: &str) -> String {
    format!("sock-{name}")
}

/// A list as it was found.
#[derive(Debug)]
pub(super) struct Found {
    file: File,
    list: List,
}

impl Found {
    /// Finds the list of an app.
    pub(super) fn of(app: &AcName) -> Result<Found, Failure> {
        let path = directory(app).join("endpoints");
        let file = File::open(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                Failure::new(format!("app \"{app}\" has nothing to attach to: there is no {}", path.display()))
                    .hint("it must be running, and have been given --stdin, --stdout or --stderr with `stream` or `tty`")
            }
            _ => at("open", &path)(error),
        })?;
        let mut text = Vec::new();
        (&file).take(LIMIT + 1).read_to_end(&mut text).map_err(at("read", &path))?;
        if text.len() as u64 > LIMIT {
            return Err(Failure::new(format!("{} is larger than {LIMIT} bytes", path.display())));
        }
        let list: List = serde_json::from_slice(&text).map_err(at("understand", &path))?;
        if list.version != VERSION {
            return Err(Failure::new(format!(
                "{} has version {}, and only {VERSION} is understood",
                path.display(),
                list.version
            )));
        }
        Ok(Found { file, list })
    }

    /// Where one can attach.
    pub(super) fn endpoints(&self) -> &[Endpoint] {
        &self.list.targets
    }

    /// Whether the list is still the one that others find: it is taken away when the app ends.
    pub(super) fn is_current(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.nlink() > 0)
    }

    /// The list for people and programs, indented by four spaces.
    pub(super) fn print(&self, mut to: impl Write) -> io::Result<()> {
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut to, formatter);
        self.list.serialize(&mut serializer).map_err(io::Error::from)?;
        to.write_all(b"\n")?;
        to.flush()
    }
}
