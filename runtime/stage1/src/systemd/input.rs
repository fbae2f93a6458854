//! The standard input of an interactive pod whose caller has no terminal: a pipe, a file, a socket.
//!
//! The console of nspawn is a terminal, on which input that comes before the app is lost, and which has no end. So a process
//! beside nspawn copies the input into a named pipe of the pod, which the app has for its standard input.

use super::beside::{self, Input};
use super::init::write::Files;
use crate::failure::{Failure, at};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// The pipe as units name it. It lies outside of the root of the app.
pub(crate) const DIRECTIVE: &str = "file:/rkt/stdin";
/// The directory that it is in, in the root of stage1.
const DIRECTORY: &str = "rkt";
/// Its name there.
const NAME: &str = "stdin";

/// Pause between two looks for a reader.
const PAUSE: Duration = Duration::from_millis(20);
/// The most that is copied at once, in bytes.
const BLOCK: usize = 64 << 10;

/// The pipe, which is held by this handle: whatever the pod makes of its name, nothing else is written to.
#[derive(Debug)]
pub(super) struct Pipe(OwnedFd);

impl Pipe {
    /// Makes it, for nobody but root of the pod.
    pub(super) fn make(files: &Files<'_>) -> Result<Pipe, Failure> {
        let path = Path::new(DIRECTORY).join(NAME);
        let outside = files.root.outside(&path);
        let directory = files
            .root
            .open_file(DIRECTORY, OFlags::PATH | OFlags::DIRECTORY)
            .map_err(at("open the directory of", &outside))?;
        rustix::fs::mknodat(directory, NAME, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .map_err(at("make the pipe", &outside))?;
        let open = |flags| files.root.open_file(&path, flags | OFlags::NOFOLLOW);
        open(OFlags::RDONLY | OFlags::NONBLOCK)
            .and_then(|reader| files.give(reader))
            .map_err(at("set the owner of", &outside))?;
        open(OFlags::PATH).map(Pipe).map_err(at("open", &outside))
    }

    /// Starts copying into it, and takes the standard input away from this process, which is about to become nspawn.
    pub(super) fn fill(&self, nspawn: Pid, lock: BorrowedFd<'_>) -> Result<(), Failure> {
        beside::start("hand standard input on", nspawn, lock, Input::Read, |nspawn| {
            // Nobody reads on when the pod has ended, and then nothing is left to do.
            let _ = self.copy(nspawn);
        })?;
        let null = Path::new("/dev/null");
        let empty = File::open(null).map_err(at("open", null))?;
        rustix::stdio::dup2_stdin(empty)
            .map_err(|errno| Failure::new(format!("cannot leave standard input: {errno}")))
    }

    /// Copies to the end. Programs of the image that run before the app open the pipe too, so it is opened again for each.
    fn copy(&self, nspawn: &OwnedFd) -> std::io::Result<()> {
        let mut input = std::io::stdin().lock();
        let mut block = vec![0; BLOCK];
        let mut rest: &[u8] = &[];
        let mut at_end = false;
        while let Some(mut writer) = self.open(nspawn)? {
            loop {
                match writer.write_all(rest) {
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
                    written => written?,
                }
                rest = &[];
                if at_end || !readable(input.as_fd(), nspawn)? {
                    break;
                }
                let count = input.read(&mut block)?;
                (rest, at_end) = (&block[..count], count == 0);
            }
            drop(writer);
            if beside::ended(nspawn, PAUSE) {
                break;
            }
        }
        Ok(())
    }

    /// Opens it for writing when somebody reads; `None` when the pod has ended.
    fn open(&self, nspawn: &OwnedFd) -> std::io::Result<Option<File>> {
        let name = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        loop {
            match rustix::fs::open(&name, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
            {
                Ok(writer) => {
                    // There is time to wait for the reader from here on.
                    rustix::fs::fcntl_setfl(&writer, OFlags::empty())?;
                    return Ok(Some(writer.into()));
                }
                Err(Errno::NXIO) if !beside::ended(nspawn, PAUSE) => {}
                Err(Errno::NXIO) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// Waits for input; `false` when the pod has ended before.
fn readable(input: BorrowedFd<'_>, nspawn: &OwnedFd) -> std::io::Result<bool> {
    let mut fds = [PollFd::new(&input, PollFlags::IN), PollFd::new(nspawn, PollFlags::IN)];
    loop {
        match rustix::event::poll(&mut fds, None) {
            Ok(_) => return Ok(fds[1].revents().is_empty()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
