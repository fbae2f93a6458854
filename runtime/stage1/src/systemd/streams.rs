//! Where the standard streams of an app lead, as the annotations of the app in the pod say.

use crate::failure::Failure;
use crate::pod_dir::PodApp;
use crate::systemd::unit::dialect::Dialect;
use appc::PodManifest;
use pod::protocol::{InputMode, OutputMode, RunArgs, annotation};
use std::io::{self, IsTerminal};

/// Annotation of a pod: the kind of log that the streams of its apps are written to.
const LOG_MODE: &str = "coreos.com/rkt/experiment/logmode";
/// The one kind that there is.
const K8S_PLAIN: &str = "k8s-plain";
/// Annotation of an app: the file of that log, below the pod's directory for logs.
const LOG_PATH: &str = "coreos.com/rkt/experiment/kubernetes-log-path";

/// Where a standard stream leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nowhere.
    Null,
    /// Into the pod's journal, which shows it on the console. Only output.
    Journal,
    /// To the pod's console, which is the caller's terminal.
    Console,
    /// From the caller, who has no terminal. Only input.
    Caller,
    /// To a terminal of the app's own.
    Terminal,
    /// Through a pipe.
    Pipe,
}

/// Where an app's standard streams lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Streams {
    /// Standard input.
    pub(crate) input: Way,
    /// Standard output.
    pub(crate) output: Way,
    /// Standard error.
    pub(crate) error: Way,
    /// What the app has to be attached to, if it has anything.
    pub(crate) attachable: Option<Attachable>,
}

/// What one attaches to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attachable {
    /// Standard streams that are pipes, by name; none for an app that has a terminal of its own.
    pub(crate) pipes: Vec<&'static str>,
    /// The environment of the service behind them.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Streams {
    /// Those of an app of which nobody has said anything.
    pub(crate) const JOURNAL: Streams =
        Streams { input: Way::Null, output: Way::Journal, error: Way::Journal, attachable: None };
    /// Those of an app that has the caller's terminal.
    const CONSOLE: Streams =
        Streams { input: Way::Console, output: Way::Console, error: Way::Console, attachable: None };
    /// Those of an app whose caller has no terminal.
    const CALLER: Streams =
        Streams { input: Way::Caller, output: Way::Console, error: Way::Console, attachable: None };
}

/// Whose standard input an app has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Not that of whoever calls `rkt`.
    Away,
    /// That of a caller at a terminal.
    AtTerminal,
    /// That of a caller who has something else.
    Elsewhere,
}

impl Caller {
    /// As it is, for a pod with these arguments.
    pub(crate) fn of(args: &RunArgs, dialect: Dialect) -> Caller {
        if !args.interactive {
            Caller::Away
        } else if io::stdin().is_terminal() || !dialect.stream_files() || args.mutable {
            // Without files for streams, the console is all that there is.
            Caller::AtTerminal
        } else {
            Caller::Elsewhere
        }
    }
}

/// What somebody has said of the streams of an app.
#[derive(Debug, Clone, Copy)]
struct Wishes {
    input: InputMode,
    output: OutputMode,
    error: OutputMode,
}

/// Decides where the streams of an app lead.
///
/// # Errors
/// When the annotations contradict one another, or the pod's systemd is too old for them.
pub(crate) fn of(
    pod: &PodManifest,
    app: PodApp<'_>,
    dialect: Dialect,
    caller: Caller,
    debug: bool,
) -> Result<Streams, Failure> {
    match caller {
        Caller::Away => {}
        Caller::AtTerminal => return Ok(Streams::CONSOLE),
        Caller::Elsewhere => return Ok(Streams::CALLER),
    }
    let says = |name: &str| app.runtime.annotation(name);
    let said = [annotation::STDIN, annotation::STDOUT, annotation::STDERR].map(says);
    if !dialect.stream_descriptors() {
        if said.iter().any(Option::is_some) {
            return Err(Failure::new(format!(
                "stage1 systemd {dialect} does not support attachable I/O, which app \"{}\" is to have",
                app.name()
            ))
            .hint("leave out --stdin, --stdout and --stderr, or use a stage1 image with a newer systemd"));
        }
        return Ok(Streams::JOURNAL);
    }
    let [input, output, error] = said;
    let wishes = Wishes {
        input: input.and_then(InputMode::parse).unwrap_or_default(),
        output: output.and_then(OutputMode::parse).unwrap_or_default(),
        error: error.and_then(OutputMode::parse).unwrap_or_default(),
    };
    Ok(Streams {
        input: match wishes.input {
            InputMode::Stream => Way::Pipe,
            InputMode::Tty => Way::Terminal,
            InputMode::Interactive => Way::Console,
            InputMode::Null => Way::Null,
        },
        output: output_way(wishes.output),
        error: output_way(wishes.error),
        attachable: attachable(pod, app, wishes, debug)?,
    })
}

fn output_way(mode: OutputMode) -> Way {
    match mode {
        OutputMode::Stream => Way::Pipe,
        OutputMode::Tty => Way::Terminal,
        OutputMode::Interactive => Way::Console,
        OutputMode::Null => Way::Null,
        OutputMode::Log => Way::Journal,
    }
}

/// What one attaches to, of an app with such wishes.
fn attachable(
    pod: &PodManifest,
    app: PodApp<'_>,
    wishes: Wishes,
    debug: bool,
) -> Result<Option<Attachable>, Failure> {
    let streams = [
        ("stdin", "STAGE2_STDIN", wishes.input == InputMode::Stream),
        ("stdout", "STAGE2_STDOUT", wishes.output == OutputMode::Stream),
        ("stderr", "STAGE2_STDERR", wishes.error == OutputMode::Stream),
    ];
    let terminal = wishes.input == InputMode::Tty || [wishes.output, wishes.error].contains(&OutputMode::Tty);
    let pipes: Vec<_> = streams.iter().filter(|(.., on)| *on).map(|(name, ..)| *name).collect();
    if pipes.is_empty() && !terminal {
        return Ok(None);
    }
    if !pipes.is_empty() && terminal {
        return Err(Failure::new(format!(
            "app \"{}\" cannot have a terminal and streams at the same time",
            app.name()
        ))
        .hint("use only `stream` or only `tty` with --stdin, --stdout and --stderr"));
    }
    let mut variables = vec![("STAGE2_TTY", terminal.to_string()), ("STAGE1_DEBUG", debug.to_string())];
    variables.extend(streams.iter().filter(|(.., on)| *on).map(|(_, name, _)| (*name, true.to_string())));
    if !pipes.is_empty()
        && let Some(mode) = pod.annotation(LOG_MODE).filter(|mode| !mode.is_empty())
    {
        variables.push(("STAGE1_LOGMODE", mode.to_owned()));
        if mode == K8S_PLAIN {
            let path = app.runtime.annotation(LOG_PATH).filter(|path| !path.is_empty());
            let path = path.ok_or_else(|| {
                Failure::new(format!("the pod has log mode {K8S_PLAIN}, and app \"{}\" no log", app.name()))
                    .hint(format!("give the app the annotation {LOG_PATH}"))
            })?;
            variables.push(("KUBERNETES_LOG_PATH", path.to_owned()));
        }
    }
    Ok(Some(Attachable { pipes, variables }))
}

#[cfg(test)]
mod tests {
    use super::{Caller, Streams, Way, of};
    use crate::pod_dir::PodApp;
    use crate::systemd::unit::dialect::Dialect;
    use appc::{ImageManifest, PodManifest};
    use std::path::Path;

    /// The streams of an app with these annotations, in a pod with those.
    fn streams(app: &[(&str, &str)], pod: &[(&str, &str)], version: u32) -> Result<Streams, String> {
        let list = |annotations: &[(&str, &str)]| {
            let all: Vec<_> = annotations
                .iter()
                .map(|(name, value)| serde_json::json!({ "name": format!("coreos.com/rkt/{name}"), "value": value }))
                .collect();
            serde_json::Value::from(all)
        };
        let image = r#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a/b"}"#;
        let image = ImageManifest::parse(image.as_bytes()).expect("image");
        let pod = serde_json::json!({
            "acVersion": "1.0.0", "acKind": "PodManifest", "annotations": list(pod),
            "apps": [{ "name": "b", "image": { "id": format!("sha512-{}", "a".repeat(64)) }, "annotations": list(app) }],
        });
        let pod = PodManifest::parse(pod.to_string().as_bytes()).expect("pod");
        let app = PodApp { dir: Path::new("/p"), runtime: &pod.apps[0], image: &image };
        of(&pod, app, Dialect::of(version), Caller::Away, true).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn modes_and_where_they_lead() {
        use Way::{Console, Journal, Null, Pipe, Terminal};
        // stdin, stdout, stderr; ways; variables
        let rows = [
            (["", "", ""], [Null, Journal, Journal], ""),
            (["other", "other", "other"], [Null, Journal, Journal], ""),
            (["interactive", "interactive", "log"], [Console, Console, Journal], ""),
            (["null", "null", "null"], [Null, Null, Null], ""),
            (
                ["stream", "log", "stream"],
                [Pipe, Journal, Pipe],
                "STAGE2_TTY=false STAGE1_DEBUG=true STAGE2_STDIN=true STAGE2_STDERR=true",
            ),
            (
                ["null", "stream", "null"],
                [Null, Pipe, Null],
                "STAGE2_TTY=false STAGE1_DEBUG=true STAGE2_STDOUT=true",
            ),
            (["tty", "tty", "tty"], [Terminal, Terminal, Terminal], "STAGE2_TTY=true STAGE1_DEBUG=true"),
            (["null", "tty", "log"], [Null, Terminal, Journal], "STAGE2_TTY=true STAGE1_DEBUG=true"),
        ];
        for (modes, ways, variables) in rows {
            let names = ["stage2/stdin", "stage2/stdout", "stage2/stderr"];
            let annotations: Vec<_> =
                names.into_iter().zip(modes).filter(|(_, mode)| !mode.is_empty()).collect();
            let streams = streams(&annotations, &[], 252).expect("streams");
            assert_eq!([streams.input, streams.output, streams.error], ways, "{modes:?}");
            let text = |(name, value): &(&str, String)| format!("{name}={value}");
            let all = streams.attachable.map(|attachable| attachable.variables).unwrap_or_default();
            assert_eq!(all.iter().map(text).collect::<Vec<_>>().join(" "), variables, "{modes:?}");
        }
    }

    #[test]
    fn logs_of_kubernetes() {
        let app = [("stage2/stdout", "stream"), ("experiment/kubernetes-log-path", "a.log")];
        let pod = [("experiment/logmode", "k8s-plain")];
        let found = streams(&app, &pod, 252).expect("streams").attachable.expect("attachable");
        assert!(found.variables.contains(&("STAGE1_LOGMODE", "k8s-plain".to_owned())));
        assert!(found.variables.contains(&("KUBERNETES_LOG_PATH", "a.log".to_owned())));
        let error = streams(&app[..1], &pod, 252).expect_err("no path");
        assert!(error.contains("kubernetes-log-path"), "{error}");
        // Without streams there is nothing to be logged.
        assert_eq!(streams(&[], &pod, 252).expect("streams").attachable, None);
    }

    #[test]
    fn what_cannot_be() {
        let error =
            streams(&[("stage2/stdin", "tty"), ("stage2/stdout", "stream")], &[], 252).expect_err("mixed");
        assert!(error.contains("cannot have a terminal and streams at the same time"), "{error}");
        let error = streams(&[("stage2/stdin", "null")], &[], 231).expect_err("too old");
        assert!(error.contains("stage1 systemd 231 does not support attachable I/O"), "{error}");
        assert_eq!(streams(&[], &[], 231), Ok(Streams::JOURNAL));
        assert!(streams(&[("stage2/stdin", "stream")], &[], 0).is_ok());
    }
}
