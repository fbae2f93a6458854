//! Each rule as rows of a table: words, and what is said about them.

use std::ffi::OsString;

use host::systemd::assets::Miss;

use super::*;
use crate::cli;
use crate::configure::facts::{FlavorFacts, PathKind, RustFacts};

/// A machine on which everything is there, and a version that builds every flavor.
fn facts() -> HostFacts {
    let flavor = |name: &str| FlavorFacts {
        name: name.to_owned(),
        image: format!("coreos.com/rkt/stage1-{name}"),
        arches: if matches!(name, "coreos" | "kvm") {
            vec!["amd64".into(), "aarch64".into()]
        } else {
            Vec::new()
        },
        works: true,
    };
    let programs = ["cargo", "rustc", "cc", "aarch64-linux-gnu-gcc", "arm-linux-gnueabihf-gcc"];
    HostFacts {
        current_dir: "/src".into(),
        environment: [("HOME".to_owned(), "/home/me".to_owned())].into(),
        machine: "x86_64-unknown-linux-gnu".to_owned(),
        flavors: ["coreos", "kvm", "src", "host", "fly"].map(flavor).into(),
        programs: programs
            .into_iter()
            .map(|name| (name.to_owned(), Some(format!("/usr/bin/{name}").into())))
            .collect(),
        static_libc: Some(true),
        rust: Some(RustFacts {
            version: "1.95.0".to_owned(),
            targets: [
                "x86_64-unknown-linux-gnu",
                "aarch64-unknown-linux-gnu",
                "armv7-unknown-linux-gnueabihf",
            ]
            .map(str::to_owned)
            .into(),
        }),
        ..HostFacts::default()
    }
}

fn options(words: &str) -> Options {
    let words = words.split_whitespace().map(OsString::from);
    cli::parse(true, words).0.options
}

fn told(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.what.as_str()).collect()
}

/// What is said has to contain these texts, in this order, and nothing else.
#[track_caller]
fn expect(words: &str, facts: &HostFacts, errors: &[&str], warnings: &[&str]) -> Option<Config> {
    let outcome = check(&options(words), facts);
    let found = outcome.config.as_ref().err().map(|errors| told(errors)).unwrap_or_default();
    let same = |found: &[&str], wanted: &[&str]| {
        found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| found.contains(wanted))
    };
    assert!(same(&found, errors), "{words}: errors {found:#?}");
    let found = told(&outcome.warnings);
    assert!(same(&found, warnings), "{words}: warnings {found:#?}");
    outcome.config.ok()
}

const FLY: &str = "little isolation";

#[test]
fn flavors_and_the_default_image() {
    let facts = facts();
    for (words, errors, warnings) in [
        ("", &[][..], &[][..]),
        ("--with-stage1-flavors=coreos,kvm,src,host,fly", &[], &[FLY]),
        ("--with-stage1-flavors=auto", &[], &[]),
        ("--with-stage1-flavors=kvm,kvm", &["listed twice"], &[]),
        ("--with-stage1-flavors=,fly", &["empty item"], &[FLY]),
        ("--with-stage1-flavors=fly,", &["empty item"], &[FLY]),
        ("--with-stage1-flavors=Fly", &["unknown stage1 flavor \"Fly\""], &[]),
        ("--with-stage1-default-flavor=kvm", &[], &[]),
        ("--with-stage1-default-flavor=host", &["not among those that are built (coreos,kvm,fly)"], &[]),
        ("--with-stage1-default-flavor=x", &["unknown stage1 flavor \"x\""], &[]),
        ("--with-stage1-default-flavour=fly --with-stage1-flavors=host,fly", &[], &[FLY]),
        ("--with-stage1-default-flavor=fly --with-stage1-default-version=1", &["not both"], &[]),
        ("--with-stage1-default-name=a.b/c --with-stage1-default-version=1", &[], &["does not know where"]),
        ("--with-stage1-default-name=a.b/c", &["default-version is missing"], &["does not know where"]),
        ("--with-stage1-default-version=1", &["default-name is missing"], &["does not know where"]),
        (
            "--with-stage1-default-name= --with-stage1-default-version=1 --with-stage1-default-location=/x",
            &["is empty"],
            &[],
        ),
        (
            "--with-stage1-default-name=a.b/c --with-stage1-default-version=1 --with-stage1-default-location=/x \
             --with-stage1-flavors-version-override=2",
            &[],
            &["none is built"],
        ),
        ("--with-stage1-flavors-version-override=", &[], &[]),
        ("--with-stage1-flavors-version-override", &["a version is missing"], &[]),
        ("--without-stage1-flavors-version-override", &["a version is missing"], &[]),
        ("--with-stage1-default-location=/srv/", &["a directory, not an image"], &[]),
        ("--with-stage1-default-location=ftp://x/y", &["neither an absolute path nor a URL"], &[]),
        ("--with-stage1-default-location=https://", &["neither an absolute path nor a URL"], &[]),
        ("--with-stage1-default-images-directory=images", &["not an absolute"], &[]),
        ("--with-stage1-default-images-directory=${datadir}/rkt", &[], &[]),
    ] {
        expect(words, &facts, errors, warnings);
    }
}

#[test]
fn what_follows_from_the_flavors() {
    let facts = facts();
    let config = expect("--with-stage1-flavors=kvm,host", &facts, &[], &[]).unwrap();
    assert_eq!(config.default_stage1.name, "coreos.com/rkt/stage1-kvm");
    assert_eq!(config.default_stage1.file.as_deref(), Some("stage1-kvm.aci"));
    assert_eq!(config.hypervisors, ["qemu"]);
    let words =
        "--with-stage1-flavors=src --with-stage1-systemd-version=v257 --with-stage1-systemd-src=systemd";
    let config = expect(words, &facts, &[], &[]).unwrap();
    assert_eq!(config.default_stage1.name, "coreos.com/rkt/stage1-src-v257");
    let systemd = config.systemd.unwrap();
    assert_eq!((&*systemd.source, &*systemd.revision), ("/src/systemd", "master"));
    let config = expect("", &facts, &[], &[]).unwrap();
    assert_eq!(config.flavors, ["coreos", "kvm", "fly"]);
    assert_eq!(config.cache_dir.to_str(), Some("/home/me/.cache/rkt-build"));
    assert_eq!(config.default_stage1.images_directory.to_str(), Some("/usr/local/lib/rkt/stage1-images"));
    let words = "--with-stage1-default-images-directory=${datadir}/rkt --prefix=/opt";
    let config = expect(words, &facts, &[], &[]).unwrap();
    assert_eq!(config.default_stage1.images_directory.to_str(), Some("/opt/share/rkt"));
}

#[test]
fn options_of_single_flavors() {
    let facts = facts();
    let pxe = "--with-coreos-local-pxe-image-path=pxe.img";
    let version = "--with-coreos-local-pxe-image-systemd-version=v231";
    for (words, errors, warnings) in [
        (format!("--with-stage1-flavors=kvm {pxe} {version}"), &[][..], &[][..]),
        (
            format!("--with-stage1-flavors=kvm {pxe}"),
            &["version of systemd in the PXE image is missing"],
            &[],
        ),
        (format!("--with-stage1-flavors=coreos {version}"), &["but no PXE image"], &[]),
        (
            format!("--with-stage1-flavors=host {pxe} {version}"),
            &[],
            &["neither flavor coreos", "neither flavor coreos"],
        ),
        (
            "--with-stage1-flavors=src --with-stage1-systemd-version=HEAD".to_owned(),
            &[],
            &["taken as master"],
        ),
        (
            "--with-stage1-flavors=host --with-stage1-systemd-src=/x --with-stage1-systemd-revision=r \
             --with-stage1-systemd-version=v1"
                .to_owned(),
            &[],
            &["flavor src is not built", "flavor src is not built", "flavor src is not built"],
        ),
        ("--with-stage1-flavors=kvm --with-stage1-kvm-hypervisors=lkvm,qemu".to_owned(), &[], &[]),
        (
            "--with-stage1-flavors=kvm --with-stage1-kvm-hypervisors=".to_owned(),
            &["list of hypervisors is empty"],
            &[],
        ),
        (
            "--with-stage1-flavors=kvm --with-stage1-kvm-hypervisors=lkvm,lkvm".to_owned(),
            &["listed twice"],
            &[],
        ),
        (
            "--with-stage1-flavors=kvm --with-stage1-kvm-hypervisors=xen".to_owned(),
            &["unknown hypervisor"],
            &[],
        ),
        // A value that is refused is not told to be ignored as well.
        (
            "--with-stage1-flavors=host --with-stage1-kvm-hypervisors=xen".to_owned(),
            &["unknown hypervisor"],
            &[],
        ),
    ] {
        expect(&words, &facts, errors, warnings);
    }
}

#[test]
fn a_pxe_image_is_looked_for_only_where_it_is_used() {
    let mut facts = facts();
    let version = "--with-coreos-local-pxe-image-systemd-version=v1";
    for name in ["none.img", "auto"] {
        facts.paths.insert(facts.current_dir.join(name), super::super::facts::PathKind::Missing);
    }
    let image = "--with-coreos-local-pxe-image-path=none.img";
    expect(
        &format!("--with-stage1-flavors=coreos {image} {version}"),
        &facts,
        &["nothing with this name"],
        &[],
    );
    let ignored = ["neither flavor coreos", "neither flavor coreos"];
    expect(&format!("--with-stage1-flavors=host {image} {version}"), &facts, &[], &ignored);
    // The word `auto` stands for an option that was not given.
    expect("--with-stage1-flavors=coreos --with-coreos-local-pxe-image-path=auto", &facts, &[], &[]);
}

#[test]
fn every_error_says_what_to_do() {
    let facts = facts();
    for words in [
        "--with-stage1-flavors=fly,fly,,nope --with-stage1-default-flavor=nope",
        "--enable-tpm=x --enable-sdjournal= --enable-functional-tests=x --enable-incremental-build=x",
        "--enable-option-checking=x --prefix=usr --libdir=$HOME/lib --bindir=${nope}",
        "--with-stage1-default-images-directory=$x --with-stage1-default-location=x --with-stage1=x",
        "--with-stage1-default-name=A --with-stage1-default-version= --host=x --build=mips-linux-gnu",
        "--with-stage1-kvm-hypervisors=lkvm,lkvm,,x SOURCE_DATE_EPOCH=-1 --with-stage1-target=x",
        "--with-stage1-flavors=coreos --with-coreos-local-pxe-image-path=x",
    ] {
        let errors = super::check(&options(words), &facts).config.unwrap_err();
        for error in errors {
            assert!(error.hint.is_some(), "{words}: {error}");
        }
    }
}

#[test]
fn flavors_that_this_version_does_not_build() {
    let mut facts = facts();
    for flavor in &mut facts.flavors {
        flavor.works = flavor.name == "fly";
    }
    let config = expect("", &facts, &[], &["only fly of the default flavors is built"]).unwrap();
    assert_eq!(config.flavors, ["fly"]);
    expect("--with-stage1-flavors=fly,host", &facts, &["\"host\" cannot be built yet"], &[FLY]);
    expect("--with-stage1-default-flavor=kvm", &facts, &["not among"], &["only fly"]);
}

#[test]
fn machines() {
    let facts = facts();
    let config = expect("--with-stage1-flavors=host --host=aarch64-linux-gnu", &facts, &[], &[]).unwrap();
    assert!(config.cross);
    assert_eq!(config.compiler.unwrap().linker.as_deref(), Some("aarch64-linux-gnu-gcc"));
    let config = expect("--host=x86_64-redhat-linux --build=x86_64-linux-gnu", &facts, &[], &[]).unwrap();
    assert!(!config.cross);
    assert_eq!(config.compiler.unwrap().linker, None);
    expect(
        "--host=x86_64-linux-musl --build=x86_64-linux-gnu",
        &facts,
        &["standard library", "a C compiler"],
        &[],
    );
    let words = "--with-stage1-flavors=coreos,host --host=arm-linux-gnueabihf";
    expect(words, &facts, &["\"coreos\" cannot be built for armv7l"], &["never been tried"]);
    expect(
        "--host=sparc64-linux-gnu --prefix=x",
        &facts,
        &["unsupported host architecture", "not an absolute"],
        &[],
    );
    expect("--target=s390x-linux-gnu", &facts, &[], &["third machine"]);
}

#[test]
fn features() {
    let mut facts = facts();
    let config = expect("--disable-tpm --enable-sdjournal=auto", &facts, &[], &[]).unwrap();
    assert!(!config.features.tpm && !config.features.sdjournal);
    facts.journal = true;
    assert!(expect("--enable-sdjournal=auto", &facts, &[], &[]).unwrap().features.sdjournal);
    assert!(expect("", &facts, &[], &[]).unwrap().features.tpm);
    for (words, errors) in [
        ("--enable-sdjournal=YES", &["none of yes, no, auto"][..]),
        ("--enable-incremental-build=always", &["neither yes nor no"]),
        ("--enable-incremental-build", &[]),
        ("--enable-incremental-build --prefix=/usr", &["system directory (/usr/bin)"]),
        ("--enable-incremental-build --bindir=/bin", &["system directory (/bin)"]),
        ("--enable-incremental-build --prefix=/usr/local", &[]),
        ("--enable-incremental-build --prefix=/home/me/rkt", &[]),
        ("--enable-incremental-build --host=aarch64-linux-gnu", &["this is a cross build"]),
        ("--enable-functional-tests=sometimes", &["none of yes, no, auto"]),
        ("--enable-functional-tests --host=aarch64-linux-gnu", &["does not run on this machine"]),
    ] {
        expect(words, &facts, errors, &[]);
    }
}

#[test]
fn functional_tests_of_flavor_host_need_tools_of_systemd() {
    let yes = "--enable-functional-tests --with-stage1-flavors=host";
    let auto = "--enable-functional-tests=auto --with-stage1-flavors=host";
    let switched_on = |config: Option<Config>| config.unwrap().features.functional_tests;
    let facts = facts();
    // That systemd has booted the machine is not asked.
    assert!(switched_on(expect(yes, &facts, &[], &[])));
    assert!(switched_on(expect(auto, &facts, &[], &[])));
    let file = |name| Miss::File { name, why: "testing", searched: "PATH".to_owned() };
    for (misses, says) in [
        (vec![file("systemd-nspawn")], "systemd-nspawn, needed for testing: not in PATH"),
        (vec![Miss::TooOld(219)], "systemd-nspawn is of systemd 219, and 220 or newer is needed"),
        (
            vec![Miss::TooOld(1), file("systemctl")],
            "flavor host takes systemd from the machine: systemd-nspawn is of systemd 1, and 220 or newer is needed; \
             systemctl, needed for testing: not in PATH",
        ),
    ] {
        let facts = HostFacts { systemd_misses: misses, ..facts.clone() };
        expect(yes, &facts, &[says], &[]);
        assert!(!switched_on(expect(auto, &facts, &[], &[says])));
        // Another flavor brings what it needs.
        assert!(switched_on(expect(
            "--enable-functional-tests --with-stage1-flavors=coreos",
            &facts,
            &[],
            &[]
        )));
    }
}

#[test]
fn what_compiling_needs() {
    let old = |version: &str| {
        let mut facts = facts();
        facts.rust.as_mut().unwrap().version = version.to_owned();
        facts
    };
    expect("", &old("1.71.0"), &["is too old", "CVE-2023-38497"], &[]);
    expect("--enable-insecure-go", &old("1.71.0"), &["is too old"], &["CVE-2023-38497"]);
    expect("--disable-insecure-go", &old("1.71.0"), &["is too old", "CVE-2023-38497"], &[]);
    expect("", &old("1.97.0-nightly"), &[], &[]);
    expect("", &old("gccrs"), &["cannot be understood"], &[]);
    expect("", &HostFacts { rust: None, ..facts() }, &["does not tell its version"], &[]);
    expect("", &HostFacts { static_libc: Some(false), ..facts() }, &["static C library"], &[]);
    let words =
        "--with-stage1-default-name=a.b/c --with-stage1-default-version=1 --with-stage1-default-location=/x";
    expect(words, &HostFacts { static_libc: Some(false), ..facts() }, &[], &[]);
    expect("CARGO=/opt/cargo", &facts(), &["cargo is missing"], &[]);
    expect("", &HostFacts { programs: BTreeMap::new(), ..facts() }, &["cargo", "rustc", "a C compiler"], &[]);
    let ready = "--with-stage1-executable=s --with-rkt-executable=r";
    let nothing = HostFacts { programs: BTreeMap::new(), rust: None, ..facts() };
    assert_eq!(expect(ready, &nothing, &[], &[]).unwrap().compiler, None);
    let mut gone = facts();
    gone.paths.insert("/src/s".into(), PathKind::Missing);
    gone.paths.insert("/src/r".into(), PathKind::Directory);
    expect(ready, &gone, &["nothing with this name", "not a file"], &[]);
    let config =
        expect("--with-stage1-target=x86_64-unknown-linux-musl", &facts(), &["standard library"], &[]);
    assert_eq!(config, None);
}

#[test]
fn names_that_nobody_knows() {
    let facts = facts();
    expect("--with-stage1-flavor=fly", &facts, &[], &["unknown options: --with-stage1-flavor=fly"]);
    expect("--enable-option-checking=fatal --enable-foo", &facts, &["unknown options: --enable-foo"], &[]);
    expect("--enable-option-checking=no --enable-foo", &facts, &[], &[]);
    expect("--enable-option-checking=perhaps", &facts, &["none of yes, no, fatal"], &[]);
    expect(
        "--with-default-stage1-flavor=fly --disable-option-checking",
        &facts,
        &["an option of older versions"],
        &[],
    );
    expect("--program-prefix=x", &facts, &[], &["programs keep their names"]);
    expect(
        "--program-prefix= --program-transform-name=s,x,x, --disable-nls --x-includes=/x",
        &facts,
        &[],
        &[],
    );
}

#[test]
fn a_configuration_comes_back_as_it_was_saved() {
    let dir = tempfile::tempdir().unwrap();
    let words =
        format!("BUILDDIR={} CFLAGS=-O2 SOURCE_DATE_EPOCH=1 --offline", dir.path().join("b").display());
    let config = expect(&words, &facts(), &[], &[]).unwrap();
    config.save().unwrap();
    assert_eq!(Config::load(&config.builddir).unwrap(), config);
    assert_eq!((config.source_date_epoch, config.offline), (Some(1), true));
    assert_eq!(config.variables.get("CFLAGS").map(String::as_str), Some("-O2"));
    let newer = Config { format: FORMAT + 1, ..config.clone() };
    newer.save().unwrap();
    assert!(Config::load(&config.builddir).unwrap_err().what.contains("of format"));
    std::fs::write(config.builddir.join("config.json"), "{}").unwrap();
    assert!(
        Config::load(&config.builddir).unwrap_err().what.starts_with("not a configuration of this version")
    );
}
