//! States of pods: real directories and real locks, also while they move.

use pod::lock::{self, FileLock, KeyLock, Kind};
use pod::{DataDir, Directory, Error, Pod, State, Uuid, layout, list};
use rkt_pod as pod;
use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

fn data() -> (TempDir, DataDir) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let data = DataDir::new(dir.path().join("rkt"));
    (dir, data)
}

/// What somebody else sees who opens the pod now.
fn seen(data: &DataDir, uuid: Uuid) -> State {
    Pod::open(data, uuid).expect("open the pod").state()
}

#[test]
fn every_directory_with_and_without_a_lock() {
    let rows = [
        (Directory::Embryo, "embryo", "embryo"),
        (Directory::Prepare, "aborted prepare", "preparing"),
        (Directory::Prepared, "prepared", "prepared"),
        (Directory::Run, "exited", "running"),
        (Directory::ExitedGarbage, "exited garbage", "exited deleting"),
        (Directory::Garbage, "garbage", "deleting"),
    ];
    let (_dir, data) = data();
    for (directory, free, locked) in rows {
        let uuid = Uuid::random().expect("uuid");
        let path = data.pod(directory, uuid);
        fs::create_dir_all(&path).expect("pod");
        assert_eq!(seen(&data, uuid).as_str(), free);
        let held = FileLock::take(&path, Kind::Exclusive).expect("lock");
        assert_eq!(seen(&data, uuid).as_str(), locked);
        drop(held);
        let _shared = FileLock::take(&path, Kind::Shared).expect("lock");
        assert_eq!(seen(&data, uuid).as_str(), free, "a shared lock means nothing");
    }
}

#[test]
fn the_life_of_a_pod() {
    let (_dir, data) = data();
    let mut pod = Pod::create(&data).expect("create");
    let uuid = pod.uuid();
    assert_eq!((pod.state(), seen(&data, uuid)), (State::Preparing, State::Preparing));
    assert!(pod.dir().starts_with(data.pods(Directory::Prepare)));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(pod.dir()).expect("stat").permissions());
    assert_eq!(mode & 0o7777 & !0o027, 0o750 & !0o027);
    assert_eq!(pod.created().expect("time"), None);
    fs::write(pod.dir().join(layout::CREATED), "").expect("created");
    assert!(pod.created().expect("time").is_some());

    pod.to_prepared().expect("prepared");
    assert_eq!((pod.state(), seen(&data, uuid)), (State::Prepared, State::Prepared));
    pod.to_run().expect("run");
    assert_eq!((pod.state(), seen(&data, uuid)), (State::Running, State::Running));
    assert!(matches!(pod.to_prepared(), Err(Error::WrongState { .. })));
    assert_eq!(pod.started().expect("time"), None);
    fs::write(pod.dir().join(layout::PPID), "12\n").expect("ppid");
    assert_eq!(pod.pid().expect("pid"), Some(12));
    assert!(pod.started().expect("time").is_some());
    let mut other = Pod::open(&data, uuid).expect("open");
    assert!(matches!(other.to_exited_garbage(), Err(Error::Locked(_))));

    drop(pod);
    assert_eq!(other.refresh().expect("refresh"), State::Exited);
    assert!(matches!(other.to_garbage(), Err(Error::WrongState { .. })));
    other.to_exited_garbage().expect("mark");
    assert_eq!((other.state(), seen(&data, uuid)), (State::ExitedGarbage, State::ExitedGarbage));
    let marked = other.gc_marked().expect("time").expect("marked");
    assert!(SystemTime::now().duration_since(marked).is_ok_and(|age| age < Duration::from_secs(60)));
    assert!(other.try_lock(Kind::Exclusive).expect("lock"));
    assert_eq!((other.state(), seen(&data, uuid)), (State::ExitedDeleting, State::ExitedDeleting));
    fs::remove_dir_all(other.dir()).expect("delete");
    assert!(matches!(other.refresh(), Err(Error::NotFound(_))));
    assert!(matches!(Pod::open(&data, uuid), Err(Error::NotFound(_))));
}

#[test]
fn an_aborted_pod_becomes_garbage() {
    let (_dir, data) = data();
    let uuid = Pod::create(&data).expect("create").uuid();
    let mut pod = Pod::open(&data, uuid).expect("open");
    assert_eq!(pod.state(), State::AbortedPrepare);
    assert!(matches!(pod.to_exited_garbage(), Err(Error::WrongState { .. })));
    pod.to_garbage().expect("mark");
    assert_eq!(seen(&data, uuid), State::Garbage);
    assert!(matches!(pod.to_run(), Err(Error::WrongState { .. })));
}

#[test]
fn names_are_found_by_their_beginning() {
    let (_dir, data) = data();
    assert!(matches!(list::resolve(&data, "1"), Err(Error::NoMatch(_))));
    let names = [
        "15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21",
        "15a5aaaa-2a87-4c4f-9c5d-0a6b1f3e7d21",
        "99a5aaaa-2a87-4c4f-9c5d-0a6b1f3e7d21",
    ];
    for (name, directory) in names.iter().zip([Directory::Run, Directory::Prepared, Directory::Garbage]) {
        fs::create_dir_all(data.pods(directory).join(name)).expect("pod");
    }
    fs::create_dir_all(data.pods(Directory::Run).join("not-a-pod")).expect("other");
    assert_eq!(list::resolve(&data, "15A557\n").expect("prefix").to_string(), names[0]);
    assert_eq!(list::resolve(&data, "15a5a").expect("prefix").to_string(), names[1]);
    assert_eq!(list::resolve(&data, "15a5").expect_err("two").to_string(), "ambiguous uuid, 2 matches");
    // Garbage has no name for users any more.
    assert_eq!(list::resolve(&data, "99").expect_err("none").to_string(), "no matches found for \"99\"");
    assert!(matches!(list::resolve(&data, " "), Err(Error::EmptyUuid)));
    assert_eq!(list::uuids(&data, &Directory::ALL).expect("list").len(), 3);
    let pods = list::pods(&data, &[Directory::Run, Directory::Prepared]).expect("list");
    let states: Vec<State> = pods.into_iter().map(|pod| pod.expect("pod").state()).collect();
    assert_eq!(states, [State::Exited, State::Prepared]);
}

/// Pods that go through all states while others open and list them: never lost, never in a state that
/// their directory and lock do not have together.
#[test]
fn pods_that_move_while_they_are_looked_at() {
    const PODS: usize = 60;
    let (_dir, data) = data();
    let fixed = Pod::create(&data).expect("create");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let pods = list::pods(&data, &Directory::LISTED).expect("list");
                    let pods: Vec<Pod> = pods.into_iter().map(|pod| pod.expect("pod")).collect();
                    assert!(pods.iter().any(|pod| pod.uuid() == fixed.uuid()));
                    for pod in pods {
                        // Its lock is never given back before it has exited.
                        assert_ne!(pod.state(), State::AbortedPrepare);
                    }
                }
            });
        }
        let mover = scope.spawn(|| {
            for _ in 0..PODS {
                let mut pod = Pod::create(&data).expect("create");
                let uuid = pod.uuid();
                assert_eq!(seen(&data, uuid), State::Preparing);
                pod.to_prepared().expect("prepared");
                pod.to_run().expect("run");
                assert_eq!(seen(&data, uuid), State::Running);
                drop(pod);
                let mut pod = Pod::open(&data, uuid).expect("open");
                pod.to_exited_garbage().expect("mark");
                assert!(pod.try_lock(Kind::Exclusive).expect("lock"));
                fs::remove_dir_all(pod.dir()).expect("delete");
            }
        });
        mover.join().expect("mover");
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(list::uuids(&data, &Directory::ALL).expect("list"), [fixed.uuid()]);
}

/// A collector that takes every embryo it finds: pods are created all the same.
#[test]
fn embryos_may_be_collected_under_the_creator() {
    let (_dir, data) = data();
    drop(Pod::create(&data).expect("create"));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for pod in list::pods(&data, &[Directory::Embryo]).expect("list") {
                    // It may have moved on or be locked; both are fine.
                    let _ = pod.and_then(|mut pod| pod.to_garbage());
                }
            }
        });
        for _ in 0..200 {
            let pod = Pod::create(&data).expect("create");
            assert_eq!(seen(&data, pod.uuid()), State::Preparing);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_symlink_is_no_pod() {
    let (_dir, data) = data();
    let uuid = Uuid::random().expect("uuid");
    fs::create_dir_all(data.pods(Directory::Run)).expect("run");
    std::os::unix::fs::symlink("/", data.pod(Directory::Run, uuid)).expect("link");
    assert!(matches!(Pod::open(&data, uuid), Err(Error::NotFound(_))));
}

#[test]
fn files_of_a_pod_are_read_with_limits() {
    let (_dir, data) = data();
    let pod = Pod::create(&data).expect("create");
    assert_eq!(pod.read("pod").expect("read"), None);
    assert!(pod.manifest_bytes().is_err());
    fs::write(pod.dir().join("pod"), "{}").expect("write");
    assert_eq!(pod.manifest_bytes().expect("read"), b"{}");
    File::create(pod.dir().join("huge")).and_then(|file| file.set_len(1 << 30)).expect("huge");
    assert!(matches!(pod.read("huge"), Err(Error::Malformed { .. })));
    std::os::unix::fs::symlink("/etc/passwd", pod.dir().join("link")).expect("link");
    assert!(pod.read("link").is_err());
    for text in ["x\n", "-4\n", "0\n", "99999999999\n"] {
        fs::write(pod.dir().join("pid"), text).expect("write");
        assert!(matches!(pod.pid(), Err(Error::Malformed { .. })), "{text}");
    }
    fs::write(pod.dir().join("pid"), "").expect("write");
    assert_eq!(pod.pid().expect("half written"), None);
    for (id, root) in [("deps-sha512-ab", Some("overlay/deps-sha512-ab/upper")), ("../x", None), ("", None)] {
        fs::write(pod.dir().join(layout::OVERLAY_PREPARED), "").expect("write");
        fs::write(pod.dir().join(layout::STAGE1_TREE_STORE_ID), id).expect("write");
        assert_eq!(pod.stage1_state_root().ok().as_deref().and_then(|path| path.to_str()), root);
    }
}

#[test]
fn key_locks_survive_a_cleaner() {
    let dir = tempfile::tempdir().expect("temporary directory");
    for key in ["", ".", "..", "a/b"] {
        assert!(KeyLock::take(dir.path(), key, Kind::Shared).is_err());
    }
    let first = KeyLock::take(dir.path(), "key", Kind::Exclusive).expect("lock");
    assert!(KeyLock::try_take(dir.path(), "key", Kind::Shared).expect("try").is_none());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| KeyLock::take(dir.path(), "key", Kind::Exclusive).expect("lock"));
        // Wherever the waiter is by now: what it gets in the end is the lock of the file by that name.
        thread::sleep(Duration::from_millis(50));
        first.remove().expect("remove");
        let second = waiter.join().expect("waiter");
        assert!(dir.path().join("key").exists());
        assert!(KeyLock::try_take(dir.path(), "key", Kind::Shared).expect("try").is_none());
        drop(second);
    });
    let _one = KeyLock::take(dir.path(), "key", Kind::Shared).expect("lock");
    assert!(KeyLock::try_take(dir.path(), "key", Kind::Shared).expect("try").is_some());
    let named = File::open(dir.path().join("key")).expect("open");
    assert!(!lock::try_lock(&named, Kind::Exclusive).expect("try"));
}
