//! Running a pod to its end.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::Sandbox;
use super::pod::within;

/// Longest time that a command may take; it only keeps a broken one from hanging.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// A pod to be run or prepared: the options of the pod, then the apps in order.
#[derive(Debug)]
#[must_use]
pub(crate) struct Run<'a> {
    pub(super) sandbox: &'a Sandbox,
    insecure: Vec<OsString>,
    verb: &'static [&'static str],
    options: Vec<OsString>,
    apps: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
}

impl Sandbox {
    /// `rkt run` with the flavor under test and the network of the host.
    pub(crate) fn run(&self) -> Run<'_> {
        self.run_with_stage1(&self.stage1())
    }

    /// The same with another stage1 image.
    pub(crate) fn run_with_stage1(&self, image: &Path) -> Run<'_> {
        self.of(&["run"], vec!["--net=host".into(), format!("--stage1-path={}", image.display()).into()])
    }

    /// `rkt prepare` with the flavor under test.
    pub(crate) fn prepare(&self) -> Run<'_> {
        self.of(&["prepare"], vec![self.stage1_arg().into()])
    }

    /// `rkt app sandbox` with the flavor under test and the network of the host: a pod without apps, to which some can be
    /// added.
    pub(crate) fn mutable(&self) -> Run<'_> {
        self.of(&["app", "sandbox"], vec!["--net=host".into(), self.stage1_arg().into()])
    }

    fn of(&self, verb: &'static [&'static str], options: Vec<OsString>) -> Run<'_> {
        let (insecure, apps, variables) = (Vec::new(), Vec::new(), Vec::new());
        Run { sandbox: self, insecure, verb, options, apps, variables }
    }

    /// Runs a line of shell as the only app of a pod, to the end.
    pub(crate) fn shell(&self, line: &str) -> Ended {
        self.run().shell(line).end()
    }

    /// Starts `rkt` in the background.
    pub(crate) fn spawn<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Started {
        Started::new(self, self.command(args))
    }

    /// Runs `rkt` to its end.
    pub(crate) fn ended<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ended {
        self.ended_by(self.command(args))
    }

    /// Runs a command that leads to `rkt` to its end.
    pub(crate) fn ended_by(&self, command: Command) -> Ended {
        Started::new(self, command).end()
    }
}

impl Run<'_> {
    /// Options of the pod.
    pub(crate) fn options<S: AsRef<OsStr>>(mut self, options: impl IntoIterator<Item = S>) -> Self {
        self.options.extend(options.into_iter().map(|option| option.as_ref().to_owned()));
        self
    }

    /// Another stage1 image than the flavor's own.
    pub(crate) fn stage1(mut self, image: &Path) -> Self {
        let own = OsString::from(self.sandbox.stage1_arg());
        self.options.retain(|option| *option != own);
        self.options([format!("--stage1-path={}", image.display())])
    }

    /// More insecure options, as a comma list, than that images need no signature.
    pub(crate) fn insecure(mut self, options: &str) -> Self {
        if !options.is_empty() {
            self.insecure = vec![format!("--insecure-options=image,{options}").into()];
        }
        self
    }

    /// Shows all apps the programs and libraries of the host, which are dynamic, in the places where they are on the host.
    pub(crate) fn programs_of_the_host(self) -> Self {
        let volumes = ["usr", "lib", "lib64"].into_iter().filter(|name| Path::new("/").join(name).exists());
        let options = volumes.flat_map(|name| {
            let volume = format!("--volume={name},kind=host,source=/{name},readOnly=true");
            [volume, format!("--mount=volume={name},target=/{name}")]
        });
        let options: Vec<_> = options.collect();
        self.options(options)
    }

    /// An app: its image, its options, and the arguments of its program. The program itself is an option, `--exec`.
    pub(crate) fn app(mut self, image: impl AsRef<Path>, options: &[&str], arguments: &[&str]) -> Self {
        self.apps.push(image.as_ref().into());
        self.apps.extend(options.iter().map(OsString::from));
        if !arguments.is_empty() {
            self.apps.push("--".into());
            self.apps.extend(arguments.iter().map(OsString::from));
            self.apps.push("---".into());
        }
        self
    }

    /// An app of the busybox image that does a line of shell.
    pub(crate) fn shell(self, line: &str) -> Self {
        self.shell_with(&[], line)
    }

    /// The same, with options of the app.
    pub(crate) fn shell_with(self, options: &[&str], line: &str) -> Self {
        let image = self.sandbox.app();
        self.app(image, &[options, &["--exec=/bin/sh"]].concat(), &["-c", line])
    }

    /// A variable in the environment of `rkt`.
    pub(crate) fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name, value.as_ref().to_owned()));
        self
    }

    /// The command, for what this cannot say.
    pub(crate) fn command(&self) -> Command {
        let verb = self.verb.iter().map(OsStr::new);
        let words = self.insecure.iter().map(OsString::as_os_str).chain(verb);
        let words = words.chain(self.options.iter().chain(&self.apps).map(OsString::as_os_str));
        let mut command = self.sandbox.command(words);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it in the background, and waits for nothing.
    pub(crate) fn spawn(self) -> Started {
        Started::new(self.sandbox, self.command())
    }

    /// Runs it to its end.
    pub(crate) fn end(self) -> Ended {
        self.spawn().end()
    }
}

/// A command whose streams go into files, so that whatever holds them open keeps nobody waiting.
#[derive(Debug)]
pub(crate) struct Started {
    pub(super) child: Child,
    pub(super) out: PathBuf,
    err: PathBuf,
    words: String,
    flavor: &'static str,
}

impl Started {
    pub(crate) fn new(sandbox: &Sandbox, mut command: Command) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let [out, err] = ["out", "err"].map(|stream| sandbox.at(&format!("{number}.{stream}")));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
        let words = words.collect::<Vec<_>>().join(" ");
        let child = command.spawn().unwrap_or_else(|error| panic!("{words}: {error}"));
        Self { child, out, err, words, flavor: sandbox.flavor() }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Expects that it has not ended.
    #[track_caller]
    pub(crate) fn expect_running(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "this has ended: {ended:?}\n{}", self.show());
    }

    /// What it has written to its standard output so far.
    pub(super) fn said(&self) -> String {
        read(&self.out)
    }

    /// Both streams so far, for messages.
    pub(super) fn show(&self) -> String {
        format!("rkt {}\n{}{}", self.words, read(&self.out), read(&self.err))
    }

    /// Expects that it waits for something: it does not end, although it has had the time.
    #[track_caller]
    pub(crate) fn expect_waiting(&mut self) {
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(self.child.try_wait().unwrap(), None, "this does not wait: {}", self.show());
    }

    /// Whether it ends within a time.
    pub(crate) fn has_ended_within(&mut self, patience: Duration) -> bool {
        within(patience, || self.child.try_wait().unwrap()).is_some()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "this does not end: {}", self.show());
            std::thread::sleep(Duration::from_millis(2));
        };
        let Self { out, err, words, flavor, .. } = self;
        Ended {
            code: status.code(),
            signal: status.signal(),
            out: read(&out),
            err: read(&err),
            words,
            flavor,
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

/// What a command has left.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; none when it was killed.
    pub(crate) code: Option<i32>,
    /// The signal that killed it, if one did.
    pub(crate) signal: Option<i32>,
    /// Its standard output.
    pub(crate) out: String,
    /// Its standard error.
    pub(crate) err: String,
    words: String,
    flavor: &'static str,
}

impl Ended {
    /// Expects an exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "rkt {}\n{}{}", self.words, self.out, self.err);
        self
    }

    /// Expects exit code 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.code(0)
    }

    /// Expects that it says something on standard error.
    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Self {
        assert!(self.err.contains(part), "\"{part}\" is not said: rkt {}\n{}", self.words, self.err);
        self
    }

    /// Expects that `rkt` or its stage1 fails, and says why.
    #[track_caller]
    pub(crate) fn fails(self, part: &str) -> Self {
        self.code(254).says(part)
    }

    /// The lines that the app `busybox` wrote.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines_of("busybox")
    }

    /// The lines that an app wrote, in the order in which they came.
    pub(crate) fn lines_of(&self, app: &str) -> Vec<String> {
        lines_of(self.flavor, &self.out, app)
    }

    /// The one line that the app `busybox` wrote.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "one line is expected of rkt {}\n{}{}", self.words, self.out, self.err);
        lines.remove(0)
    }
}

/// The lines of one app in what `rkt` wrote. With fly they are all there is; of pods with systemd each comes as
/// `[time] app[pid]: line`, among those of other apps and of the pod.
pub(super) fn lines_of(flavor: &str, text: &str, app: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.trim_end_matches('\r'));
    if flavor == "fly" {
        return lines.map(str::to_owned).collect();
    }
    lines.filter_map(|line| said_by(line, app)).map(str::to_owned).collect()
}

fn said_by<'a>(line: &'a str, app: &str) -> Option<&'a str> {
    let line = match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ")?.1,
        None => line,
    };
    let (pid, said) = line.strip_prefix(app)?.strip_prefix('[')?.split_once("]:")?;
    pid.bytes().all(|digit| digit.is_ascii_digit()).then(|| said.strip_prefix(' ').unwrap_or(said))
}

#[test]
fn lines_are_those_of_one_app() {
    let text =
        "noise\r\n[    0.402034] one[12]: a b\r\n[    0.5] two[13]: c\none[12]: [d]: e\none[12]:\n[x\n";
    assert_eq!(lines_of("host", text, "one"), ["a b", "[d]: e", ""]);
    assert_eq!(lines_of("host", text, "two"), ["c"]);
    assert_eq!(lines_of("fly", "a\nb[1]: c\n", "one"), ["a", "b[1]: c"]);
}
