//! Who an app is: user and group by number, by name, or as the owner of a file, all inside its root.

use crate::root::{self, Root};
use std::io;
use std::path::{Path, PathBuf};

/// Largest `passwd` or `group` file that is read, in bytes.
const LIMIT: u64 = 16 << 20;

/// A user or group that the app's root does not know.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such name.
    #[error("{kind} \"{name}\" is not in {} of the app's image", file.display())]
    Unknown {
        /// `user` or `group`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The file inside the image.
        file: PathBuf,
    },
    /// The name's line holds no number.
    #[error("the number of {kind} \"{name}\" in {} of the app's image is not a number", file.display())]
    Malformed {
        /// `user` or `group`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The file inside the image.
        file: PathBuf,
    },
    /// A file could not be looked at.
    #[error("{kind} \"{name}\": cannot look at {} in the app's image: {source}", file.display())]
    Io {
        /// `user` or `group`.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// The file inside the image.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The numbers that an app runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// All groups, the app's own first.
    pub groups: Vec<u32>,
}

/// What an app asks to run as.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// `root`, a number, a path, or a name.
    pub user: &'a str,
    /// The same for the group.
    pub group: &'a str,
    /// Further groups.
    pub supplementary: &'a [u32],
    /// The group may be unknown: then its number is the user's. For images that came from docker, where
    /// the group is only a copy of the user.
    pub group_may_be_user: bool,
    /// First number of the root's user namespace as the host sees it: owners of files are told as the
    /// namespace sees them. 0 without one.
    pub shift: u32,
}

impl Wanted<'_> {
    /// Looks the names up.
    ///
    /// # Errors
    /// [`Error`] for the first that is unknown.
    pub fn resolve(self, root: &Root) -> Result<Credentials, Error> {
        let uid = User.look_up(root, self.user, self.shift)?;
        let gid = match Group.look_up(root, self.group, self.shift) {
            Ok(gid) => gid,
            Err(_) if self.group_may_be_user => uid,
            Err(error) => return Err(error),
        };
        let mut groups = Vec::with_capacity(1 + self.supplementary.len());
        groups.push(gid);
        groups.extend(self.supplementary);
        Ok(Credentials { uid, gid, groups })
    }
}

use Kind::{Group, User};

#[derive(Clone, Copy)]
enum Kind {
    User,
    Group,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            User => "user",
            Group => "group",
        }
    }

    fn file(self) -> &'static Path {
        Path::new(match self {
            User => "/etc/passwd",
            Group => "/etc/group",
        })
    }

    fn look_up(self, root: &Root, name: &str, shift: u32) -> Result<u32, Error> {
        if name == "root" {
            return Ok(0);
        }
        if let Some(number) = number(name.as_bytes()) {
            return Ok(number);
        }
        let (kind, owned) = (self.word(), name.to_owned());
        if name.starts_with('/') {
            return match root::owner(root, Path::new(name)) {
                Ok((uid, gid)) => Ok(match self {
                    User => uid.saturating_sub(shift),
                    Group => gid.saturating_sub(shift),
                }),
                Err(source) => Err(Error::Io { kind, name: owned, file: PathBuf::from(name), source }),
            };
        }
        let file = self.file().to_path_buf();
        match root.read(&file, LIMIT) {
            Ok(Some(text)) => match find(&text, name.as_bytes()) {
                Some(field) => number(field).ok_or(Error::Malformed { kind, name: owned, file }),
                None => Err(Error::Unknown { kind, name: owned, file }),
            },
            Ok(None) => Err(Error::Unknown { kind, name: owned, file }),
            Err(source) => Err(Error::Io { kind, name: owned, file, source }),
        }
    }
}

/// Decimal digits only: a sign or blanks make it a name. The highest number means "unchanged" to the
/// kernel and is none.
fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok().filter(|&number| number != u32::MAX)
}

/// The third field (empty if there is none) of the line whose first field is the name. Both files have
/// this shape.
fn find<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    text.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.split(|&byte| byte == b':');
        (fields.next() == Some(name)).then(|| fields.nth(1).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::{Credentials, Wanted};
    use crate::root::Root;
    use std::fs;

    fn wanted<'a>(user: &'a str, group: &'a str, docker: bool) -> Wanted<'a> {
        Wanted { user, group, supplementary: &[7, 8], group_may_be_user: docker, shift: 0 }
    }

    #[test]
    fn names_numbers_and_owners() {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::create_dir(dir.path().join("etc")).expect("etc");
        fs::write(
            dir.path().join("etc/passwd"),
            "# users\nroot:x:0:0::/root:/bin/sh\nweb:x:33:34:w:/:/bin/false\nbad:x:no:1::/:\nweb:x:1:1::/:\n",
        )
        .expect("passwd");
        fs::write(dir.path().join("etc/group"), "root:x:0:\nstaff:x:50:web\ncut:x\n").expect("group");
        let file = dir.path().join("owned");
        fs::write(&file, "").expect("file");
        std::os::unix::fs::lchown(&file, Some(1234), Some(4321)).expect("chown needs root");
        let root = Root::open(&dir.path().canonicalize().expect("real path")).expect("root");

        let rows = [
            ("root", "root", 0, 0),
            ("0", "0", 0, 0),
            ("1000", "4294967294", 1000, 4_294_967_294),
            ("web", "staff", 33, 50),
            ("/owned", "/owned", 1234, 4321),
            ("web", "/owned", 33, 4321),
        ];
        for (user, group, uid, gid) in rows {
            let got = wanted(user, group, false).resolve(&root).expect(user);
            assert_eq!(got, Credentials { uid, gid, groups: vec![gid, 7, 8] }, "{user}:{group}");
        }
        for (user, group) in [
            ("nobody", "0"),
            ("bad", "0"),
            ("", "0"),
            ("-1", "0"),
            ("4294967295", "0"),
            ("/missing", "0"),
            ("0", "web"),
            ("0", "cut"),
        ] {
            wanted(user, group, false).resolve(&root).expect_err("must be refused");
        }
        let docker = wanted("web", "web", true).resolve(&root).expect("group as the user");
        assert_eq!((docker.uid, docker.gid), (33, 33));
    }
}
