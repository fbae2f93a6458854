//! The hash of a rendered tree, as the original computes it.
//!
//! All entries in lexical order, except the tree store's own files and sockets: for each a JSON object with the values of
//! its tar header, and the content of regular files. A second name of a file seen before is a link without content.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use appc::ImageId;
use serde::Serialize;
use sha2::{Digest, Sha512};

use super::super::error::StoreError;
use super::{HASH, IMAGE, MANIFEST, RENDERED};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Header<'a> {
    name: String,
    mode: u32,
    #[serde(rename = "UID")]
    uid: u32,
    #[serde(rename = "GID")]
    gid: u32,
    size: u64,
    typeflag: u8,
    linkname: String,
    devmajor: u32,
    devminor: u32,
    xattrs: &'a [Xattr],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Xattr {
    name: String,
    value: String,
}

struct Walk<'a> {
    root: &'a Path,
    seen: HashMap<(u64, u64), PathBuf>,
    hash: Sha512,
    buffer: Vec<u8>,
}

/// Hashes the tree at `root`.
pub(super) fn tree_hash(root: &Path) -> Result<ImageId, StoreError> {
    let mut walk = Walk { root, seen: HashMap::new(), hash: Sha512::new(), buffer: vec![0; 256 << 10] };
    walk.children(root, true)?;
    Ok(ImageId::from_sha512(&walk.hash.finalize().into()))
}

impl Walk<'_> {
    fn children(&mut self, dir: &Path, top: bool) -> Result<(), StoreError> {
        let failed = |source| StoreError::io("cannot read", dir, source);
        let mut names = Vec::new();
        for entry in fs::read_dir(dir).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name().into_vec());
        }
        names.sort();
        for name in names {
            let own = [MANIFEST, HASH, RENDERED, IMAGE].iter().any(|own| own.as_bytes() == name);
            if !(top && own) {
                self.entry(&dir.join(std::ffi::OsStr::from_bytes(&name)))?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::io("cannot read", path, source);
        let about = fs::symlink_metadata(path).map_err(failed)?;
        let kind = about.file_type();
        if kind.is_socket() {
            return Ok(());
        }
        let mut header = self.header(path, &about);
        let mut content = None;
        if kind.is_dir() {
            header.typeflag = b'5';
        } else if kind.is_symlink() {
            header.typeflag = b'2';
            header.linkname = fs::read_link(path).map_err(failed)?.to_string_lossy().into_owned();
        } else if let Some(first) = self.earlier_name(path, &about) {
            header.typeflag = b'1';
            header.linkname = first;
        } else if kind.is_file() {
            header.size = about.len();
            content = Some(File::open(path).map_err(failed)?);
        } else if kind.is_fifo() {
            header.typeflag = b'6';
        } else {
            header.typeflag = if kind.is_char_device() { b'3' } else { b'4' };
            header.devmajor = rustix::fs::major(about.rdev());
            header.devminor = rustix::fs::minor(about.rdev());
        }
        let xattrs = if kind.is_file() { read_xattrs(path) } else { Vec::new() };
        header.xattrs = &xattrs;
        let json = serde_json::to_vec(&header).map_err(|error| failed(error.into()))?;
        self.hash.update(&json);
        // The original's encoder ends each object with a newline.
        self.hash.update(b"\n");
        if let Some(mut content) = content {
            loop {
                match content.read(&mut self.buffer) {
                    Ok(0) => break,
                    Ok(count) => self.hash.update(&self.buffer[..count]),
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(failed(error)),
                }
            }
        }
        if kind.is_dir() { self.children(path, false) } else { Ok(()) }
    }

    fn header(&self, path: &Path, about: &Metadata) -> Header<'static> {
        Header {
            name: relative(self.root, path),
            mode: about.mode() & 0o7777,
            uid: about.uid(),
            gid: about.gid(),
            size: 0,
            typeflag: b'0',
            linkname: String::new(),
            devmajor: 0,
            devminor: 0,
            xattrs: &[],
        }
    }

    fn earlier_name(&mut self, path: &Path, about: &Metadata) -> Option<String> {
        if about.nlink() < 2 {
            return None;
        }
        let key = (about.dev(), about.ino());
        if let Some(first) = self.seen.get(&key) {
            return Some(relative(self.root, first));
        }
        self.seen.insert(key, path.to_owned());
        None
    }
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

fn read_xattrs(path: &Path) -> Vec<Xattr> {
    let mut names = vec![0_u8; 64 << 10];
    let Ok(length) = rustix::fs::llistxattr(path, &mut names[..]) else { return Vec::new() };
    if length == 0 {
        return Vec::new();
    }
    let mut xattrs = Vec::new();
    let mut value = vec![0_u8; 64 << 10];
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if !(name.starts_with(b"user.") || name == b"security.capability") {
            continue;
        }
        if let Ok(size) = rustix::fs::lgetxattr(path, name, &mut value[..]) {
            xattrs.push(Xattr {
                name: String::from_utf8_lossy(name).into_owned(),
                value: String::from_utf8_lossy(&value[..size]).into_owned(),
            });
        }
    }
    xattrs.sort_by(|a, b| a.name.cmp(&b.name));
    xattrs
}

/// Bytes in the manifest and the files of a rendered tree, each file counted once however many names it has.
pub(super) fn file_bytes(root: &Path) -> u64 {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let own = [HASH, RENDERED, IMAGE].iter().any(|own| entry.file_name() == **own);
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() {
                todo.push(entry.path());
            } else if about.is_file() && !(own && dir == root) && seen.insert((about.dev(), about.ino())) {
                bytes += about.len();
            }
        }
    }
    bytes
}
