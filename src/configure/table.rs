//! The one table of options: the parser, the help, the suggestions, and later the manual page and the completion
//! all read it.

use super::options::Key;

/// How an option is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `--with-NAME[=VALUE]`, `--without-NAME`.
    With,
    /// `--enable-NAME[=VALUE]`, `--disable-NAME`.
    Enable,
    /// `--NAME=VALUE` or `--NAME VALUE`.
    Value,
    /// `--NAME`.
    Flag,
}

/// Under which heading the help shows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The tool itself.
    Configuration,
    /// Prefixes.
    Installation,
    /// Single directories.
    FineTuning,
    /// What installed programs are called.
    ProgramNames,
    /// Machines.
    SystemTypes,
    /// `--enable-*`
    Features,
    /// `--with-*`
    Packages,
    /// Where the build gets things from.
    Inputs,
    /// Accepted and without effect.
    Accepted,
}

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What it means.
    pub key: Key,
    /// Its name without dashes and without `with-` or `enable-`.
    pub name: &'static str,
    /// How it is typed.
    pub kind: Kind,
    /// What stands for the value in the help; empty where the option is shown without one.
    pub metavar: &'static str,
    /// What holds when it is not given, in words; empty where the help says nothing.
    pub default: &'static str,
    /// The heading in the help.
    pub group: Group,
    /// What it does, for the help.
    pub help: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
}

impl Row {
    /// The option as a user types it, without a value.
    pub fn spelling(&self) -> String {
        self.spell(self.name)
    }

    /// Another name of this option, spelled as a user types it.
    pub fn spell(&self, name: &str) -> String {
        match self.kind {
            Kind::With => format!("--with-{name}"),
            Kind::Enable => format!("--enable-{name}"),
            Kind::Value | Kind::Flag => format!("--{name}"),
        }
    }
}

/// The row of an option by its kind and name; names may be typed with `_` (or another such sign) for `-`, as autoconf has it.
pub fn find(kind: Kind, name: &str) -> Option<&'static Row> {
    let same = |known: &str| {
        known.len() == name.len()
            && known
                .bytes()
                .zip(name.bytes())
                .all(|(a, b)| a == b || (a == b'-' && matches!(b, b'_' | b'.' | b'+')))
    };
    OPTIONS
        .iter()
        .find(|row| row.kind == kind && (same(row.name) || row.aliases.iter().any(|alias| same(alias))))
}

const fn row(
    key: Key,
    kind: Kind,
    name: &'static str,
    metavar: &'static str,
    default: &'static str,
    group: Group,
    help: &'static str,
) -> Row {
    Row { key, name, kind, metavar, default, group, help, aliases: &[] }
}

const fn directory(name: &'static str, default: &'static str, help: &'static str) -> Row {
    row(Key::Directory(name), Kind::Value, name, "DIR", default, Group::FineTuning, help)
}

const fn with(
    key: Key,
    name: &'static str,
    metavar: &'static str,
    default: &'static str,
    help: &'static str,
) -> Row {
    row(key, Kind::With, name, metavar, default, Group::Packages, help)
}

const fn enable(
    key: Key,
    name: &'static str,
    metavar: &'static str,
    default: &'static str,
    help: &'static str,
) -> Row {
    row(key, Kind::Enable, name, metavar, default, Group::Features, help)
}

const fn accepted(kind: Kind, name: &'static str, metavar: &'static str) -> Row {
    row(Key::Ignored(name), kind, name, metavar, "", Group::Accepted, "")
}

/// Every option that `configure` knows, in the order of the help.
pub const OPTIONS: &[Row] = &[
    row(
        Key::SourceDirectory,
        Kind::Value,
        "srcdir",
        "DIR",
        "the checkout around the tool or the current directory",
        Group::Configuration,
        "the sources of rkt and of the stage1 executable",
    ),
    row(
        Key::OptionChecking,
        Kind::Enable,
        "option-checking",
        "yes|no|fatal",
        "yes",
        Group::Configuration,
        "what an unknown --enable or --with option is: a warning, nothing, or an error",
    ),
    row(
        Key::Directory("prefix"),
        Kind::Value,
        "prefix",
        "PREFIX",
        "/usr/local",
        Group::Installation,
        "what does not depend on the machine goes under PREFIX",
    ),
    row(
        Key::Directory("exec_prefix"),
        Kind::Value,
        "exec-prefix",
        "EPREFIX",
        "PREFIX",
        Group::Installation,
        "what depends on the machine goes under EPREFIX",
    ),
    directory("bindir", "EPREFIX/bin", "programs for users; rkt goes here"),
    directory("sbindir", "EPREFIX/sbin", "programs for the administrator"),
    directory("libexecdir", "EPREFIX/libexec", "programs that only programs run"),
    directory("sysconfdir", "PREFIX/etc", "configuration of one machine"),
    directory("sharedstatedir", "PREFIX/com", "changing data that machines share"),
    directory("localstatedir", "PREFIX/var", "changing data of one machine"),
    directory("runstatedir", "LOCALSTATEDIR/run", "changing data, gone after a restart"),
    directory("libdir", "EPREFIX/lib", "libraries; stage1 images go in rkt/stage1-images below it"),
    directory("includedir", "PREFIX/include", "C headers"),
    directory("oldincludedir", "/usr/include", "C headers for compilers other than gcc"),
    directory("datarootdir", "PREFIX/share", "root of the data that is the same everywhere"),
    directory("datadir", "DATAROOTDIR", "data that is the same everywhere"),
    directory("infodir", "DATAROOTDIR/info", "info pages"),
    directory("localedir", "DATAROOTDIR/locale", "translations"),
    directory("mandir", "DATAROOTDIR/man", "manual pages"),
    directory("docdir", "DATAROOTDIR/doc/rkt", "documentation"),
    directory("htmldir", "DOCDIR", "documentation as HTML"),
    directory("dvidir", "DOCDIR", "documentation as DVI"),
    directory("pdfdir", "DOCDIR", "documentation as PDF"),
    directory("psdir", "DOCDIR", "documentation as PostScript"),
    row(
        Key::ProgramPrefix,
        Kind::Value,
        "program-prefix",
        "PREFIX",
        "",
        Group::ProgramNames,
        "accepted when empty: rkt is always called rkt",
    ),
    row(
        Key::ProgramSuffix,
        Kind::Value,
        "program-suffix",
        "SUFFIX",
        "",
        Group::ProgramNames,
        "accepted when empty",
    ),
    row(
        Key::ProgramTransformName,
        Kind::Value,
        "program-transform-name",
        "PROGRAM",
        "",
        Group::ProgramNames,
        "accepted when it changes nothing",
    ),
    row(
        Key::Build,
        Kind::Value,
        "build",
        "BUILD",
        "this machine",
        Group::SystemTypes,
        "the machine that builds",
    ),
    row(
        Key::Host,
        Kind::Value,
        "host",
        "HOST",
        "BUILD",
        Group::SystemTypes,
        "the machine that rkt and its images run on",
    ),
    row(
        Key::Target,
        Kind::Value,
        "target",
        "TARGET",
        "HOST",
        Group::SystemTypes,
        "accepted for completeness; nothing built here makes code for a third machine",
    ),
    enable(
        Key::FunctionalTests,
        "functional-tests",
        "yes|no|auto",
        "no",
        "whether `make check` runs the functional tests too; auto: where they can run",
    ),
    enable(
        Key::IncrementalBuild,
        "incremental-build",
        "yes|no",
        "no",
        "fast repeated builds for development; not for what is shipped",
    ),
    enable(
        Key::Tpm,
        "tpm",
        "yes|no|auto",
        "yes",
        "measuring what is run into a TPM (recorded in rkt; this version does not do it yet)",
    ),
    enable(
        Key::Sdjournal,
        "sdjournal",
        "yes|no|auto",
        "yes",
        "reading the logs of pods from the journal (recorded in rkt; this version does not do it yet)",
    ),
    enable(
        Key::InsecureGo,
        "insecure-go",
        "yes|no",
        "no",
        "go on with a compiler that has a known security fault (the name is of the days when that was Go)",
    ),
    with(
        Key::Flavors,
        "stage1-flavors",
        "LIST",
        "those of coreos,kvm,fly that this version builds",
        "the flavors to build, separated by commas; the first is the default flavor",
    ),
    with(
        Key::FlavorsVersion,
        "stage1-flavors-version-override",
        "VERSION",
        "the version of rkt",
        "the version label of the built images, for packages that patch them",
    ),
    Row {
        aliases: &["stage1-default-flavour"],
        ..with(
            Key::DefaultFlavor,
            "stage1-default-flavor",
            "FLAVOR",
            "the first of the list",
            "the flavor that rkt uses when nothing else is asked for",
        )
    },
    with(
        Key::DefaultName,
        "stage1-default-name",
        "NAME",
        "",
        "the image that rkt uses when nothing else is asked for, where it is not built here; needs the version too",
    ),
    with(Key::DefaultVersion, "stage1-default-version", "VERSION", "", "the version of that image"),
    with(
        Key::DefaultLocation,
        "stage1-default-location",
        "PATH|URL",
        "",
        "where rkt finds that image: an absolute path, or a docker, https, http or file URL",
    ),
    with(
        Key::ImagesDirectory,
        "stage1-default-images-directory",
        "DIR",
        "LIBDIR/rkt/stage1-images",
        "where images are installed, and where rkt looks for them and trusts them",
    ),
    with(
        Key::SystemdSource,
        "stage1-systemd-src",
        "URL|DIR",
        "https://github.com/systemd/systemd.git",
        "flavor src: the git repository or directory of systemd's source",
    ),
    with(
        Key::SystemdVersion,
        "stage1-systemd-version",
        "vNUMBER",
        "",
        "flavor src: the version of that source, part of the image's name",
    ),
    with(
        Key::SystemdRevision,
        "stage1-systemd-revision",
        "REV",
        "master",
        "flavor src: tag, branch or commit",
    ),
    with(Key::KvmHypervisors, "stage1-kvm-hypervisors", "LIST", "qemu", "flavor kvm: of lkvm,qemu"),
    with(
        Key::PxePath,
        "coreos-local-pxe-image-path",
        "FILE",
        "download",
        "flavors coreos and kvm: a PXE image on this machine",
    ),
    with(
        Key::PxeSystemdVersion,
        "coreos-local-pxe-image-systemd-version",
        "vNUMBER",
        "",
        "flavors coreos and kvm: the version of systemd in that image",
    ),
    with(
        Key::FlavorsDirectory,
        "flavors-dir",
        "DIR",
        "those built in",
        "a directory of flavors, each with a flavor.toml, that are added to those built in or replace them",
    ),
    with(
        Key::Stage1Target,
        "stage1-target",
        "TRIPLE",
        "HOST's gnu triple, static",
        "the Rust target of the executable inside the images",
    ),
    with(
        Key::Stage1Executable,
        "stage1-executable",
        "FILE",
        "compile it",
        "a static stage1 executable that is ready made",
    ),
    with(Key::RktExecutable, "rkt-executable", "FILE", "compile it", "an rkt executable that is ready made"),
    row(
        Key::CacheDirectory,
        Kind::Value,
        "cache-dir",
        "DIR",
        "~/.cache/rkt-build",
        Group::Inputs,
        "where inputs and the results of steps are kept",
    ),
    row(Key::Offline, Kind::Flag, "offline", "", "", Group::Inputs, "never open a connection to the network"),
    accepted(Kind::Value, "cache-file", "FILE"),
    accepted(Kind::Flag, "config-cache", ""),
    accepted(Kind::Flag, "no-recursion", ""),
    accepted(Kind::Value, "site", "FILE"),
    accepted(Kind::Flag, "nfp", ""),
    accepted(Kind::Flag, "gas", ""),
    accepted(Kind::Flag, "x", ""),
    accepted(Kind::Value, "x-includes", "DIR"),
    accepted(Kind::Value, "x-libraries", "DIR"),
    accepted(Kind::Enable, "dependency-tracking", ""),
    accepted(Kind::Enable, "silent-rules", ""),
    accepted(Kind::Enable, "maintainer-mode", ""),
    accepted(Kind::Enable, "shared", ""),
    accepted(Kind::Enable, "static", ""),
    accepted(Kind::Enable, "fast-install", ""),
    accepted(Kind::Enable, "libtool-lock", ""),
    accepted(Kind::Enable, "rpath", ""),
    accepted(Kind::Enable, "nls", ""),
    accepted(Kind::With, "pic", ""),
    accepted(Kind::With, "gnu-ld", ""),
];

/// Options of older versions of rkt (or of its documents) and what to type today.
pub const OLD_NAMES: &[(Kind, &str, &str)] = &[
    (Kind::With, "stage1", "--with-stage1-flavors (and --with-stage1-default-flavor)"),
    (Kind::With, "stage1-image-path", "--with-stage1-default-location"),
    (Kind::With, "stage1-kvm-hypervisor", "--with-stage1-kvm-hypervisors"),
    (Kind::With, "default-stage1-images-directory", "--with-stage1-default-images-directory"),
    (Kind::With, "default-stage1-flavor", "--with-stage1-default-flavor"),
];

/// An environment variable, or `NAME=VALUE` word, that means something.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the help.
    pub help: &'static str,
    /// Whether its value at configure time is kept in the configuration.
    pub kept: bool,
}

const fn variable(name: &'static str, kept: bool, help: &'static str) -> Variable {
    Variable { name, help, kept }
}

/// The variables, in the order of the help.
pub const VARIABLES: &[Variable] = &[
    variable("BUILDDIR", false, "the directory for everything that is built [build-rkt-VERSION]"),
    variable("DESTDIR", false, "a directory that stands for / while installing"),
    variable("V", false, "how much to say: 0 nothing, 1 one line per action, 2 all, 3 raw commands [1]"),
    variable("SOURCE_DATE_EPOCH", false, "the time of everything in an image, in seconds since 1970"),
    variable("CC", true, "C compiler; links the programs"),
    variable("CFLAGS", true, "flags for the C compiler"),
    variable("CPPFLAGS", true, "flags for the C preprocessor"),
    variable("CXX", true, "C++ compiler"),
    variable("CXXFLAGS", true, "flags for the C++ compiler"),
    variable("LDFLAGS", true, "flags for the linker"),
    variable("LIBS", true, "more libraries to link"),
    variable("CC_FOR_BUILD", true, "C compiler for the machine that builds"),
    variable("CARGO", true, "cargo, which compiles rkt and the stage1 executable"),
    variable("RUSTC", true, "Rust compiler"),
    variable("GPG", true, "gpg"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_are_unique() {
        for (index, row) in OPTIONS.iter().enumerate() {
            for other in &OPTIONS[index + 1..] {
                assert!(row.kind != other.kind || row.name != other.name, "{}", row.spelling());
                assert!(row.key != other.key, "{}", row.spelling());
            }
        }
    }

    #[test]
    fn every_directory_has_an_option_and_the_reverse() {
        let options: Vec<_> = OPTIONS
            .iter()
            .filter_map(|row| if let Key::Directory(name) = row.key { Some(name) } else { None })
            .collect();
        for (name, _) in super::super::dirs::DEFAULTS {
            assert!(options.contains(name), "{name}");
        }
        assert_eq!(options.len(), super::super::dirs::DEFAULTS.len());
    }

    #[test]
    fn both_spellings_of_flavor() {
        assert_eq!(find(Kind::With, "stage1-default-flavour").unwrap().key, Key::DefaultFlavor);
        assert_eq!(find(Kind::With, "stage1_default_flavor").unwrap().key, Key::DefaultFlavor);
        assert!(find(Kind::Enable, "stage1-flavors").is_none());
    }
}
