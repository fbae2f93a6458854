//! What is in an image, for people and for programs.

use std::fmt;

use appc::archive::{Entry, EntryKind};
use serde_json::{Map, Value, json};

use super::origins::one_line;
use super::{Contents, Origins};

/// What is in an image.
#[derive(Debug)]
pub struct Report<'a> {
    /// The image.
    pub contents: &'a Contents,
    /// Where its entries come from, if that is known.
    pub origins: Option<&'a Origins>,
}

impl Report<'_> {
    /// As one JSON object.
    pub fn json(&self) -> Value {
        let summary = &self.contents.summary;
        let entries: Vec<Value> =
            self.contents.items.iter().map(|item| self.entry_json(&item.entry)).collect();
        json!({
            "file": self.contents.file.display().to_string(),
            "id": summary.id,
            "name": summary.manifest.name,
            "compression": summary.compression.to_string(),
            "fileSize": summary.file_size,
            "tarSize": summary.tar_size,
            "manifest": summary.manifest,
            "entries": entries,
        })
    }

    fn entry_json(&self, entry: &Entry) -> Value {
        let path = text(&entry.path);
        let mut map = Map::new();
        map.insert("path".to_owned(), json!(path));
        map.insert("kind".to_owned(), json!(entry.kind.describe()));
        map.insert("mode".to_owned(), json!(format!("{:04o}", entry.mode)));
        map.insert("uid".to_owned(), json!(entry.uid));
        map.insert("gid".to_owned(), json!(entry.gid));
        map.insert("mtime".to_owned(), json!(entry.mtime));
        match &entry.kind {
            EntryKind::File { size } => {
                map.insert("size".to_owned(), json!(size));
            }
            EntryKind::Symlink { target } | EntryKind::Hardlink { target } => {
                map.insert("target".to_owned(), json!(text(target)));
            }
            EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
                map.insert("device".to_owned(), json!([major, minor]));
            }
            EntryKind::Directory | EntryKind::Fifo => {}
        }
        if !entry.xattrs.is_empty() {
            let xattrs: Map<String, Value> =
                entry.xattrs.iter().map(|(name, value)| (text(name), json!(hex(value)))).collect();
            map.insert("xattrs".to_owned(), Value::Object(xattrs));
        }
        if let Some(origin) = self.origins.and_then(|origins| origins.get(&path)) {
            map.insert("origin".to_owned(), origin.clone());
        }
        Value::Object(map)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = &self.contents.summary;
        writeln!(f, "file      {}", self.contents.file.display())?;
        writeln!(f, "id        {}", summary.id)?;
        writeln!(f, "name      {}", summary.manifest.name)?;
        let (packed, unpacked) = (summary.file_size, summary.tar_size);
        writeln!(f, "size      {packed} bytes, {unpacked} unpacked, compression {}", summary.compression)?;
        writeln!(f, "manifest")?;
        let pretty = serde_json::to_string_pretty(&summary.manifest).map_err(|_| fmt::Error)?;
        for line in pretty.lines() {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "entries   {}", summary.entries)?;
        for item in &self.contents.items {
            let entry = &item.entry;
            let path = text(&entry.path);
            let size = if let EntryKind::File { size } = entry.kind { size } else { 0 };
            let owner = format!("{}:{}", entry.uid, entry.gid);
            write!(f, "  {} {owner:>5} {size:>10} {} {path}", permissions(entry), date(entry.mtime))?;
            match &entry.kind {
                EntryKind::Symlink { target } => write!(f, " -> {}", text(target))?,
                EntryKind::Hardlink { target } => write!(f, " link to {}", text(target))?,
                EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
                    write!(f, " {major},{minor}")?;
                }
                _ => {}
            }
            for (name, value) in &entry.xattrs {
                write!(f, " {}={}", text(name), hex(value))?;
            }
            if let Some(origin) = self.origins.and_then(|origins| origins.get(&path)) {
                write!(f, "  [{}]", one_line(origin))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Bytes as text: what is not UTF-8 or not printable is escaped.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|d| char::from_digit(u32::from(d), 16)).collect()
}

/// Kind and permissions as `ls` writes them.
fn permissions(entry: &Entry) -> String {
    let mut out = String::from(match entry.kind {
        EntryKind::Directory => "d",
        EntryKind::File { .. } => "-",
        EntryKind::Symlink { .. } => "l",
        EntryKind::Hardlink { .. } => "h",
        EntryKind::CharDevice { .. } => "c",
        EntryKind::BlockDevice { .. } => "b",
        EntryKind::Fifo => "p",
    });
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = entry.mode >> shift;
        out.push(if bits & 4 != 0 { 'r' } else { '-' });
        out.push(if bits & 2 != 0 { 'w' } else { '-' });
        out.push(match (entry.mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    out
}

/// A time in UTC.
fn date(seconds: u64) -> String {
    let (mut days, rest) = (seconds / 86400, seconds % 86400);
    let mut year = 1970_u64;
    // whole cycles of 400 years first, so that the loop below is short
    year += days / 146_097 * 400;
    days %= 146_097;
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, want) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_799, "2000-02-29 23:59:59"),
            (1_700_000_000, "2023-11-14 22:13:20"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (13_601_088_000, "2401-01-01 00:00:00"),
        ] {
            assert_eq!(date(seconds), want);
        }
        // no value takes long
        assert!(date(u64::MAX).ends_with(":15"));
    }

    #[test]
    fn permissions_as_ls_writes_them() {
        let entry = |mode| Entry::new("a", EntryKind::File { size: 0 }, mode, 0);
        assert_eq!(permissions(&entry(0o4755)), "-rwsr-xr-x");
        assert_eq!(permissions(&entry(0o1666)), "-rw-rw-rwT");
        assert_eq!(permissions(&entry(0o2070)), "----rws---");
    }
}
