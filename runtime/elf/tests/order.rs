//! Which file a loader takes: tables of small trees, and what is taken in each.

mod writer;

use rkt_elf::memory::MemoryRoot;
use rkt_elf::{
    Closure, ClosureError, Content, How, Miss, Needer, Nss, Priority, Reason, Request, Search, Why, closure,
    limits,
};
use writer::{Elf, library, program};

const PROGRAM: &str = "/usr/bin/program";
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// A tree with a program, its loader and some libraries, each of which is its own soname's.
fn tree(program: &Elf, libraries: &[(&str, Elf)]) -> MemoryRoot {
    let mut root = MemoryRoot::new();
    root.file(LOADER, library("ld-linux-x86-64.so.2").bytes()).file(PROGRAM, program.bytes());
    for (path, elf) in libraries {
        root.file(path, elf.bytes());
    }
    root
}

fn request() -> Vec<Request> {
    vec![Request::file(PROGRAM, "the test")]
}

fn found(root: &MemoryRoot) -> Closure {
    closure(root, &request(), &Search::default()).expect("a closure")
}

fn misses(result: Result<Closure, ClosureError>) -> Vec<Miss> {
    match result {
        Err(ClosureError::Missing(misses)) => misses,
        other => panic!("{other:?}"),
    }
}

/// The paths but those of the program and the loader.
fn paths(closure: &Closure) -> Vec<&str> {
    let paths = closure.objects.iter().map(|object| object.path.to_str().expect("text"));
    paths.filter(|path| ![PROGRAM, LOADER].contains(path)).collect()
}

fn liba() -> Elf {
    library("liba.so")
}

#[test]
fn directories_are_searched_in_the_order_of_glibc() {
    let conf = "/etc/ld.so.conf";
    // All have the library; one after the other is taken away.
    let places = [
        "/rpath/liba.so",
        "/extra/liba.so",
        "/conf/liba.so",
        "/lib/x86_64-linux-gnu/liba.so",
        "/usr/lib/x86_64-linux-gnu/liba.so",
        "/lib64/liba.so",
        "/usr/lib64/liba.so",
        "/lib/liba.so",
        "/usr/lib/liba.so",
    ];
    let search = Search { extra: vec!["/extra".into()], ..Search::default() };
    for first in 0..places.len() {
        let libraries: Vec<_> = places[first..].iter().map(|place| (*place, liba())).collect();
        let mut root = tree(&program().needs(&["liba.so"]).rpath("/rpath"), &libraries);
        root.file(conf, "/conf\n");
        let closure = closure(&root, &request(), &search).expect("a closure");
        assert_eq!(paths(&closure), [places[first]]);

        // DT_RUNPATH is the same but for its place, and DT_RPATH beside it counts for nothing.
        let elf = program().needs(&["liba.so"]).rpath("/conf").runpath("/rpath");
        root.file(PROGRAM, elf.bytes());
        let closure = rkt_elf::closure(&root, &request(), &search).expect("a closure");
        let taken = if first == 0 { places[1] } else { places[first] };
        assert_eq!(paths(&closure), [taken]);
    }
}

#[test]
fn search_modules_the_needing_object_and_of_its_loaders() {
    let deep = |paths: [&Elf; 3], at: &'static str| {
        let [main, middle, low] = paths.map(Clone::clone);
        let libraries = [
            ("/lib64/libmiddle.so", middle.needs(&["liblow.so"])),
            ("/lib64/liblow.so", low.needs(&["liba.so"])),
            (at, liba()),
        ];
        tree(&main.needs(&["libmiddle.so"]), &libraries)
    };
    let (main, middle, low) = (program(), library("libmiddle.so"), library("liblow.so"));
    for (paths, at, taken) in [
        ([&main.clone().rpath("/x"), &middle, &low], "/x/liba.so", true),
        ([&main, &middle.clone().rpath("/x"), &low], "/x/liba.so", true),
        ([&main, &middle, &low.clone().rpath("/x")], "/x/liba.so", true),
        ([&main, &middle, &low.clone().runpath("/x")], "/x/liba.so", true),
        // DT_RUNPATH is for direct needs only
        ([&main.clone().runpath("/x"), &middle, &low], "/x/liba.so", false),
        ([&main, &middle.clone().runpath("/x"), &low], "/x/liba.so", false),
        // an object with DT_RUNPATH does not ask its loaders
        ([&main.clone().rpath("/x"), &middle, &low.clone().runpath("/y")], "/x/liba.so", false),
        ([&main.clone().rpath("/x"), &middle, &low.clone().runpath("")], "/x/liba.so", false),
        // but one in between does not hide those above it
        ([&main.clone().rpath("/x"), &middle.clone().runpath("/y"), &low], "/x/liba.so", true),
        // the own path first
        ([&main.clone().rpath("/lib64"), &middle, &low.clone().rpath("/y:/x")], "/x/liba.so", true),
    ] {
        let root = deep(paths, at);
        let result = closure(&root, &request(), &Search::default());
        match result {
            Ok(closure) => assert!(taken && paths_contain(&closure, at), "{paths:?}"),
            Err(error) => assert!(!taken, "{paths:?}: {error}"),
        }
    }
}

fn paths_contain(closure: &Closure, path: &str) -> bool {
    paths(closure).contains(&path)
}

#[test]
fn tokens() {
    for (list, at) in [
        ("$ORIGIN/../lib/private", "/usr/bin/../lib/private/liba.so"),
        ("/opt/$LIB", "/opt/lib/x86_64-linux-gnu/liba.so"),
        ("/opt/${LIB}", "/opt/lib64/liba.so"),
        ("/opt/$PLATFORM", "/opt/x86_64/liba.so"),
    ] {
        let real = at.replace("/bin/..", "");
        let root = tree(&program().needs(&["liba.so"]).runpath(list), &[(real.as_str(), liba())]);
        let closure = found(&root);
        assert_eq!(paths(&closure), [at]);
        assert_eq!(closure.get(at).expect("found").real.to_str(), Some(real.as_str()));
    }
}

#[test]
fn the_origin_of_a_program_is_its_file_and_that_of_a_library_where_it_was_found() {
    let mut root = MemoryRoot::new();
    root.file(LOADER, library("").bytes());
    root.file("/opt/app/bin/app", program().needs(&["liba.so"]).rpath("$ORIGIN/../lib").bytes());
    root.link("/usr/bin/program", "../../opt/app/bin/app");
    root.link("/opt/app/lib/liba.so", "/opt/real/liba.so.1");
    root.file("/opt/real/liba.so.1", liba().needs(&["libb.so"]).rpath("$ORIGIN").bytes());
    root.file("/opt/app/lib/libb.so", library("libb.so").bytes());
    root.file("/opt/real/libb.so", library("libb.so").bytes());
    let closure = found(&root);
    assert_eq!(paths(&closure), ["/opt/app/bin/../lib/liba.so", "/opt/app/bin/../lib/libb.so"]);
}

#[test]
fn a_name_that_is_loaded_is_not_searched_again() {
    // by its soname, though another file would be found
    let root = tree(
        &program().needs(&["libx.so", "libb.so"]),
        &[
            ("/lib64/libx.so", library("liba.so")),
            ("/lib64/libb.so", library("libb.so").needs(&["liba.so"]).rpath("/own")),
            ("/own/liba.so", liba()),
        ],
    );
    assert_eq!(paths(&found(&root)), ["/lib64/libb.so", "/lib64/libx.so"]);
    // the loader is loaded from the start
    let root = tree(&program().needs(&["ld-linux-x86-64.so.2"]), &[]);
    assert_eq!(paths(&found(&root)), [""; 0]);
    // breadth first: the program's own library is there before that of the first library
    let root = tree(
        &program().needs(&["libb.so", "liba.so"]),
        &[
            ("/lib64/libb.so", library("libb.so").needs(&["liba.so"]).rpath("/own")),
            ("/lib64/liba.so", liba()),
            ("/own/liba.so", liba()),
        ],
    );
    assert_eq!(paths(&found(&root)), ["/lib64/liba.so", "/lib64/libb.so"]);
    // one file under two names: both names must be there
    let mut root = tree(&program().needs(&["liba.so", "libother.so"]), &[("/lib64/liba.so", liba())]);
    root.link("/lib64/libother.so", "liba.so");
    let closure = found(&root);
    assert_eq!(paths(&closure), ["/lib64/liba.so", "/lib64/libother.so"]);
    assert_eq!(closure.files().len(), 3);
    assert_eq!(closure.links().len(), 1);
}

#[test]
fn names_with_slashes_are_not_searched() {
    let root = tree(
        &program().needs(&["/opt/liba.so", "$ORIGIN/libb.so"]),
        &[("/opt/liba.so", liba()), ("/usr/bin/libb.so", library("libb.so"))],
    );
    assert_eq!(paths(&found(&root)), ["/opt/liba.so", "/usr/bin/libb.so"]);
    let root = tree(&program().needs(&["lib/liba.so", "/lib64/none.so"]), &[("/lib64/lib/liba.so", liba())]);
    let misses = misses(closure(&root, &request(), &Search::default()));
    assert!(matches!(misses[0].reason, Reason::Relative), "{misses:?}");
    assert!(matches!(misses[1].reason, Reason::NoSuchFile { .. }), "{misses:?}");
}

#[test]
fn files_of_other_machines_are_passed_over() {
    let other = |machine, bits, little, flags| liba().machine(machine, bits, little, flags);
    let take = |main: Elf, candidates: &[(&'static str, Elf)]| {
        let root = {
            let mut root = tree(&main, candidates);
            let loader = Elf { interpreter: None, needed: Vec::new(), ..main.clone() };
            root.file(LOADER, loader.bytes());
            root
        };
        paths(&found(&root)).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // another class, another machine of the same class
    let main = program().needs(&["liba.so"]);
    let candidates = [
        ("/lib/x86_64-linux-gnu/liba.so", other(3, 32, true, 0)),
        ("/lib64/liba.so", other(183, 64, true, 0)),
        ("/usr/lib/liba.so", liba()),
    ];
    assert_eq!(take(main, &candidates), ["/usr/lib/liba.so"]);
    // another byte order, another calling convention
    let main = program().needs(&["liba.so"]).machine(21, 64, true, 2);
    let candidates = [
        ("/lib/powerpc64le-linux-gnu/liba.so", other(21, 64, true, 1)),
        ("/lib64/liba.so", other(21, 64, false, 2)),
        ("/usr/lib64/liba.so", other(21, 64, true, 0)),
    ];
    assert_eq!(take(main, &candidates), ["/usr/lib64/liba.so"]);
    let main = program().needs(&["liba.so"]).machine(40, 32, true, 0x0500_0400);
    let candidates = [
        ("/usr/lib/arm-linux-gnueabihf/liba.so", other(40, 32, true, 0x0500_0200)),
        ("/usr/lib/arm-linux-gnueabi/liba.so", other(40, 32, true, 0x0500_0400)),
    ];
    assert_eq!(take(main, &candidates), ["/usr/lib/arm-linux-gnueabi/liba.so"]);
}

#[test]
fn default_directories_of_each_architecture() {
    for arch in rkt_elf::ARCHES {
        for lib in arch.lib {
            for at in [format!("/{lib}/liba.so"), format!("/usr/{lib}/liba.so")] {
                let as_arch = |elf: Elf| elf.machine(arch.number, arch.bits, arch.little, 0);
                let main = as_arch(program().needs(&["liba.so"]).interpreter(arch.loaders[0]));
                let mut root = MemoryRoot::new();
                root.file(PROGRAM, main.bytes()).file(&at, as_arch(liba()).bytes());
                root.file(arch.loaders[0], as_arch(library("")).bytes());
                let closure = found(&root);
                assert!(closure.get(&at).is_some(), "{} {at}", arch.name);
                assert!(closure.get(arch.loaders[0]).is_some());
            }
        }
    }
    // one that is not in the table
    let elf = |elf: Elf| elf.machine(243, 64, true, 5);
    let mut root = MemoryRoot::new();
    root.file(PROGRAM, elf(program().needs(&["liba.so"]).interpreter("/lib/ld.so")).bytes());
    root.file("/lib/ld.so", elf(library("")).bytes()).file("/usr/lib64/liba.so", elf(liba()).bytes());
    assert!(found(&root).get("/usr/lib64/liba.so").is_some());
}

#[test]
fn a_library_alone_gets_the_loader_of_its_architecture() {
    let libc = library("libc.so.6").needs(&["ld-linux-x86-64.so.2"]);
    let mut root = MemoryRoot::new();
    root.file("/opt/plugin.so", library("").needs(&["libc.so.6"]).bytes());
    root.file("/lib/x86_64-linux-gnu/libc.so.6", libc.bytes());
    root.file("/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", library("ld-linux-x86-64.so.2").bytes());
    root.link(LOADER, "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
    let closure = closure(&root, &[Request::file("/opt/plugin.so", "the test")], &Search::default()).unwrap();
    assert!(closure.get(LOADER).is_some(), "{closure:?}");
    assert_eq!(closure.files().len(), 3);
}

#[test]
fn without_default_directories() {
    let tree = |elf: Elf, at: &'static str| {
        let mut root = tree(&elf.needs(&["liba.so"]).nodeflib(), &[(at, liba())]);
        root.file("/etc/ld.so.conf", "/conf\n/usr/lib/special\n");
        closure(&root, &request(), &Search::default()).is_ok()
    };
    assert!(tree(program(), "/conf/liba.so"));
    assert!(tree(program().runpath("/usr/lib"), "/usr/lib/liba.so"));
    assert!(!tree(program(), "/usr/lib/liba.so"));
    // the loader refuses what its cache has from below a default directory
    assert!(!tree(program(), "/usr/lib/special/liba.so"));
}

#[test]
fn configuration_of_glibc() {
    let text = "# a comment\n\n  include ld.so.conf.d/*.conf /etc/none.conf\t/etc/more/?.conf # files\n\
        /last/ # slash\nrelative\nhwcap 1 nosegneg\n/typed=libc6\n/first\n";
    let mut root = tree(&program().needs(&["liba.so", "plugin.so"]), &[]);
    root.file("/etc/ld.so.conf", text);
    root.file("/etc/ld.so.conf.d/b.conf", "/second\n").file("/etc/ld.so.conf.d/a.conf", "/first\r\n");
    root.file("/etc/ld.so.conf.d/.hidden.conf", "/hidden\n");
    // files that include each other end
    root.file("/etc/more/1.conf", "/third\ninclude 2.conf\n/fifth").file("/etc/more/2.conf", "/fourth\n");
    let misses = misses(closure(&root, &request(), &Search::default()));
    let searched = |miss: &Miss| match &miss.reason {
        Reason::NotFound { searched, .. } => {
            let paths = searched.iter().map(|directory| directory.path.to_str().expect("text").to_owned());
            paths.take_while(|path| !path.starts_with("/lib")).collect::<Vec<_>>().join(" ")
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(searched(&misses[0]), "/first /second /third /fourth /fifth /last /typed");
    // the cache has no names that do not look like a library's
    assert_eq!(searched(&misses[1]), "");
}

#[test]
fn configuration_that_cannot_be_used() {
    let with = |text: &str| {
        let mut root = tree(&program(), &[]);
        root.file("/etc/ld.so.conf", text);
        root.file("/etc/circle.conf", "include circle.conf\n");
        root.unreadable("/etc/secret.conf").directory("/etc/folder.conf");
        closure(&root, &request(), &Search::default()).map(|closure| closure.objects.len())
    };
    let message = |text: &str| with(text).expect_err(text).to_string();
    let many = (0..600).map(|number| format!("include {number}.conf\n")).collect::<Vec<_>>().concat();
    assert_eq!(message(&many), "more than 512 files of ld.so.conf");
    assert_eq!(message("include secret.conf"), "/etc/secret.conf: permission denied");
    assert_eq!(message("include folder.conf"), "/etc/folder.conf: not a regular file");
    assert_eq!(message(&"#".repeat(70_000)), "/etc/ld.so.conf: larger than 65536 bytes");
    let many = (0..2000).map(|number| format!("/{number}\n")).collect::<Vec<_>>().concat();
    assert_eq!(message(&many), "more than 512 directories in ld.so.conf");
    assert_eq!(with("include none.conf").expect("nothing there"), 2);
    assert_eq!(with("include circle.conf").expect("an end"), 2);
}

#[test]
fn musl() {
    let loader = "/lib/ld-musl-x86_64.so.1";
    let main = program().interpreter(loader);
    let tree = |main: &Elf, libraries: &[(&str, Elf)], path: Option<&str>| {
        let mut root = MemoryRoot::new();
        root.file(PROGRAM, main.bytes()).file(loader, library("libc.so").bytes());
        root.link("/lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1");
        for (path, elf) in libraries {
            root.file(path, elf.bytes());
        }
        if let Some(text) = path {
            root.file("/etc/ld-musl-x86_64.path", text);
        }
        root.file("/etc/ld.so.conf", "/conf\n");
        let search = Search { extra: vec!["/extra".into()], ..Search::default() };
        let closure = closure(&root, &request(), &search);
        closure.map(|closure| {
            let paths = closure.objects.iter().map(|object| object.path.display().to_string());
            paths.filter(|path| path != PROGRAM && path != loader).collect::<Vec<_>>()
        })
    };
    // the libraries that are part of the loader, under any name
    let names = ["libc.so", "libpthread.so.0", "libm.so.6", "libc.musl-x86_64.so.1"];
    assert_eq!(tree(&main.clone().needs(&names), &[], None).unwrap(), [""; 0]);
    // built in, and in another order than glibc's
    let needs = main.clone().needs(&["liba.so"]);
    for (at, path, taken) in [
        ("/usr/local/lib/liba.so", None, true),
        ("/usr/lib/liba.so", None, true),
        ("/lib64/liba.so", None, false),
        ("/conf/liba.so", None, false),
        ("/lib64/liba.so", Some("/lib64:/x\n/y"), true),
        ("/y/liba.so", Some("/lib64:/x\n/y"), true),
        ("/usr/lib/liba.so", Some("/lib64"), false),
    ] {
        assert_eq!(tree(&needs, &[(at, liba())], path).is_ok(), taken, "{at} {path:?}");
    }
    // a search path is for all below, DT_RUNPATH too; what the caller adds comes first
    let low = library("liblow.so").needs(&["liba.so"]);
    let both = [("/lib/liblow.so", low), ("/x/liba.so", liba()), ("/extra/liba.so", liba())];
    let needs = main.clone().needs(&["liblow.so"]).runpath("/x");
    assert_eq!(tree(&needs, &both, None).unwrap(), ["/extra/liba.so", "/lib/liblow.so"]);
    assert_eq!(tree(&needs, &both[..2], None).unwrap(), ["/lib/liblow.so", "/x/liba.so"]);
    // a library without a program
    let mut root = MemoryRoot::new();
    root.file("/opt/plugin.so", library("").needs(&["libc.musl-x86_64.so.1"]).bytes());
    root.file(loader, library("libc.so").bytes());
    root.link("/lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1");
    let closure = closure(&root, &[Request::file("/opt/plugin.so", "x")], &Search::default()).unwrap();
    assert_eq!(closure.objects[0].path.to_str(), Some("/lib/libc.musl-x86_64.so.1"));
}

#[test]
fn what_stops_a_search_and_what_does_not() {
    let needs = || program().needs(&["liba.so"]);
    let mut root = tree(&needs(), &[("/usr/lib/liba.so", liba())]);
    root.unreadable("/lib/x86_64-linux-gnu/liba.so").link("/lib64/liba.so", "nowhere");
    root.link("/usr/lib64/liba.so", "liba.so").file("/lib/plain", "");
    assert_eq!(paths(&found(&root)), ["/usr/lib/liba.so"]);

    for (content, text) in [
        (&b"INPUT(liba.so.1)"[..], "/lib64/liba.so: neither an ELF file nor a script"),
        (b"#!/bin/sh\n", "/lib64/liba.so: neither an ELF file nor a script"),
        (b"\x7fELF", "/lib64/liba.so: ends within its header"),
    ] {
        let mut root = tree(&needs(), &[("/usr/lib/liba.so", liba())]);
        root.file("/lib64/liba.so", content);
        let misses = misses(closure(&root, &request(), &Search::default()));
        assert_eq!(misses[0].to_string(), format!("liba.so, needed by {PROGRAM}: {text}"));
    }
    let mut root = tree(&needs(), &[]);
    root.directory("/lib64/liba.so");
    let misses = misses(closure(&root, &request(), &Search::default()));
    assert!(misses[0].to_string().ends_with("/lib64/liba.so: not a regular file"), "{misses:?}");
}

#[test]
fn all_misses_are_told_with_who_needs_them_and_where_they_were_looked_for() {
    let i386 = liba().machine(3, 32, true, 0);
    let mut root = tree(
        &program().needs(&["liba.so", "libfoo.so.1", "libok.so"]),
        &[
            ("/lib64/liba.so", i386),
            ("/lib64/libfoo.so.2", library("libfoo.so.2")),
            ("/lib64/libfoo-1.so", library("")),
            ("/lib64/libok.so", library("libok.so").needs(&["libdeep.so"])),
        ],
    );
    root.link("/usr/lib64", "../lib64").unreadable("/usr/lib/liba.so");
    let requests = [
        Request::file("/bin/none", "a shell"),
        Request::file(PROGRAM, "the test"),
        Request::file("relative", "nothing"),
    ];
    let text = closure(&root, &requests, &Search::default()).expect_err("misses").to_string();
    let searched = "searched /lib/x86_64-linux-gnu (does not exist), \
        /usr/lib/x86_64-linux-gnu (does not exist), /lib64, /usr/lib64, /lib (does not exist), /usr/lib";
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            "/bin/none, needed for a shell: does not exist".to_owned(),
            format!(
                "liba.so, needed by {PROGRAM}: not found; {searched}; /lib64/liba.so is for i386; \
                 /usr/lib64/liba.so is for i386; /usr/lib/liba.so: cannot be read: \
                 permission denied"
            ),
            format!(
                "libfoo.so.1, needed by {PROGRAM}: not found; {searched}; \
                 similar: /lib64/libfoo-1.so, /lib64/libfoo.so.2"
            ),
            format!("libdeep.so, needed by /lib64/libok.so: not found; {searched}"),
            "relative, needed for nothing: a path that depends on where and how the program is started"
                .to_owned(),
        ]
    );
    // two programs lack the same because of the same
    root.file("/usr/bin/other", program().needs(&["libok.so"]).bytes());
    let requests = [Request::file(PROGRAM, "x"), Request::file("/usr/bin/other", "y")];
    assert_eq!(misses(closure(&root, &requests, &Search::default())).len(), 3);
}

#[test]
fn notes_about_dlopen() {
    let note = |name: &str, priority: &str| format!(r#"[{{"soname":["{name}"],"priority":"{priority}"}}]"#);
    let main = program()
        .opens(&note("libsuggested.so", "suggested"))
        .opens(&note("librecommended.so", "recommended"))
        .opens(&note("librequired.so", "required"));
    let all = [
        ("/lib64/librecommended.so", library("").needs(&["liba.so"]).rpath("/private")),
        ("/private/liba.so", liba()),
        ("/lib64/librequired.so", library("")),
        ("/lib64/libsuggested.so", library("")),
    ];
    let follow = |libraries: &[(&str, Elf)], follow| {
        let search = Search { follow, ..Search::default() };
        closure(&tree(&main, libraries), &request(), &search)
    };
    let some = follow(&all, Priority::Recommended).unwrap();
    assert_eq!(paths(&some), ["/lib64/librecommended.so", "/lib64/librequired.so", "/private/liba.so"]);
    let how = How::Dlopen { feature: None, priority: Priority::Required };
    let by = &some.get("/lib64/librequired.so").unwrap().by;
    assert_eq!(by, &Needer::Object { path: PROGRAM.into(), how });
    assert_eq!(paths(&follow(&all, Priority::Suggested).unwrap()).len(), 4);
    assert_eq!(paths(&follow(&all, Priority::Required).unwrap()), ["/lib64/librequired.so"]);

    // a recommended one that is not there, or lacks something, is left out, with all it brought
    let less = follow(&all[2..], Priority::Recommended).unwrap();
    assert_eq!(paths(&less), ["/lib64/librequired.so"]);
    assert_eq!(less.absent[0].name, "librecommended.so");
    let lacks = [&all[..1], &all[2..]].concat();
    let less = follow(&lacks, Priority::Recommended).unwrap();
    assert_eq!(paths(&less), ["/lib64/librequired.so"]);
    assert!(matches!(&less.absent[0].reason, Reason::Incomplete { lacks, .. } if lacks[0].name == "liba.so"));
    // a required one is a miss
    let missing = misses(follow(&all[..2], Priority::Recommended));
    assert_eq!(missing[0].name, "librequired.so");
    assert!(missing[0].to_string().starts_with("librequired.so, opened by /usr/bin/program, required: "));
}

#[test]
fn what_is_required_is_so_whoever_else_brings_it() {
    let main = program()
        .opens(r#"[{"soname":["liboptional.so"]}, {"soname":["libneeded.so"],"priority":"required"}]"#);
    let needed = library("").opens(r#"{"soname":"libnone.so","priority":"required"}"#);
    let libraries = [
        ("/lib64/liboptional.so", library("").needs(&["libneeded.so"])),
        ("/lib64/libneeded.so", needed.clone()),
    ];
    let missing = misses(closure(&tree(&main, &libraries), &request(), &Search::default()));
    assert_eq!(missing[0].name, "libnone.so");
    // only something optional needs it
    let main = program().opens(r#"{"soname":"liboptional.so"}"#);
    let found = found(&tree(&main, &libraries));
    assert_eq!(paths(&found), ["/lib64/libneeded.so", "/lib64/liboptional.so"]);
    assert_eq!(found.absent[0].name, "libnone.so");
}

#[test]
fn alternatives_of_a_note() {
    let main = program().opens(r#"[{"soname":["libx.so.2","libx.so.1"],"priority":"required"}]"#);
    let take = |libraries: &[(&str, Elf)]| closure(&tree(&main, libraries), &request(), &Search::default());
    let (two, one) = (("/lib64/libx.so.2", library("")), ("/lib64/libx.so.1", library("")));
    assert_eq!(paths(&take(&[two.clone(), one.clone()]).unwrap()), ["/lib64/libx.so.2"]);
    assert_eq!(paths(&take(std::slice::from_ref(&one)).unwrap()), ["/lib64/libx.so.1"]);
    let broken = (two.0, two.1.needs(&["libnone.so"]));
    assert_eq!(paths(&take(&[broken.clone(), one]).unwrap()), ["/lib64/libx.so.1"]);
    let missing = misses(take(&[broken]));
    assert_eq!(missing[0].name, "libnone.so");
    let missing = misses(take(&[]));
    assert!(missing[0].to_string().starts_with("libx.so.2 or libx.so.1, opened by"), "{}", missing[0]);
}

#[test]
fn who_opens_a_library_decides_where_it_is_searched() {
    let mut root = tree(&program().runpath("/private"), &[("/private/libplugin.so", library(""))]);
    root.file("/usr/bin/other", program().bytes());
    let open = |opener: &str| {
        let request = Request::library("libplugin.so", opener, "a plugin");
        closure(&root, std::slice::from_ref(&request), &Search::default())
            .map_err(|error| (error, closure(&root, &[request.optional()], &Search::default())))
    };
    assert_eq!(paths(&open(PROGRAM).unwrap()), ["/private/libplugin.so"]);
    let (error, optional) = open("/usr/bin/other").unwrap_err();
    assert!(error.to_string().starts_with("libplugin.so, needed for a plugin: not found"), "{error}");
    let optional = optional.expect("optional");
    assert_eq!(paths(&optional), ["/usr/bin/other"]);
    assert_eq!(optional.absent.len(), 1);
    // an opener that is not there
    let (error, optional) = open("/usr/bin/none").unwrap_err();
    assert_eq!(error.to_string(), "/usr/bin/none, needed for a plugin: does not exist");
    assert!(optional.expect("optional").objects.is_empty());
    // an optional request does not make a required one optional, whichever comes first
    let requests = [Request::file("/none", "x").optional(), Request::file("/none", "y")];
    assert_eq!(misses(closure(&root, &requests, &Search::default())).len(), 1);
}

#[test]
fn an_optional_program_that_lacks_something_is_left_out() {
    let mut root = tree(&program(), &[]);
    root.file("/usr/bin/extra", program().needs(&["libnone.so"]).bytes());
    let requests =
        [Request::file("/usr/bin/extra", "comfort").optional(), Request::file(PROGRAM, "the test")];
    let closure = closure(&root, &requests, &Search::default()).unwrap();
    assert_eq!(paths(&closure), [""; 0]);
    let text = closure.absent[0].to_string();
    let start =
        "/usr/bin/extra, needed for comfort: left out, since /usr/bin/extra lacks libnone.so, needed by";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn scripts_bring_their_interpreters() {
    let mut root = tree(&program(), &[]);
    root.link("/bin/sh", "/usr/bin/program");
    root.file("/usr/bin/tool", "#!/usr/bin/wrapper -x\n").file("/usr/bin/wrapper", "#! /bin/sh\n");
    let tool = [Request::file("/usr/bin/tool", "the test")];
    let found = closure(&root, &tool, &Search::default()).unwrap();
    let list: Vec<_> = found.objects.iter().map(|object| object.path.to_str().unwrap()).collect();
    assert_eq!(list, ["/bin/sh", LOADER, "/usr/bin/tool", "/usr/bin/wrapper"]);
    let script = &found.get("/usr/bin/tool").unwrap().content;
    assert!(matches!(script, Content::Script(script) if script.argument.as_deref() == Some("-x".as_ref())));
    assert_eq!(found.get("/bin/sh").unwrap().by.to_string(), "the interpreter of /usr/bin/wrapper");

    root.file("/usr/bin/wrapper", "#!/usr/bin/none\n");
    let missing = misses(closure(&root, &tool, &Search::default()));
    let text = "/usr/bin/none, the interpreter of /usr/bin/wrapper: does not exist";
    assert_eq!(missing[0].to_string(), text);
    root.file("/usr/bin/wrapper", "#!/usr/bin/tool\n");
    let missing = misses(closure(&root, &tool, &Search::default()));
    assert!(matches!(missing[0].reason, Reason::Scripts), "{missing:?}");
}

#[test]
fn a_program_without_its_loader() {
    let mut root = MemoryRoot::new();
    root.file(PROGRAM, program().bytes());
    let missing = misses(closure(&root, &request(), &Search::default()));
    let text = format!("{LOADER}, the interpreter of {PROGRAM}: does not exist");
    assert_eq!(missing[0].to_string(), text);
    root.file(LOADER, library("").machine(183, 64, true, 0).bytes());
    let missing = misses(closure(&root, &request(), &Search::default()));
    assert!(missing[0].to_string().ends_with(": it is for aarch64, not for x86_64"), "{}", missing[0]);
    root.file(PROGRAM, program().interpreter("ld.so").bytes());
    let missing = misses(closure(&root, &request(), &Search::default()));
    assert!(matches!(missing[0].reason, Reason::Relative));
}

#[test]
fn modules_of_the_name_service_switch() {
    let libc = library("libc.so.6");
    let nss = "/lib/x86_64-linux-gnu/libnss_";
    let mut root = tree(&program().needs(&["libc.so.6"]), &[("/lib/x86_64-linux-gnu/libc.so.6", libc)]);
    root.file(format!("{nss}files.so.2"), library("").bytes());
    root.file(format!("{nss}systemd.so.2"), library("").needs(&["libcap.so.2"]).bytes());
    root.file(format!("{nss}broken.so.2"), library("").needs(&["libnone.so"]).bytes());
    root.file(format!("{nss}old.so.1"), library("").bytes());
    root.file("/lib64/libcap.so.2", library("libcap.so.2").bytes());
    let ask = |nss| closure(&root, &request(), &Search { nss, ..Search::default() }).unwrap();
    assert_eq!(paths(&ask(Nss::None)), ["/lib/x86_64-linux-gnu/libc.so.6"]);
    let all = ask(Nss::All);
    let modules =
        ["c.so.6", "nss_files.so.2", "nss_systemd.so.2"].map(|n| format!("/lib/x86_64-linux-gnu/lib{n}"));
    assert_eq!(paths(&all)[..3], modules);
    assert_eq!(paths(&all)[3..], ["/lib64/libcap.so.2"]);
    assert_eq!(all.absent.len(), 1);
    let by = Needer::Object { path: modules[0].clone().into(), how: How::Nss };
    assert_eq!(all.get(&modules[1]).unwrap().by, by);
    let named = ask(Nss::Named(vec!["files".to_owned(), "dns".to_owned()]));
    assert_eq!(paths(&named), [modules[0].as_str(), modules[1].as_str()]);
    assert_eq!(named.absent[0].name, "libnss_dns.so.2");
}

#[test]
fn nothing_is_asked_of_the_root_twice() {
    struct Counting(MemoryRoot, std::cell::RefCell<Vec<String>>);
    impl rkt_elf::Root for Counting {
        fn look(&self, path: &std::path::Path) -> std::io::Result<Option<rkt_elf::Entry>> {
            self.1.borrow_mut().push(format!("look {}", path.display()));
            self.0.look(path)
        }
        fn open(&self, path: &std::path::Path) -> std::io::Result<Box<dyn rkt_elf::ReadAt + '_>> {
            self.1.borrow_mut().push(format!("open {}", path.display()));
            self.0.open(path)
        }
        fn names(
            &self,
            path: &std::path::Path,
            each: &mut dyn FnMut(&std::ffi::OsStr) -> bool,
        ) -> std::io::Result<()> {
            self.1.borrow_mut().push(format!("names {}", path.display()));
            self.0.names(path, each)
        }
    }
    let mut root = tree(
        &program().needs(&["liba.so", "libb.so"]),
        &[("/usr/lib/liba.so", liba()), ("/usr/lib/libb.so", library("libb.so").needs(&["liba.so"]))],
    );
    root.link("/lib", "usr/lib").file("/usr/bin/other", program().needs(&["libb.so"]).bytes());
    let root = Counting(root, std::cell::RefCell::default());
    let requests = [Request::file(PROGRAM, "x"), Request::file("/usr/bin/other", "y")];
    closure(&root, &requests, &Search { nss: Nss::All, ..Search::default() }).unwrap();
    let mut calls = root.1.into_inner();
    let count = calls.len();
    calls.sort();
    calls.dedup();
    assert_eq!(calls.len(), count, "{calls:#?}");
}

#[test]
fn unreadable_files_are_named() {
    let mut root = tree(&program().needs(&["liba.so"]), &[]);
    root.unreadable("/lib64/liba.so").unreadable("/bin/secret");
    let requests = [Request::file(PROGRAM, "x"), Request::file("/bin/secret", "y")];
    let missing = misses(closure(&root, &requests, &Search::default()));
    let Reason::NotFound { passed, .. } = &missing[0].reason else { panic!("{missing:?}") };
    assert!(matches!(passed[0].why, Why::Unreadable(_)));
    assert_eq!(missing[1].to_string(), "/bin/secret, needed for y: cannot be read: permission denied");
}

#[test]
fn hostile_trees_come_to_an_end() {
    // Each library needs names that are nowhere, in its directories and in those of all above it.
    let directories: Vec<String> =
        (0..limits::MAX_DIRECTORIES).map(|number| format!("/a/very/long/directory/{number}")).collect();
    let directories = directories.join(":");
    let mut root = MemoryRoot::new();
    root.file(LOADER, library("").bytes());
    root.file(PROGRAM, program().needs(&["lib0.so"]).rpath("/lib64").bytes());
    for number in 0..limits::MAX_OBJECTS {
        let missing: Vec<String> = (0..8).map(|name| format!("lib{number}-{name}.so")).collect();
        let mut elf = library("").needs(&[&format!("lib{}.so", number + 1)]).rpath(&directories);
        elf.needed.extend(missing);
        root.file(format!("/lib64/lib{number}.so"), elf.bytes());
    }
    let message =
        |root: &MemoryRoot| closure(root, &request(), &Search::default()).expect_err("too much").to_string();
    assert_eq!(message(&root), "more than 16777216 places to look at");

    // Only names, no directories.
    let mut root = MemoryRoot::new();
    root.file(LOADER, library("").bytes()).file(PROGRAM, program().needs(&["lib0.so"]).bytes());
    for number in 0..limits::MAX_OBJECTS {
        let next = format!("lib{}.so", number + 1);
        root.file(format!("/lib64/lib{number}.so"), library("").needs(&[&next]).bytes());
    }
    assert_eq!(message(&root), "more than 4096 objects in a process");

    // Each of many objects opens what can never be complete.
    let mut root = MemoryRoot::new();
    let bad = r#"{"soname":["libbad.so"]}"#;
    let notes = format!("[{}]", vec![bad; limits::MAX_DLOPEN].join(","));
    let many: Vec<String> = (0..100).map(|number| format!("lib{number}.so")).collect();
    root.file(LOADER, library("").bytes());
    root.file(PROGRAM, Elf { needed: many.clone(), ..program() }.bytes());
    for name in &many {
        root.file(format!("/lib64/{name}"), library("").opens(&notes).bytes());
    }
    root.file("/lib64/libbad.so", library("").needs(&["libnone.so"]).bytes());
    let found = closure(&root, &request(), &Search::default()).expect("a closure");
    assert_eq!(found.absent.len(), many.len());
}
