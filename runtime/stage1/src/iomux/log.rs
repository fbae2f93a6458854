//! The log file of an app's output: lines of `TIME STREAM TEXT`, as Kubernetes' "plain" format had it.

use crate::failure::{Failure, at, warn};
use pod::root::Root;
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the directory for logs is mounted in the pod.
pub(super) const DIRECTORY: &str = "/rkt/kubernetes/log";

/// A line that is longer than this many bytes becomes several.
const LONGEST_LINE: usize = 1 << 20;

/// A log file, open for appending.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    /// Lines that have not ended yet, by stream.
    unfinished: BTreeMap<&'static str, Vec<u8>>,
    /// Bytes that could not be written since the last time that some could.
    lost: usize,
    /// Whether the file ends within a line that could not be written whole.
    torn: bool,
}

impl Log {
    /// Opens a log by its path below [`DIRECTORY`]. Its directory must be there.
    pub(super) fn open(path: &Path) -> Result<Log, Failure> {
        let directory = Path::new(DIRECTORY);
        let hint =
            "the annotations of the pod and the app must name a directory of the host and a file in it";
        let root = Root::open(directory).map_err(|error| at("open", directory)(error).hint(hint))?;
        let outside = root.outside(path);
        let parent = path.parent().unwrap_or(Path::new("/"));
        let opened = root.open_file(parent, OFlags::PATH | OFlags::DIRECTORY).and_then(|parent| {
            let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            // Without blocking: it may turn out to be a pipe.
            let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
            Ok(rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o640))?)
        });
        let file = opened.map_err(|error| at("open the log", &outside)(error).hint(hint))?;
        let file = File::from(file);
        if !file.metadata().is_ok_and(|found: fs::Metadata| found.is_file()) {
            return Err(Failure::new(format!("the log {} is not a regular file", outside.display()))
                .hint("remove what is there, or name another file"));
        }
        Ok(Log::of(file))
    }

    fn of(file: File) -> Log {
        Log { file, unfinished: BTreeMap::new(), lost: 0, torn: false }
    }

    /// Writes what has become whole lines. What cannot be written is lost, and the journal says so: an
    /// app does not stop because a disk is full.
    pub(super) fn append(&mut self, stream: &'static str, bytes: &[u8]) {
        let now = SystemTime::now();
        let rest = self.unfinished.entry(stream).or_default();
        let mut entries = Vec::with_capacity(bytes.len() + 64);
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            rest.extend_from_slice(part);
            if rest.ends_with(b"\n") || rest.len() >= LONGEST_LINE {
                entry(&mut entries, now, stream, rest);
                rest.clear();
            }
        }
        self.write(&entries);
    }

    /// Writes lines that have no end.
    pub(super) fn finish(&mut self) {
        let now = SystemTime::now();
        let mut entries = Vec::new();
        for (stream, rest) in std::mem::take(&mut self.unfinished) {
            if !rest.is_empty() {
                entry(&mut entries, now, stream, &rest);
            }
        }
        self.write(&entries);
    }

    fn write(&mut self, mut entries: &[u8]) {
        if entries.is_empty() {
            return;
        }
        if self.torn && self.file.write_all(b"\n").is_ok() {
            self.torn = false;
        }
        while !entries.is_empty() {
            match self.file.write(entries) {
                Ok(0) => return self.lose(entries.len(), &io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.torn = entries[count - 1] != b'\n';
                    entries = &entries[count..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.lose(entries.len(), &error),
            }
        }
        if self.lost > 0 {
            warn(format_args!("the log can be written again; {} bytes are missing in it", self.lost));
            self.lost = 0;
        }
    }

    fn lose(&mut self, count: usize, error: &io::Error) {
        if self.lost == 0 {
            warn(format_args!("cannot write the log, output of the app is missing in it: {error}"));
        }
        self.lost += count;
    }
}

/// Adds one line to what is written.
fn entry(entries: &mut Vec<u8>, now: SystemTime, stream: &str, line: &[u8]) {
    entries.extend_from_slice(timestamp(now).as_bytes());
    entries.push(b' ');
    entries.extend_from_slice(stream.as_bytes());
    entries.push(b' ');
    entries.extend_from_slice(line);
    if !line.ends_with(b"\n") {
        entries.push(b'\n');
    }
}

/// A time of UTC as Go's `RFC3339Nano` writes it: without the zeros at the end of the fraction.
fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = since.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let mut text = format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    if since.subsec_nanos() > 0 {
        let fraction = format!("{:09}", since.subsec_nanos());
        let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// Year, month and day of a number of days since 1970, by the Gregorian calendar: Howard Hinnant's
/// `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_LINE, Log, timestamp};
    use std::fs::{self, File};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn times() {
        // seconds and nanoseconds since 1970, text (from `date -u`)
        let rows = [
            (0, 0, "1970-01-01T00:00:00Z"),
            (951_782_399, 0, "2000-02-28T23:59:59Z"),
            (951_868_799, 999_999_999, "2000-02-29T23:59:59.999999999Z"),
            (1_456_678_505, 120_000_000, "2016-02-28T16:55:05.12Z"),
            (4_107_542_400, 1, "2100-03-01T00:00:00.000000001Z"),
            (1_735_689_599, 500, "2024-12-31T23:59:59.0000005Z"),
        ];
        for (seconds, nanos, text) in rows {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::new(seconds, nanos)), text);
        }
    }

    #[test]
    fn lines_of_two_streams() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("log");
        let file = File::options().append(true).create(true).open(&path).expect("file");
        let mut log = Log::of(file);
        log.append("stdout", b"one\ntw");
        log.append("stderr", b"\xff\x00\n");
        log.append("stdout", b"o\n\n");
        log.append("stderr", &vec![b'x'; LONGEST_LINE]);
        log.append("stderr", b"y\n");
        log.append("stdout", b"no end");
        log.finish();
        log.finish();
        let text = fs::read(&path).expect("read");
        let lines: Vec<&[u8]> =
            text.strip_suffix(b"\n").expect("end of line").split(|&byte| byte == b'\n').collect();
        let rest: Vec<&[u8]> = lines
            .iter()
            .map(|line| line.splitn(2, |&byte| byte == b' ').nth(1).expect("a time, and more"))
            .collect();
        let cut = [b"stderr ".as_slice(), &vec![b'x'; LONGEST_LINE]].concat();
        let expected: [&[u8]; 7] = [
            b"stdout one",
            b"stderr \xff\x00",
            b"stdout two",
            b"stdout ",
            &cut,
            b"stderr y",
            b"stdout no end",
        ];
        assert_eq!(rest, expected);
    }
}
