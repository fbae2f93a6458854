//! One pod on disk: finding it, locking it, moving it from state to state.

use crate::error::Error;
use crate::layout::DataDir;
use crate::lock::{self, Kind};
use crate::state::{Directory, State};
use crate::uuid::Uuid;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How often names are drawn before creating a pod is given up.
const CREATE_TRIES: usize = 16;

/// How often a pod that moves while it is looked at is looked for again.
const OPEN_TRIES: usize = 64;

/// How often, and how far apart, an exclusive lock is tried before it counts as taken: who only looks
/// at a pod's state holds a shared lock for a few microseconds.
const LOCK_TRIES: u32 = 8;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// A pod. Holds its directory open: what is read through it is this pod even when it moves.
#[derive(Debug)]
pub struct Pod {
    data: DataDir,
    uuid: Uuid,
    directory: Directory,
    state: State,
    fd: OwnedFd,
    /// The lock that this value holds, if any.
    held: Option<Kind>,
}

impl Pod {
    /// Creates an empty pod, locked exclusively, in the directory of pods being prepared.
    ///
    /// # Errors
    /// When the directories cannot be made or locked.
    pub fn create(data: &DataDir) -> Result<Pod, Error> {
        for directory in Directory::ALL {
            make_dirs(&data.pods(directory))?;
        }
        for _ in 0..CREATE_TRIES {
            let uuid =
                Uuid::random().map_err(Error::io("draw a random UUID from", Path::new("the kernel")))?;
            let embryo = data.pod(Directory::Embryo, uuid);
            match rustix::fs::mkdir(&embryo, Mode::from_raw_mode(0o750)) {
                Ok(()) => {}
                Err(Errno::EXIST) => continue,
                Err(errno) => return Err(Error::io("make the pod directory", &embryo)(errno)),
            }
            // A collector may find the embryo before we have its lock, and then it has it: draw again.
            let Some(fd) = open_dir(&embryo)? else { continue };
            if !lock::try_lock(&fd, Kind::Exclusive).map_err(Error::io("lock", &embryo))? {
                continue;
            }
            let mut pod = Pod {
                data: data.clone(),
                uuid,
                directory: Directory::Embryo,
                state: State::Embryo,
                fd,
                held: Some(Kind::Exclusive),
            };
            match pod.rename(Directory::Prepare) {
                Ok(()) => return Ok(pod),
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Io {
            what: "create a pod in",
            path: data.pods(Directory::Embryo),
            source: std::io::Error::other("every new pod was taken away by another process"),
        })
    }

    /// Opens a pod wherever it is.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such pod.
    pub fn open(data: &DataDir, uuid: Uuid) -> Result<Pod, Error> {
        Self::open_in(data, uuid, &Directory::ALL)?.ok_or(Error::NotFound(uuid))
    }

    /// Opens a pod if it is in one of these directories; `None` when it is not, or no longer.
    ///
    /// # Errors
    /// When its directory cannot be read.
    pub fn open_in(data: &DataDir, uuid: Uuid, directories: &[Directory]) -> Result<Option<Pod>, Error> {
        for _ in 0..OPEN_TRIES {
            let mut seen = None;
            for directory in Directory::ALL {
                let path = data.pod(directory, uuid);
                if let Some(fd) = open_dir(&path)? {
                    seen = Some((directory, fd));
                    break;
                }
            }
            let Some((directory, fd)) = seen else { return Ok(None) };
            let mut pod =
                Pod { data: data.clone(), uuid, directory, state: directory.state(false), fd, held: None };
            if pod.probe()? {
                return Ok(directories.contains(&directory).then_some(pod));
            }
        }
        Err(Error::Io {
            what: "open the pod",
            path: data.pods_root().join(uuid.to_string()),
            source: std::io::Error::other("it moves between states all the time"),
        })
    }

    /// Looks where the pod is now and whether it is locked.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it has been deleted.
    pub fn refresh(&mut self) -> Result<State, Error> {
        for _ in 0..OPEN_TRIES {
            let mut here = None;
            for directory in Directory::ALL {
                if self.is_at(directory)? {
                    here = Some(directory);
                    break;
                }
            }
            self.directory = here.ok_or(Error::NotFound(self.uuid))?;
            if self.probe()? {
                return Ok(self.state);
            }
        }
        Err(Error::Io {
            what: "find the pod",
            path: self.dir(),
            source: std::io::Error::other("it moves between states all the time"),
        })
    }

    /// Finds out whether the pod is locked; `false` when it is no longer where it was, so that place
    /// and lock may not belong together.
    fn probe(&mut self) -> Result<bool, Error> {
        let locked = match (self.directory, self.held) {
            // The states of these two do not depend on the lock: leave it alone. Under a shared lock of
            // our own there is no exclusive one.
            (Directory::Embryo | Directory::Prepared, _) | (_, Some(Kind::Shared)) => false,
            (_, Some(Kind::Exclusive)) => true,
            (_, None) => {
                let free = lock::try_lock(&self.fd, Kind::Shared).map_err(Error::io("lock", &self.dir()))?;
                if free {
                    lock::unlock(&self.fd).map_err(Error::io("unlock", &self.dir()))?;
                }
                !free
            }
        };
        self.state = self.directory.state(locked);
        self.is_at(self.directory)
    }

    /// Whether our directory is the one that bears the pod's name there.
    fn is_at(&self, directory: Directory) -> Result<bool, Error> {
        let path = self.data.pod(directory, self.uuid);
        let named = match rustix::fs::lstat(&path) {
            Ok(stat) => stat,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(false),
            Err(errno) => return Err(Error::io("look at", &path)(errno)),
        };
        let ours = rustix::fs::fstat(&self.fd).map_err(Error::io("look at", &path))?;
        Ok((named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino))
    }

    /// The pod's name.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The state as of opening, of the last [`Pod::refresh`], lock or transition.
    pub fn state(&self) -> State {
        self.state
    }

    /// In which directory of pods it is, as of the same moment.
    pub fn directory(&self) -> Directory {
        self.directory
    }

    /// The data directory that the pod is in.
    pub fn data_dir(&self) -> &DataDir {
        &self.data
    }

    /// The pod's directory, as of the same moment.
    pub fn dir(&self) -> PathBuf {
        self.data.pod(self.directory, self.uuid)
    }

    /// The pod's directory as an open file. It is also what the lock is on: what inherits this
    /// descriptor keeps the lock. It is closed by `exec` until [`Pod::keep_over_exec`].
    pub fn lock_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Lets the next program of this process inherit [`Pod::lock_fd`].
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn keep_over_exec(&self) -> Result<(), Error> {
        rustix::io::fcntl_setfd(&self.fd, rustix::io::FdFlags::empty())
            .map_err(Error::io("keep open the lock of", &self.dir()))
    }

    /// Waits for a lock, then looks again where the pod is.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the pod was deleted meanwhile.
    pub fn lock(&mut self, kind: Kind) -> Result<(), Error> {
        lock::lock(&self.fd, kind).map_err(Error::io("lock", &self.dir()))?;
        self.held = Some(kind);
        self.refresh().map(|_| ())
    }

    /// Takes a lock if nobody holds one; `false` when somebody does.
    ///
    /// # Errors
    /// As [`Pod::lock`].
    pub fn try_lock(&mut self, kind: Kind) -> Result<bool, Error> {
        for attempt in 0..LOCK_TRIES {
            if lock::try_lock(&self.fd, kind).map_err(Error::io("lock", &self.dir()))? {
                self.held = Some(kind);
                self.refresh()?;
                return Ok(true);
            }
            if attempt + 1 < LOCK_TRIES {
                thread::sleep(LOCK_PAUSE);
            }
        }
        Ok(false)
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn unlock(&mut self) -> Result<(), Error> {
        lock::unlock(&self.fd).map_err(Error::io("unlock", &self.dir()))?;
        self.held = None;
        self.refresh().map(|_| ())
    }

    /// From being prepared to prepared; the lock is given back.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless we prepare it.
    pub fn to_prepared(&mut self) -> Result<(), Error> {
        if self.state != State::Preparing || self.held != Some(Kind::Exclusive) {
            return Err(self.wrong_state("made ready"));
        }
        self.rename(Directory::Prepared)?;
        self.unlock()
    }

    /// To running; the exclusive lock is taken if we do not hold it (waiting for it), and kept.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless it is being prepared by us, or is prepared.
    pub fn to_run(&mut self) -> Result<(), Error> {
        if self.held != Some(Kind::Exclusive) {
            self.lock(Kind::Exclusive)?;
        }
        match self.directory {
            Directory::Prepare | Directory::Prepared => self.rename(Directory::Run),
            _ => Err(self.wrong_state("run")),
        }
    }

    /// Marks a pod that has run for deletion.
    ///
    /// # Errors
    /// [`Error::Locked`] when it runs again or somebody deletes it; [`Error::WrongState`] when it is
    /// in no such state.
    pub fn to_exited_garbage(&mut self) -> Result<(), Error> {
        self.mark(&[Directory::Run], Directory::ExitedGarbage)
    }

    /// Marks a pod that never ran for deletion: an aborted one, a prepared one, a stillborn one.
    ///
    /// # Errors
    /// As [`Pod::to_exited_garbage`].
    pub fn to_garbage(&mut self) -> Result<(), Error> {
        self.mark(&[Directory::Embryo, Directory::Prepare, Directory::Prepared], Directory::Garbage)
    }

    fn mark(&mut self, from: &[Directory], to: Directory) -> Result<(), Error> {
        let had = self.held;
        if had != Some(Kind::Exclusive) && !self.try_lock(Kind::Exclusive)? {
            return Err(Error::Locked(self.uuid));
        }
        let result = if from.contains(&self.directory) {
            self.rename(to)
        } else {
            Err(self.wrong_state("marked for deletion"))
        };
        if had != Some(Kind::Exclusive) {
            self.unlock()?;
        }
        result
    }

    fn wrong_state(&self, what: &'static str) -> Error {
        Error::WrongState { uuid: self.uuid, state: self.state, what }
    }

    /// Moves the directory. Only a prepared pod has to outlive a power cut: any other move that is lost leaves a pod that
    /// the next collection takes for broken off, and waiting for the disk would be most of the time that a start takes.
    fn rename(&mut self, to: Directory) -> Result<(), Error> {
        let target = self.data.pod(to, self.uuid);
        rustix::fs::rename(self.dir(), &target).map_err(Error::io("move the pod to", &target))?;
        self.directory = to;
        self.state = to.state(self.held == Some(Kind::Exclusive));
        if to != Directory::Prepared {
            return Ok(());
        }
        let parent = self.data.pods(to);
        let synced = open_dir(&parent)?.map(|fd| rustix::fs::fsync(&fd));
        match synced {
            Some(Err(errno)) if errno != Errno::INVAL => Err(Error::io("write out", &parent)(errno)),
            _ => Ok(()),
        }
    }
}

/// Opens a directory; `None` when there is none. A symlink counts as none: pods are never symlinks.
fn open_dir(path: &Path) -> Result<Option<OwnedFd>, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(errno) => Err(Error::io("open", path)(errno)),
    }
}

/// Makes a directory of pods and what leads to it, mode 0750.
fn make_dirs(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    if path.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(path)
        .map_err(Error::io("make the directory", path))
}
