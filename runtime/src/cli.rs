//! From the command line to a command, and from its result to an exit code. Nothing is decided here.

mod split;
mod usage;

use std::ffi::OsString;
use std::io::Write as _;

use grammar::{AppCommand, Command, ImageCommand};

use crate::command;
use crate::error::{EXIT_FAILURE, EXIT_MISSING_COMMAND, Failure};
use crate::session::Session;

pub use split::{TypedApp, parse};

/// Runs `rkt` with the words of its command line, the program's name first, and returns the exit code.
pub fn run(words: Vec<OsString>) -> u8 {
    let (line, apps) = match parse(words) {
        Ok(parsed) => parsed,
        Err(error) => return usage::report(&error),
    };
    let debug = line.global.debug;
    let Some(command) = line.command else {
        usage::print_help();
        eprintln!("Error: missing command");
        return EXIT_MISSING_COMMAND;
    };
    let name = name(&command);
    let session = match Session::new(line.global) {
        Ok(session) => session,
        // A mistake in the command line itself, before any command has its say.
        Err(failure) => {
            eprintln!("{}\nRun 'rkt --help' for usage.", failure.render("Error", debug));
            return failure.exit_code;
        }
    };
    match dispatch(&session, command, &apps) {
        Ok(code) => match std::io::stdout().flush() {
            Ok(()) => code,
            Err(_) => EXIT_FAILURE,
        },
        Err(failure) => {
            // The message goes after whatever the command has printed.
            let _ = std::io::stdout().flush();
            eprintln!("{}", failure.render(name, debug));
            failure.exit_code
        }
    }
}

/// One line a command.
fn dispatch(session: &Session, command: Command, apps: &[TypedApp]) -> Result<u8, Failure> {
    match command {
        Command::Run(args) => command::run::run(session, &args, apps),
        Command::Prepare(args) => command::prepare::run(session, &args, apps),
        Command::RunPrepared(args) => command::run_prepared::run(session, &args),
        Command::Enter(args) => command::enter::run(session, &args, "enter"),
        Command::Attach(args) => command::attach::run(session, &args),
        Command::App(AppCommand::Sandbox(args)) => command::app::sandbox::run(session, &args),
        Command::App(AppCommand::Add(args)) => command::app::add::run(session, &args),
        Command::App(AppCommand::Start(args)) => command::app::change::start(session, &args),
        Command::App(AppCommand::Stop(args)) => command::app::change::stop(session, &args),
        Command::App(AppCommand::Rm(args)) => command::app::change::rm(session, &args),
        Command::App(AppCommand::List(args)) => command::app::list::run(session, &args),
        Command::App(AppCommand::Status(args)) => command::app::status::run(session, &args),
        Command::App(AppCommand::Exec(args)) => command::enter::run(session, &args, "app exec"),
        Command::Export(args) => command::export::run(session, &args),
        Command::List(args) => command::list::run(session, &args),
        Command::Status(args) => command::status::run(session, &args),
        Command::Stop(args) => command::stop::run(session, &args),
        Command::Rm(args) => command::rm::run(session, &args),
        Command::Gc(args) => command::gc::run(session, &args),
        Command::CatManifest(args) => command::cat_manifest::run(session, &args),
        Command::Fetch(args) | Command::Image(ImageCommand::Fetch(args)) => {
            command::fetch::run(session, &args)
        }
        Command::Image(ImageCommand::List(args)) => command::image::list::run(session, &args),
        Command::Image(ImageCommand::Rm(args)) => command::image::rm::run(session, &args),
        Command::Image(ImageCommand::CatManifest(args)) => command::image::cat_manifest::run(session, &args),
        Command::Image(ImageCommand::Gc(args)) => command::image::gc::run(session, &args),
        Command::Image(ImageCommand::Export(args)) => command::image::export::run(session, &args),
        Command::Image(ImageCommand::Extract(args)) => command::image::extract::run(session, &args),
        Command::Image(ImageCommand::Render(args)) => command::image::render::run(session, &args),
        Command::Image(ImageCommand::Verify(args)) => command::image::verify::run(session, &args),
        Command::Config(args) => command::config::run(session, &args),
        Command::CheckHost(args) => command::check_host::run(session, &args),
        Command::Version(args) => command::version::run(session, &args),
        Command::Trust(_) => Err(command::later("trust", "remote images and their signatures")),
        Command::ApiService(_) => Err(command::later("api-service", "the gRPC service")),
        Command::MetadataService(_) => Err(command::later("metadata-service", "the metadata service")),
        Command::Completion(_) => Err(command::later("completion", "shell completions")),
    }
}

/// What messages begin with: the name of the command, for nested ones the inner name.
fn name(command: &Command) -> &'static str {
    match command {
        Command::Run(_) => "run",
        Command::Prepare(_) => "prepare",
        Command::RunPrepared(_) => "run-prepared",
        Command::Enter(_) => "enter",
        Command::Attach(_) => "attach",
        Command::App(AppCommand::Sandbox(_)) => "sandbox",
        Command::App(AppCommand::Add(_)) => "add",
        Command::App(AppCommand::Start(_)) => "start",
        Command::App(AppCommand::Exec(_)) => "exec",
        Command::List(_) | Command::Image(ImageCommand::List(_)) | Command::App(AppCommand::List(_)) => {
            "list"
        }
        Command::Status(_) | Command::App(AppCommand::Status(_)) => "status",
        Command::Stop(_) | Command::App(AppCommand::Stop(_)) => "stop",
        Command::Rm(_) | Command::Image(ImageCommand::Rm(_)) | Command::App(AppCommand::Rm(_)) => "rm",
        Command::Gc(_) | Command::Image(ImageCommand::Gc(_)) => "gc",
        Command::CatManifest(_) | Command::Image(ImageCommand::CatManifest(_)) => "cat-manifest",
        Command::Fetch(_) | Command::Image(ImageCommand::Fetch(_)) => "fetch",
        Command::Image(ImageCommand::Export(_)) | Command::Export(_) => "export",
        Command::Image(ImageCommand::Extract(_)) => "extract",
        Command::Image(ImageCommand::Render(_)) => "render",
        Command::Image(ImageCommand::Verify(_)) => "verify",
        Command::Config(_) => "config",
        Command::CheckHost(_) => "check-host",
        Command::Version(_) => "version",
        Command::Trust(_) => "trust",
        Command::ApiService(_) => "api-service",
        Command::MetadataService(_) => "metadata-service",
        Command::Completion(_) => "completion",
    }
}
