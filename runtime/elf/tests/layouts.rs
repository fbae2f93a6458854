//! Trees as distributions lay them out, in directories of the host.

mod writer;

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rkt_elf::host::HostRoot;
use rkt_elf::{Closure, ClosureError, Request, Search, closure};
use writer::{Elf, library, program};

/// A directory that is a root.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Tree {
        Tree(tempfile::tempdir().expect("temporary directory"))
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().canonicalize().expect("real path").join("root").join(&path[1..])
    }

    fn file(&self, path: &str, content: &[u8]) -> &Tree {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directories");
        fs::write(path, content).expect("file");
        self
    }

    fn link(&self, path: &str, target: &str) -> &Tree {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directories");
        symlink(target, path).expect("link");
        self
    }

    fn root(&self) -> HostRoot {
        HostRoot::open(&self.path("/")).expect("root")
    }

    fn closure(&self, program: &str) -> Result<Closure, ClosureError> {
        closure(&self.root(), &[Request::file(program, "the test")], &Search::default())
    }

    /// Copies files and links of a closure into another tree, as an image would have them.
    fn copy(&self, closure: &Closure) -> Tree {
        let copy = Tree::new();
        for file in closure.files() {
            let path = file.to_str().expect("text");
            let mut content = Vec::new();
            self.root().open_file(file).expect("open").read_to_end(&mut content).expect("read");
            copy.file(path, &content);
        }
        for link in closure.links() {
            copy.link(link.path.to_str().expect("text"), link.target.to_str().expect("text"));
        }
        copy
    }
}

/// Path, real path and number of links of each.
fn rows(closure: &Closure) -> Vec<String> {
    let row = |object: &rkt_elf::Needed| {
        format!("{} {} {}", object.path.display(), object.real.display(), object.links.len())
    };
    closure.objects.iter().map(row).collect()
}

#[test]
fn merged_usr_with_multiarch() {
    let tree = Tree::new();
    tree.link("/lib", "usr/lib").link("/lib64", "usr/lib64").link("/bin", "/usr/bin");
    tree.file("/usr/bin/program", &program().needs(&["liba.so.1"]).bytes());
    tree.file("/usr/lib/x86_64-linux-gnu/ld.so", &library("").bytes());
    tree.link("/usr/lib64/ld-linux-x86-64.so.2", "../lib/x86_64-linux-gnu/ld.so");
    tree.file("/usr/lib/x86_64-linux-gnu/liba.so.1.2", &library("liba.so.1").bytes());
    tree.link("/usr/lib/x86_64-linux-gnu/liba.so.1", "liba.so.1.2");
    let found = tree.closure("/bin/program").expect("a closure");
    assert_eq!(
        rows(&found),
        [
            "/bin/program /usr/bin/program 1",
            "/lib/x86_64-linux-gnu/liba.so.1 /usr/lib/x86_64-linux-gnu/liba.so.1.2 2",
            "/lib64/ld-linux-x86-64.so.2 /usr/lib/x86_64-linux-gnu/ld.so 2",
        ]
    );
    let links: Vec<_> = found.links().into_iter().map(|link| (&*link.path, &*link.target)).collect();
    let expected = [
        ("/bin", "/usr/bin"),
        ("/lib", "usr/lib"),
        ("/lib64", "usr/lib64"),
        ("/usr/lib/x86_64-linux-gnu/liba.so.1", "liba.so.1.2"),
        ("/usr/lib64/ld-linux-x86-64.so.2", "../lib/x86_64-linux-gnu/ld.so"),
    ];
    assert_eq!(links, expected.map(|(path, target)| (Path::new(path), Path::new(target))));
    // with the files and the links alone, everything is found again at the same places
    assert_eq!(rows(&tree.copy(&found).closure("/bin/program").expect("a closure")), rows(&found));
}

#[test]
fn lib64_and_32_bits_beside_it() {
    let i386 = |elf: Elf| elf.machine(3, 32, true, 0);
    let tree = Tree::new();
    tree.link("/lib", "usr/lib").link("/lib64", "usr/lib64");
    tree.file("/usr/bin/p64", &program().needs(&["liba.so"]).bytes());
    tree.file("/usr/bin/p32", &i386(program().needs(&["liba.so"]).interpreter("/lib/ld-linux.so.2")).bytes());
    tree.file("/usr/lib64/ld-linux-x86-64.so.2", &library("").bytes());
    tree.file("/usr/lib/ld-linux.so.2", &i386(library("")).bytes());
    tree.file("/usr/lib64/liba.so", &library("liba.so").bytes());
    tree.file("/usr/lib/liba.so", &i386(library("liba.so")).bytes());
    let requests = ["/usr/bin/p64", "/usr/bin/p32"].map(|path| Request::file(path, "the test"));
    let found = closure(&tree.root(), &requests, &Search::default()).expect("a closure");
    assert_eq!(
        rows(&found),
        [
            "/lib/ld-linux.so.2 /usr/lib/ld-linux.so.2 1",
            "/lib/liba.so /usr/lib/liba.so 1",
            "/lib64/ld-linux-x86-64.so.2 /usr/lib64/ld-linux-x86-64.so.2 1",
            "/lib64/liba.so /usr/lib64/liba.so 1",
            "/usr/bin/p32 /usr/bin/p32 0",
            "/usr/bin/p64 /usr/bin/p64 0",
        ]
    );
}

#[test]
fn links_stay_inside_and_circles_end() {
    let tree = Tree::new();
    let outside = tree.0.path().canonicalize().expect("real path").join("outside");
    fs::create_dir(&outside).expect("directory");
    fs::write(outside.join("liba.so"), library("liba.so").bytes()).expect("file");
    tree.file("/lib64/ld-linux-x86-64.so.2", &library("").bytes());
    tree.file("/bin/program", &program().needs(&["liba.so"]).runpath("/up:/absolute:/circle").bytes());
    tree.link("/up", "../../../../../../../../outside");
    tree.link("/absolute", outside.to_str().expect("text"));
    tree.link("/circle", "circle/x").link("/usr/lib64/liba.so", "../lib64/liba.so");
    let text = tree.closure("/bin/program").expect_err("nothing is inside").to_string();
    assert!(text.contains("searched /up (does not exist), /absolute (does not exist), /circle"), "{text}");
    assert!(text.contains("/usr/lib64/liba.so: cannot be read: too many symbolic links"), "{text}");
    let text = tree.closure("/usr/lib64/liba.so").expect_err("a circle").to_string();
    let start = "/usr/lib64/liba.so, needed for the test: too many symbolic links on the way";
    assert_eq!(text, start);
    // the same links are fine where they lead to something inside
    tree.file("/outside/liba.so", &library("liba.so").bytes());
    let found = tree.closure("/bin/program").expect("inside");
    assert!(found.get("/up/liba.so").is_some_and(|a| a.real == Path::new("/outside/liba.so")), "{found:?}");
}

#[test]
fn names_that_are_no_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let tree = Tree::new();
    let (mut bytes, places) = program().needs(&["lib_.so"]).layout();
    bytes[places.strings + 4] = 0xff;
    tree.file("/lib64/ld-linux-x86-64.so.2", &library("").bytes()).file("/bin/program", &bytes);
    let name = OsStr::from_bytes(b"lib\xff.so");
    fs::write(tree.path("/lib64/").join(name), library("").bytes()).expect("file");
    let found = tree.closure("/bin/program").expect("a closure");
    assert!(found.get(Path::new("/lib64").join(name)).is_some());
}

#[test]
fn pipes_and_directories_are_not_read() {
    let tree = Tree::new();
    tree.file("/lib64/ld-linux-x86-64.so.2", &library("").bytes());
    tree.file("/bin/program", &program().needs(&["liba.so"]).bytes());
    let pipe = tree.path("/lib64/liba.so");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let text = tree.closure("/bin/program").expect_err("a pipe").to_string();
    assert!(text.ends_with("/lib64/liba.so: not a regular file"), "{text}");
    assert!(tree.closure("/bin/").expect_err("a directory").to_string().ends_with("not a regular file"));
    let text = tree.closure("/bin/program/").expect_err("no directory").to_string();
    assert!(text.ends_with("a part of the path is a file"), "{text}");
}

#[test]
fn a_library_that_may_not_be_read() {
    let tree = Tree::new();
    tree.file("/lib64/ld-linux-x86-64.so.2", &library("").bytes());
    tree.file("/bin/program", &program().needs(&["liba.so"]).bytes());
    tree.file("/lib64/liba.so", &library("liba.so").bytes());
    fs::set_permissions(tree.path("/lib64/liba.so"), fs::Permissions::from_mode(0o000)).expect("permissions");
    let text = as_nobody(|| tree.closure("/bin/program").expect_err("unreadable").to_string());
    assert!(text.contains("; /lib64/liba.so: cannot be read: Permission denied"), "{text}");
    tree.file("/usr/lib64/liba.so", &library("liba.so").bytes());
    let found = as_nobody(|| tree.closure("/bin/program").expect("the other one"));
    assert!(found.get("/usr/lib64/liba.so").is_some());
}

/// Runs in a thread that may read only what its owner's mode allows, also when the owner is root.
fn as_nobody<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    std::thread::scope(|scope| {
        let run = || {
            let mut sets = capabilities(None).expect("capabilities");
            sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            set_capabilities(None, sets).expect("fewer capabilities");
            run()
        };
        scope.spawn(run).join().expect("no panic")
    })
}

#[test]
fn another_architecture_with_real_files() {
    // The libraries of the cross compiler, and a program of it.
    let tree = Tree::new();
    for name in ["ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6"] {
        let content = fs::read(Path::new("/usr/aarch64-linux-gnu/lib").join(name)).expect("cross library");
        tree.file(&format!("/lib/{name}"), &content);
    }
    let source = tree.0.path().join("main.c");
    fs::write(&source, "#include <math.h>\nint main(int n, char **v) { return cos(n) > 2; }\n")
        .expect("source");
    let mut gcc = Command::new("aarch64-linux-gnu-gcc");
    let gcc = gcc.args(["-fno-builtin", "-o"]).arg(tree.path("/program")).arg(&source).arg("-lm");
    assert!(gcc.status().expect("aarch64-linux-gnu-gcc").success());
    let found = tree.closure("/program").expect("a closure");
    assert_eq!(
        rows(&found),
        [
            "/lib/ld-linux-aarch64.so.1 /lib/ld-linux-aarch64.so.1 0",
            "/lib/libc.so.6 /lib/libc.so.6 0",
            "/lib/libm.so.6 /lib/libm.so.6 0",
            "/program /program 0",
        ]
    );
    fs::remove_file(tree.path("/lib/libm.so.6")).expect("remove");
    fs::copy("/lib/x86_64-linux-gnu/libm.so.6", tree.path("/lib/libm.so.6")).expect("copy");
    let text = tree.closure("/program").expect_err("another architecture").to_string();
    assert!(text.contains("; /lib/libm.so.6 is for x86_64"), "{text}");
}
