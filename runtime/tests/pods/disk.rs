//! A full disk: an error that says so, nothing half visible, and all well again once there is room.

use rustix::mount::MountFlags;

use crate::support::{Bench, busybox, stage1_fly};

/// Room in KiB that is enough for everything.
const ENOUGH: usize = 64 << 10;
/// How many sizes are tried.
const SIZES: usize = 20;

#[test]
fn of_many_sizes() {
    let mut failures = 0;
    // Each image is kept as an archive and rendered; a quarter more is enough for all the rest.
    let stage1 = stage1_fly().strip_prefix("--stage1-path=").unwrap();
    let images: u64 = [stage1, busybox()].map(|aci| std::fs::metadata(aci).unwrap().len()).iter().sum();
    let needed = usize::try_from(images * 2 / 1024).unwrap();
    for step in 1..=SIZES {
        let room = needed * step * 5 / (SIZES * 4);
        let bench = Bench::new();
        resize(&bench, room);
        let ran = bench.run(&[busybox(), "--", "-c", "echo hello"]);
        match ran.code {
            Some(0) => assert_eq!(ran.out, "hello\n"),
            Some(254) => {
                assert!(ran.err.contains("No space left on device"), "{room} KiB: {}", ran.err);
                assert_eq!(ran.out, "");
                failures += 1;
            }
            _ => panic!("{room} KiB: {ran:?}"),
        }
        bench.rkt(&["list"]).ok();
        resize(&bench, ENOUGH);
        assert_eq!(bench.run(&[busybox(), "--", "-c", "echo again"]).ok().out, "again\n");
        bench.collect_all();
    }
    assert!((5..SIZES).contains(&failures), "{failures} of {SIZES} sizes were too small: choose others");
}

fn resize(bench: &Bench, kib: usize) {
    let options = std::ffi::CString::new(format!("size={kib}k")).unwrap();
    rustix::mount::mount_remount(bench.path(""), MountFlags::empty(), options.as_c_str()).unwrap();
}
