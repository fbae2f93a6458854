//! Arguments of the attach entry point.

use super::goflags::{self, Flag, FlagKind, Usage};
use std::ffi::OsString;

/// What stage0 tells stage1 when somebody wants the streams of a running app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachArgs {
    /// What to do.
    pub action: AttachAction,
    /// The app.
    pub app: String,
    /// Say what is done.
    pub debug: bool,
}

/// What to do with the streams of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachAction {
    /// Say which there are.
    List,
    /// Attach to all there are.
    Auto,
    /// Attach to these.
    Custom(Streams),
}

/// A choice of an app's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five flags of the protocol, each independent")]
pub struct Streams {
    /// Input of the terminal.
    pub tty_in: bool,
    /// Output of the terminal.
    pub tty_out: bool,
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Streams {
    /// Each stream's flag, and whether it is chosen, in the order of the protocol.
    pub fn flags(self) -> [(&'static str, bool); 5] {
        [
            ("tty-in", self.tty_in),
            ("tty-out", self.tty_out),
            ("stdin", self.stdin),
            ("stdout", self.stdout),
            ("stderr", self.stderr),
        ]
    }
}

const FLAGS: &[Flag] = &[
    Flag {
        name: "action",
        kind: FlagKind::Value("string"),
        help: "What to do: list, auto-attach or custom-attach",
    },
    Flag { name: "app", kind: FlagKind::Value("string"), help: "The app" },
    Flag { name: "debug", kind: FlagKind::Switch, help: "Run in debug mode" },
    Flag { name: "tty-in", kind: FlagKind::Switch, help: "Attach to the input of the terminal" },
    Flag { name: "tty-out", kind: FlagKind::Switch, help: "Attach to the output of the terminal" },
    Flag { name: "stdin", kind: FlagKind::Switch, help: "Attach to standard input" },
    Flag { name: "stdout", kind: FlagKind::Switch, help: "Attach to standard output" },
    Flag { name: "stderr", kind: FlagKind::Switch, help: "Attach to standard error" },
];

impl AttachArgs {
    /// The arguments without the program's path.
    pub fn encode(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::with_capacity(8);
        match self.action {
            AttachAction::List => args.push("--action=list".into()),
            AttachAction::Auto => args.push("--action=auto-attach".into()),
            AttachAction::Custom(streams) => {
                args.push("--action=custom-attach".into());
                args.extend(streams.flags().map(|(flag, on)| OsString::from(format!("--{flag}={on}"))));
            }
        }
        args.push(format!("--app={}", self.app).into());
        args.push(format!("--debug={}", self.debug).into());
        args
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// [`Usage`] for wrong flags, an action that there is not, and no app.
    pub fn decode(program: &str, args: impl IntoIterator<Item = OsString>) -> Result<AttachArgs, Usage> {
        let parsed = goflags::parse(program, FLAGS, args)?;
        let action = match &*parsed.text("action") {
            "list" => AttachAction::List,
            "auto-attach" => AttachAction::Auto,
            "custom-attach" => AttachAction::Custom(Streams {
                tty_in: parsed.is_set("tty-in"),
                tty_out: parsed.is_set("tty-out"),
                stdin: parsed.is_set("stdin"),
                stdout: parsed.is_set("stdout"),
                stderr: parsed.is_set("stderr"),
            }),
            other => {
                let reason = format!(
                    "invalid value \"{other}\" for flag -action: one of list, auto-attach, custom-attach"
                );
                return Err(goflags::usage(program, FLAGS, &reason));
            }
        };
        let app = parsed.text("app");
        if app.is_empty() {
            return Err(goflags::usage(program, FLAGS, "flag -app is required"));
        }
        Ok(AttachArgs { action, app, debug: parsed.is_set("debug") })
    }
}
