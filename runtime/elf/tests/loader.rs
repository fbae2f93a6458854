//! The rules of the search, beside the loader of this machine: programs and libraries are linked, the loader lists what it
//! would load, and the closure must be the same.

mod trace;
mod writer;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rkt_elf::host::HostRoot;
use rkt_elf::{Request, Search, closure};

const OLD: &str = "-Wl,--disable-new-dtags";
const NEW: &str = "-Wl,--enable-new-dtags";

/// A directory in which things are linked; `@` in paths and options stands for it.
struct Bench {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().canonicalize().expect("real path");
        Bench { _dir: dir, path }
    }

    fn text(&self, text: &str) -> String {
        text.replace('@', self.path.to_str().expect("text"))
    }

    fn at(&self, path: &str) -> PathBuf {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directories");
        path
    }

    /// Links a library or, without a soname, a program, with the libraries that it needs.
    fn gcc(&self, path: &str, soname: &str, needs: &[&str], options: &[&str]) -> &Bench {
        let source = self.at("source.c");
        fs::write(&source, "void _start(void) {}\n").expect("source");
        let mut gcc = Command::new("gcc");
        gcc.args(["-nostdlib", "-fPIC", "-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"]);
        gcc.args(options.iter().map(|option| self.text(option)));
        if !soname.is_empty() {
            gcc.arg("-shared").arg(format!("-Wl,-soname,{soname}"));
        }
        gcc.arg("-o").arg(self.at(path)).arg(source);
        gcc.args(needs.iter().map(|need| self.text(need)));
        // Libraries of libraries are not looked for.
        let out = gcc.arg("-Wl,--unresolved-symbols=ignore-all").output().expect("gcc");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        self
    }

    fn library(&self, path: &str, needs: &[&str], options: &[&str]) -> &Bench {
        let name = Path::new(path).file_name().expect("name").to_str().expect("text");
        self.gcc(path, name, needs, options)
    }

    fn link(&self, path: &str, target: &str) -> &Bench {
        symlink(self.text(target), self.at(path)).expect("link");
        self
    }

    fn remove(&self, path: &str) -> &Bench {
        fs::remove_file(self.path.join(path)).expect("remove");
        self
    }

    /// Asks both about `@/bin/program`, with `LD_LIBRARY_PATH`; both must find this below `@`, and agree on all.
    #[track_caller]
    fn check(&self, extra: &str, found: &[&str], missing: &[&str]) {
        let program = self.path.join("bin/program");
        let mut command = Command::new(&program);
        command.env_clear().env("LD_TRACE_LOADED_OBJECTS", "1");
        if !extra.is_empty() {
            command.env("LD_LIBRARY_PATH", self.text(extra));
        }
        let (mut paths, names) = trace::of_loader(&mut command).expect("the loader lists");
        // It lists itself only when something needs it by name.
        let is_loader =
            |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"ld"));
        paths.retain(|path| !is_loader(path));
        let below = paths.iter().filter_map(|path| path.strip_prefix(&self.path).ok());
        assert_eq!(below.map(|path| path.to_str().expect("text")).collect::<Vec<_>>(), found, "loader");
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), missing, "loader");

        let closure = self.closure(extra);
        let (mut ours, our_names) = trace::of_closure(&closure).expect("nothing stops it");
        assert_eq!(our_names, names);
        if missing.is_empty() {
            ours.retain(|path| *path != program && !is_loader(path));
            // It lists a file that has two names once.
            let mut real = std::collections::BTreeSet::new();
            ours.retain(|path| real.insert(path.canonicalize().expect("exists")));
            assert_eq!(ours, paths);
        }
    }

    fn closure(&self, extra: &str) -> Result<rkt_elf::Closure, rkt_elf::ClosureError> {
        let extra = self.text(extra);
        let extra = extra.split(':').filter(|path| !path.is_empty()).map(PathBuf::from).collect();
        let root = HostRoot::host().expect("the host's root");
        let request = Request::file(self.path.join("bin/program"), "the test");
        closure(&root, &[request], &Search { extra, ..Search::default() })
    }
}

/// A program that needs `libmiddle.so`, which needs `liblow.so`, which needs `liba.so`; options of the first three.
fn three(program: &[&str], middle: &[&str], low: &[&str], liba: &str) -> Bench {
    let bench = Bench::new();
    bench.library(liba, &[], &[]);
    bench.library("lib/liblow.so", &[&format!("@/{liba}")], low);
    bench.library("lib/libmiddle.so", &["@/lib/liblow.so"], middle);
    bench.gcc("bin/program", "", &["@/lib/libmiddle.so"], program);
    bench
}

#[test]
fn rpath_is_for_all_below() {
    let all = ["lib/liblow.so", "lib/libmiddle.so", "x/liba.so"];
    three(&[OLD, "-Wl,-rpath,@/lib:@/x"], &[], &[], "x/liba.so").check("", &all, &[]);
    three(&[OLD, "-Wl,-rpath,@/lib"], &[OLD, "-Wl,-rpath,@/x"], &[], "x/liba.so").check("", &all, &[]);
    three(&[OLD, "-Wl,-rpath,@/lib"], &[], &[OLD, "-Wl,-rpath,@/x/"], "x/liba.so").check("", &all, &[]);
}

#[test]
fn runpath_is_for_direct_needs() {
    let bench = three(&[NEW, "-Wl,-rpath,@/lib:@/x"], &[], &[], "x/liba.so");
    bench.check("", &["lib/libmiddle.so"], &["liblow.so"]);
    let runpath = [NEW, "-Wl,-rpath,@/lib:@/x"];
    let all = ["lib/liblow.so", "lib/libmiddle.so", "x/liba.so"];
    three(&runpath, &runpath, &runpath, "x/liba.so").check("", &all, &[]);
}

#[test]
fn runpath_hides_rpath_of_loaders_but_not_for_those_below() {
    let rpath = [OLD, "-Wl,-rpath,@/lib:@/x"];
    let bench = three(&rpath, &[], &[NEW, "-Wl,-rpath,@/none"], "x/liba.so");
    bench.check("", &["lib/liblow.so", "lib/libmiddle.so"], &["liba.so"]);
    let bench = three(&rpath, &[NEW, "-Wl,-rpath,@/lib"], &[], "x/liba.so");
    bench.check("", &["lib/liblow.so", "lib/libmiddle.so", "x/liba.so"], &[]);
}

#[test]
fn the_environment_is_between_rpath_and_runpath() {
    let tree = |options: &[&str]| {
        let bench = Bench::new();
        bench.library("x/liba.so", &[], &[]).library("env/liba.so", &[], &[]);
        bench.gcc("bin/program", "", &["@/x/liba.so"], options);
        bench
    };
    tree(&[OLD, "-Wl,-rpath,@/x"]).check("@/none:@/env", &["x/liba.so"], &[]);
    tree(&[NEW, "-Wl,-rpath,@/x"]).check("@/none:@/env", &["env/liba.so"], &[]);
    tree(&[NEW, "-Wl,-rpath,@/x"]).check("", &["x/liba.so"], &[]);
    tree(&[]).check("", &[], &["liba.so"]);
}

#[test]
fn origin_of_programs_and_libraries_behind_links() {
    let bench = Bench::new();
    bench.library("app/real/libb.so", &[], &[]).library("app/lib/libb.so", &[], &[]);
    bench.library("app/real/liba.so", &["@/app/real/libb.so"], &[NEW, "-Wl,-rpath,$ORIGIN"]);
    bench.link("app/lib/liba.so", "../real/liba.so");
    let options = [NEW, "-Wl,-rpath,${ORIGIN}/../lib"];
    bench.gcc("app/bin/main", "", &["@/app/lib/liba.so"], &options).link("bin/program", "@/app/bin/main");
    bench.check("", &["app/bin/../lib/liba.so", "app/bin/../lib/libb.so"], &[]);
}

#[test]
fn names_that_are_loaded() {
    // by soname, under another file name
    let bench = Bench::new();
    bench.library("own/liba.so", &[], &[]).gcc("x/libother.so", "liba.so", &[], &[]);
    bench.library("x/libb.so", &["@/own/liba.so"], &[OLD, "-Wl,-rpath,@/own"]);
    let program = [OLD, "-Wl,-rpath,@/x", "-L@/x", "-l:libother.so"];
    bench.gcc("bin/program", "", &["@/x/libb.so"], &program).remove("x/libother.so");
    bench.library("x/liba.so", &[], &[]);
    bench.check("", &["x/liba.so", "x/libb.so"], &[]);

    // one file under two names
    let bench = Bench::new();
    bench.library("x/libone.so", &[], &[]).library("x/libtwo.so", &[], &[]);
    let needs = ["@/x/libone.so", "@/x/libtwo.so"];
    bench.gcc("bin/program", "", &needs, &[OLD, "-Wl,-rpath,@/x"]);
    bench.remove("x/libtwo.so").link("x/libtwo.so", "libone.so");
    bench.check("", &["x/libone.so"], &[]);
    assert!(bench.closure("").expect("a closure").get(bench.path.join("x/libtwo.so")).is_some());
}

#[test]
fn breadth_first() {
    let bench = Bench::new();
    bench.library("own/liba.so", &[], &[]).library("x/liba.so", &[], &[]);
    bench.library("x/libb.so", &["@/own/liba.so"], &[OLD, "-Wl,-rpath,@/own"]);
    bench.gcc("bin/program", "", &["@/x/libb.so", "@/x/liba.so"], &[NEW, "-Wl,-rpath,@/x"]);
    bench.check("", &["x/liba.so", "x/libb.so"], &[]);
}

#[test]
fn default_directories_and_none() {
    let libm = |options: &[&str]| {
        let bench = Bench::new();
        bench.gcc("bin/program", "", &["-lm"], options);
        bench
    };
    libm(&[]).check("", &[], &[]);
    libm(&["-Wl,-z,nodefaultlib"]).check("", &[], &["libm.so.6"]);
}

#[test]
fn paths_as_names() {
    let bench = Bench::new();
    // without a soname the name is the path by which it was linked
    bench.gcc("x/liba.so", "", &[], &["-shared"]);
    bench.gcc("bin/program", "", &["@/x/liba.so"], &[]);
    bench.check("", &["x/liba.so"], &[]);
    let name = bench.text("@/x/liba.so");
    bench.remove("x/liba.so").check("", &[], &[&name]);
}

#[test]
fn other_machines_are_passed_over_and_other_files_stop() {
    let bench = Bench::new();
    bench.library("y/liba.so", &[], &[]);
    bench.gcc("bin/program", "", &["@/y/liba.so"], &[OLD, "-Wl,-rpath,@/x:@/y"]);
    for machine in [(3, 32), (183, 64)] {
        let elf = writer::library("liba.so").machine(machine.0, machine.1, true, 0);
        fs::write(bench.at("x/liba.so"), elf.bytes()).expect("file");
        bench.check("", &["y/liba.so"], &[]);
    }
    bench.remove("x/liba.so").link("x/liba.so", "nowhere").check("", &["y/liba.so"], &[]);
    for content in [&b"INPUT(liba.so.1)"[..], b"", b"\x7fELF"] {
        fs::write(bench.path.join("x/nowhere"), content).expect("file");
        let mut command = Command::new(bench.path.join("bin/program"));
        command.env_clear().env("LD_TRACE_LOADED_OBJECTS", "1");
        assert!(trace::of_loader(&mut command).is_none());
        assert!(trace::of_closure(&bench.closure("")).is_none());
    }
}
